//! What an owner's devices change about devices, factors and contacts.

use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::pb;
use saifu::pb::add_contact_private::Contact;

use crate::support::recovery::{DAY, HOUR, MINUTE, Owner, begin, cool, passphrase, wait_out, with_contact};
use crate::support::{World, bakery, books_hold, code_in, reason, texts, wrong_code};

const NEW_PASSPHRASE: &str = "seven dry umbrellas";

/// A phone that joined the owner's account.
pub async fn joined(world: &World, owner: &Owner) -> Wallet {
    let mut phone = world.phone().await;
    let asked = phone.request_add(&owner.email).await.expect("a number to show");
    let waiting = owner.wallet.list_devices().await.expect("a list").additions;
    assert_eq!(waiting.last().expect("it asks").device_model, "saifu client");
    let code = world.next_code(&owner.wallet);
    owner.wallet.approve_add(asked.addition_id, asked.number, &code).await.expect("approved");
    phone.signer.epoch = 1;
    phone
}

#[tokio::test]
async fn a_phone_joins_by_its_number_and_pays_little_at_first() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 9_000).await;
    let phone = joined(&world, &owner).await;
    assert_eq!(phone.list_devices().await.expect("it is a device").devices.len(), 2);
    let code = world.next_code(&owner.wallet);
    phone.verify_second_factor(&code).await.expect("the account's authenticator");
    let pay = bakery(&phone, 5_001).await;
    assert_eq!(reason(phone.pay(pay.clone(), None, None).await), pb::Reason::LimitPerPayment);
    world.pass(12 * HOUR);
    let code = world.next_code(&owner.wallet);
    phone.verify_second_factor(&code).await.expect("fresh");
    phone.pay(pay, None, None).await.expect("twelve hours later");
    // Every contact was told.
    assert!(texts(&phone, &owner.email, 2).await[0].contains("A phone was added"));
}

#[tokio::test]
async fn a_wrong_number_lets_nobody_in_and_three_end_it() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let asked = phone.request_add(&owner.email).await.expect("a number to show");
    let wrong = (asked.number + 1) % 10_000;
    for _ in 0..3 {
        let code = world.next_code(&owner.wallet);
        let refused = owner.wallet.approve_add(asked.addition_id.clone(), wrong, &code).await;
        assert_eq!(reason(refused), pb::Reason::AdditionOver);
    }
    let code = world.next_code(&owner.wallet);
    let right = owner.wallet.approve_add(asked.addition_id, asked.number, &code).await;
    assert_eq!(reason(right), pb::Reason::AdditionOver);
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated);
}

#[tokio::test]
async fn an_addition_waits_ten_minutes_and_there_are_three_at_a_time() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let first = phone.request_add(&owner.email).await.expect("asked");
    let mut numbers = vec![first.number];
    for _ in 0..2 {
        numbers.push(phone.request_add(&owner.email).await.expect("asked").number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 3, "no two show one number");
    assert_eq!(reason(phone.request_add(&owner.email).await), pb::Reason::AdditionsTooMany);
    world.pass(10 * MINUTE);
    let code = world.next_code(&owner.wallet);
    let late = owner.wallet.approve_add(first.addition_id, first.number, &code).await;
    assert_eq!(reason(late), pb::Reason::AdditionOver);
    phone.request_add(&owner.email).await.expect("there is room again");
}

#[tokio::test]
async fn nobody_joins_who_asked_before_a_recovery_stood() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    let asked = phone.request_add(&owner.email).await.expect("asked");
    let case_id = cool(&world.phone().await, &owner).await;
    owner.wallet.cancel_recovery(case_id).await.expect("cancelled");
    let code = world.next_code(&owner.wallet);
    let late = owner.wallet.approve_add(asked.addition_id, asked.number, &code).await;
    assert_eq!(reason(late), pb::Reason::AdditionOver);
}

/// However many phones an account had, those that may sign are told of and revoked by a recovery.
#[tokio::test]
async fn an_account_with_many_gone_devices_is_recovered_all_the_same() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    for _ in 0..21 {
        world.pass(10 * MINUTE);
        let asked = world.phone().await.request_add(&owner.email).await.expect("asked");
        let code = world.next_code(&owner.wallet);
        let added = owner.wallet.approve_add(asked.addition_id, asked.number, &code).await.expect("approved");
        let code = world.next_code(&owner.wallet);
        owner.wallet.revoke_device(added.device_id, &code).await.expect("revoked");
    }
    let second = joined(&world, &owner).await;
    assert_eq!(second.list_devices().await.expect("a list").devices.len(), 20);
    let mut candidate = world.phone().await;
    let case_id = cool(&candidate, &owner).await;
    wait_out(&world, &candidate, &case_id).await;
    candidate.prove(case_id.clone(), &passphrase()).await.expect("again");
    candidate.complete_recovery(case_id, NEW_PASSPHRASE).await.expect("completed");
    assert_eq!(reason(second.get_balance().await), pb::Reason::Unauthenticated);
}

#[tokio::test]
async fn a_phone_that_asks_learns_nothing_about_the_account() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = world.phone().await;
    for email in [owner.email.as_str(), "nobody@example.jp"] {
        for _ in 0..3 {
            let reply = phone.request_add(email).await.expect("a number to show");
            assert_eq!(reply.addition_id.len(), 16);
        }
        assert_eq!(reason(phone.request_add(email).await), pb::Reason::AdditionsTooMany, "{email}");
    }
}

#[tokio::test]
async fn another_accounts_device_approves_nothing() {
    let world = World::unthrottled().await;
    let (alice, mallory) = (world.owner("alice", 0).await, world.owner("mallory", 0).await);
    let phone = world.phone().await;
    let asked = phone.request_add(&alice.email).await.expect("asked");
    let code = world.next_code(&mallory.wallet);
    let other = mallory.wallet.approve_add(asked.addition_id, asked.number, &code).await;
    assert_eq!(reason(other), pb::Reason::AdditionOver);
}

#[tokio::test]
async fn a_lost_device_moves_no_money_and_contests_instead_of_cancelling() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 5_000).await;
    let phone = joined(&world, &owner).await;
    let devices = phone.list_devices().await.expect("a list").devices;
    let old = devices.iter().find(|device| !device.is_caller).expect("the old phone").device_id.clone();
    let own = devices.iter().find(|device| device.is_caller).expect("this phone").device_id.clone();
    let code = world.next_code(&owner.wallet);
    assert_eq!(reason(phone.report_lost(own, &code).await), pb::Reason::NotFound);
    let code = world.next_code(&owner.wallet);
    phone.report_lost(old, &code).await.expect("reported");
    world.refresh(&owner.wallet).await;
    let pay = owner.wallet.pay(bakery(&owner.wallet, 100).await, None, None).await;
    assert_eq!(reason(pay), pb::Reason::DeviceLost);
    phone.freeze().await.expect("frozen");
    let code = world.next_code(&owner.wallet);
    assert_eq!(reason(owner.wallet.unfreeze(&code).await), pb::Reason::DeviceLost);
    let code = world.next_code(&owner.wallet);
    phone.unfreeze(&code).await.expect("by the other one");

    let candidate = world.phone().await;
    let case_id = cool(&candidate, &owner).await;
    let reply = owner.wallet.cancel_recovery(case_id).await.expect("heard");
    assert_eq!(reply.state(), pb::RecoveryState::Contested);
    world.refresh(&owner.wallet).await;
    let pay = phone.pay(bakery(&phone, 100).await, None, None).await;
    assert_eq!(reason(pay), pb::Reason::AccountContested);
}

#[tokio::test]
async fn the_old_authenticator_is_good_until_the_new_one_is_confirmed() {
    let world = World::unthrottled().await;
    let mut owner = world.owner("alice", 0).await;
    let code = world.next_code(&owner.wallet);
    assert_eq!(reason(owner.wallet.confirm_totp(&code).await), pb::Reason::TotpNotBegun);
    let new = owner.wallet.begin_totp(&code).await.expect("begun");
    world.refresh(&owner.wallet).await;
    let old = world.next_code(&owner.wallet);
    assert_eq!(reason(owner.wallet.confirm_totp(&old).await), pb::Reason::Unauthenticated);
    world.pass(30);
    let first = new.code_at(owner.wallet.now_us()).to_string();
    owner.wallet.confirm_totp(&first).await.expect("it works");
    let old = world.next_code(&owner.wallet);
    assert_eq!(reason(owner.wallet.verify_second_factor(&old).await), pb::Reason::Unauthenticated);
    owner.wallet.totp = Some(new);
    world.refresh(&owner.wallet).await;
    // It is too young for a recovery.
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    let proof = owner.totp(&world);
    assert_eq!(reason(phone.prove(case_id, &proof).await), pb::Reason::Unauthenticated);
}

#[tokio::test]
async fn a_changed_passphrase_is_the_one_that_counts_and_only_when_it_is_old_enough() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let code = world.next_code(&owner.wallet);
    let unsuitable = owner.wallet.change_passphrase("short", &code).await;
    assert_eq!(reason(unsuitable), pb::Reason::PassphraseUnsuitable);
    owner.wallet.change_passphrase(NEW_PASSPHRASE, &code).await.expect("changed");
    let new = RecoveryProof::Passphrase(NEW_PASSPHRASE.into());
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    for proof in [&passphrase(), &new] {
        assert_eq!(reason(phone.prove(case_id.clone(), proof).await), pb::Reason::Unauthenticated);
    }
    world.pass(3 * DAY);
    let case_id = begin(&phone, &owner).await;
    assert_eq!(reason(phone.prove(case_id.clone(), &passphrase()).await), pb::Reason::Unauthenticated);
    phone.prove(case_id, &new).await.expect("72 hours old");
}

#[tokio::test]
async fn a_contact_counts_for_nothing_for_72_hours_and_is_told_for_30_days_after() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let contact_id = with_contact(&world, &owner, "second@example.jp").await;
    assert_eq!(owner.wallet.list_contacts().await.expect("a list").contacts.len(), 2);
    // Codes go to contacts that are old enough: the new one gets none while the account has it alone.
    let first = owner.wallet.list_contacts().await.expect("a list").contacts.remove(0);
    assert_eq!(first.address, owner.email);
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    phone.send_recovery_code(case_id, pb::RecoveryChannel::Email).await.expect("sent");
    // Its own code and the note that it was added; nothing of the recovery's.
    texts(&phone, &owner.email, 3).await;
    texts(&phone, "second@example.jp", 2).await;
    let code = world.next_code(&owner.wallet);
    owner.wallet.remove_contact(contact_id.clone(), &code).await.expect("removed");
    let code = world.next_code(&owner.wallet);
    let gone = owner.wallet.remove_contact(contact_id, &code).await;
    assert_eq!(reason(gone), pb::Reason::NotFound);
    let code = world.next_code(&owner.wallet);
    let last = owner.wallet.remove_contact(first.contact_id, &code).await;
    assert_eq!(reason(last), pb::Reason::LastContact);
    // The removed one is told that a recovery cools, 29 days later and not 31.
    texts(&phone, "second@example.jp", 3).await;
    world.pass(29 * DAY);
    let candidate = world.phone().await;
    let case_id = cool(&candidate, &owner).await;
    texts(&phone, "second@example.jp", 4).await;
    owner.wallet.cancel_recovery(case_id).await.expect("cancelled");
    texts(&phone, "second@example.jp", 5).await;
    world.pass(2 * DAY);
    let code = world.next_code(&owner.wallet);
    owner.wallet.replace_saved_code(&code).await.expect("replaced");
    let newest = owner.wallet.list_events(pb::ListEventsRequest::default()).await.expect("events").events;
    assert_eq!(newest[0].kind(), pb::SecurityEventKind::SavedCodeReplaced);
    texts(&phone, &owner.email, 7).await;
    texts(&phone, "second@example.jp", 5).await;
}

#[tokio::test]
async fn a_contact_that_was_removed_is_told_of_a_recovery_and_gets_no_secret() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let contact_id = with_contact(&world, &owner, "second@example.jp").await;
    let phone = world.phone().await;
    texts(&phone, &owner.email, 2).await;
    texts(&phone, "second@example.jp", 2).await;
    world.pass(40 * DAY);
    let code = world.next_code(&owner.wallet);
    owner.wallet.remove_contact(contact_id, &code).await.expect("removed");
    texts(&phone, &owner.email, 3).await;
    texts(&phone, "second@example.jp", 3).await;
    world.pass(5 * DAY);
    let case_id = cool(&phone, &owner).await;
    wait_out(&world, &phone, &case_id).await;
    // The note of the beginning, two reminders, and that it may be completed.
    let own = texts(&phone, &owner.email, 7).await;
    let gone = texts(&phone, "second@example.jp", 7).await;
    let has_secret = |text: &&String| text.split_whitespace().any(|word| word.matches('-').count() == 6);
    assert_eq!(own.iter().filter(has_secret).count(), 4, "{own:?}");
    assert_eq!(gone.iter().filter(has_secret).count(), 0, "{gone:?}");
    let told = |text: &&String| text.contains("recovery") && text.contains("cancel it in the app");
    assert_eq!(gone.iter().filter(told).count(), 4, "{gone:?}");
}

/// Wrong codes from a phone of the owner's, each judged.
async fn guess(phone: &Wallet, owner: &Owner, times: usize) {
    for _ in 0..times {
        let wrong = phone.verify_second_factor(&wrong_code(&owner.wallet)).await;
        assert_eq!(reason(wrong), pb::Reason::Unauthenticated);
    }
}

/// Which of the owner's devices a phone is.
async fn id_of(phone: &Wallet) -> Vec<u8> {
    let devices = phone.list_devices().await.expect("a list").devices;
    devices.into_iter().find(|device| device.is_caller).expect("it is one of them").device_id
}

#[tokio::test]
async fn a_second_phones_wrong_codes_keep_nobody_from_revoking_it() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = joined(&world, &owner).await;
    let device_id = id_of(&phone).await;
    guess(&phone, &owner, 5).await;
    let blocked = phone.verify_second_factor(&world.next_code(&owner.wallet)).await;
    assert_eq!(reason(blocked), pb::Reason::SecondFactorBlocked);
    let code = world.next_code(&owner.wallet);
    owner.wallet.revoke_device(device_id, &code).await.expect("the other phone's codes are looked at");
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn while_its_codes_are_blocked_a_phone_revokes_without_one_whoever_guessed_more() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    let phone = joined(&world, &owner).await;
    let (first_id, second_id) = (id_of(&owner.wallet).await, id_of(&phone).await);
    guess(&phone, &owner, 5).await;
    // Whoever blocks himself throws nobody out.
    assert_eq!(reason(phone.revoke_device_without_code(first_id).await), pb::Reason::SecondFactorBlocked);
    world.pass(15 * MINUTE);
    guess(&phone, &owner, 1).await;
    let unblocked = owner.wallet.revoke_device_without_code(second_id.clone()).await;
    assert_eq!(reason(unblocked), pb::Reason::SecondFactorRequired);
    guess(&owner.wallet, &owner, 5).await;
    let with_code = owner.wallet.revoke_device(second_id.clone(), &world.next_code(&owner.wallet)).await;
    assert_eq!(reason(with_code), pb::Reason::SecondFactorBlocked);
    owner.wallet.revoke_device_without_code(second_id).await.expect("it guessed more");
    assert_eq!(reason(phone.get_balance().await), pb::Reason::Unauthenticated);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_number_of_a_year_ago_gets_no_code_of_a_recovery_until_it_is_confirmed_again() {
    const NUMBER: &str = "+819012345678";
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 0).await;
    with_number(&world, &owner, NUMBER, 1).await;
    texts(&owner.wallet, NUMBER, 2).await;
    world.pass(366 * DAY);
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    phone.send_recovery_code(case_id, pb::RecoveryChannel::Phone).await.expect("the same answer");
    // Nothing of the recovery's: what comes next is a code of its own.
    with_number(&world, &owner, NUMBER, 3).await;
    let contacts = owner.wallet.list_contacts().await.expect("a list").contacts;
    assert_eq!(contacts.len(), 2, "it is no second one");
    texts(&owner.wallet, NUMBER, 4).await;
    world.pass(73 * HOUR);
    let phone = world.phone().await;
    let case_id = begin(&phone, &owner).await;
    phone.send_recovery_code(case_id.clone(), pb::RecoveryChannel::Phone).await.expect("sent");
    let code = code_in(&texts(&phone, NUMBER, 5).await[0]);
    phone.prove(case_id, &RecoveryProof::PhoneCode(code)).await.expect("it counts again");
}

/// Adds a number, or confirms it anew; its code is the text of this number of all that were sent to it.
async fn with_number(world: &World, owner: &Owner, number: &str, text: usize) {
    let wallet = &owner.wallet;
    let code = world.next_code(wallet);
    let pending = wallet.add_contact(Contact::Phone(number.into()), &code).await.expect("a code is sent");
    let sent = code_in(&texts(wallet, number, text).await[0]);
    let code = world.next_code(wallet);
    wallet.confirm_contact(pending.pending_contact_id, &sent, &code).await.expect("confirmed");
}

#[tokio::test]
async fn a_taken_contact_is_added_by_nobody_and_nobody_learns_of_it() {
    let world = World::unthrottled().await;
    let (alice, mallory) = (world.owner("alice", 0).await, world.owner("mallory", 0).await);
    let code = world.next_code(&mallory.wallet);
    let pending = mallory.wallet.add_contact(Contact::Email(alice.email.clone()), &code).await;
    let pending = pending.expect("the same answer").pending_contact_id;
    assert!(texts(&mallory.wallet, &alice.email, 2).await[0].contains("belongs to one already"));
    for _ in 0..5 {
        let code = world.next_code(&mallory.wallet);
        let wrong = mallory.wallet.confirm_contact(pending.clone(), "12345678", &code).await;
        assert_eq!(reason(wrong), pb::Reason::Unauthenticated);
    }
    let code = world.next_code(&mallory.wallet);
    let over = mallory.wallet.confirm_contact(pending, "12345678", &code).await;
    assert_eq!(reason(over), pb::Reason::ContactOver);
}
