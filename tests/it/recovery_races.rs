//! Recoveries at the same moment as what ends them: in every order, one thing comes of it.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::domain::recovery::figures::Figures;
use saifu::domain::time::SECOND_US;
use saifu::env::clock::Clock;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::server::{SANDBOX_AUDIENCE, Settings};
use saifu::verify;
use tokio::task::yield_now;
use tonic::transport::Channel;

use crate::support::recovery::{Owner, begin, passphrase, reaches, state};
use crate::support::{PASSPHRASE, World, reason};

const NEW_PASSPHRASE: &str = "seven dry umbrellas";
/// Rounds of cancelling against completing.
const ROUNDS: usize = 1_000;
/// As many accounts wait for their delay together.
const TOGETHER: usize = 125;
/// As many are at work at once: passphrases are hashed a few at a time.
const AT_ONCE: usize = 8;

/// Nothing has to be old, and nothing waits for more than a second: the races are about commits.
fn quick(settings: &mut Settings) {
    settings.limits = LimitTable::unlimited();
    settings.policy.recovery = Figures {
        authenticator_age_us: 0,
        factor_age_us: 0,
        delay_two_us: SECOND_US,
        delay_contact_us: 0,
        delay_doubt_us: 0,
        ..Figures::standard()
    };
}

/// One connection for all phones: an origin has a hundred at most.
struct Line<'a> {
    world: &'a World,
    channel: Channel,
}

impl<'a> Line<'a> {
    async fn to(world: &'a World) -> Self {
        Self { world, channel: world.phone().await.channel }
    }

    fn phone(&self) -> Wallet {
        let clock = Arc::clone(&self.world.clock) as Arc<dyn Clock>;
        Wallet::new(self.channel.clone(), SANDBOX_AUDIENCE, clock)
    }
}

async fn owner(line: &Line<'_>, name: &str) -> Owner {
    let mut wallet = line.phone();
    let email = format!("{name}@example.jp");
    let saved_code = wallet.enrol(&email, PASSPHRASE).await.expect("enrolment").to_string();
    Owner { wallet, saved_code, email }
}

/// A candidate and his case.
struct Candidate {
    owner: Owner,
    phone: Wallet,
    case_id: Vec<u8>,
}

/// An account, and a candidate who proved enough.
async fn proven(line: &Line<'_>, name: String) -> Candidate {
    let owner = owner(line, &name).await;
    let phone = line.phone();
    let case_id = begin(&phone, &owner).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("the saved code");
    phone.prove(case_id.clone(), &passphrase()).await.expect("the passphrase");
    Candidate { owner, phone, case_id }
}

/// Candidates whose cases may be completed now.
async fn ready(world: &World, names: Vec<String>) -> Vec<Candidate> {
    let line = Line::to(world).await;
    let proven = stream::iter(names).map(|name| proven(&line, name)).buffer_unordered(AT_ONCE);
    let candidates: Vec<_> = proven.collect().await;
    for candidate in &candidates {
        reaches(&candidate.phone, &candidate.case_id, pb::RecoveryState::Cooling).await;
    }
    world.pass(1);
    for Candidate { owner, phone, case_id } in &candidates {
        reaches(phone, case_id, pb::RecoveryState::Ready).await;
        phone.prove(case_id.clone(), &owner.saved()).await.expect("again");
    }
    candidates
}

fn names(chunk: usize, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("owner{chunk}-{number}")).collect()
}

async fn verified(world: World) {
    world.server.stop().await;
    let mut settings = Settings::sandbox(world.dir.path().join("data"), ([127, 0, 0, 1], 0).into());
    quick(&mut settings);
    let report = verify::verify_by(&world.dir.path().join("data"), settings.policy).await.expect("a report");
    assert!(report.holds(), "{:?}", report.problems);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_cancelling_and_completing_one_wins_a_thousand_times() {
    let world = World::start_with(quick).await;
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for chunk in 0..ROUNDS / TOGETHER {
        let candidates = ready(&world, names(chunk, TOGETHER)).await;
        let races =
            candidates.into_iter().enumerate().map(|(number, candidate)| one_of_two(candidate, number));
        for won in stream::iter(races).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            *seen.entry(won).or_default() += 1;
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.values().sum::<usize>(), ROUNDS);
    verified(world).await;
}

/// Who won; and that the other one's word is worth nothing afterwards.
async fn one_of_two(candidate: Candidate, number: usize) -> &'static str {
    let Candidate { owner, mut phone, case_id } = candidate;
    let cancel = owner.wallet.cancel_recovery(case_id.clone());
    let complete = phone.complete_recovery(case_id.clone(), NEW_PASSPHRASE);
    let (cancelled, completed) = if number.is_multiple_of(2) {
        tokio::join!(cancel, complete)
    } else {
        let (completed, cancelled) = tokio::join!(complete, cancel);
        (cancelled, completed)
    };
    match (cancelled, completed) {
        (Ok(reply), Err(_)) => {
            assert_eq!(reply.state(), pb::RecoveryState::Cancelled);
            assert_eq!(state(&phone, &case_id).await, pb::RecoveryState::Cancelled);
            owner.wallet.get_balance().await.expect("the owner's phone goes on");
            phone.complete_recovery(case_id, NEW_PASSPHRASE).await.expect_err("never");
            "cancelled"
        }
        (Err(refused), Ok(_)) => {
            let told = refused.reason().expect("a reason");
            let late = matches!(told, pb::Reason::RecoveryOver | pb::Reason::Unauthenticated);
            assert!(late, "{told:?}");
            assert_eq!(reason(owner.wallet.get_balance().await), pb::Reason::Unauthenticated);
            phone.list_devices().await.expect("the new phone is a device");
            "completed"
        }
        (cancelled, completed) => panic!("{cancelled:?} and {completed:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_is_completed_once_however_often_it_is_asked_for() {
    let world = World::start_with(quick).await;
    let candidates = ready(&world, names(0, 100)).await;
    let calls =
        candidates.iter().enumerate().map(|(number, candidate)| twice(candidate, number.is_multiple_of(2)));
    stream::iter(calls).buffer_unordered(AT_ONCE / 2).collect::<()>().await;
    verified(world).await;
}

/// The same call twice has one effect and one answer; two calls have one effect, and one is refused.
async fn twice(candidate: &Candidate, same: bool) {
    let Candidate { phone, case_id, .. } = candidate;
    let ids = [[7; 16], if same { [7; 16] } else { [8; 16] }];
    let answers = join_all(ids.map(|id| send_complete(phone, case_id, id))).await;
    let done: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(done.len(), if same { 2 } else { 1 }, "{answers:?}");
    assert!(done.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_prove_enough_at_once_neither_gets_on() {
    let world = World::start_with(quick).await;
    let line = Line::to(&world).await;
    for number in 0..100 {
        let owner = owner(&line, &format!("owner{number}")).await;
        both(&line, &owner).await;
    }
    drop(line);
    verified(world).await;
}

async fn both(line: &Line<'_>, owner: &Owner) {
    let (one, two) = (line.phone(), line.phone());
    let (first, second) = (begin(&one, owner).await, begin(&two, owner).await);
    one.prove(first.clone(), &owner.saved()).await.expect("the saved code");
    let code = line.world.next_code(&owner.wallet);
    let totp = saifu::client::signer::RecoveryProof::Totp(code);
    two.prove(second.clone(), &totp).await.expect("the authenticator");
    let passphrase = passphrase();
    let (left, right) =
        tokio::join!(one.prove(first.clone(), &passphrase), two.prove(second.clone(), &passphrase));
    left.expect("right");
    right.expect("right");
    for (phone, case_id) in [(&one, &first), (&two, &second)] {
        assert_eq!(state(phone, case_id).await, pb::RecoveryState::Contested);
        send_complete(phone, case_id, [9; 16]).await.expect_err("nobody from afar");
    }
}

#[tokio::test]
async fn a_completion_hung_up_on_at_any_await_is_done_as_a_whole_or_not_at_all() {
    let world = World::start_with(quick).await;
    let (mut done, mut undone, mut turns) = (0, 0, 0_u64);
    // Until a call is answered before it is hung up on.
    for Candidate { owner, phone, case_id } in ready(&world, names(0, 150)).await {
        let answered = tokio::select! {
            biased;
            answer = send_complete(&phone, &case_id, [7; 16]) => {
                answer.expect("nothing is against it");
                true
            }
            () = async {
                for _ in 0..turns {
                    yield_now().await;
                }
            } => false,
        };
        // The owner's phone is a device, or the new one is: never both, never neither.
        let again = send_complete(&phone, &case_id, [7; 16]);
        if owner.wallet.get_balance().await.is_ok() {
            undone += 1;
        } else {
            done += 1;
        }
        let reply = again.await.expect("the same request id tells");
        assert_eq!(reply.epoch, 2);
        assert_eq!(reason(owner.wallet.get_balance().await), pb::Reason::Unauthenticated);
        if answered {
            break;
        }
        turns += 1 + turns / 10;
    }
    println!("{turns} turns; done before the second call {done}, not done {undone}");
    assert!(done > 0 && undone > 0);
    verified(world).await;
}

async fn send_complete(
    phone: &Wallet,
    case_id: &[u8],
    request_id: [u8; 16],
) -> Result<pb::RecoveryCompleteReply, Refused> {
    let private = pb::RecoveryCompletePrivate {
        passphrase: NEW_PASSPHRASE.to_owned(),
        device_label: "saifu client".to_owned(),
    };
    let body = pb::RecoveryCompleteRequest { case_id: case_id.to_vec() };
    let draft = phone.draft(method::RECOVERY_COMPLETE, &body).request_id(request_id);
    phone.send(draft.private(&private).as_candidate()).await
}
