//! The real binary as a child process.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use saifu::client::connection::connect;
use tonic::transport::Channel;

/// The binary under test.
pub fn saifu() -> Command {
    Command::new(env!("CARGO_BIN_EXE_saifu"))
}

/// A `saifu serve` that is killed when dropped.
pub struct Served {
    child: Child,
    pub address: SocketAddr,
    /// Where it tells its health, if it does.
    pub health: Option<SocketAddr>,
    /// Where operators are listened to.
    pub operators: SocketAddr,
    /// The command that it says calls it.
    pub call: String,
    ca: PathBuf,
}

impl Served {
    /// On a data directory and a free loopback port; returns when it answers.
    pub fn start(data: &Path) -> Self {
        let mut command = saifu();
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        Self::spawn(command)
    }

    /// A command that ends in `saifu serve`.
    pub fn spawn(command: Command) -> Self {
        Self::spawn_logging(command, Stdio::null())
    }

    /// The same, with its log written to somewhere.
    pub fn spawn_logging(mut command: Command, log: impl Into<Stdio>) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(log).spawn();
        let mut child = child.expect("the server starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let mut words = std::collections::HashMap::new();
        for line in out.lines() {
            let line = line.expect("text");
            if let Some((key, value)) = line.split_once(char::is_whitespace) {
                words.insert(key.to_owned(), value.trim().to_owned());
            }
            if line.starts_with("stop it") {
                break;
            }
        }
        let address =
            words.get("address").and_then(|address| address.strip_prefix("https://")).expect("an address");
        let ca = words.get("CA").or(words.get("certificate")).expect("a certificate to trust");
        // In its own mount namespace the path is the child's.
        let ca = PathBuf::from(format!("/proc/{}/root{ca}", child.id()));
        let health = words.get("health").and_then(|health| health.strip_prefix("http://"));
        let health = health.map(|address| address.parse().expect("an address"));
        let operators = words.get("operators").and_then(|address| address.strip_prefix("https://"));
        let operators = operators.expect("the operators' address").parse().expect("an address");
        let call = words.get("call").and_then(|call| call.strip_prefix("it")).expect("how to call it");
        let call = call.trim().to_owned();
        Self { address: address.parse().expect("an address"), health, operators, call, ca, child }
    }

    /// A connection to it.
    pub async fn connect(&self) -> Channel {
        let ca = std::fs::read(&self.ca).expect("the CA certificate");
        connect(self.address, &ca).await.expect("it listens")
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The status that it ends with by itself.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().expect("it ends")
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// SIGTERM; whether it ended with status 0.
    pub fn terminate(mut self) -> bool {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        self.child.wait().expect("it ends").success()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Ended already, unless the test failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs the binary to its end, which must come within half a minute.
pub fn run(arguments: &[&str]) -> Output {
    let binary = env!("CARGO_BIN_EXE_saifu");
    Command::new("timeout").args(["30", binary]).args(arguments).output().expect("it runs")
}

/// The one sentence of a command that failed with status 1 and said nothing else.
pub fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "one sentence: {text}");
    text.trim_end().to_owned()
}
