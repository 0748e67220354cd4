//! The server is killed while a till charges, at a moment of each kind; afterwards the till knows, and the
//! server agrees with it. Both are the real programs, and between them is a gate that counts what passes.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use saifu::client::clock::{FollowingClock, moment_us};
use saifu::client::connection::connect;
use saifu::client::wallet::Wallet;
use saifu::env::clock::Clock;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::verify::verify;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::child::{Served, run};
use crate::support::shop::digits;
use crate::support::{PASSPHRASE, available};

const FUNDS_MINOR: i64 = 5_000;
const AMOUNT_MINOR: i64 = 100;

/// When the server dies, in chunks of the till's first connection: 1 is the handshake's first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    /// The till's chunk is at the gate and stays there.
    BeforeUp(u32),
    /// The till's chunk has just gone to the server.
    AfterUp(u32),
    /// The server's chunk is at the gate and stays there.
    BeforeDown(u32),
    /// The till has the server's chunk.
    AfterDown(u32),
}

use Moment::{AfterDown, AfterUp, BeforeDown, BeforeUp};

/// From the handshake's first byte to the answer's last. From the fifth round on the till's clock is so far
/// behind that its first attempt is answered by the server's time, and the second is the charge.
const MOMENTS: [Moment; 20] = [
    BeforeUp(1),
    AfterUp(1),
    BeforeDown(1),
    BeforeUp(2),
    BeforeUp(3),
    AfterUp(3),
    BeforeUp(4),
    AfterUp(4),
    BeforeDown(3),
    BeforeDown(4),
    BeforeUp(5),
    AfterUp(5),
    BeforeDown(5),
    AfterDown(5),
    BeforeUp(6),
    AfterUp(6),
    BeforeDown(6),
    AfterDown(6),
    BeforeDown(7),
    AfterDown(7),
];

/// A relay that kills the server behind it at a moment.
#[derive(Clone)]
struct Gate {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    served: Option<Served>,
    moment: Option<Moment>,
}

impl Gate {
    async fn before(served: Served) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let gate =
            Self { address, state: Arc::new(Mutex::new(State { served: Some(served), moment: None })) };
        let behind = gate.clone();
        tokio::spawn(async move {
            while let Ok((till, _)) = listener.accept().await {
                let gate = behind.clone();
                // A connection that ends by an error has ended.
                tokio::spawn(async move { drop(gate.relay(till).await) });
            }
        });
        gate
    }

    fn server(&self) -> Option<SocketAddr> {
        self.state.lock().expect("whole").served.as_ref().map(|served| served.address)
    }

    /// Whether the server dies now.
    fn dies(&self, now: Moment) -> bool {
        let mut state = self.state.lock().expect("whole");
        if state.moment != Some(now) {
            return false;
        }
        state.moment = None;
        state.served.take().expect("it runs").kill();
        true
    }

    /// Kills it, if it lived through the moment, and starts it again on the same data.
    fn restart(&self, data: &Path) {
        let mut state = self.state.lock().expect("whole");
        state.moment = None;
        if let Some(served) = state.served.take() {
            served.kill();
        }
        state.served = Some(Served::start(data));
    }

    async fn relay(&self, mut till: TcpStream) -> std::io::Result<()> {
        let Some(server) = self.server() else { return Ok(()) };
        let mut server = TcpStream::connect(server).await?;
        till.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (mut up, mut down) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
        let (mut ups, mut downs) = (0, 0);
        loop {
            tokio::select! {
                read = till.read(&mut up) => {
                    let count = read?;
                    ups += 1;
                    if count == 0 || self.dies(BeforeUp(ups)) {
                        return Ok(());
                    }
                    server.write_all(&up[..count]).await?;
                    if self.dies(AfterUp(ups)) {
                        return Ok(());
                    }
                }
                read = server.read(&mut down) => {
                    let count = read?;
                    downs += 1;
                    if count == 0 || self.dies(BeforeDown(downs)) {
                        return Ok(());
                    }
                    till.write_all(&down[..count]).await?;
                    if self.dies(AfterDown(downs)) {
                        return Ok(());
                    }
                }
            }
        }
    }
}

/// The customer, whose clock goes after the sandbox's.
struct Customer {
    wallet: Wallet,
    clock: Arc<FollowingClock>,
}

impl Customer {
    async fn enrol(served: &Served) -> Self {
        let clock = Arc::new(FollowingClock::default());
        let now = Arc::clone(&clock) as Arc<dyn Clock>;
        let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, now);
        wallet.enrol("alice@example.jp", PASSPHRASE).await.expect("enrolment");
        let funding_id = wallet.link_funding("sandbox-visa", "card").await.expect("link").funding_id;
        let request = pb::TopUpRequest { funding_id, amount_minor: FUNDS_MINOR, currency: "JPY".into() };
        wallet.top_up(request, None, None).await.expect("top-up");
        Self { wallet, clock }
    }

    /// A payment code, after a one-time code of the next step. The till's clock stays behind.
    async fn code(&self) -> String {
        let now = self.wallet.advance_clock(31).await.expect("the clock moves").now.expect("its time");
        self.clock.follow(moment_us(&now));
        let code = self.wallet.code().expect("an authenticator");
        self.wallet.verify_second_factor(&code).await.expect("the code is right");
        digits(&self.wallet, AMOUNT_MINOR).await
    }
}

async fn till(data: &Path, arguments: &[&str]) -> Output {
    let data = data.display().to_string();
    let words = [&["till", "--data", &data], arguments].concat();
    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    let ran = tokio::task::spawn_blocking(move || run(&words.iter().map(String::as_str).collect::<Vec<_>>()));
    ran.await.expect("it runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn activate(server: SocketAddr, operators: SocketAddr, gate: SocketAddr, data: &Path, folder: &Path) {
    let (address, operators) = (server.to_string(), operators.to_string());
    let (server_data, people) = (data.display().to_string(), folder.with_extension("people"));
    let people = people.display().to_string();
    let registered = run(&[
        "sandbox",
        "--people",
        &people,
        "activation",
        "--address",
        &address,
        "--operators",
        &operators,
        "--data-dir",
        &server_data,
    ]);
    assert!(registered.status.success(), "{}", text(&registered));
    let code = String::from_utf8(registered.stdout).expect("text");
    let ca = data.join("tls/ca.pem").display().to_string();
    let gate = gate.to_string();
    let active = till(folder, &["activate", "--address", &gate, "--ca", &ca, "--code", code.trim()]).await;
    assert!(active.status.success(), "{}", text(&active));
}

/// A server behind a gate, a till before it, and a customer who calls the server directly.
struct Street {
    dir: tempfile::TempDir,
    gate: Gate,
    customer: Customer,
    ca: Vec<u8>,
}

impl Street {
    async fn open() -> Self {
        let dir = tempfile::TempDir::new().expect("a temporary directory");
        let data = dir.path().join("data");
        let served = Served::start(&data);
        let customer = Customer::enrol(&served).await;
        let (address, operators) = (served.address, served.operators);
        let gate = Gate::before(served).await;
        activate(address, operators, gate.address, &data, &dir.path().join("till")).await;
        let ca = std::fs::read(data.join("tls/ca.pem")).expect("the CA certificate");
        Self { dir, gate, customer, ca }
    }

    async fn till(&self, arguments: &[&str]) -> Output {
        till(&self.dir.path().join("till"), arguments).await
    }

    /// Kills the server, if it still runs, and starts it again.
    async fn restart(&mut self) {
        self.gate.restart(&self.dir.path().join("data"));
        let server = self.gate.server().expect("it runs");
        self.customer.wallet.channel = connect(server, &self.ca).await.expect("it listens");
    }

    fn dies_at(&self, moment: Moment) {
        self.gate.state.lock().expect("whole").moment = Some(moment);
    }

    /// So many payments that were undone.
    async fn undone(&self) -> usize {
        let page = pb::ListEntriesRequest { page_size: 100, ..pb::ListEntriesRequest::default() };
        let entries = self.customer.wallet.list_entries(page).await.expect("entries").entries;
        entries.iter().filter(|entry| entry.kind() == pb::EntryKind::Reversal).count()
    }

    async fn books_hold(self) {
        let served = self.gate.state.lock().expect("whole").served.take().expect("it runs");
        assert!(served.terminate(), "SIGTERM ends it with status 0");
        let report = verify(&self.dir.path().join("data")).await.expect("readable");
        assert_eq!(report.problems, []);
    }

    /// Whether the order is captured, for the till and the server alike; else it is reversed.
    async fn is_captured(&self, order: &str) -> bool {
        let known = self.till(&["orders"]).await;
        let status = self.till(&["status", order]).await;
        assert!(text(&known).contains(text(&status).trim_end()), "{}, {}", text(&known), text(&status));
        match status.status.code() {
            Some(0) => true,
            Some(5) => false,
            code => panic!("{code:?} {}", text(&status)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_a_till_charges_leaves_no_order_unknown_and_none_both_paid_and_reversed() {
    let mut street = Street::open().await;
    let (mut captured, mut reversed) = (0, 0);
    for (round, moment) in MOMENTS.into_iter().enumerate() {
        let code = street.customer.code().await;
        let order = format!("round-{round}");
        street.dies_at(moment);
        let charge = ["charge", "--order", &order, "--amount", "100", "--code", &code];
        let sold = street.till(&charge).await;
        street.restart().await;
        let is_unknown = match sold.status.code() {
            Some(0) => false,
            Some(4) => true,
            status => panic!("{moment:?}: {status:?} {}", text(&sold)),
        };
        // It may die once more while the till finds out.
        if round % 3 == 0 {
            street.dies_at(moment);
            street.till(&["settle"]).await;
            street.restart().await;
        }
        let settled = street.till(&["settle"]).await;
        assert_eq!(settled.status.code(), Some(0), "{moment:?}: {}", text(&settled));
        let is_captured = street.is_captured(&order).await;
        assert!(is_captured || is_unknown, "{moment:?}: it was paid, and must stay so: {}", text(&sold));
        if is_captured {
            captured += 1;
        } else {
            reversed += 1;
        }
        let expected = FUNDS_MINOR - captured * AMOUNT_MINOR;
        assert_eq!(available(&street.customer.wallet).await, expected, "{moment:?}");
    }
    let undone = street.undone().await;
    println!("{captured} captured, {reversed} reversed, {undone} of them after they had been captured");
    assert!(captured >= 1 && reversed > undone, "{captured}, {reversed}, {undone}");
    street.books_hold().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_after_its_commit_and_before_its_answer_gives_back_what_the_till_reverses() {
    let mut street = Street::open().await;
    let code = street.customer.code().await;
    let folder = street.dir.path().join("till");
    let charging = tokio::spawn(async move {
        // The answer is withheld, on a line that stays.
        let words = ["charge", "--order", "O-1", "--amount", "100", "--code", &code];
        till(&folder, &[&words[..], &["--fault", "hang", "--timeout-ms", "3000"]].concat()).await
    });
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
    while available(&street.customer.wallet).await == FUNDS_MINOR {
        ticks.tick().await;
    }
    let served = street.gate.state.lock().expect("whole").served.take().expect("it runs");
    served.kill();
    let sold = charging.await.expect("it ended");
    assert_eq!(sold.status.code(), Some(4), "{}", text(&sold));
    street.restart().await;
    assert_eq!(available(&street.customer.wallet).await, FUNDS_MINOR - AMOUNT_MINOR, "it was committed");
    let settled = street.till(&["settle"]).await;
    assert_eq!(settled.status.code(), Some(0), "{}", text(&settled));
    assert!(text(&settled).contains("100 JPY given back"), "{}", text(&settled));
    assert!(!street.is_captured("O-1").await);
    assert_eq!((available(&street.customer.wallet).await, street.undone().await), (FUNDS_MINOR, 1));
    street.books_hold().await;
}
