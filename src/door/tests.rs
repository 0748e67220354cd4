//! The door from outside: every deadline, cap and budget over loopback, with peers who don't behave,
//! while one who does is served.

mod calls;
mod certificates;
mod floods;
pub mod frames;
mod phases;
mod proxies;

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

use frames::Frame;

use super::*;
use crate::client::{connect, method, unary};
use crate::pb;
use crate::pb::wallet_service_server::{WalletService, WalletServiceServer};

/// Longer than any deadline under test by far; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// GetBalance panics.
const PANIC: &[u8] = b"panic";
/// ListEntries answers with 60,000 bytes.
const LARGE: &[u8] = b"large";

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
    start_on(limits, NonZeroUsize::MIN)
}

fn start_behind(limits: Limits, proxies: Proxies) -> Running {
    start_as(limits, NonZeroUsize::MIN, proxies)
}

fn start_on(limits: Limits, executors: NonZeroUsize) -> Running {
    start_as(limits, executors, Proxies::default())
}

fn start_as(limits: Limits, executors: NonZeroUsize, proxies: Proxies) -> Running {
    let directory = tempfile::tempdir().unwrap();
    let identity = Sandbox::load_or_create(directory.path()).unwrap();
    let ca_pem = std::fs::read(&identity.ca_path).unwrap();
    let door = Door::bind("127.0.0.1:0".parse().unwrap(), limits).unwrap().behind(proxies);
    let address = door.local_addr();
    let (stop, stopped) = oneshot::channel();
    let routes = Routes::new(WalletServiceServer::new(PortTeller));
    let privacy = Privacy::Tls(fixed_server_config(&identity).unwrap());
    let service = Service { privacy, routes, refusals: crate::rpc::status::refusals(), methods: None };
    let executors = Executors::here(executors);
    let serving = tokio::spawn(door.serve(service, executors, async { stopped.await.unwrap_or(()) }));
    Running { address, ca_pem, stop, serving, _directory: directory }
}

impl Running {
    async fn tls(&self) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(client_config(&self.ca_pem).unwrap());
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        connector.connect(ServerName::try_from("localhost").unwrap(), tcp).await
    }

    async fn call(&self, method: &'static str) -> Result<pb::GetBalanceReply, Status> {
        let channel = connect(self.address, &self.ca_pem).await.unwrap();
        unary(&channel, method, pb::Envelope::default()).await
    }

    /// One who behaves is served, now.
    async fn serves(&self) {
        let call = timeout(PATIENCE, self.call(method::GET_BALANCE));
        call.await.expect("in time").expect("the well-behaved are served");
    }

    /// A connection on which these bytes were sent behind the handshake.
    async fn sent(&self, bytes: &[u8]) -> Raw {
        let mut raw = Raw { tls: self.tls().await.unwrap(), unread: Vec::new() };
        raw.send(bytes).await;
        raw
    }
}

/// A connection that speaks in frames made by hand.
struct Raw {
    tls: TlsStream<TcpStream>,
    unread: Vec<u8>,
}

impl Raw {
    /// The server may close while this is sent; what is asserted is how it ends.
    async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            self.tls.write_all(bytes).await?;
            self.tls.flush().await
        };
        drop(timeout(PATIENCE, sending).await.expect("the server reads, or closes"));
    }

    /// The next frames; none when the connection is over.
    async fn frames(&mut self) -> Vec<Frame> {
        let mut chunk = [0; 4_096];
        loop {
            let frames = frames::take_frames(&mut self.unread);
            if !frames.is_empty() {
                return frames;
            }
            let read = timeout(PATIENCE, self.tls.read(&mut chunk)).await.expect("it answers or closes");
            match read {
                Ok(0) | Err(_) => return Vec::new(),
                Ok(count) => self.unread.extend(&chunk[..count]),
            }
        }
    }

    /// All frames until the server closes; PINGs are answered, as an attacker would.
    async fn until_closed(mut self) -> Vec<Frame> {
        let mut all = Vec::new();
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            assert!(tokio::time::Instant::now() < end, "the server closes the connection: {all:?}");
            let frames = self.frames().await;
            if frames.is_empty() {
                return all;
            }
            for ping in frames.iter().filter(|frame| frame.kind == frames::PING && frame.flags == 0) {
                self.send(&frames::frame(frames::PING, frames::ACK, 0, &ping.payload)).await;
            }
            all.extend(frames);
        }
    }

    /// Frames until one is like this.
    async fn until(&mut self, is_it: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frames = self.frames().await;
            assert!(!frames.is_empty(), "the connection lives");
            if let Some(found) = frames.into_iter().find(|frame| is_it(frame)) {
                return found;
            }
        }
    }
}

/// Tells the caller the port it calls from, does as the call's private part says, or never answers.
struct PortTeller;

#[tonic::async_trait]
impl WalletService for PortTeller {
    async fn get_balance(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetBalanceReply>, Status> {
        let peer = request.extensions().get::<Peer>().expect("every request has its peer");
        let available_minor = i64::from(peer.address.port());
        assert_ne!(request.get_ref().private, PANIC, "as it was told to");
        Ok(Response::new(pb::GetBalanceReply { available_minor, ..pb::GetBalanceReply::default() }))
    }

    async fn list_entries(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListEntriesReply>, Status> {
        if request.get_ref().private != LARGE {
            return std::future::pending().await;
        }
        let next_page_token = vec![7; 60_000];
        Ok(Response::new(pb::ListEntriesReply { next_page_token, ..pb::ListEntriesReply::default() }))
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
async fn several_executors_serve_and_drain_like_one() {
    let server = start_on(Limits { drain: PATIENCE * 2, ..limits() }, NonZeroUsize::new(3).unwrap());
    let mut channels = Vec::new();
    for _ in 0..7 {
        let channel = connect(server.address, &server.ca_pem).await.unwrap();
        let reply: pb::GetBalanceReply =
            unary(&channel, method::GET_BALANCE, pb::Envelope::default()).await.unwrap();
        assert!(reply.available_minor > 0);
        channels.push(channel);
    }
    server.stop.send(()).unwrap();
    timeout(PATIENCE, server.serving).await.expect("all of them are told to go").unwrap().unwrap();
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
            "{address} is in use by another program: name another address with --listen or in the \
             configuration"
        )
    );
}
