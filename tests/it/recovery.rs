//! Account recovery over the wire: the way through, and what is not one.

use saifu::client::method;
use saifu::client::signer::RecoveryProof;
use saifu::pb;
use saifu::pb::recovery_start_private::Locator;

use crate::support::recovery::{DAY, HOUR, MINUTE, begin, cool, passphrase, reaches, state, wait_out};
use crate::support::{World, available, bakery, code_in, reason, texts};

const NEW_PASSPHRASE: &str = "seven dry umbrellas";

#[tokio::test]
async fn an_owner_without_his_phone_gets_his_wallet_back() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 5_000).await;
    let mut phone = world.phone().await;
    let case_id = cool(&phone, &owner).await;
    // Meanwhile the old phone pays a little, and brings nothing in.
    world.refresh(&owner.wallet).await;
    let request = bakery(&owner.wallet, 3_001).await;
    assert_eq!(reason(owner.wallet.pay(request.clone(), None, None).await), pb::Reason::LimitPerDay);
    let request = pb::PayRequest { amount_minor: 1_000, ..request };
    owner.wallet.pay(request.clone(), None, None).await.expect("within the restriction");
    let link = owner.wallet.link_funding("sandbox-visa", "another").await;
    assert_eq!(reason(link), pb::Reason::AccountRestricted);
    wait_out(&world, &phone, &case_id).await;

    let early = phone.complete_recovery(case_id.clone(), NEW_PASSPHRASE).await;
    assert!(format!("{early:?}").contains("RECOVERY_PROVE_AGAIN"), "{early:?}");
    phone.prove(case_id.clone(), &passphrase()).await.expect("proved again");
    let reply = phone.complete_recovery(case_id.clone(), NEW_PASSPHRASE).await.expect("completed");
    assert_eq!(reply.epoch, 2);

    // The new authenticator is confirmed before anything else.
    assert_eq!(reason(phone.pay(request.clone(), None, None).await), pb::Reason::RenewalDue);
    let code = world.next_code(&phone);
    phone.activate(&code).await.expect("activated");
    assert_eq!(available(&phone).await, 4_000);
    phone.pay(request, None, None).await.expect("paid");
    // The old phone is nobody, and the new one is no candidate any more.
    assert_eq!(reason(owner.wallet.get_balance().await), pb::Reason::Unauthenticated);
    let status = phone.recovery_status(case_id).await;
    assert_eq!(reason(status), pb::Reason::PermissionDenied);
}

#[tokio::test]
async fn what_comes_after_a_recovery_grows_slowly() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 9_000).await;
    let mut phone = world.phone().await;
    let case_id = cool(&phone, &owner).await;
    wait_out(&world, &phone, &case_id).await;
    phone.prove(case_id.clone(), &passphrase()).await.expect("proved again");
    phone.complete_recovery(case_id, NEW_PASSPHRASE).await.expect("completed");
    let code = world.next_code(&phone);
    phone.activate(&code).await.expect("activated");
    // What was linked before is to be linked again.
    let cards = phone.list_funding().await.expect("a list").sources;
    assert!(cards.iter().all(|card| card.suspended), "{cards:?}");
    let request = |funding_id| pb::TopUpRequest { funding_id, amount_minor: 1_000, currency: "JPY".into() };
    let suspended = phone.top_up(request(cards[0].funding_id.clone()), None, None).await;
    assert_eq!(reason(suspended), pb::Reason::FundingNotLinked);
    let linked = phone.link_funding("sandbox-visa", "again").await.expect("linked").funding_id;
    let early = phone.top_up(request(linked.clone()), None, None).await;
    assert_eq!(reason(early), pb::Reason::LimitTopUps);
    let pay = bakery(&phone, 3_001).await;
    assert_eq!(reason(phone.pay(pay.clone(), None, None).await), pb::Reason::LimitPerDay);
    phone.pay(pb::PayRequest { amount_minor: 3_000, ..pay }, None, None).await.expect("¥3,000 in a day");
    world.pass(2 * DAY);
    world.refresh(&phone).await;
    phone.top_up(request(linked), None, None).await.expect("a day later");
    // Contacts stay for a week.
    let code = world.next_code(&phone);
    let contact = pb::add_contact_private::Contact::Email("other@example.jp".into());
    assert_eq!(reason(phone.add_contact(contact, &code).await), pb::Reason::RecoveredLately);
}

#[tokio::test]
async fn a_device_cancels_and_what_was_proved_is_of_no_use() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let mut thief = world.phone().await;
    let case_id = cool(&thief, &owner).await;
    let reply = owner.wallet.cancel_recovery(case_id.clone()).await.expect("cancelled");
    assert_eq!(reply.state(), pb::RecoveryState::Cancelled);
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cancelled);
    world.pass(2 * DAY);
    let late = thief.complete_recovery(case_id, NEW_PASSPHRASE).await;
    assert!(format!("{late:?}").contains("RECOVERY_OVER"), "{late:?}");
    let again = begin(&thief, &owner).await;
    for proof in [owner.saved(), passphrase()] {
        let wrong = thief.prove(again.clone(), &proof).await;
        assert_eq!(reason(wrong), pb::Reason::Unauthenticated);
    }
    // The account is as it was.
    world.refresh(&owner.wallet).await;
    owner.wallet.link_funding("sandbox-visa", "card").await.expect("no restriction");
}

#[tokio::test]
async fn a_notices_secret_cancels_in_two_calls_of_one_key() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let (thief, friend, other) = (world.phone().await, world.phone().await, world.phone().await);
    let case_id = cool(&thief, &owner).await;
    let notice = texts(&friend, &owner.email, 2).await.remove(0);
    let secret = cancel_code_in(&notice);
    friend.cancel_by_notice(&secret, true).await.expect("the same answer");
    friend.cancel_by_notice("0000-0000-0000-0000-0000-0000-00", false).await.expect("the same answer");
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cooling);
    friend.cancel_by_notice(&secret, false).await.expect("asked");
    other.cancel_by_notice(&secret, true).await.expect("the same answer");
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cooling, "another key asked");
    world.pass(10 * MINUTE);
    friend.cancel_by_notice(&secret, true).await.expect("the same answer");
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cooling, "too late");
    friend.cancel_by_notice(&secret.to_lowercase().replace('-', " "), false).await.expect("asked");
    friend.cancel_by_notice(&secret, true).await.expect("confirmed");
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cancelled);
}

#[tokio::test]
async fn whoever_reads_a_notice_ends_a_case_and_makes_no_factor_of_the_owners_suspect() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let (mut phone, reader) = (world.phone().await, world.phone().await);
    let case_id = cool(&phone, &owner).await;
    let secret = cancel_code_in(&texts(&reader, &owner.email, 2).await.remove(0));
    // The folder tells its messages by their time.
    world.pass(1);
    for confirm in [false, true] {
        reader.cancel_by_notice(&secret, confirm).await.expect("heard");
    }
    assert_eq!(state(&phone, &case_id).await, pb::RecoveryState::Cancelled);
    let said = texts(&reader, &owner.email, 3).await.remove(0);
    assert!(said.contains("still counts"), "{said}");
    // The owner begins anew with what he proved before, the saved code too, and waits longer.
    let again = cool(&phone, &owner).await;
    wait_out(&world, &phone, &again).await;
    phone.prove(again.clone(), &passphrase()).await.expect("proved again");
    phone.complete_recovery(again, NEW_PASSPHRASE).await.expect("completed");
}

/// The cancellation code of a notice.
fn cancel_code_in(text: &str) -> String {
    let dashed = text.split_whitespace().find(|word| word.matches('-').count() == 6);
    dashed.expect("a cancellation code").trim_end_matches('.').to_owned()
}

#[tokio::test]
async fn two_who_prove_enough_contest_and_only_two_operators_help() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 5_000).await;
    let (mut first, mut second) = (world.phone().await, world.phone().await);
    let one = cool(&first, &owner).await;
    // The saved code is bound to the first case: the second proves what is left.
    let two = second.start_recovery(owner.locator(), true).await.expect("a case").case_id;
    assert_eq!(reason(second.prove(two.clone(), &owner.saved()).await), pb::Reason::Unauthenticated);
    second.prove(two.clone(), &owner.totp(&world)).await.expect("the authenticator");
    let reply = second.prove(two.clone(), &passphrase()).await.expect("the passphrase");
    assert_eq!(reply.state(), pb::RecoveryState::Contested);
    assert_eq!(state(&first, &one).await, pb::RecoveryState::Contested);
    // Nothing leaves the account, and no device cancels it.
    world.refresh(&owner.wallet).await;
    let pay = owner.wallet.pay(bakery(&owner.wallet, 100).await, None, None).await;
    assert_eq!(reason(pay), pb::Reason::AccountContested);
    assert_eq!(reason(owner.wallet.cancel_recovery(one.clone()).await), pb::Reason::RecoveryContested);
    world.pass(DAY);
    first.prove(one.clone(), &passphrase()).await.expect("again");
    let stuck = first.complete_recovery(one.clone(), NEW_PASSPHRASE).await;
    assert!(stuck.is_err(), "{stuck:?}");

    let proof = pb::ProofRecovery { case_id: two.clone() };
    let [alone, other] = world.operators().await;
    let proposal = pb::propose_request::Proposal::ProofRecovery(proof);
    alone.propose(proposal).await.expect("proposed");
    let waiting = alone.list_proposals().await.expect("a list").proposals.remove(0);
    assert_eq!(reason(alone.approve(&waiting).await), pb::Reason::SameOperator);
    other.approve(&waiting).await.expect("approved");
    reaches(&second, &two, pb::RecoveryState::Cooling).await;
    assert_eq!(second.recovery_status(two.clone()).await.expect("a status").proved.len(), 2);
    wait_out(&world, &second, &two).await;
    second.complete_recovery(two, NEW_PASSPHRASE).await.expect("seen in person");
    let code = world.next_code(&second);
    second.activate(&code).await.expect("activated");
    second.pay(bakery(&second, 100).await, None, None).await.expect("the contest is over");
}

#[tokio::test]
async fn an_operator_alone_ends_a_recovery_and_begins_none() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let thief = world.phone().await;
    let case_id = cool(&thief, &owner).await;
    let [operator, _] = world.operators().await;
    operator.cancel_recovery(case_id.clone()).await.expect("cancelled");
    assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cancelled);
}

#[tokio::test]
async fn attempts_are_counted_whoever_makes_them_and_an_owner_has_his_own() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    let stranger = world.phone().await;
    let case_id = begin(&stranger, &owner).await;
    for attempt in 0..5 {
        let refused = reason(stranger.prove(case_id.clone(), &wrong).await);
        assert_eq!(refused, pb::Reason::Unauthenticated, "{attempt}");
    }
    assert_eq!(state(&stranger, &case_id).await, pb::RecoveryState::Rejected);
    assert_eq!(reason(stranger.prove(case_id, &wrong).await), pb::Reason::RecoveryOver);
    // Another case has five more of the day's ten, and then none.
    let case_id = begin(&stranger, &owner).await;
    for _ in 0..4 {
        assert_eq!(reason(stranger.prove(case_id.clone(), &wrong).await), pb::Reason::Unauthenticated);
    }
    let third = begin(&stranger, &owner).await;
    assert_eq!(reason(stranger.prove(third.clone(), &wrong).await), pb::Reason::Unauthenticated);
    assert_eq!(reason(stranger.prove(third, &passphrase()).await), pb::Reason::RecoveryAttempts);
    // The owner's saved code is not counted, and opens attempts of his own.
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("uncounted");
    let reply = phone.prove(case_id, &passphrase()).await.expect("from the reserve");
    assert_eq!(reply.state(), pb::RecoveryState::Proven);
    // And his phone's own codes were never touched.
    world.refresh(&owner.wallet).await;
}

#[tokio::test]
async fn codes_go_to_confirmed_contacts_three_times_a_day() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    for _ in 0..3 {
        // The folder tells its messages by their time.
        world.pass(1);
        phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Email).await.expect("sent");
    }
    let fourth = phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Email).await;
    assert_eq!(reason(fourth), pb::Reason::RecoveryMessages);
    // The enrolment's and three more; the newest is the one that counts.
    let messages = texts(&phone, &owner.email, 4).await;
    let old = RecoveryProof::EmailCode(code_in(&messages[1]));
    let new = RecoveryProof::EmailCode(code_in(&messages[0]));
    if code_in(&messages[0]) != code_in(&messages[1]) {
        assert_eq!(reason(phone.prove(case_id.clone(), &old).await), pb::Reason::Unauthenticated);
    }
    let reply = phone.prove(case_id.clone(), &new).await.expect("right");
    assert_eq!(reply.state(), pb::RecoveryState::Proving);
    assert_eq!(reason(phone.prove(case_id, &new).await), pb::Reason::Unauthenticated, "good once");
}

#[tokio::test]
async fn a_code_to_a_contact_alone_freezes_for_a_day_once_in_a_week() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 5_000).await;
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    assert_eq!(reason(phone.freeze_in_recovery(case_id.clone()).await), pb::Reason::RecoveryUnproven);
    phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Email).await.expect("sent");
    let code = code_in(&texts(&phone, &owner.email, 2).await[0]);
    phone.prove(case_id.clone(), &RecoveryProof::EmailCode(code)).await.expect("right");
    phone.freeze_in_recovery(case_id.clone()).await.expect("frozen");
    let again = phone.freeze_in_recovery(case_id).await;
    assert_eq!(reason(again), pb::Reason::RecoveryFrozenLately);
    world.refresh(&owner.wallet).await;
    let request = bakery(&owner.wallet, 100).await;
    assert_eq!(reason(owner.wallet.pay(request.clone(), None, None).await), pb::Reason::AccountFrozen);
    world.pass(DAY);
    world.refresh(&owner.wallet).await;
    owner.wallet.pay(request, None, None).await.expect("it ended by itself");
}

#[tokio::test]
async fn a_shadow_is_answered_like_an_account() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let nobody = Locator::Email("nobody@example.jp".into());
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    let mut answers = Vec::new();
    for locator in [owner.locator(), nobody] {
        let case_id = phone.start_recovery(locator, false).await.expect("a case").case_id;
        let mut told = vec![format!("{:?}", state(&phone, &case_id).await)];
        for _ in 0..4 {
            let sent = phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Email).await;
            told.push(format!("{:?}", sent.map_err(|refused| refused.reason())));
        }
        for proof in [&wrong, &RecoveryProof::Totp("000000".into()), &wrong, &wrong, &wrong, &wrong] {
            let proved = phone.prove(case_id.clone(), proof).await;
            told.push(format!("{:?}", proved.map_err(|refused| refused.reason())));
        }
        told.push(format!("{:?}", reason(phone.freeze_in_recovery(case_id.clone()).await)));
        told.push(format!("{:?}", state(&phone, &case_id).await));
        answers.push(told);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn factors_that_are_too_young_count_for_nothing() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let code = world.next_code(&owner.wallet);
    let saved = owner.wallet.replace_saved_code(&code).await.expect("replaced").to_string();
    world.pass(72 * HOUR - MINUTE);
    let phone = world.phone().await;
    let saved = RecoveryProof::SavedCode(saved);
    let early = begin(&phone, &owner).await;
    assert_eq!(reason(phone.prove(early.clone(), &saved).await), pb::Reason::Unauthenticated);
    // The old one is dead.
    assert_eq!(reason(phone.prove(early, &owner.saved()).await), pb::Reason::Unauthenticated);
    world.pass(MINUTE);
    let case_id = begin(&phone, &owner).await;
    phone.prove(case_id, &saved).await.expect("old enough");
}

#[tokio::test]
async fn nothing_is_changed_while_a_recovery_stands() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    cool(&phone, &owner).await;
    let wallet = &owner.wallet;
    let contact = || pb::add_contact_private::Contact::Email("other@example.jp".into());
    let code = world.next_code(wallet);
    assert_eq!(reason(wallet.add_contact(contact(), &code).await), pb::Reason::RecoveryUnderWay);
    let code = world.next_code(wallet);
    assert_eq!(reason(wallet.change_passphrase(NEW_PASSPHRASE, &code).await), pb::Reason::RecoveryUnderWay);
    let code = world.next_code(wallet);
    let replaced = wallet.replace_saved_code(&code).await;
    assert!(format!("{replaced:?}").contains("RECOVERY_UNDER_WAY"), "{replaced:?}");
}

#[tokio::test]
async fn a_freeze_survives_a_recovery_and_is_lifted_a_day_later() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 5_000).await;
    let mut phone = world.phone().await;
    let case_id = cool(&phone, &owner).await;
    phone.freeze_in_recovery(case_id.clone()).await.expect("frozen");
    wait_out(&world, &phone, &case_id).await;
    phone.prove(case_id.clone(), &passphrase()).await.expect("proved again");
    phone.complete_recovery(case_id, NEW_PASSPHRASE).await.expect("completed");
    let code = world.next_code(&phone);
    phone.activate(&code).await.expect("activated");
    let pay = bakery(&phone, 100).await;
    assert_eq!(reason(phone.pay(pay.clone(), None, None).await), pb::Reason::AccountFrozen);
    world.pass(DAY - 2 * MINUTE);
    let code = world.next_code(&phone);
    assert_eq!(reason(phone.unfreeze(&code).await), pb::Reason::RecoveredLately);
    world.pass(2 * MINUTE);
    let code = world.next_code(&phone);
    phone.unfreeze(&code).await.expect("a day after the recovery");
    phone.pay(pay, None, None).await.expect("paid");
}

#[tokio::test]
async fn what_is_no_such_factor_costs_no_attempt() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    for _ in 0..10 {
        let body =
            pb::RecoveryProveRequest { case_id: case_id.clone(), factor: pb::RecoveryFactor::Totp.into() };
        let draft = phone.draft(method::RECOVERY_PROVE, &body).proof(&passphrase()).as_candidate();
        let sent: Result<pb::RecoveryProveReply, _> = phone.send(draft).await;
        assert_eq!(reason(sent), pb::Reason::Malformed);
    }
    phone.prove(case_id, &owner.totp(&world)).await.expect("all attempts are left");
}
