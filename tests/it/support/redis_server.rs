//! A Redis of one's own, for the tests of this library and of the server alike: on a free loopback
//! port, with nothing on the disk, ended with the test.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A port that was free a moment ago may be taken by now: so often another one is tried.
const PORTS: usize = 20;

/// A running server, or a stopped one that can be started again.
pub struct RedisServer {
    port: u16,
    options: Vec<String>,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one that keeps nothing.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more options, as on its command line.
    pub fn start_with(options: &[&str]) -> Self {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        for _ in 0..PORTS {
            let port = free_port();
            if let Some(child) = spawn(port, &options) {
                return Self { port, options, child: Some(child) };
            }
        }
        panic!("redis-server does not start on any of {PORTS} ports: is the package redis-server there?");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Its address as the server is given it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Says something to it, as one line; its answer.
    pub fn say(&self, line: &str) -> String {
        ask(self.port, line).expect("Redis answers")
    }

    /// Loses everything but its scripts.
    pub fn flush(&self) {
        assert_eq!(self.say("FLUSHALL"), "+OK");
    }

    /// Ends it, as if the power was cut.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Starts it again, empty, where it was.
    pub fn restart(&mut self) {
        self.stop();
        let child = (0..PORTS).find_map(|_| spawn(self.port, &self.options));
        self.child = Some(child.expect("its port is free again"));
    }

    /// It goes on listening, and answers nothing.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill runs").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Starts it and waits until it answers; nothing if it ended instead, as when the port was taken.
fn spawn(port: u16, options: &[String]) -> Option<Child> {
    // It needs no rights of ours, and must not outlive us however we end.
    let is_root =
        std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let other: &[&str] =
        if is_root { &["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] } else { &[] };
    let mut child = Command::new("setpriv")
        .args(other)
        .args(["--pdeathsig", "KILL", "redis-server", "--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv runs: it comes with util-linux");
    let log = BufReader::new(child.stdout.take().expect("piped"));
    // What it says after that goes nowhere, which it does not mind.
    if log.lines().map_while(Result::ok).any(|line| line.contains("Ready to accept connections")) {
        return Some(child);
    }
    child.wait().expect("it closed its output because it ended");
    None
}

/// The first line of the answer.
fn ask(port: u16, line: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(format!("{line}\r\n").as_bytes()).ok()?;
    BufReader::new(stream).lines().next()?.ok()
}
