//! What batching gains on PostgreSQL: the real store fed with real payments, against a transaction a
//! transfer, spread over a thousand merchants and hot on one.
//!
//! Sales at tills (a code issued, and charged) are measured beside them: one merchant with a thousand tills,
//! and a thousand merchants with a till each.
//!
//! All in one run on one cluster, in alternating rounds, `synchronous_commit` and `fsync` on. The client,
//! the server and the disk share this machine, so it is the ratios that say something. Goals: batched five
//! times as fast where payments are spread, fifteen times where one merchant is hot, hot not slower than
//! spread, and of sales 0.95 of spread.
//!
//! `cargo bench --bench store`

mod plain;
#[path = "../../tests/it/support/services.rs"]
#[expect(dead_code, reason = "not everything that tests do with a server is done here")]
mod services;
mod till;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use saifu::domain::outcome::Outcome;
use saifu::domain::time::Timestamp;
use saifu::env::{Clock as _, Stopwatch, SystemClock};
use saifu::store::postgres::settings::Settings;
use saifu::store::postgres::{Options, Remote, migrate};
use saifu::store::{Answer, Store};
use services::{PostgresServer, Wanted};
use tokio_postgres::NoTls;

/// A measurement lasts so long.
const SPAN_US: i64 = 1_500_000;
const ROUNDS: usize = 5;
/// As many payments are under way at once.
const CALLERS: usize = 512;
/// Batches of the embedded store's size, for comparison.
const SMALL_BATCH: usize = 32;

static NEXT: AtomicU64 = AtomicU64::new(0);

/// Who is paid.
#[derive(Clone, Copy)]
enum Spread {
    All,
    One,
}

impl Spread {
    fn merchant(self, number: u64) -> u64 {
        match self {
            // Neighbours in time pay different merchants.
            Self::All => number * 7 % world::MERCHANTS,
            Self::One => 0,
        }
    }

    /// Which of the tills; the first merchant's own thousand come after the others'.
    fn till(self, number: u64) -> u64 {
        let till = number * 7 % world::MERCHANTS;
        match self {
            Self::All => till,
            Self::One => world::MERCHANTS + till,
        }
    }
}

/// Payments a second, one figure a round.
struct Series {
    name: &'static str,
    rates: Vec<f64>,
}

impl Series {
    fn new(name: &'static str) -> Self {
        Self { name, rates: Vec::new() }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates
    }

    fn median(&self) -> f64 {
        let rates = self.sorted();
        rates[rates.len() / 2]
    }

    fn print(&self) {
        let rates = self.sorted();
        let (least, most) = (rates[0], rates[rates.len() - 1]);
        println!("{:<28} {least:>8.0} {:>8.0} {most:>8.0}", self.name, self.median());
    }
}

fn main() {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure());
}

async fn opened(url: &str, number: u8, batch_bound: Option<usize>) -> Remote {
    let clock = Arc::new(SystemClock);
    let mut options = Options::new(Arc::new(world::policy()), clock, world::integrity(), [number; 16]);
    options.batch_bound = batch_bound.unwrap_or(options.batch_bound);
    let settings = Settings::parse(url, None).expect("an address");
    Remote::open(settings, options).await.expect("the database opens")
}

async fn measure() {
    let settings = ["max_connections=100", "max_wal_size=4GB"];
    let server = PostgresServer::start(Wanted { durable: true, settings: &settings, ..Wanted::default() });
    let url = server.url("postgres");
    migrate(&Settings::parse(&url, None).expect("an address")).await.expect("the migrations run");
    let (mut client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
    drop(tokio::spawn(connection));
    let now = Timestamp(SystemClock.now_us());
    world::insert(&mut client, &[world::rows(now), till::rows(now)].concat()).await;
    client.batch_execute("ANALYZE").await.expect("it is analysed");
    let large = opened(&url, 1, None).await;
    let small = opened(&url, 2, Some(SMALL_BATCH)).await;
    let mut tellers = plain::tellers(&url).await;
    let mut series = [
        Series::new("batched, spread"),
        Series::new("batched, hot"),
        Series::new("batches of 32, spread"),
        Series::new("batches of 32, hot"),
        Series::new("plain, spread"),
        Series::new("plain, hot"),
        Series::new("sales at tills, spread"),
        Series::new("sales at tills, hot"),
    ];
    // The first round warms up, and is not counted.
    for round in 0..=ROUNDS {
        let mut rates = Vec::new();
        for (store, spread) in
            [(&large, Spread::All), (&large, Spread::One), (&small, Spread::All), (&small, Spread::One)]
        {
            let watch = Stopwatch::start();
            rates.push(rate(batched(&store.store(), spread).await, &watch));
        }
        for spread in [Spread::All, Spread::One] {
            let watch = Stopwatch::start();
            rates.push(rate(plain::run(&mut tellers, &NEXT, spread).await, &watch));
        }
        for spread in [Spread::All, Spread::One] {
            let watch = Stopwatch::start();
            rates.push(rate(sold(&large.store(), spread).await, &watch));
        }
        if round > 0 {
            series.iter_mut().zip(rates).for_each(|(one, rate)| one.rates.push(rate));
        }
    }
    report(&series);
    large.close().await;
    small.close().await;
}

#[expect(clippy::cast_precision_loss, reason = "counts of some seconds")]
fn rate(count: u64, watch: &Stopwatch) -> f64 {
    count as f64 * 1e6 / watch.elapsed_us() as f64
}

/// All callers do something until the time is over: how often.
async fn repeated<W>(store: &Arc<Store>, each: impl Fn(Arc<Store>, u64) -> W + Clone + Send + 'static) -> u64
where
    W: Future<Output = ()> + Send,
{
    let watch = Stopwatch::start();
    let mut running = Vec::new();
    for _ in 0..CALLERS {
        let (store, each) = (Arc::clone(store), each.clone());
        running.push(tokio::spawn(async move {
            let mut count = 0;
            while watch.elapsed_us() < SPAN_US {
                each(Arc::clone(&store), NEXT.fetch_add(1, Ordering::Relaxed)).await;
                count += 1;
            }
            count
        }));
    }
    let mut sum = 0;
    for one in running {
        sum += one.await.expect("nobody panics");
    }
    sum
}

/// How many payments.
async fn batched(store: &Arc<Store>, spread: Spread) -> u64 {
    repeated(store, move |store, number| async move {
        let answer = store.execute(world::payment(number, spread.merchant(number))).await;
        assert!(matches!(answer, Ok(Answer::Final(Outcome::Paid { .. }))), "{answer:?}");
    })
    .await
}

/// How many sales, each a code and its charge.
async fn sold(store: &Arc<Store>, spread: Spread) -> u64 {
    repeated(store, move |store, number| async move {
        let [issue, charge] = till::sale(number, spread.till(number));
        let answer = store.execute(issue).await;
        assert!(matches!(answer, Ok(Answer::Final(Outcome::CodeIssued { .. }))), "{answer:?}");
        let answer = store.execute(charge).await;
        assert!(matches!(answer, Ok(Answer::Final(Outcome::Charged { .. }))), "{answer:?}");
    })
    .await
}

fn report(series: &[Series; 8]) {
    let profile = if cfg!(debug_assertions) { "development build" } else { "release build" };
    println!(
        "payments a second, {profile}; {CALLERS} callers into one batching writer, or {} connections; \
         {ROUNDS} rounds of {} ms; fsync=on, synchronous_commit=on",
        plain::CONNECTIONS,
        SPAN_US / 1_000,
    );
    println!("{:<28} {:>8} {:>8} {:>8}", "", "least", "median", "most");
    series.iter().for_each(Series::print);
    let [spread, hot, small_spread, small_hot, plain_spread, plain_hot, sales_spread, sales_hot] = series;
    let ratio = |name: &str, one: &Series, other: &Series, goal: f64| {
        println!("{name:<28} {:>8.2} (goal: {goal})", one.median() / other.median());
    };
    ratio("batched / plain, spread", spread, plain_spread, 5.0);
    ratio("batched / plain, hot", hot, plain_hot, 15.0);
    ratio("batched hot / spread", hot, spread, 1.0);
    ratio("sales hot / spread", sales_hot, sales_spread, 0.95);
    ratio("batches of 32 / plain, spread", small_spread, plain_spread, 5.0);
    ratio("batches of 32 / plain, hot", small_hot, plain_hot, 15.0);
}
