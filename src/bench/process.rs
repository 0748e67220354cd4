//! The measured servers as processes: they say where they listen, and end when their input does.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::bench::BenchError;
use crate::bench::floor::serve_floor as serve;
use crate::crypto::envelope::{PublicKey, SignatureForm};
use crate::door::{Sandbox, fixed_server_config};

/// What a server prints, on one line, once it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ready {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The authority to trust, a PEM file.
    pub(super) ca: PathBuf,
}

/// A server in a process of its own. Dropped, it is told to end and waited for.
pub(super) struct ServerProcess {
    child: Child,
    // Its end is the signal to stop, also when this process dies.
    input: Option<ChildStdin>,
    pub(super) ready: Ready,
}

impl ServerProcess {
    /// Starts this same binary with these arguments and waits until it listens.
    pub(super) fn start(arguments: &[&OsStr]) -> Result<Self, BenchError> {
        let binary = std::env::current_exe().map_err(BenchError::io("find this binary"))?;
        let mut child = Command::new(binary)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("start a server process"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut line = String::new();
        if let Some(output) = output {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(BenchError::io("read where the server listens"))?;
        }
        let ready = serde_json::from_str(&line).map_err(|_unparsed| BenchError::NotReady)?;
        Ok(Self { child, input, ready })
    }

    /// CPU time that the process has used, user and system, all threads.
    pub(super) fn cpu_us(&self) -> Result<u64, BenchError> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .map_err(BenchError::io("read the server's CPU time"))?;
        parse_cpu_us(&stat).ok_or(BenchError::NotReady)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.input.take());
        if let Err(error) = self.child.wait() {
            eprintln!("saifu: the end of a server process cannot be waited for: {error}");
        }
    }
}

/// Linux counts CPU time for userspace in hundredths of a second on every architecture (USER_HZ).
const TICK_US: u64 = 10_000;

/// utime and stime are the 14th and 15th field (proc(5)); the second one is a name in parentheses
/// that may hold anything.
fn parse_cpu_us(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) * TICK_US)
}

/// Runs the floor in this process.
pub(super) fn serve_floor(dir: &Path, key: &str) -> Result<(), BenchError> {
    let spki = URL_SAFE_NO_PAD.decode(key).map_err(|_undecoded| BenchError::BadKey)?;
    let key = PublicKey::from_spki(&spki, SignatureForm::Der).map_err(|_unread| BenchError::BadKey)?;
    let identity = Sandbox::load_or_create(dir).map_err(BenchError::Certificate)?;
    let tls = fixed_server_config(&identity).map_err(BenchError::Tls)?;
    runtime()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(BenchError::io("listen"))?;
        let address = listener.local_addr().map_err(BenchError::io("listen"))?;
        announce(&Ready { address, ca: identity.ca_path.clone() })?;
        serve(listener, tls, key, end_of_input()).await.map_err(BenchError::Transport)
    })
}

/// Tells the process that started this one that it is ready.
pub(super) fn announce(ready: &Ready) -> Result<(), BenchError> {
    let mut line = serde_json::to_string(ready).map_err(BenchError::Json)?;
    line.push('\n');
    let mut output = io::stdout().lock();
    output
        .write_all(line.as_bytes())
        .and_then(|()| output.flush())
        .map_err(BenchError::io("say where it listens"))
}

/// Ready when the standard input ends.
pub(super) async fn end_of_input() {
    let (ended, end) = oneshot::channel::<()>();
    // A thread of its own: a blocked read must not keep the runtime from shutting down.
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut ignored = [0; 64];
        while matches!(input.read(&mut ignored), Ok(1..)) {}
        drop(ended);
    });
    drop(end.await);
}

/// A runtime as a server has it: a thread for each core.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, BenchError> {
    tokio::runtime::Runtime::new().map_err(BenchError::io("start threads"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_whatever_name_the_process_has() {
        let stat = "42 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 9 0 1 2";
        assert_eq!(parse_cpu_us(stat), Some(2_000_000));
        assert_eq!(parse_cpu_us("42 (a) S 1 2"), None);
        assert_eq!(parse_cpu_us(""), None);
    }

    #[test]
    fn this_process_has_used_some_cpu_time_or_none() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(parse_cpu_us(&stat).is_some());
    }

    #[test]
    fn the_ready_line_is_the_documented_object() {
        let ready = Ready { address: "127.0.0.1:7443".parse().unwrap(), ca: PathBuf::from("/x/ca.pem") };
        let json = serde_json::to_string(&ready).unwrap();
        assert_eq!(json, r#"{"address":"127.0.0.1:7443","ca":"/x/ca.pem"}"#);
        assert_eq!(serde_json::from_str::<Ready>(&json).unwrap(), ready);
    }
}
