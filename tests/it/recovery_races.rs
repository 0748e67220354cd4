//! Recoveries at the same moment as what ends them: in every order, one thing comes of it.

use std::collections::HashMap;

use futures_util::future::join_all;
use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::domain::recovery::figures::Figures;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::server::Settings;
use saifu::verify;
use tokio::task::yield_now;

use crate::support::recovery::{Owner, begin, passphrase, reaches, state};
use crate::support::{PASSPHRASE, World, reason};

const NEW_PASSPHRASE: &str = "seven dry umbrellas";
/// Rounds of cancelling against completing.
const ROUNDS: usize = 1_000;
/// As many accounts at a time.
const AT_ONCE: usize = 50;

/// Nothing has to be old, and nothing has to wait: the races are about commits.
fn quick(settings: &mut Settings) {
    settings.limits = LimitTable::unlimited();
    settings.policy.recovery = Figures {
        authenticator_age_us: 0,
        factor_age_us: 0,
        delay_two_us: 0,
        delay_contact_us: 0,
        delay_doubt_us: 0,
        ..Figures::standard()
    };
}

async fn owner(world: &World, name: &str) -> Owner {
    let mut wallet = world.phone().await;
    let email = format!("{name}@example.jp");
    let saved_code = wallet.enrol(&email, PASSPHRASE).await.expect("enrolment").to_string();
    Owner { wallet, saved_code, email }
}

/// A candidate whose case may be completed now.
async fn ready(world: &World, owner: &Owner) -> (Wallet, Vec<u8>) {
    let phone = world.phone().await;
    let case_id = begin(&phone, owner).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("the saved code");
    phone.prove(case_id.clone(), &passphrase()).await.expect("the passphrase");
    reaches(&phone, &case_id, pb::RecoveryState::Ready).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("again");
    (phone, case_id)
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
    for chunk in 0..ROUNDS / AT_ONCE {
        let rounds = (0..AT_ONCE).map(|number| {
            let world = &world;
            async move {
                let name = format!("owner{chunk}-{number}");
                let owner = owner(world, &name).await;
                let (mut phone, case_id) = ready(world, &owner).await;
                one_of_two(&owner, &mut phone, case_id, number % 2 == 0).await
            }
        });
        for won in join_all(rounds).await {
            *seen.entry(won).or_default() += 1;
        }
    }
    println!("{seen:?}");
    assert_eq!(seen.values().sum::<usize>(), ROUNDS);
    verified(world).await;
}

/// Who won; and that the other one's word is worth nothing afterwards.
async fn one_of_two(owner: &Owner, phone: &mut Wallet, case_id: Vec<u8>, first: bool) -> &'static str {
    let cancel = owner.wallet.cancel_recovery(case_id.clone());
    let complete = phone.complete_recovery(case_id.clone(), NEW_PASSPHRASE);
    let (cancelled, completed) = if first {
        tokio::join!(cancel, complete)
    } else {
        let (completed, cancelled) = tokio::join!(complete, cancel);
        (cancelled, completed)
    };
    match (cancelled, completed) {
        (Ok(reply), Err(_)) => {
            assert_eq!(reply.state(), pb::RecoveryState::Cancelled);
            assert_eq!(state(phone, &case_id).await, pb::RecoveryState::Cancelled);
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
    for chunk in 0..4 {
        let rounds = (0..25).map(|number| {
            let world = &world;
            async move {
                let owner = owner(world, &format!("owner{chunk}-{number}")).await;
                let (phone, case_id) = ready(world, &owner).await;
                twice(&phone, &case_id, number % 2 == 0).await;
            }
        });
        join_all(rounds).await;
    }
    verified(world).await;
}

/// The same call twice has one effect and one answer; two calls have one effect, and one is refused.
async fn twice(phone: &Wallet, case_id: &[u8], same: bool) {
    let ids = [[7; 16], if same { [7; 16] } else { [8; 16] }];
    let answers = join_all(ids.map(|id| send_complete(phone, case_id, id))).await;
    let done: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(done.len(), if same { 2 } else { 1 }, "{answers:?}");
    assert!(done.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_prove_enough_at_once_neither_gets_on() {
    let world = World::start_with(quick).await;
    for chunk in 0..4 {
        let rounds = (0..25).map(|number| {
            let world = &world;
            async move {
                let owner = owner(world, &format!("owner{chunk}-{number}")).await;
                both(world, &owner).await;
            }
        });
        join_all(rounds).await;
    }
    verified(world).await;
}

async fn both(world: &World, owner: &Owner) {
    let (one, two) = (world.phone().await, world.phone().await);
    let (first, second) = (begin(&one, owner).await, begin(&two, owner).await);
    one.prove(first.clone(), &owner.saved()).await.expect("the saved code");
    let code = world.next_code(&owner.wallet);
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
    // Until a call is answered before it is hung up on, with a few more to see that it stays so.
    for round in 0..400 {
        let owner = owner(&world, &format!("owner{round}")).await;
        let (phone, case_id) = ready(&world, &owner).await;
        let answered = tokio::select! {
            biased;
            answer = send_complete(&phone, &case_id, [7; 16]) => { answer.expect("nothing is against it"); true }
            () = async { for _ in 0..turns { yield_now().await; } } => false,
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
        turns += 1 + turns / 8;
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
