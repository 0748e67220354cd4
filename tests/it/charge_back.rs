//! Charge-backs: what is taken back is taken from whatever its owner has, then or later, and he cannot go on
//! by a code of his own.

use std::time::Duration;

use saifu::client::wallet::Wallet;
use saifu::pb::propose_request::Proposal;
use saifu::pb::{self, Reason, TopUpState, UnfreezeAccount};
use tokio::time::interval;

use crate::support::recovery::{DAY, cool, passphrase, wait_out};
use crate::support::shop::{Shop, digits, hold, order};
use crate::support::{World, available, bakery, books_hold, reason};
use crate::verify::all_are_found;

/// What is topped up by a card whose bank takes it back.
const AMOUNT: i64 = 5_000;

/// A wallet with so much from a card whose bank will take it back, and a shop.
async fn play() -> (World, Wallet, Shop, Vec<u8>) {
    let world = World::start().await;
    let shop = world.shop("Friend").await;
    let alice = world.wallet("alice").await;
    let funding_id = alice.link_funding("sandbox-chargedback", "card").await.expect("a link").funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: AMOUNT, currency: "JPY".into() };
    let told = alice.top_up(request, None, None).await.expect("a top-up").top_up.expect("a status");
    assert_eq!(told.state(), TopUpState::Succeeded);
    (world, alice, shop, told.top_up_id)
}

/// A day later the provider is asked again, and the money is gone.
async fn charged_back(world: &World, alice: &Wallet, top_up_id: &[u8]) {
    world.pass(24 * 3_600 + 60);
    let mut looks = interval(Duration::from_millis(50));
    for _ in 0..400 {
        looks.tick().await;
        let told = alice.get_top_up(top_up_id.to_vec()).await.expect("its own").top_up.expect("a status");
        if told.state() == TopUpState::ChargedBack {
            return;
        }
        world.pass(1);
    }
    panic!("it was not charged back");
}

#[tokio::test]
async fn what_was_held_at_a_friendly_shop_pays_for_the_charge_back_when_it_is_released() {
    let (world, alice, shop, top_up_id) = play().await;
    shop.till.authorize(&hold("room", AMOUNT), &digits(&alice, AMOUNT).await).await.expect("a hold");
    charged_back(&world, &alice, &top_up_id).await;
    shop.till.void("room").await.expect("a friend");
    assert_eq!(available(&alice).await, 0, "what is released is not his");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn what_was_paid_at_a_friendly_shop_pays_for_the_charge_back_when_it_is_refunded() {
    let (world, alice, shop, top_up_id) = play().await;
    shop.till.charge(&order("bread", AMOUNT), &digits(&alice, AMOUNT).await).await.expect("a charge");
    charged_back(&world, &alice, &top_up_id).await;
    shop.till.refund("bread", AMOUNT).await.expect("a friend");
    assert_eq!(available(&alice).await, 0, "what is given back is not his");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn whose_card_was_charged_back_does_not_unfreeze_himself() {
    let (world, alice, _, top_up_id) = play().await;
    charged_back(&world, &alice, &top_up_id).await;
    let told = alice.get_balance().await.expect("a balance");
    assert_eq!((told.halt_reason(), told.frozen), (pb::HaltReason::ChargeBack, false));
    assert!(told.halted_at.is_some());
    let code = world.next_code(&alice);
    assert_eq!(reason(alice.unfreeze(&code).await), Reason::AccountHalted);
    for refused in [
        reason(alice.pay(bakery(&alice, 100).await, None, None).await),
        reason(alice.issue_code(100, None, None).await),
        reason(alice.link_funding("sandbox-other", "another card").await),
    ] {
        assert_eq!(refused, Reason::AccountHalted);
    }
    // An owner's own freeze and its end change nothing about that.
    alice.freeze().await.expect("it takes away");
    let code = world.next_code(&alice);
    assert_eq!(reason(alice.unfreeze(&code).await), Reason::AccountHalted);

    let unfreeze = UnfreezeAccount { account_id: account_of(&world, &top_up_id).await };
    world.approved(Proposal::UnfreezeAccount(unfreeze.clone())).await.expect("two operators");
    let again = world.approved(Proposal::UnfreezeAccount(unfreeze)).await;
    assert_eq!(reason(again), Reason::AccountNotHalted);
    let code = world.next_code(&alice);
    alice.unfreeze(&code).await.expect("his own freeze is his own");
    let told = alice.get_balance().await.expect("a balance");
    assert_eq!((told.halted_at, told.halt_reason()), (None, pb::HaltReason::Unspecified));
    books_hold(world, |_| {}).await;
}

/// An operator stops the account behind a top-up, and is told which it is.
async fn account_of(world: &World, top_up_id: &[u8]) -> Vec<u8> {
    let [operator, _] = world.operators().await;
    let named = pb::FreezeAccountRequest { top_up_id: top_up_id.to_vec(), ..Default::default() };
    operator.freeze_account(&named).await.expect("one suffices").account_id
}

#[tokio::test]
async fn what_is_owed_is_told_and_paid_by_what_comes_in() {
    let (world, alice, shop, top_up_id) = play().await;
    shop.till.charge(&order("bread", AMOUNT), &digits(&alice, AMOUNT).await).await.expect("a charge");
    charged_back(&world, &alice, &top_up_id).await;
    assert_eq!(alice.get_balance().await.expect("a balance").debt_minor, AMOUNT);
    shop.till.refund("bread", 2_000).await.expect("a refund");
    let told = alice.get_balance().await.expect("a balance");
    assert_eq!((told.available_minor, told.debt_minor), (0, AMOUNT - 2_000));
    let entry =
        alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries.remove(0);
    assert_eq!((entry.kind(), entry.amount_minor), (pb::EntryKind::Refund, 2_000));
    assert_eq!((entry.debt_paid_minor, entry.available_after_minor), (2_000, 0));

    // The operators let it go on; what is owed stays owed, and a top-up pays it first.
    let account_id = account_of(&world, &top_up_id).await;
    world.approved(Proposal::UnfreezeAccount(UnfreezeAccount { account_id })).await.expect("an approval");
    world.refresh(&alice).await;
    world.fund(&alice, 4_000).await;
    let told = alice.get_balance().await.expect("a balance");
    assert_eq!((told.available_minor, told.debt_minor), (1_000, 0));
    let entry =
        alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries.remove(0);
    assert_eq!((entry.kind(), entry.amount_minor), (pb::EntryKind::TopUp, 4_000));
    assert_eq!((entry.debt_paid_minor, entry.available_after_minor), (3_000, 1_000));
    alice.pay(bakery(&alice, 1_000).await, None, None).await.expect("what is left is his");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn one_operator_stops_an_account_and_names_it_by_one_thing() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let [operator, _] = world.operators().await;
    let freeze = |account_id: Vec<u8>, top_up_id: Vec<u8>| {
        let operator = &operator;
        async move { operator.freeze_account(&pb::FreezeAccountRequest { account_id, top_up_id }).await }
    };
    let entry =
        alice.list_entries(pb::ListEntriesRequest::default()).await.expect("entries").entries.remove(0);
    assert_eq!(reason(freeze(Vec::new(), Vec::new()).await), Reason::Malformed);
    assert_eq!(reason(freeze(vec![7; 16], entry.subject_id.clone()).await), Reason::Malformed);
    assert_eq!(reason(freeze(vec![7; 16], Vec::new()).await), Reason::NotFound);
    assert_eq!(reason(freeze(Vec::new(), vec![7; 16]).await), Reason::NotFound);
    let first = freeze(Vec::new(), entry.subject_id).await.expect("by its top-up");
    world.pass(60);
    let again = freeze(first.account_id.clone(), Vec::new()).await.expect("twice is no error");
    assert_eq!(again, first, "since the first time");
    assert_eq!(reason(alice.pay(bakery(&alice, 100).await, None, None).await), Reason::AccountHalted);
    let events = alice.list_events(pb::ListEventsRequest::default()).await.expect("events").events;
    let halted = events.iter().filter(|event| event.kind() == pb::SecurityEventKind::AccountHalted);
    assert_eq!(halted.count(), 1);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_debt_struck_off_or_a_stop_lifted_in_the_database_is_found() {
    let (world, alice, shop, top_up_id) = play().await;
    shop.till.charge(&order("bread", AMOUNT), &digits(&alice, AMOUNT).await).await.expect("a charge");
    charged_back(&world, &alice, &top_up_id).await;
    let data = world.dir.path().join("data");
    world.server.stop().await;
    let cases = [
        ("a debt struck off", "UPDATE account SET debt_minor = 0 WHERE debt_minor > 0", "owes is not"),
        ("a debt made less", "UPDATE account SET debt_minor = 1 WHERE debt_minor > 0", "owes is not"),
        (
            "a stop lifted",
            "UPDATE account SET halted_at = NULL, halt_reason = NULL",
            "operators stopped, or let go on",
        ),
        ("another reason", "UPDATE account SET halt_reason = 2 WHERE halt_reason = 1", "operators stopped"),
    ];
    all_are_found(&data, cases.map(|(case, sql, what)| (case, sql.to_owned(), what)).to_vec()).await;
}

#[tokio::test]
async fn a_recovery_does_not_lift_what_the_operators_stopped() {
    let world = World::unthrottled().await;
    let owner = world.owner("alice", 2_000).await;
    let entry = owner.wallet.list_entries(pb::ListEntriesRequest::default()).await.expect("entries");
    account_of(&world, &entry.entries[0].subject_id).await;
    let mut phone = world.phone().await;
    let case_id = cool(&phone, &owner).await;
    wait_out(&world, &phone, &case_id).await;
    phone.prove(case_id.clone(), &passphrase()).await.expect("proved again");
    phone.complete_recovery(case_id, "seven dry umbrellas").await.expect("completed");
    let code = world.next_code(&phone);
    phone.activate(&code).await.expect("activated");
    world.pass(2 * DAY);
    let code = world.next_code(&phone);
    assert_eq!(reason(phone.unfreeze(&code).await), Reason::AccountHalted);
    let pay = bakery(&phone, 100).await;
    assert_eq!(reason(phone.pay(pay, None, None).await), Reason::AccountHalted);
    assert_eq!(phone.get_balance().await.expect("a balance").halt_reason(), pb::HaltReason::Operator);
    books_hold(world, |_| {}).await;
}
