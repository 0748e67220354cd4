//! What peers who say nothing, or too little, make the server hold: the growth of a server process of
//! its own under five hundred of them, for each phase in which they can stop. The deadlines are out of
//! the way here; `src/door/tests` tries each of them. With `--no-capture` it prints the figures that
//! docs/front-door.md shows.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use saifu::door::client_config;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Duration, interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::child::{Served, saifu};

const PEERS: usize = 500;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const LIMITS: &str = "mode = \"sandbox\"
[server]
listen = \"127.0.0.1:0\"
operators_listen = \"127.0.0.1:0\"
data_dir = \"data\"
[server.limits]
connections_per_origin = 10000
calls_per_origin = 10000
calls = 10000
handshake_ms = 600000
preface_ms = 600000
first_request_ms = 600000
call_ms = 600000
drain_ms = 200
";

/// A server whose peers have all the time in the world, and what it holds.
struct Subject {
    served: Served,
    dir: TempDir,
}

impl Subject {
    fn start() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let config = dir.path().join("saifu.toml");
        fs::write(&config, LIMITS).expect("written");
        let mut command = saifu();
        command.args(["serve", "--config"]).arg(config);
        Self { served: Served::spawn(command), dir }
    }

    fn resident_kib(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.served.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn sockets(&self) -> usize {
        let descriptors = PathBuf::from(format!("/proc/{}/fd", self.served.id()));
        let links = fs::read_dir(descriptors)
            .expect("it runs")
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.served.address).await.expect("it listens")
    }

    /// So many connections behind the handshake, each with these bytes sent.
    async fn tls(&self, peers: usize, bytes: &[u8]) -> Vec<TlsStream<TcpStream>> {
        let ca = fs::read(self.dir.path().join("data/tls/ca.pem")).expect("the authority");
        let connector = TlsConnector::from(client_config(&ca).expect("a certificate"));
        let bytes: Arc<[u8]> = bytes.into();
        let mut opening = JoinSet::new();
        for _ in 0..peers {
            let (connector, tcp, bytes) = (connector.clone(), self.tcp().await, Arc::clone(&bytes));
            opening.spawn(async move {
                let name = ServerName::try_from("localhost").expect("a name");
                let mut tls = connector.connect(name, tcp).await.expect("a handshake");
                tls.write_all(&bytes).await.expect("sent");
                tls.flush().await.expect("sent");
                tls
            });
        }
        opening.join_all().await
    }

    /// Waits until its memory has been the same for a while: it has read what was sent.
    async fn settled_kib(&self) -> usize {
        let mut ticks = interval(Duration::from_millis(100));
        let settling = async {
            let (mut last, mut times) = (0, 0);
            while times < 5 {
                ticks.tick().await;
                let now = self.resident_kib();
                times = if now == last { times + 1 } else { 0 };
                last = now;
            }
            last
        };
        timeout(Duration::from_secs(30), settling).await.expect("it settles")
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The headers of a call to Pay, without an end of the stream.
fn headers(stream: u32, flags: u8) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":path", "/saifu.v1.PaymentService/Pay"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ];
    let field = |(name, value): (&str, &str)| {
        let length = |text: &str| u8::try_from(text.len()).expect("short");
        [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
    };
    frame(1, flags, stream, &fields.into_iter().flat_map(field).collect::<Vec<_>>())
}

/// A hundred calls whose messages say that they have 60,000 bytes, and have so many.
fn hundred_calls(bytes: usize) -> Vec<u8> {
    let message = [&[0, 0, 0, 0xea, 0x60][..], &vec![7; bytes]].concat();
    (0..100)
        .flat_map(|call| [headers(2 * call + 1, 4), frame(0, 0, 2 * call + 1, &message)].concat())
        .collect()
}

async fn measure(phase: &str, peers: usize, most_kib: usize, bytes: Option<&[u8]>, plain: &[u8]) {
    let subject = Subject::start();
    let before = (subject.settled_kib().await, subject.sockets());
    let mut tcp = Vec::new();
    let mut tls = Vec::new();
    match bytes {
        Some(bytes) => tls = subject.tls(peers, bytes).await,
        None => {
            for _ in 0..peers {
                let mut stream = subject.tcp().await;
                stream.write_all(plain).await.expect("sent");
                tcp.push(stream);
            }
        }
    }
    let after = subject.settled_kib().await;
    let held = subject.sockets() - before.1;
    let each = (after.saturating_sub(before.0)) / peers;
    println!("{phase}: {peers} connections, {} KiB more, {each} KiB each", after.saturating_sub(before.0));
    assert_eq!((held, tcp.len() + tls.len()), (peers, peers), "{phase}: all of them are held");
    assert!(each <= most_kib, "{phase}: {each} KiB each, {most_kib} are the most");
    assert!(subject.served.terminate(), "{phase}: it ends in order");
}

#[tokio::test]
async fn a_peer_who_stops_at_any_phase_is_held_in_little_memory() {
    let hello = &[22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    measure("connected, silent", PEERS, 16, None, b"").await;
    measure("half a ClientHello", PEERS, 20, None, hello).await;
    measure("TLS, silent", PEERS, 64, Some(b""), b"").await;
    measure("half a preface", PEERS, 64, Some(&PREFACE[..12]), b"").await;
    measure("preface, silent", PEERS, 96, Some(PREFACE), b"").await;
    let half = [PREFACE, &headers(1, 0)].concat();
    measure("headers without end", PEERS, 96, Some(&half), b"").await;
    let one = [PREFACE, &headers(1, 4)].concat();
    measure("a call without a message", PEERS, 96, Some(&one), b"").await;
}

/// The bound on calls under way is what bounds this: 4,096 in a process, 256 from an origin.
#[tokio::test]
async fn messages_that_are_announced_and_do_not_come_are_held_by_what_came_of_them() {
    let nothing = [PREFACE, &hundred_calls(0)].concat();
    measure("100 calls, 60,000 bytes announced each", 20, 3_000, Some(&nothing), b"").await;
    let some = [PREFACE, &hundred_calls(500)].concat();
    measure("… and 500 sent each", 20, 4_000, Some(&some), b"").await;
}
