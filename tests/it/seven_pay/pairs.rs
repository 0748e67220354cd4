//! Step 7. Pairs of mail address and password from elsewhere, one try each: 2,000 over the wire, or as many
//! as `SAIFU_SEVEN_PAY_PAIRS` says, 100,000 for the whole of it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};
use saifu::client::refused::Refused;
use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::env::clock::Clock;
use saifu::pb;
use saifu::pb::recovery_start_private::Locator;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::store::sqlite::DATABASE_FILE;
use tonic::transport::Channel;

use super::Told;
use super::cast::{Stage, origin};
use crate::support::recovery::{DAY, begin, passphrase};

/// Sent unless the environment says otherwise.
const PAIRS: usize = 2_000;
/// He has so many addresses for it; the limits of each are the documented ones.
const ORIGINS: usize = 4;

/// What became of the pairs.
#[derive(Default)]
struct Tally {
    /// Cases that were begun.
    begun: i64,
    /// Pairs that were compared.
    compared: usize,
    throttled: usize,
    /// What was told of wrong pairs whose address is somebody's, and of those whose address is nobody's.
    known: BTreeSet<String>,
    unknown: BTreeSet<String>,
}

pub async fn play(stage: &mut Stage) -> Told {
    stage.world.pass(DAY);
    let data = stage.world.dir.path().join("data");
    let before = Rows::of(&data);
    let asked_for = std::env::var_os("SAIFU_SEVEN_PAY_PAIRS").and_then(|text| text.into_string().ok());
    let pairs = asked_for.map_or(PAIRS, |text| text.parse().expect("a number"));
    let tally = stuff(stage, pairs).await;
    let after = Rows::of(&data);
    assert_eq!(tally.known, tally.unknown, "no oracle");
    assert_eq!(after.cases - before.cases, tally.begun, "rows are what was admitted");
    assert_eq!(after.others, before.others, "and nothing else");
    let asked = usize::try_from(tally.begun).expect("few") + tally.throttled;
    assert!(asked >= pairs && tally.compared <= ORIGINS * 30, "60 calls of an origin are 30 pairs");
    right_pair(stage).await;
    let what = format!(
        "{pairs} of the 100,000 pairs sent, from {ORIGINS} origins: {} compared, {} throttled; an address \
         that is nobody's gets the same answer; a right pair is one factor",
        tally.compared, tally.throttled
    );
    let lost_minor = stage.alice.lost_minor().await;
    Told::new(what, lost_minor)
}

/// One try of each pair; the first two addresses are the victims'.
async fn stuff(stage: &Stage, pairs: usize) -> Tally {
    let street = stage.street();
    let mut channels = Vec::new();
    for number in 0..ORIGINS {
        channels.push(street.channel_from(origin(2, number)).await);
    }
    let mut tally = Tally::default();
    for number in 0..pairs {
        let phone = key_on(stage, &channels[number % ORIGINS]);
        let victims = [&stage.alice.owner.email, &stage.bob.owner.email];
        let known = victims.get(number).map(|email| (*email).clone());
        let email = known.clone().unwrap_or_else(|| format!("customer-{number}@example.jp"));
        let answer = tally.try_pair(&phone, email, format!("password {number} from elsewhere")).await;
        let Some(answer) = answer else { continue };
        if known.is_some() {
            tally.known.insert(answer)
        } else {
            tally.unknown.insert(answer)
        };
    }
    tally
}

/// A key of its own for each pair: those cost nothing.
fn key_on(stage: &Stage, channel: &Channel) -> Wallet {
    Wallet::new(channel.clone(), SANDBOX_AUDIENCE, Arc::clone(&stage.world.clock) as Arc<dyn Clock>)
}

impl Tally {
    /// All that was told, if anything was but to come later.
    async fn try_pair(&mut self, phone: &Wallet, email: String, password: String) -> Option<String> {
        let started = phone.start_recovery(Locator::Email(email), false).await;
        let started = self.unless_throttled(started)?.expect("a case");
        self.begun += 1;
        let told = format!("{} {:?}", started.case_id.len(), started.expires_at);
        let proved = phone.prove(started.case_id, &RecoveryProof::Passphrase(password)).await;
        let refused = self.unless_throttled(proved)?.expect_err("a wrong password").status;
        self.compared += 1;
        Some(format!("{told}: {:?} {} {:?}", refused.code(), refused.message(), refused.details()))
    }

    fn unless_throttled<T>(&mut self, answer: Result<T, Refused>) -> Option<Result<T, Refused>> {
        let is_throttled =
            answer.as_ref().is_err_and(|refused| refused.reason() == Some(pb::Reason::Throttled));
        self.throttled += usize::from(is_throttled);
        (!is_throttled).then_some(answer)
    }
}

/// Her own password, tried once: it is right, and it is one factor of two.
async fn right_pair(stage: &mut Stage) {
    let thief = stage.thief().await;
    let case_id = begin(&thief, &stage.alice.owner).await;
    let reply = thief.prove(case_id, &passphrase()).await.expect("a right pair");
    assert_eq!(reply.state(), pb::RecoveryState::Proving);
    stage.alice.pays(&stage.world, 100).await;
}

/// How many rows there are.
struct Rows {
    cases: i64,
    /// What an attempt to get in has no business to touch.
    others: Vec<(&'static str, i64)>,
}

impl Rows {
    fn of(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(data.join(DATABASE_FILE), flags).expect("the database");
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, (), |row| row.get::<_, i64>(0)).expect("a table")
        };
        let others =
            ["account", "device", "signing_key", "factors", "document", "contact", "payment", "top_up"];
        Self { cases: count("recovery_case"), others: others.map(|table| (table, count(table))).into() }
    }
}
