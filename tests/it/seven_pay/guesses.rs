//! Step 2. Codes are guessed: 10,000 of them from 5,000 addresses, with a restart and an emptied Redis
//! in the middle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use futures_util::stream;
use saifu::client::method;
use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::domain::policy::Policy;
use saifu::pb;
use tonic::Request;

use super::Told;
use super::cast::{Stage, call, origin};
use crate::support::recovery::DAY;
use crate::support::street::Street;

const ORIGINS: usize = 5_000;
const GUESSES_OF_AN_ORIGIN: usize = 2;
/// Connections at a time.
const AT_ONCE: usize = 24;

/// What became of the calls, by the reason of their refusal.
type Tally = BTreeMap<&'static str, usize>;

/// A case, and the phone whose key it is.
struct Case {
    phone: Wallet,
    case_id: Vec<u8>,
}

/// Whoever guesses.
struct Crowd {
    street: Street,
    locator: pb::recovery_start_private::Locator,
    /// Six digits that are right about now.
    near: Vec<String>,
    /// The cases that were begun: whoever may not begin one guesses in another's.
    cases: Mutex<Vec<Arc<Case>>>,
    tally: Mutex<Tally>,
}

pub async fn play(mut stage: Stage) -> (Stage, Told) {
    stage.world.pass(DAY);
    let mut tally = rush(&stage, 0).await;
    let compared = tally.get("UNAUTHENTICATED").copied().unwrap_or_default();
    stage = Box::pin(stage.restart()).await;
    for (reason, count) in rush(&stage, ORIGINS / 2).await {
        assert_ne!(reason, "UNAUTHENTICATED", "none is compared after the restart");
        *tally.entry(reason).or_default() += count;
    }
    let a_day = usize::try_from(Policy::standard().recovery.attempts_day).expect("a few");
    assert_eq!(compared, a_day, "{tally:?}");
    // Her own authenticator works on.
    stage.world.refresh(&stage.alice.owner.wallet).await;
    let wrong = wrong_ones(&stage.alice.owner.wallet).await;
    assert_eq!(wrong, compared, "she sees each that was compared, and no other");
    let guesses = ORIGINS * GUESSES_OF_AN_ORIGIN;
    assert_eq!(tally.values().sum::<usize>(), guesses, "{tally:?}");
    let refused = tally.iter().filter(|(reason, _)| **reason != "UNAUTHENTICATED");
    let refused: Vec<_> = refused.map(|(reason, count)| format!("{count} {reason}")).collect();
    let what = format!(
        "{guesses} codes from {ORIGINS} origins: {compared} compared, {}; none after Redis was emptied and \
         the server restarted; her own code works",
        refused.join(", ")
    );
    let lost_minor = stage.alice.lost_minor().await;
    (stage, Told::new(what, lost_minor))
}

/// How many wrong ones her list of events tells of.
async fn wrong_ones(wallet: &Wallet) -> usize {
    let (mut count, mut page_token) = (0, Vec::new());
    loop {
        let page = pb::ListEventsRequest { page_size: 100, page_token };
        let reply = wallet.list_events(page).await.expect("events");
        let wrong = pb::SecurityEventKind::RecoveryWrong;
        count += reply.events.iter().filter(|event| event.kind() == wrong).count();
        page_token = reply.next_page_token;
        if page_token.is_empty() {
            return count;
        }
    }
}

/// Half of the origins, each on a connection of its own that it closes.
async fn rush(stage: &Stage, first: usize) -> Tally {
    let wallet = &stage.alice.owner.wallet;
    let totp = wallet.totp.as_ref().expect("an authenticator");
    let steps = -3..=3;
    let crowd = Crowd {
        street: stage.street(),
        locator: stage.alice.owner.locator(),
        near: steps.map(|step| totp.code_at(wallet.now_us() + step * 30_000_000).to_string()).collect(),
        cases: Mutex::default(),
        tally: Mutex::default(),
    };
    let numbers = stream::iter(first..first + ORIGINS / 2);
    numbers.for_each_concurrent(AT_ONCE, |number| crowd.comes_from(number)).await;
    crowd.tally.into_inner().expect("nobody panicked")
}

impl Crowd {
    async fn comes_from(&self, number: usize) {
        let phone = self.street.phone_from(origin(1, number)).await;
        let channel = phone.channel.clone();
        if let Some(started) = self.begin(&phone).await {
            let case = Arc::new(Case { phone, case_id: started.case_id });
            self.cases.lock().expect("nobody panicked").push(case);
        }
        let case = {
            let cases = self.cases.lock().expect("nobody panicked");
            Arc::clone(&cases[number % cases.len()])
        };
        for guess in 0..GUESSES_OF_AN_ORIGIN {
            let code = self.guess(number * GUESSES_OF_AN_ORIGIN + guess);
            let reason = guessed(&channel, &case, code).await;
            *self.tally.lock().expect("nobody panicked").entry(reason).or_default() += 1;
        }
    }

    /// Without a stamp, whoever asks for one: the work would be his loss.
    async fn begin(&self, phone: &Wallet) -> Option<pb::RecoveryStartReply> {
        let locator = Some(self.locator.clone());
        let private = pb::RecoveryStartPrivate { locator, device_model: "Pixel 9".to_owned() };
        let request = pb::RecoveryStartRequest { with_proofing: false };
        let draft = phone.draft(method::RECOVERY_START, &request).private(&private).as_candidate();
        let sent = phone.send_sealed(method::RECOVERY_START, draft.seal(&phone.signer)).await;
        sent.ok()
    }

    /// Another each time, and never the right one: that would be luck, not a hole.
    fn guess(&self, number: usize) -> String {
        let candidates = (0..).map(|more| format!("{:06}", (number * 97 + more) % 1_000_000));
        let mut wrong = candidates.filter(|code| !self.near.contains(code));
        wrong.next().expect("more numbers than codes")
    }
}

async fn guessed(channel: &tonic::transport::Channel, case: &Case, code: String) -> &'static str {
    let body =
        pb::RecoveryProveRequest { case_id: case.case_id.clone(), factor: pb::RecoveryFactor::Totp.into() };
    let draft = case.phone.draft(method::RECOVERY_PROVE, &body).proof(&RecoveryProof::Totp(code));
    let envelope = draft.as_candidate().seal(&case.phone.signer);
    let reply: Result<pb::RecoveryProveReply, _> =
        call(channel, method::RECOVERY_PROVE, Request::new(envelope)).await;
    let refused = saifu::client::refused::Refused::from(reply.expect_err("a wrong code"));
    refused.reason().unwrap_or_else(|| panic!("no reason: {refused}")).as_str_name()
}
