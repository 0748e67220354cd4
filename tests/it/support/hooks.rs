//! A merchant's server that is told of payments: HTTP on a free loopback port, with every fault that one can
//! have.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saifu::client::method;
use saifu::crypto::hash::hmac_sha256;
use saifu::outbound::guard::Reach;
use saifu::pb;
use saifu::server::Settings;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::interval;

use super::shop::{Shop, secret};

/// So many looks, 20 ms apart, for something that has to come.
const LOOKS: usize = 1_500;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with this status.
    Status(u16),
    /// Sends elsewhere.
    Redirect(String),
    /// Answers after a while.
    Late(Duration, u16),
    /// Never answers.
    Silence,
    /// Breaks the connection off.
    Break,
    /// Answers with this status and a body without an end.
    Endless(u16),
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Hook {
    pub id: String,
    pub timestamp: i64,
    pub signatures: Vec<String>,
    pub text: String,
    pub json: Value,
}

impl Hook {
    pub fn kind(&self) -> &str {
        self.json["type"].as_str().expect("a type")
    }

    pub fn sequence(&self) -> i64 {
        self.json["sequence"].as_i64().expect("a number")
    }

    pub fn order(&self) -> &str {
        self.json["payment"]["order_id"].as_str().unwrap_or("")
    }

    /// Whether one of its signatures is by this secret, as Standard Webhooks has it.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64");
        let signed = format!("{}.{}.{}", self.id, self.timestamp, self.text);
        let signature = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, signed.as_bytes())));
        self.signatures.contains(&signature)
    }
}

#[derive(Default)]
struct Shared {
    hooks: Mutex<Vec<Hook>>,
    plan: Mutex<VecDeque<Act>>,
    otherwise: Mutex<Option<Act>>,
    connections: AtomicUsize,
}

/// A receiver; gone when dropped.
pub struct Receiver {
    pub port: u16,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Self { port, shared, serving }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks?key=very-secret", self.port)
    }

    /// The next requests, one each; then every one is answered 200 again, or as said otherwise.
    pub fn plan(&self, acts: impl IntoIterator<Item = Act>) {
        self.shared.plan.lock().expect("whole").extend(acts);
    }

    /// What every request is answered with that has no plan; nothing for 200.
    pub fn otherwise(&self, act: Option<Act>) {
        *self.shared.otherwise.lock().expect("whole") = act;
    }

    /// What came so far.
    pub fn hooks(&self) -> Vec<Hook> {
        self.shared.hooks.lock().expect("whole").clone()
    }

    /// How often somebody connected.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// While whoever sends looks for work at least once, nothing comes.
    pub async fn stays_at(&self, count: usize) {
        let mut ticks = interval(Duration::from_millis(100));
        for _ in 0..16 {
            ticks.tick().await;
            assert_eq!(self.hooks().len(), count);
        }
    }

    /// Waits for so many in all.
    pub async fn wait(&self, count: usize) -> Vec<Hook> {
        until(&format!("{count} requests"), || self.hooks().len() >= count).await;
        let hooks = self.hooks();
        let ids: Vec<&str> = hooks.iter().map(|hook| hook.id.as_str()).collect();
        assert_eq!(hooks.len(), count, "{ids:?}");
        hooks
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..LOOKS {
        ticks.tick().await;
        if is_so() {
            return;
        }
    }
    panic!("this did not come: {what}");
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // They end with it.
    let mut answering = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        shared.connections.fetch_add(1, Ordering::SeqCst);
        answering.spawn(answer(stream, Arc::clone(&shared)));
    }
}

async fn answer(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(hook) = read(&mut stream).await else { return };
    let act = shared.plan.lock().expect("whole").pop_front();
    let act = act.or_else(|| shared.otherwise.lock().expect("whole").clone()).unwrap_or(Act::Status(200));
    shared.hooks.lock().expect("whole").push(hook);
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} Words\r\n{more}\r\n");
    let text = match act {
        Act::Status(status) => head(status, "content-length: 0\r\n"),
        Act::Redirect(to) => head(307, &format!("location: {to}\r\ncontent-length: 0\r\n")),
        Act::Late(after, status) => {
            let mut ticks = interval(after);
            ticks.tick().await;
            ticks.tick().await;
            head(status, "content-length: 0\r\n")
        }
        Act::Silence => return std::future::pending().await,
        Act::Break => return,
        Act::Endless(status) => head(status, "content-length: 1000000000000\r\n"),
    };
    let is_endless = text.contains("1000000000000");
    if stream.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    while is_endless && stream.write_all(&[b'x'; 4_096]).await.is_ok() {}
}

async fn read(stream: &mut TcpStream) -> Option<Hook> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    };
    assert!(head.starts_with("POST "), "{head}");
    assert_eq!(header("content-type").as_deref(), Some("application/json"));
    let length: usize = header("content-length")?.parse().ok()?;
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let text = String::from_utf8(bytes[end + 4..].to_vec()).ok()?;
    Some(Hook {
        id: header("webhook-id")?,
        timestamp: header("webhook-timestamp")?.parse().ok()?,
        signatures: header("webhook-signature")?.split(' ').map(str::to_owned).collect(),
        json: serde_json::from_str(&text).expect("JSON"),
        text,
    })
}

/// Receivers may be on this machine, and are not waited for long.
pub fn here(settings: &mut Settings) {
    settings.merchant_webhooks.reach = Reach::Private;
    settings.merchant_webhooks.timeout = Duration::from_millis(500);
}

/// An endpoint of a shop's merchant.
pub struct Endpoint {
    pub id: Vec<u8>,
    pub secret: String,
}

impl Shop {
    /// A webhook at this receiver.
    pub async fn told(&self, receiver: &Receiver) -> Endpoint {
        let made = self.merchant.create_webhook(&receiver.url()).await.expect("an endpoint");
        Endpoint { id: made.endpoint_id, secret: secret(made.secret) }
    }

    /// All deliveries, newest event first.
    pub async fn deliveries(&self) -> Vec<pb::WebhookDelivery> {
        let request = pb::ListWebhookDeliveriesRequest { page_size: 100, ..Default::default() };
        self.merchant.list_deliveries(request).await.expect("deliveries").deliveries
    }

    /// Waits until this holds of the deliveries.
    pub async fn deliveries_until(
        &self,
        what: &str,
        mut is_so: impl FnMut(&[pb::WebhookDelivery]) -> bool,
    ) -> Vec<pb::WebhookDelivery> {
        let mut ticks = interval(Duration::from_millis(50));
        for _ in 0..LOOKS / 2 {
            ticks.tick().await;
            let deliveries = self.deliveries().await;
            if is_so(&deliveries) {
                return deliveries;
            }
        }
        panic!("this did not come: {what}; {:?}", self.deliveries().await);
    }

    /// The merchant's endpoints.
    pub async fn endpoints(&self) -> Vec<pb::WebhookEndpoint> {
        let draft = self.merchant.draft(method::LIST_WEBHOOK_ENDPOINTS, &pb::ListWebhookEndpointsRequest {});
        let reply: pb::ListWebhookEndpointsReply = self.merchant.send(draft).await.expect("endpoints");
        reply.endpoints
    }
}
