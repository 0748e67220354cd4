//! `kill -9` under load: what was acknowledged is there, what was not is done or not done, and the
//! same request id tells which.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::env::clock::Clock;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::verify::verify;
use tonic::transport::Channel;

use crate::support::ahead::Ahead;
use crate::support::child::Served;
use crate::support::{PASSPHRASE, available, bakery};

const ROUNDS: u64 = 200;
const WALLETS: usize = 6;
const FUNDS_MINOR: i64 = 5_000;

/// A payment that was sent, and its answer if one came.
struct Sent {
    wallet: usize,
    request_id: [u8; 16],
    answer: Option<pb::PayReply>,
}

/// Wallets whose clock follows the sandbox's.
struct Crowd {
    clock: Arc<Ahead>,
    wallets: Vec<Wallet>,
    request: pb::PayRequest,
}

impl Crowd {
    async fn enrol(served: &Served) -> Self {
        let clock = Arc::new(Ahead::default());
        let channel = served.connect().await;
        let mut wallets = Vec::new();
        for number in 0..WALLETS {
            let now = Arc::clone(&clock) as Arc<dyn Clock>;
            let mut wallet = Wallet::new(channel.clone(), SANDBOX_AUDIENCE, now);
            wallet.enrol(&format!("w{number}@example.jp"), PASSPHRASE).await.expect("enrolment");
            let funding_id = wallet.link_funding("sandbox-visa", "card").await.expect("link").funding_id;
            let request = pb::TopUpRequest { funding_id, amount_minor: FUNDS_MINOR, currency: "JPY".into() };
            wallet.top_up(request, None, None).await.expect("top-up");
            wallets.push(wallet);
        }
        let request = bakery(&wallets[0], 1).await;
        Self { clock, wallets, request }
    }

    fn use_channel(&mut self, channel: &Channel) {
        for wallet in &mut self.wallets {
            wallet.channel = channel.clone();
        }
    }

    /// The next TOTP step, and a code from every wallet.
    async fn refresh(&self) {
        self.wallets[0].advance_clock(31).await.expect("the clock moves");
        self.clock.0.fetch_add(31_000_000, Ordering::SeqCst);
        join_all(self.wallets.iter().map(|wallet| async move {
            let code = wallet.code().expect("an authenticator");
            wallet.verify_second_factor(&code).await.expect("the code is right");
        }))
        .await;
    }

    async fn pay(&self, sent: &Sent) -> Result<pb::PayReply, Refused> {
        self.wallets[sent.wallet].pay(self.request.clone(), None, Some(sent.request_id)).await
    }
}

// Its own thread answers the server's GOAWAY while this one waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_nothing_that_was_acknowledged() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let mut served = Served::start(dir.path());
    let mut crowd = Crowd::enrol(&served).await;
    let (mut payments, mut acknowledged, mut unanswered) = (vec![0_i64; WALLETS], 0, 0);
    for round in 0..ROUNDS {
        crowd.refresh().await;
        let mut sent: Vec<_> = (0..WALLETS * 4)
            .map(|number| {
                let mut request_id = [0; 16];
                request_id[..8].copy_from_slice(&round.to_be_bytes());
                request_id[15] = u8::try_from(number).expect("few");
                Sent { wallet: number % WALLETS, request_id, answer: None }
            })
            .collect();
        // A different moment every round, from before the first commit to after the last.
        let moment = Duration::from_micros(round * 7_919 % 12_000);
        let answers = {
            let mut calls = Box::pin(join_all(sent.iter().map(|sent| crowd.pay(sent))));
            let in_time = tokio::time::timeout(moment, &mut calls).await;
            served.kill();
            match in_time {
                Ok(answers) => answers,
                Err(_) => calls.await,
            }
        };
        for (sent, answer) in sent.iter_mut().zip(answers) {
            sent.answer = answer.ok();
        }
        served = Served::start(dir.path());
        crowd.use_channel(&served.connect().await);
        for sent in &sent {
            let again = crowd.pay(sent).await.expect("the same request id is answered");
            match &sent.answer {
                Some(answer) => {
                    acknowledged += 1;
                    assert_eq!(*answer, again, "round {round}: an acknowledged payment was lost");
                }
                None => unanswered += 1,
            }
            payments[sent.wallet] += 1;
        }
    }
    for (wallet, payments) in crowd.wallets.iter().zip(payments) {
        assert_eq!(available(wallet).await, FUNDS_MINOR - payments);
    }
    assert!(acknowledged > 100 && unanswered > 100, "both happened: {acknowledged}, {unanswered}");
    assert!(served.terminate(), "SIGTERM ends it with status 0");
    let report = verify(dir.path()).await.expect("readable");
    assert_eq!(report.problems, []);
    assert_eq!(report.payments, ROUNDS * (WALLETS as u64) * 4);
    println!("{acknowledged} acknowledged, {unanswered} unanswered, none lost, none doubled");
}
