//! `kill -9` between every two steps of a top-up, as its provider sees them: whatever was lost, it is
//! credited or failed once, and charged at most once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use saifu::client::wallet::Wallet;
use saifu::domain::id::hex;
use saifu::env::clock::Clock;
use saifu::pb::{self, TopUpState};
use saifu::server::SANDBOX_AUDIENCE;
use saifu::verify::verify;
use tempfile::TempDir;
use tokio::time::interval;

use crate::support::ahead::Ahead;
use crate::support::child::{Served, saifu};
use crate::support::stripe::{KEY, Moment, StripeServer};
use crate::support::{PASSPHRASE, available};

const AMOUNT: i64 = 700;
const DAY_S: u32 = 25 * 3_600;

fn configure(dir: &Path, stripe: &StripeServer) {
    let key = dir.join("key");
    fs::write(&key, KEY).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
    let config = format!(
        "mode = \"sandbox\"\n[server]\nlisten = \"127.0.0.1:0\"\noperators_listen = \"127.0.0.1:0\"\n\
         [funding]\nprovider = \"stripe\"\n[funding.stripe]\nsecret_key_file = \"key\"\n\
         base_url = \"http://{}\"\n",
        stripe.proxy
    );
    fs::write(dir.join("saifu.toml"), config).expect("written");
}

fn serve(dir: &Path) -> Served {
    let mut command = saifu();
    command.args(["serve", "--config"]).arg(dir.join("saifu.toml"));
    Served::spawn(command)
}

/// The next day, with a code: the limits of the day before are free again.
async fn next_day(wallet: &Wallet, clock: &Ahead) {
    wallet.advance_clock(DAY_S).await.expect("the clock moves");
    clock.0.fetch_add(i64::from(DAY_S) * 1_000_000, Ordering::SeqCst);
    let code = wallet.code().expect("an authenticator");
    wallet.verify_second_factor(&code).await.expect("the code is right");
}

/// Where it is once it has its end. A claim of before the kill is this process's again.
async fn end_of(wallet: &Wallet, id: &[u8]) -> TopUpState {
    let mut ticks = interval(Duration::from_millis(50));
    for _ in 0..400 {
        ticks.tick().await;
        let told = wallet.get_top_up(id.to_vec()).await.expect("its own").top_up.expect("a status");
        if !matches!(told.state(), TopUpState::Requested | TopUpState::Unknown) {
            return told.state();
        }
    }
    panic!("a top-up did not come to its end");
}

// Its own thread answers the server while this one waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_steps_charges_at_most_once_and_credits_what_was_charged() {
    let stripe = StripeServer::start().await;
    let dir = TempDir::new().expect("a temporary directory");
    configure(dir.path(), &stripe);
    let mut served = serve(dir.path());
    let clock = Arc::new(Ahead::default());
    let now = Arc::clone(&clock) as Arc<dyn Clock>;
    let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, now);
    wallet.enrol("alice@example.jp", PASSPHRASE).await.expect("enrolment");
    let token = stripe.card("4242424242424242").await;
    let funding_id = wallet.link_funding(&token, "card").await.expect("link").funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: AMOUNT, currency: "JPY".into() };

    // Creating is the first post, confirming the second; what is stored after an answer, a moment later.
    let mut kills: Vec<(usize, Moment, u64)> = Vec::new();
    for posts in [0, 1] {
        kills.extend([(posts, Moment::Before, 0), (posts, Moment::Done, 0)]);
        kills.extend([0, 300, 1_000, 3_000].map(|later_us| (posts, Moment::Answered, later_us)));
    }
    let mut credited = 0;
    for (round, (posts, moment, later_us)) in kills.into_iter().enumerate() {
        let what = format!("post {posts}, {moment:?}, {later_us} µs later");
        next_day(&wallet, &clock).await;
        let request_id = [u8::try_from(round).expect("few") + 1; 16];
        let told = stripe.stop_at(posts, moment);
        let asked = wallet.top_up(request.clone(), None, Some(request_id));
        tokio::select! {
            biased;
            told = told => told.expect("the proxy is there"),
            _ = asked => panic!("{what}: it was not stopped"),
        }
        if later_us > 0 {
            let mut ticks = interval(Duration::from_micros(later_us));
            ticks.tick().await;
            ticks.tick().await;
        }
        served.kill();
        served = serve(dir.path());
        wallet.channel = served.connect().await;
        let again = wallet.top_up(request.clone(), None, Some(request_id)).await.expect("it is answered");
        let id = again.top_up.expect("a status").top_up_id;
        // A card that is good is charged: a crash is no reason to fail.
        assert_eq!(end_of(&wallet, &id).await, TopUpState::Succeeded, "{what}");
        credited += AMOUNT;
        assert_eq!(available(&wallet).await, credited, "{what}");
        assert_eq!(stripe.charged().await.get(&hex(&id)), Some(&1), "{what}");
    }
    assert!(served.terminate(), "SIGTERM ends it with status 0");
    let report = verify(&dir.path().join("saifu-data")).await.expect("readable");
    assert_eq!((report.problems, report.sum_minor), (vec![], 0));
}
