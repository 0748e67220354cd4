//! Real receivers of messages: a mail relay and a webhook's other end, each a process of its own on a free
//! loopback port, ended with the test. They do as they are told: refuse, be busy, slow, or gone.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use saifu::door::Sandbox;
use saifu::notify::Channel;
use saifu::notify::smtp::{Login, SmtpSettings, Tls};
use saifu::notify::webhook::{WebhookSecret, WebhookSettings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::interval;

/// The relay's one user, and his password.
pub const USERNAME: &str = "saifu";
pub const PASSWORD: &str = "a relay's password";
/// What webhooks are verified with.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// So many looks, 20 ms apart, for something that has to come.
const LOOKS: usize = 1_500;

/// A Python program of `tests/receivers` with its certificate.
struct Receiver {
    program: &'static str,
    place: TempDir,
    tls: &'static str,
    port: u16,
    running: Option<Running>,
}

struct Running {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Receiver {
    fn start(program: &'static str, tls: &'static str) -> Self {
        let place = TempDir::new().expect("a temporary directory");
        Sandbox::load_or_create(&place.path().join("tls")).expect("a certificate");
        let mut receiver = Self { program, place, tls, port: 0, running: None };
        receiver.resume();
        receiver
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Where it was, if it was somewhere.
    fn resume(&mut self) {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(environment().join("bin/python"))
            .args([
                "-B",
                "-W",
                "ignore",
                &format!("tests/receivers/{}", self.program),
                &self.port.to_string(),
                self.tls,
            ])
            .args([self.path("tls/server.pem"), self.path("tls/server-key.pem"), self.path("accepted")])
            .args((self.program == "webhook.py").then_some(SECRET))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv runs: it comes with util-linux");
        let orders = child.stdin.take().expect("piped");
        let answers = BufReader::new(child.stdout.take().expect("piped"));
        let mut running = Running { child, orders, answers };
        self.port = running.answer().parse().expect("it tells its port");
        self.running = Some(running);
    }

    fn stop(&mut self) {
        if let Some(Running { mut child, .. }) = self.running.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    /// Does as it is told from now on; its counters.
    fn order(&mut self, order: &Value) -> Value {
        let running = self.running.as_mut().expect("it runs");
        writeln!(running.orders, "{order}").expect("it listens to its test");
        serde_json::from_str(&running.answer()).expect("its counters")
    }

    fn counter(&mut self, name: &str) -> u64 {
        self.order(&json!({}))[name].as_u64().expect("a counter")
    }

    fn accepted(&self) -> Vec<Value> {
        let lines = fs::read_to_string(self.path("accepted")).unwrap_or_default();
        // A line without its end is still being written.
        let whole = lines.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Running {
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("it answers");
        assert!(!line.is_empty(), "the receiver ended: see above");
        line.trim_end().to_owned()
    }
}

/// The virtual environment, installed if it is missing: asked once a process.
pub fn environment() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = Command::new(root.join("scripts/install-receivers")).status();
        assert!(installed.expect("bash runs").success(), "scripts/install-receivers failed");
        root.join("target/tools/receivers")
    })
}

/// Polls until `look` tells something.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..LOOKS {
        ticks.tick().await;
        if let Some(seen) = look() {
            return seen;
        }
    }
    panic!("{what} did not come");
}

/// A mail relay.
pub struct SmtpServer(Receiver);

/// A message that a relay accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub to: Vec<String>,
    pub from: String,
    pub subject: String,
    pub text: String,
    pub message_id: String,
    /// Of its header `Auto-Submitted`.
    pub automatic: String,
    /// Whether it came over TLS.
    pub tls: bool,
    /// Who had logged in.
    pub user: String,
}

impl SmtpServer {
    /// One with STARTTLS and a login, which takes nothing without them.
    pub fn start() -> Self {
        Self(Receiver::start("smtp.py", "starttls"))
    }

    /// One with TLS from the first byte.
    pub fn implicit() -> Self {
        Self(Receiver::start("smtp.py", "implicit"))
    }

    /// One that knows no TLS and asks for no login.
    pub fn plaintext() -> Self {
        Self(Receiver::start("smtp.py", "none"))
    }

    /// How it is reached.
    pub fn settings(&self) -> SmtpSettings {
        SmtpSettings {
            host: "localhost".to_owned(),
            port: self.0.port,
            tls: if self.0.tls == "implicit" { Tls::Implicit } else { Tls::StartTls },
            login: Some(Login { username: USERNAME.into(), password: PASSWORD.to_owned().into() }),
            from: "saifu <no-reply@wallet.example.jp>".to_owned(),
            ca_pem: Some(fs::read(self.ca_path()).expect("its authority")),
            timeout: SmtpSettings::TIMEOUT,
        }
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The authority of its certificate.
    pub fn ca_path(&self) -> PathBuf {
        self.0.path("tls/ca.pem")
    }

    /// All that it accepted, in order and with duplicates.
    pub fn messages(&self) -> Vec<Mail> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let read = |mail: Value| Mail {
            to: mail["to"].as_array().expect("recipients").iter().map(text).collect(),
            from: text(&mail["from"]),
            subject: text(&mail["subject"]),
            text: text(&mail["text"]).trim_end().to_owned(),
            message_id: text(&mail["message_id"]),
            automatic: text(&mail["automatic"]),
            tls: mail["tls"].as_bool().expect("yes or no"),
            user: text(&mail["user"]),
        };
        self.0.accepted().into_iter().map(read).collect()
    }

    /// As many messages, once they are there.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        eventually(&format!("{count} mails"), || Some(self.messages()).filter(|mails| mails.len() >= count))
            .await
    }

    /// Answers 550 to this recipient.
    pub fn refuse(&mut self, address: &str) {
        self.0.order(&json!({ "refused": [address] }));
    }

    /// Answers 451 to so many recipients.
    pub fn be_busy(&mut self, times: u32) {
        self.0.order(&json!({ "busy": times }));
    }

    /// Waits before it answers to a recipient.
    pub fn set_delay_ms(&mut self, delay_ms: u64) {
        self.0.order(&json!({ "delay_ms": delay_ms }));
    }

    /// Accepts so many messages and is gone before it says so.
    pub fn hang_up(&mut self, times: u32) {
        self.0.order(&json!({ "hang_up": times }));
    }

    /// How many connections there were since it started.
    pub fn connections(&mut self) -> u64 {
        self.0.counter("connections")
    }

    /// How many logins were tried.
    pub fn logins(&mut self) -> u64 {
        self.0.counter("logins")
    }

    /// How many recipients were named.
    pub fn recipients(&mut self) -> u64 {
        self.0.counter("recipients")
    }

    /// It is down: connections end, and new ones are refused.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// It is up again where it was, with no faults.
    pub fn resume(&mut self) {
        self.0.resume();
    }
}

/// A webhook's other end.
pub struct WebhookReceiver(Receiver);

/// A request that it accepted.
#[derive(Clone, Debug)]
pub struct Posted {
    pub path: String,
    /// What an independent library has against its signature; empty if nothing.
    pub problem: String,
    pub id: String,
    pub timestamp: String,
    pub signatures: Vec<String>,
    pub content_type: String,
    pub body: Value,
}

impl WebhookReceiver {
    /// Over plain HTTP.
    pub fn start() -> Self {
        Self(Receiver::start("webhook.py", "none"))
    }

    /// Over TLS.
    pub fn start_tls() -> Self {
        Self(Receiver::start("webhook.py", "implicit"))
    }

    /// How it is reached.
    pub fn settings(&self) -> WebhookSettings {
        WebhookSettings {
            url: self.url(),
            secrets: vec![WebhookSecret::parse(SECRET).expect("a secret")],
            channels: vec![Channel::Sms, Channel::Push],
            ca_pem: Some(fs::read(self.ca_path()).expect("its authority")),
            timeout: WebhookSettings::TIMEOUT,
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        let scheme = if self.0.tls == "implicit" { "https" } else { "http" };
        format!("{scheme}://localhost:{}/messages", self.0.port)
    }

    /// The authority of its certificate.
    pub fn ca_path(&self) -> PathBuf {
        self.0.path("tls/ca.pem")
    }

    /// All that it accepted, in order and with duplicates.
    pub fn messages(&self) -> Vec<Posted> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let read = |post: Value| Posted {
            path: text(&post["path"]),
            problem: text(&post["problem"]),
            id: text(&post["id"]),
            timestamp: text(&post["timestamp"]),
            signatures: post["signatures"].as_array().expect("signatures").iter().map(text).collect(),
            content_type: text(&post["type"]),
            body: post["body"].clone(),
        };
        self.0.accepted().into_iter().map(read).collect()
    }

    /// As many messages, once they are there.
    pub async fn wait_for(&self, count: usize) -> Vec<Posted> {
        eventually(&format!("{count} posts"), || Some(self.messages()).filter(|posts| posts.len() >= count))
            .await
    }

    /// Answers with this status from now on; it accepts with 200.
    pub fn answer(&mut self, status: u16) {
        self.0.order(&json!({ "status": status }));
    }

    /// Answers with a redirect to this address.
    pub fn redirect(&mut self, status: u16, to: &str) {
        self.0.order(&json!({ "status": status, "redirect": to }));
    }

    /// Answers 503 so many times.
    pub fn be_busy(&mut self, times: u32) {
        self.0.order(&json!({ "busy": times }));
    }

    /// Waits before it answers.
    pub fn set_delay_ms(&mut self, delay_ms: u64) {
        self.0.order(&json!({ "delay_ms": delay_ms }));
    }

    /// Accepts so many messages and is gone before it says so.
    pub fn hang_up(&mut self, times: u32) {
        self.0.order(&json!({ "hang_up": times }));
    }

    /// Answers with a body that does not end.
    pub fn be_endless(&mut self) {
        self.0.order(&json!({ "endless": true }));
    }

    /// How many requests came since it started, of any kind.
    pub fn requests(&mut self) -> u64 {
        self.0.counter("requests")
    }

    /// It is down: connections end, and new ones are refused.
    pub fn stop(&mut self) {
        self.0.stop();
    }

    /// It is up again where it was, with no faults.
    pub fn resume(&mut self) {
        self.0.resume();
    }
}
