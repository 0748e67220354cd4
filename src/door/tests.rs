//! The door from outside: every deadline and cap over loopback.

use std::num::NonZeroUsize;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::{Code, Request, Response, Status};

use super::*;
use crate::client::{connect, method, unary};
use crate::pb;
use crate::pb::wallet_service_server::{WalletService, WalletServiceServer};

/// Longer than any deadline under test by far; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    ca_pem: Vec<u8>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), DoorError>>,
    _directory: TempDir,
}

fn limits() -> Limits {
    Limits { drain: Duration::from_millis(200), ..Limits::standard() }
}

fn start(limits: Limits) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let identity = Sandbox::load_or_create(directory.path()).unwrap();
    let ca_pem = std::fs::read(&identity.ca_path).unwrap();
    let door = Door::bind("127.0.0.1:0".parse().unwrap(), limits).unwrap();
    let address = door.local_addr();
    let (stop, stopped) = oneshot::channel();
    let routes = Routes::new(WalletServiceServer::new(PortTeller));
    let privacy = Privacy::Tls(fixed_server_config(&identity).unwrap());
    let service = Service { privacy, routes, refusals: crate::rpc::status::refusals() };
    let executors = Executors::here(NonZeroUsize::MIN);
    let serving = tokio::spawn(door.serve(service, executors, async { stopped.await.unwrap_or(()) }));
    Running { address, ca_pem, stop, serving, _directory: directory }
}

impl Running {
    async fn tls(&self) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(client_config(&self.ca_pem).unwrap());
        let tcp = TcpStream::connect(self.address).await?;
        connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await
    }

    async fn call(&self, method: &'static str) -> Result<pb::GetBalanceReply, Status> {
        let channel = connect(self.address, &self.ca_pem).await.unwrap();
        unary(&channel, method, pb::Envelope::default()).await
    }
}

/// Tells the caller the port it calls from, or never answers.
struct PortTeller;

#[tonic::async_trait]
impl WalletService for PortTeller {
    async fn get_balance(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetBalanceReply>, Status> {
        let peer = request.extensions().get::<Peer>().expect("every request has its peer");
        assert!(peer.address.ip().is_loopback());
        let available_minor = i64::from(peer.address.port());
        Ok(Response::new(pb::GetBalanceReply { available_minor, ..pb::GetBalanceReply::default() }))
    }

    async fn list_entries(
        &self,
        _request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListEntriesReply>, Status> {
        std::future::pending().await
    }
}

// Everything until the other end closes; how it closes doesn't matter.
async fn until_closed(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut received = Vec::new();
    let reading = stream.read_to_end(&mut received);
    drop(timeout(PATIENCE, reading).await.expect("the server closes the connection"));
    received
}

#[tokio::test]
async fn a_call_gets_through_and_its_handler_knows_the_peer() {
    let server = start(limits());
    let reply = server.call(method::GET_BALANCE).await.unwrap();
    assert!(reply.available_minor > 0);
}

#[tokio::test]
async fn a_client_that_offers_tls_1_2_at_most_is_refused() {
    let server = start(limits());
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    let received = until_closed(tcp).await;
    // RFC 8446, 6: an alert record, fatal, protocol_version.
    assert_eq!(received.first(), Some(&21), "{received:?}");
    assert_eq!(received[3..], [0, 2, 2, 70]);
}

fn client_hello_of_tls_1_2() -> Vec<u8> {
    let extensions = [
        &[0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x17][..], // supported_groups: secp256r1
        &[0x00, 0x0d, 0, 4, 0, 2, 0x04, 0x03],     // signature_algorithms: ecdsa_secp256r1_sha256
        &[0x00, 0x10, 0, 5, 0, 3, 2, b'h', b'2'],  // ALPN: h2
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]); // no session, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 1];
    hello.extend((length + 4).to_be_bytes());
    hello.extend([1, 0]);
    hello.extend(length.to_be_bytes());
    hello.extend(body);
    hello
}

#[tokio::test]
async fn a_client_without_h2_is_turned_away_after_the_handshake() {
    let server = start(limits());
    let mut config = (*client_config(&server.ca_pem).unwrap()).clone();
    config.alpn_protocols.clear();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    // The server may have closed already; either way nothing comes back.
    drop(tls.write_all(b"GET / HTTP/1.1\r\n\r\n").await);
    assert_eq!(until_closed(tls).await, b"");
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_is_closed_at_the_deadline() {
    let server = start(Limits { handshake: Duration::from_millis(50), ..limits() });
    let tcp = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(until_closed(tcp).await, b"");
}

#[tokio::test]
async fn a_peer_that_is_silent_after_the_handshake_is_closed_at_the_deadline() {
    let server = start(Limits { preface: Duration::from_millis(50), ..limits() });
    assert_eq!(until_closed(server.tls().await.unwrap()).await, b"");
}

#[tokio::test]
async fn half_a_preface_does_not_hold_the_connection() {
    let server = start(Limits { preface: Duration::from_millis(50), ..limits() });
    let mut tls = server.tls().await.unwrap();
    tls.write_all(b"PRI * HTTP/2").await.unwrap();
    assert_eq!(until_closed(tls).await, b"");
}

#[tokio::test]
async fn an_origin_over_its_cap_is_turned_away_until_it_lets_one_go() {
    let server = start(Limits { connections_per_origin: 2, ..limits() });
    let held = [server.tls().await.unwrap(), server.tls().await.unwrap()];
    assert!(server.tls().await.is_err(), "the third is closed before its handshake");
    drop(held);
    // The server notices the ends in its own time.
    let admitted = async { while server.tls().await.is_err() {} };
    timeout(PATIENCE, admitted).await.expect("there is room again");
}

#[tokio::test]
async fn the_cap_on_all_connections_holds_too() {
    let server = start(Limits { connections: 1, ..limits() });
    let _held = server.tls().await.unwrap();
    assert!(server.tls().await.is_err());
}

#[tokio::test]
async fn a_connection_that_outlives_its_age_and_grace_is_cut_off() {
    let (age, grace) = (Duration::from_millis(30), Duration::from_millis(30));
    let server = start(Limits { connection_age: age, connection_grace: grace, ..limits() });
    // The call keeps the connection from ending by itself, and no call can last so long.
    let status = timeout(PATIENCE, server.call(method::LIST_ENTRIES)).await.expect("it is cut off");
    assert!(status.is_err());
}

#[tokio::test]
async fn a_call_has_its_time_and_no_more() {
    let server = start(Limits { call: Duration::from_millis(50), ..limits() });
    let status = timeout(PATIENCE, server.call(method::LIST_ENTRIES)).await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "{status}");
}

#[tokio::test]
async fn at_the_stop_idle_connections_are_closed_and_nobody_gets_in() {
    let server = start(Limits { drain: PATIENCE * 2, ..limits() });
    let channel = connect(server.address, &server.ca_pem).await.unwrap();
    let reply: pb::GetBalanceReply =
        unary(&channel, method::GET_BALANCE, pb::Envelope::default()).await.unwrap();
    assert!(reply.available_minor > 0);
    server.stop.send(()).unwrap();
    timeout(PATIENCE, server.serving).await.expect("it doesn't wait for the idle").unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn the_drain_is_bounded_and_what_is_left_is_cut_off() {
    let server = start(limits());
    let channel = connect(server.address, &server.ca_pem).await.unwrap();
    let reply: Result<pb::GetBalanceReply, _> =
        unary(&channel, method::GET_BALANCE, pb::Envelope::default()).await;
    assert!(reply.is_ok());
    let waiting = tokio::spawn(async move {
        unary::<pb::ListEntriesReply>(&channel, method::LIST_ENTRIES, pb::Envelope::default()).await
    });
    // The call is on its way before the stop; whether it has arrived doesn't matter.
    tokio::task::yield_now().await;
    server.stop.send(()).unwrap();
    timeout(PATIENCE, server.serving).await.expect("the drain is bounded").unwrap().unwrap();
    assert!(timeout(PATIENCE, waiting).await.expect("the call is cut off").unwrap().is_err());
}

#[test]
fn a_port_in_use_is_said_so_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = Door::bind(address, limits()).unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "{address} is in use by another program: name another address with --listen or in the configuration"
        )
    );
}
