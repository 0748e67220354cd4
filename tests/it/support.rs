//! A server of one's own, and wallets on it.

pub mod ahead;
pub mod child;
pub mod guide;
pub mod hooks;
pub mod pem;
pub mod receivers;
pub mod recovery;
pub mod redis_server;
#[expect(dead_code, reason = "the library's tests use all of it")]
pub mod services;
pub mod shop;
pub mod street;
pub mod stripe;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params_from_iter};
use saifu::client::connection::{connect, connect_from};
use saifu::client::refused::Refused;
use saifu::client::wallet::{Confirmation, Wallet};
use saifu::crypto::totp::TotpSecret;
use saifu::domain::policy::{Caps, CardRules, Policy, StepUp};
use saifu::domain::record::{Record, Value};
use saifu::domain::rows::{Row, Table};
use saifu::domain::time::DAY_US;
use saifu::env::clock::{Clock, ManualClock};
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::enrolment_start_private::Contact;
use saifu::server::{SANDBOX_AUDIENCE, Server, Settings};
use saifu::store::sqlite::DATABASE_FILE;
use saifu::store::sqlite::snapshot::Snapshot;
use saifu::store::tagged;
use saifu::verify::{self, Trust, trust_in};
use tempfile::TempDir;
use tokio::time::interval;

/// 2026-01-05 03:00:00 UTC, noon in Tokyo, on a 30 s step.
pub const START_US: i64 = 1_767_582_000_000_000;
/// A suitable passphrase.
pub const PASSPHRASE: &str = "four wet umbrellas";

/// A server over TLS on a temporary data directory, and its clock.
pub struct World {
    pub server: Server,
    pub clock: Arc<ManualClock>,
    pub dir: TempDir,
}

impl World {
    /// With the documented policy and limits.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let clock = Arc::new(ManualClock::new(START_US));
        let server = serve(dir.path(), &clock, change).await;
        Self { server, clock, dir }
    }

    /// Stops it. Its data directory is kept; whoever asked removes what it lies in.
    pub async fn stopped(self) -> PathBuf {
        self.server.stop().await;
        self.dir.keep().join("data")
    }

    /// Stops the server and starts it again on the same data and the same clock.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with some settings changed.
    pub async fn restart_with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let Self { server, clock, dir } = self;
        server.stop().await;
        let server = serve(dir.path(), &clock, change).await;
        Self { server, clock, dir }
    }

    /// A phone that is not enrolled.
    pub async fn phone(&self) -> Wallet {
        let ca = std::fs::read(self.server.ca_path()).expect("the server wrote its CA certificate");
        let channel = connect(self.server.address(), &ca).await.expect("the server listens");
        Wallet::new(channel, SANDBOX_AUDIENCE, Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// A phone that was enrolled calls this server from now on.
    pub async fn reconnect(&self, wallet: &mut Wallet) {
        wallet.channel = self.phone().await.channel;
    }

    /// A phone that is not enrolled and calls from another place: 127.0.0.`number`.
    pub async fn phone_at(&self, number: u8) -> Wallet {
        let ca = std::fs::read(self.server.ca_path()).expect("the server wrote its CA certificate");
        let origin = Some(IpAddr::from([127, 0, 0, number]));
        let channel = connect_from(origin, self.server.address(), &ca).await.expect("the server listens");
        Wallet::new(channel, SANDBOX_AUDIENCE, Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// A phone with an active wallet, fresh by the activation's code.
    pub async fn wallet(&self, name: &str) -> Wallet {
        let mut wallet = self.phone().await;
        wallet.enrol(&format!("{name}@example.jp"), PASSPHRASE).await.expect("enrolment");
        wallet
    }

    /// An active wallet with so many yen on it, at most ¥10,000, still fresh.
    pub async fn funded(&self, name: &str, amount_minor: i64) -> Wallet {
        let wallet = self.wallet(name).await;
        self.fund(&wallet, amount_minor).await;
        wallet
    }

    /// Links a card and tops up, with a code of its own where one is needed.
    pub async fn fund(&self, wallet: &Wallet, amount_minor: i64) {
        let funding_id = wallet.link_funding("sandbox-visa", "card").await.expect("link").funding_id;
        let request = pb::TopUpRequest { funding_id, amount_minor, currency: "JPY".into() };
        let code = (amount_minor >= 10_000).then(|| self.next_code(wallet));
        let reply = wallet.top_up(request, code.as_deref(), None).await.expect("top-up");
        let state = reply.top_up.expect("a status").state();
        assert_eq!(state, pb::TopUpState::Succeeded);
    }

    /// Moves the clock by seconds.
    pub fn pass(&self, seconds: i64) {
        self.clock.advance_us(seconds * 1_000_000);
    }

    /// Moves the clock to so many seconds after noon of the first day in Japan, when worlds begin.
    pub fn pass_until(&self, since_noon: i64) {
        let begun_us = self.clock.now_us() - START_US;
        self.pass(since_noon - begun_us / 1_000_000);
    }

    /// Waits for the next TOTP step and reads the code.
    pub fn next_code(&self, wallet: &Wallet) -> String {
        self.pass(30);
        wallet.code().expect("an authenticator").to_string()
    }

    /// Makes the wallet's device fresh.
    pub async fn refresh(&self, wallet: &Wallet) {
        let code = self.next_code(wallet);
        wallet.verify_second_factor(&code).await.expect("the code is right");
    }
}

/// No figure stands in the way: for tests of something else.
pub fn generous(settings: &mut Settings) {
    settings.limits = LimitTable::unlimited();
    generous_policy(&mut settings.policy);
}

/// The same, for verifying what such a server did.
pub fn generous_policy(policy: &mut Policy) {
    let open = Caps {
        payment_minor: None,
        day_minor: None,
        month_minor: None,
        balance_minor: None,
        top_up_day_minor: None,
        top_up_day_count: None,
    };
    policy.limits.standard = open;
    policy.limits.young_device = open;
    policy.limits.top_up_pause_us = 0;
    any_card(policy);
    policy.payment_codes.misses = i64::MAX;
    policy.step_up =
        StepUp { fresh_us: 365 * DAY_US, amount_minor: i64::MAX, sum_minor: i64::MAX, payments: i64::MAX };
}

/// A card brings in whatever it is asked for, however new it is.
pub fn any_card(policy: &mut Policy) {
    policy.cards = CardRules {
        accounts: usize::MAX,
        day_minor: i64::MAX,
        day_count: i64::MAX,
        new_day_minor: i64::MAX,
        ..policy.cards.clone()
    };
}

/// Stops the server, and finds its books bear out its journal, by the rules that it was given.
pub async fn books_hold(world: World, change: impl FnOnce(&mut Policy)) {
    world.server.stop().await;
    let mut policy = Policy::standard();
    change(&mut policy);
    let report = verify::verify_by(&world.dir.path().join("data"), policy).await.expect("a report");
    assert!(report.holds(), "{:?}", report.problems);
    assert_eq!(report.sum_minor, 0);
}

/// A sandbox's settings in a directory, with this clock.
pub fn settings_of(dir: &Path, clock: &Arc<ManualClock>) -> Settings {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = Settings::sandbox(dir.join("data"), listen);
    settings.clock = Some(Arc::clone(clock) as Arc<_>);
    settings
}

async fn serve(dir: &Path, clock: &Arc<ManualClock>, change: impl FnOnce(&mut Settings)) -> Server {
    let mut settings = settings_of(dir, clock);
    change(&mut settings);
    Box::pin(Server::start(settings)).await.expect("the server starts")
}

/// Changes every row of a table behind the running server's back, as the server would have written it.
pub fn rewrite<R: Record>(data: &Path, table: Table, change: impl Fn(&mut R)) {
    let rows = Snapshot::open(data).expect("a database").page(table, None).expect("its rows");
    assert!(!rows.is_empty(), "{table:?}");
    for row in &rows {
        let mut row = R::of(row).expect("a row of the table").clone();
        change(&mut row);
        put(data, &row.into_row());
    }
}

/// Puts a row into the database behind the running server's back, with the tag that the server would give it.
pub fn put(data: &Path, row: &Row) {
    let Trust::Keys(integrity) = trust_in(&data.join("keys")) else { panic!("the server's keys") };
    let columns = tagged::columns(row.table());
    let values = tagged::values(row, Some(&integrity)).expect("there are keys");
    let values = values.into_iter().map(|value| match value {
        Value::Int(int) => rusqlite::types::Value::Integer(int),
        Value::Bytes(bytes) => rusqlite::types::Value::Blob(bytes.into_owned()),
        Value::Text(text) => rusqlite::types::Value::Text(text.into_owned()),
        Value::Null => rusqlite::types::Value::Null,
    });
    let places = vec!["?"; columns.len()].join(", ");
    let changed: Vec<String> = columns.iter().map(|column| format!("{column} = excluded.{column}")).collect();
    let text = format!(
        "INSERT INTO {} ({}) VALUES ({places}) ON CONFLICT ({}) DO UPDATE SET {}",
        row.table().name(),
        columns.join(", "),
        row.table().key_columns().join(", "),
        changed.join(", ")
    );
    let database = Connection::open(data.join(DATABASE_FILE)).expect("a database");
    database.busy_timeout(Duration::from_secs(10)).expect("it waits for the server");
    assert_eq!(database.execute(&text, params_from_iter(values)), Ok(1));
}

/// The first shop of the seed file, as a request of this amount.
pub async fn bakery(wallet: &Wallet, amount_minor: i64) -> pb::PayRequest {
    let shop = wallet.list_shops().await.expect("shops").shops.remove(0);
    pb::PayRequest {
        store_id: shop.store_id,
        payee_name: shop.name,
        amount_minor,
        currency: "JPY".into(),
        order_id: String::new(),
    }
}

/// What can be spent.
pub async fn available(wallet: &Wallet) -> i64 {
    wallet.get_balance().await.expect("a balance").available_minor
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(result: Result<T, Refused>) -> pb::Reason {
    let refused = result.expect_err("a refusal");
    refused.reason().unwrap_or_else(|| panic!("no reason: {refused}"))
}

/// The status of a refusal.
pub fn refused<T: std::fmt::Debug>(result: Result<T, Refused>) -> tonic::Status {
    result.expect_err("a refusal").status
}

/// An address for enrolment.
pub fn email(address: &str) -> Contact {
    Contact::Email(address.to_owned())
}

/// The texts sent to an address, newest first, once there are so many.
pub async fn texts(wallet: &Wallet, destination: &str, count: usize) -> Vec<String> {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        let messages = wallet.read_messages(destination).await.expect("the sandbox's messages").messages;
        assert!(messages.len() <= count, "more than {count} messages to {destination}");
        if messages.len() == count {
            return messages.into_iter().map(|message| message.text).collect();
        }
    }
    panic!("{count} messages to {destination} did not come");
}

/// The one run of eight digits in a message.
pub fn code_in(text: &str) -> String {
    let code = text.split(|sign: char| !sign.is_ascii_digit()).find(|digits| digits.len() == 8);
    code.expect("a code in the message").to_owned()
}

/// What Confirm wants besides the enrolment's id.
pub fn confirmation(code: &str) -> Confirmation {
    Confirmation {
        code: code.to_owned(),
        passphrase: PASSPHRASE.to_owned(),
        device_label: "Pixel 9".to_owned(),
    }
}

/// The secret that a reply carries; nothing when it is gone.
pub fn secret(secret: Option<&pb::Secret>) -> Option<String> {
    match secret.and_then(|secret| secret.state.as_ref()).expect("a secret or the word that it is gone") {
        pb::secret::State::Value(value) => Some(value.clone()),
        pb::secret::State::Gone(_) => None,
    }
}

/// Sets the phone up as the reply to Confirm says.
pub fn set_up(wallet: &mut Wallet, confirmed: &pb::EnrolmentConfirmReply) {
    let uri = secret(confirmed.totp_uri.as_ref()).expect("the authenticator's secret");
    wallet.totp = Some(TotpSecret::from_uri(&uri).expect("an otpauth URI"));
    wallet.signer.epoch = confirmed.epoch;
}

/// Six digits that are no code of this wallet's, now or within a minute.
pub fn wrong_code(wallet: &Wallet) -> String {
    let totp = wallet.totp.as_ref().expect("an authenticator");
    let near: Vec<_> =
        (-2..=2).map(|step| totp.code_at(wallet.now_us() + step * 30_000_000).to_string()).collect();
    let wrong = (0..10).map(|number| format!("{number:06}")).find(|code| !near.contains(code));
    wrong.expect("more numbers than codes")
}

/// Security events of one kind.
pub async fn events(wallet: &Wallet, kind: pb::SecurityEventKind) -> usize {
    let page = pb::ListEventsRequest { page_size: 100, ..pb::ListEventsRequest::default() };
    let events = wallet.list_events(page).await.expect("events").events;
    events.iter().filter(|event| event.kind() == kind).count()
}

/// What was moved, newest first.
pub async fn amounts(wallet: &Wallet) -> Vec<i64> {
    let page = pb::ListEntriesRequest { page_size: 100, ..pb::ListEntriesRequest::default() };
    let entries = wallet.list_entries(page).await.expect("entries").entries;
    entries.iter().map(|entry| entry.amount_minor).collect()
}

/// Starts an enrolment: its id, and the code that was sent.
pub async fn started(wallet: &Wallet, address: &str) -> (Vec<u8>, String) {
    let reply = wallet.start_enrolment(email(address)).await.expect("an enrolment");
    (reply.enrolment_id, code_in(&texts(wallet, address, 1).await[0]))
}
