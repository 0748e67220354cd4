//! A fake of Stripe, a process of its own, behind a proxy that loses, doubles, delays and spoils what goes
//! through it. What the fake says about itself is asked without the proxy.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use saifu::config::Secret;
use saifu::config::funding::{Funding, StripeAt};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{interval, timeout};

use super::receivers::environment;

/// Any key of this form is the fake's.
pub const KEY: &str = "sk_test_12345678";
/// What webhooks are signed with.
pub const WEBHOOK_SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It goes through.
    Nothing,
    /// It never arrives.
    DropRequest,
    /// It arrives, and its answer does not.
    DropReply,
    /// It arrives after whoever sent it was told that it did not.
    LateRequest,
    /// Its answer comes later.
    SlowReply,
    /// It arrives twice.
    Double,
    /// It does not arrive, and is answered with 500.
    Error,
    /// It arrives, and its answer is rubbish.
    Garbage,
    /// It arrives, and its answer is that of something else.
    OtherReply,
}

impl Fault {
    /// All that are one.
    pub const ALL: [Self; 8] = [
        Self::DropRequest,
        Self::DropReply,
        Self::LateRequest,
        Self::SlowReply,
        Self::Double,
        Self::Error,
        Self::Garbage,
        Self::OtherReply,
    ];
}

/// When a server is to be stopped, as its provider sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Its request is on the way, and does not arrive.
    Before,
    /// Its request was done, and the answer does not arrive.
    Done,
    /// It has the answer.
    Answered,
}

/// What the proxy is to do, and what it saw.
#[derive(Default)]
struct Plan {
    next: VecDeque<Fault>,
    dice: Option<(u64, u64)>,
    disputed: bool,
    /// What becomes of every request for the list.
    listing: Option<Fault>,
    /// As many of these were there.
    listings: usize,
    /// Charges of which nothing is heard.
    muted: Vec<String>,
    seen: Vec<String>,
    under_way: HashMap<String, usize>,
    overlaps: usize,
    /// After so many posts, and whom it is told to.
    stop: Option<(usize, Moment, oneshot::Sender<()>)>,
}

impl Plan {
    /// Whether this post is the one at which the server is to be stopped.
    fn stops(&mut self) -> Option<(Moment, oneshot::Sender<()>)> {
        let (left, moment, told) = self.stop.take()?;
        if left == 0 {
            return Some((moment, told));
        }
        self.stop = Some((left - 1, moment, told));
        None
    }

    fn fault(&mut self, request: &str) -> Fault {
        self.seen.push(request.to_owned());
        if let Some(fault) = self.next.pop_front() {
            return fault;
        }
        let Some((state, one_in)) = &mut self.dice else { return Fault::Nothing };
        let mut roll = |bound: u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 33) % bound
        };
        if roll(*one_in) != 0 {
            return Fault::Nothing;
        }
        Fault::ALL[usize::try_from(roll(8)).expect("small")]
    }
}

/// The fake and the proxy before it.
pub struct StripeServer {
    child: Child,
    fake: SocketAddr,
    pub proxy: SocketAddr,
    plan: Arc<Mutex<Plan>>,
    serving: AbortHandle,
}

impl StripeServer {
    /// Both on free loopback ports.
    pub async fn start() -> Self {
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(environment().join("bin/python"))
            .args(["-B", "-W", "ignore", "tests/receivers/stripe.py", "0"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("setpriv runs: it comes with util-linux");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it tells its port");
        let fake = SocketAddr::from(([127, 0, 0, 1], line.trim().parse().expect("a port")));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let proxy = listener.local_addr().expect("an address");
        let plan = Arc::new(Mutex::new(Plan::default()));
        let serving = tokio::spawn(serve(listener, fake, Arc::clone(&plan))).abort_handle();
        Self { child, fake, proxy, plan, serving }
    }

    /// As the server is told of it.
    pub fn funding(&self) -> Funding {
        Funding::Stripe(Box::new(StripeAt {
            base_url: format!("http://{}", self.proxy),
            secret_key: Secret::new(KEY.to_owned()),
            ca_file: None,
            webhook: Some((SocketAddr::from(([127, 0, 0, 1], 0)), Secret::new(WEBHOOK_SECRET.to_owned()))),
        }))
    }

    /// What becomes of the next requests.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan().next = faults.into_iter().collect();
    }

    /// One request in so many has a fault, by chance of this seed; none with 0.
    pub fn roll(&self, seed: u64, one_in: u64) {
        self.plan().dice = (one_in > 0).then_some((seed, one_in));
    }

    /// What becomes of each request for a part of the list of charges. They are not among the others, and
    /// have no other faults.
    pub fn fault_listings(&self, fault: Fault) {
        self.plan().listing = Some(fault);
    }

    /// Nothing is heard of these charges from now on, by their names.
    pub fn mute(&self, intents: impl IntoIterator<Item = String>) {
        self.plan().muted = intents.into_iter().collect();
    }

    /// As many parts of the list of charges were asked for.
    pub fn listings(&self) -> usize {
        self.plan().listings
    }

    /// Every charge is disputed from now on, of which the fake knows nothing.
    pub fn dispute(&self) {
        self.plan().disputed = true;
    }

    /// Tells when it is this moment of the post after so many others; until its server is gone, nothing
    /// more happens to that post.
    pub fn stop_at(&self, posts: usize, moment: Moment) -> oneshot::Receiver<()> {
        let (told, hears) = oneshot::channel();
        self.plan().stop = Some((posts, moment, told));
        hears
    }

    /// The first lines of all requests so far.
    pub fn seen(&self) -> Vec<String> {
        self.plan().seen.clone()
    }

    /// How often a charge was asked about while it was being asked about.
    pub fn overlaps(&self) -> usize {
        self.plan().overlaps
    }

    fn plan(&self) -> std::sync::MutexGuard<'_, Plan> {
        self.plan.lock().expect("nobody panics with it")
    }

    /// A charge that was made in Stripe's own dashboard, by a card of its own, of this amount; its name.
    pub async fn charge_by_hand(&self, amount_minor: i64, metadata: &str) -> String {
        let card = self.card("4242424242424242").await;
        let form = format!(
            "amount={amount_minor}&currency=jpy&payment_method={card}&payment_method_types[]=card\
             &capture_method=automatic&confirm=true{metadata}"
        );
        let (status, intent) = self.call("POST", "/v1/payment_intents", &form).await;
        assert_eq!((status, intent["status"].as_str()), (200, Some("succeeded")), "{intent}");
        intent["id"].as_str().expect("an id").to_owned()
    }

    /// The name of the charge of a top-up.
    pub async fn intent_of(&self, top_up_id: &[u8]) -> String {
        let id = saifu::domain::id::hex(top_up_id);
        let intents = self.intents().await;
        let intent = intents.iter().find(|intent| intent["metadata"]["top_up_id"] == id.as_str());
        intent.expect("its intent")["id"].as_str().expect("an id").to_owned()
    }

    /// A call without the proxy.
    pub async fn call(&self, method: &str, path: &str, form: &str) -> (u16, Value) {
        let kind = if path.starts_with("/_config/") { "json" } else { "x-www-form-urlencoded" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: stripe\r\nConnection: close\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/{kind}\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = exchange(self.fake, request.as_bytes()).await.expect("the fake answers");
        let (head, body) = split(&answer).expect("HTTP");
        let status = head.split(' ').nth(1).expect("a status").parse().expect("a number");
        (status, serde_json::from_slice(body).unwrap_or(Value::Null))
    }

    /// The token of a new card of this number.
    pub async fn card(&self, number: &str) -> String {
        let form =
            format!("type=card&card[number]={number}&card[exp_month]=12&card[exp_year]=2030&card[cvc]=123");
        let (status, method) = self.call("POST", "/v1/payment_methods", &form).await;
        assert_eq!(status, 200, "{method}");
        method["id"].as_str().expect("an id").to_owned()
    }

    /// All intents.
    pub async fn intents(&self) -> Vec<Value> {
        let (status, list) = self.call("GET", "/v1/payment_intents?limit=1000", "").await;
        assert_eq!(status, 200, "{list}");
        list["data"].as_array().expect("a list").clone()
    }

    /// How often each top-up was charged; one that never was is not in it.
    pub async fn charged(&self) -> HashMap<String, usize> {
        let mut charged = HashMap::new();
        for intent in self.intents().await.iter().filter(|intent| intent["status"] == "succeeded") {
            let id = intent["metadata"]["top_up_id"].as_str().expect("ours").to_owned();
            *charged.entry(id).or_default() += 1;
        }
        charged
    }
}

impl Drop for StripeServer {
    fn drop(&mut self) {
        self.serving.abort();
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

async fn serve(listener: TcpListener, fake: SocketAddr, plan: Arc<Mutex<Plan>>) {
    while let Ok((tcp, _)) = listener.accept().await {
        tokio::spawn(pass_on(tcp, fake, Arc::clone(&plan)));
    }
}

/// What two requests at a time must not be about.
fn subject(head: &str, body: &[u8]) -> String {
    let path = head.split(' ').nth(1).unwrap_or("");
    let intent = path.split(['/', '?']).find(|part| part.starts_with("pi_"));
    let body = String::from_utf8_lossy(body).into_owned();
    intent.map_or_else(|| format!("{path} {body}"), str::to_owned)
}

async fn pass_on(mut tcp: TcpStream, fake: SocketAddr, plan: Arc<Mutex<Plan>>) {
    let Some(request) = read_message(&mut tcp).await else { return };
    let (head, body) = split(&request).expect("HTTP");
    let head = head.to_owned();
    let subject = subject(&head, body);
    let stop = head.starts_with("POST ").then(|| plan.lock().expect("nobody panics with it").stops());
    if let Some((moment, told)) = stop.flatten() {
        stopped(&mut tcp, fake, &request, moment, told).await;
        return;
    }
    let fault = {
        let mut plan = plan.lock().expect("nobody panics with it");
        let is_listing = head.starts_with("GET ") && head.contains("created");
        let under_way = plan.under_way.entry(subject.clone()).or_default();
        *under_way += 1;
        plan.overlaps += usize::from(*under_way > 1);
        if is_listing {
            plan.listings += 1;
            plan.listing.unwrap_or(Fault::Nothing)
        } else {
            let line = head.lines().next().unwrap_or("");
            let is_muted = plan.muted.iter().any(|intent| line.contains(intent));
            if is_muted { Fault::DropRequest } else { plan.fault(line) }
        }
    };
    let answer = answer(&request, fake, fault, &plan).await;
    *plan.lock().expect("nobody panics with it").under_way.get_mut(&subject).expect("entered above") -= 1;
    if let Some(answer) = answer {
        drop(tcp.write_all(&answer).await);
        drop(tcp.shutdown().await);
    }
}

async fn stopped(
    tcp: &mut TcpStream,
    fake: SocketAddr,
    request: &[u8],
    moment: Moment,
    told: oneshot::Sender<()>,
) {
    if moment != Moment::Before {
        let answer = exchange(fake, &closing(request)).await.expect("the fake answers");
        if moment == Moment::Answered {
            drop(tcp.write_all(&answer).await);
        }
    }
    told.send(()).expect("the test waits for it");
    // Its end: the server's.
    while tcp.read(&mut [0; 64]).await.is_ok_and(|read| read > 0) {}
}

/// What is answered; nothing when the connection just ends.
async fn answer(request: &[u8], fake: SocketAddr, fault: Fault, plan: &Mutex<Plan>) -> Option<Vec<u8>> {
    let forwarded = closing(request);
    match fault {
        Fault::DropRequest => None,
        Fault::DropReply => {
            exchange(fake, &forwarded).await;
            None
        }
        Fault::LateRequest => {
            tokio::spawn(async move {
                pause(700).await;
                exchange(fake, &forwarded).await;
            });
            None
        }
        Fault::SlowReply => {
            let answer = exchange(fake, &forwarded).await;
            pause(300).await;
            answer
        }
        Fault::Double => {
            exchange(fake, &forwarded).await;
            exchange(fake, &forwarded).await
        }
        Fault::Error => Some(made(500, b"{\"error\": {\"type\": \"api_error\"}}")),
        Fault::Garbage => {
            exchange(fake, &forwarded).await;
            Some(made(200, b"<html>try again</html>"))
        }
        Fault::OtherReply => {
            exchange(fake, &forwarded).await;
            let other = br#"{"id":"pi_other","status":"succeeded","amount":1,"currency":"jpy","created":0,
                "latest_charge":{},"metadata":{},"data":[],"has_more":false}"#;
            Some(made(200, other))
        }
        Fault::Nothing => {
            let answer = exchange(fake, &forwarded).await?;
            let disputed = plan.lock().expect("nobody panics with it").disputed;
            if !disputed {
                return Some(answer);
            }
            let (_, body) = split(&answer)?;
            let body =
                String::from_utf8_lossy(body).replace("\"refunded\":", "\"disputed\": true, \"refunded\":");
            Some(made(200, body.as_bytes()))
        }
    }
}

async fn pause(milliseconds: u64) {
    let mut ticks = interval(Duration::from_millis(milliseconds));
    ticks.tick().await;
    ticks.tick().await;
}

fn made(status: u16, body: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {status} Made\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body);
    answer
}

/// The same request, on a connection of its own.
fn closing(request: &[u8]) -> Vec<u8> {
    let (head, body) = split(request).expect("HTTP");
    let mut lines: Vec<&str> =
        head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:")).collect();
    lines.push("Connection: close");
    let mut made = lines.join("\r\n").into_bytes();
    made.extend_from_slice(b"\r\n\r\n");
    made.extend_from_slice(body);
    made
}

fn split(message: &[u8]) -> Option<(&str, &[u8])> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&message[..end]).ok()?, &message[end + 4..]))
}

fn length(head: &str) -> usize {
    let header = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().expect("a length"))
    });
    header.unwrap_or(0)
}

async fn read_message(tcp: &mut TcpStream) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if let Some((head, body)) = split(&message)
            && body.len() >= length(head)
        {
            return Some(message);
        }
        let read = tcp.read(&mut buffer).await.ok()?;
        if read == 0 {
            return None;
        }
        message.extend_from_slice(&buffer[..read]);
    }
}

/// One request and its whole answer.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Option<Vec<u8>> {
    let exchanged = async {
        let mut tcp = TcpStream::connect(address).await.ok()?;
        tcp.write_all(request).await.ok()?;
        read_message(&mut tcp).await
    };
    timeout(Duration::from_secs(20), exchanged).await.ok()?
}
