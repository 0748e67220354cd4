//! Whether replies of a recovery tell if there is an account: sizes and times for one that exists and for one
//! that does not, in turns, against a server in this process.
//!
//! `cargo run --release --example recovery_oracle [rounds]`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use prost::Message;
use saifu::client::connection::connect;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::env::{Stopwatch, SystemClock};
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::recovery_start_private::Locator;
use saifu::server::{SANDBOX_AUDIENCE, Server, Settings};

const KNOWN: &str = "alice@example.jp";
const UNKNOWN: &str = "nobody@example.jp";

/// What was measured of one kind of call: microseconds and reply sizes.
#[derive(Default)]
struct Measured {
    times_us: Vec<u64>,
    sizes: BTreeMap<usize, usize>,
}

impl Measured {
    fn add<T: Message>(&mut self, began: Stopwatch, answer: &Result<T, Refused>) {
        self.times_us.push(u64::try_from(began.elapsed_us()).unwrap_or(u64::MAX));
        let size = match answer {
            Ok(reply) => reply.encoded_len(),
            Err(refused) => refused.status.message().len() + refused.status.details().len(),
        };
        *self.sizes.entry(size).or_default() += 1;
    }

    fn at(&self, percent: usize) -> u64 {
        self.times_us[(self.times_us.len() - 1) * percent / 100]
    }
}

/// Of a thousand pairs, in how many the reply about the one that exists is the slower one; 500 when nothing
/// can be told.
fn slower(known: &Measured, unknown: &Measured) -> u64 {
    let mut wins = 0_u64;
    for time in &known.times_us {
        let below = unknown.times_us.partition_point(|other| other < time);
        let equal = unknown.times_us.partition_point(|other| other <= time) - below;
        wins += 2 * below as u64 + equal as u64;
    }
    wins * 500 / (known.times_us.len() as u64 * unknown.times_us.len() as u64)
}

fn print(what: &str, mut known: Measured, mut unknown: Measured) {
    known.times_us.sort_unstable();
    unknown.times_us.sort_unstable();
    println!("\n{what}, {} each", known.times_us.len());
    println!("  {:>8} {:>10} {:>10}", "µs", "exists", "does not");
    for percent in [1, 10, 25, 50, 75, 90, 99] {
        println!("  {:>7}% {:>10} {:>10}", percent, known.at(percent), unknown.at(percent));
    }
    println!("  reply sizes {:?} {:?}", known.sizes, unknown.sizes);
    println!(
        "  the reply about the one that exists is the slower one in {} of 1,000 pairs",
        slower(&known, &unknown)
    );
}

async fn case(phone: &Wallet, address: &str) -> Vec<u8> {
    let started = phone.start_recovery(Locator::Email(address.into()), true).await;
    started.expect("a case").case_id
}

#[tokio::main]
async fn main() {
    let rounds = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of rounds"));
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let mut settings = Settings::sandbox(dir.path().join("data"), SocketAddr::from(([127, 0, 0, 1], 0)));
    settings.limits = LimitTable::unlimited();
    settings.policy.recovery.attempts_case = i64::MAX;
    settings.policy.recovery.attempts_day = i64::MAX;
    let server = Server::start(settings).await.expect("the server starts");
    let ca = std::fs::read(server.ca_path()).expect("its certificate");
    let channel = connect(server.address(), &ca).await.expect("it listens");
    let wallet = || Wallet::new(channel.clone(), SANDBOX_AUDIENCE, Arc::new(SystemClock));
    wallet().enrol(KNOWN, "four wet umbrellas").await.expect("an account");
    let phone = wallet();

    let (mut known, mut unknown) = (Measured::default(), Measured::default());
    for round in 0..2 * rounds {
        let (address, measured) = if round % 2 == 0 { (KNOWN, &mut known) } else { (UNKNOWN, &mut unknown) };
        let began = Stopwatch::start();
        let answer = phone.start_recovery(Locator::Email(address.into()), false).await;
        measured.add(began, &answer);
    }
    print("Start", known, unknown);
    for (what, proof, share) in [
        ("Prove, a wrong code of an authenticator", RecoveryProof::Totp("000000".into()), 1),
        ("Prove, a wrong saved code", RecoveryProof::SavedCode("0123-4567-89AB-CDEF-0123-4567-89".into()), 1),
        ("Prove, a wrong passphrase", RecoveryProof::Passphrase("not the right one".into()), 10),
    ] {
        let cases = [case(&phone, KNOWN).await, case(&phone, UNKNOWN).await];
        let (mut known, mut unknown) = (Measured::default(), Measured::default());
        for round in 0..2 * rounds / share {
            let measured = if round % 2 == 0 { &mut known } else { &mut unknown };
            let body =
                pb::RecoveryProveRequest { case_id: cases[round % 2].clone(), factor: proof.factor().into() };
            let draft = phone.draft(method::RECOVERY_PROVE, &body).proof(&proof).as_candidate();
            let began = Stopwatch::start();
            let answer: Result<pb::RecoveryProveReply, _> = phone.send(draft).await;
            measured.add(began, &answer);
        }
        print(what, known, unknown);
    }
    server.stop().await;
}
