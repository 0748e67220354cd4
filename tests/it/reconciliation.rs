//! A provider's list against ours, over a real-shaped provider: every difference becomes an item with a state
//! and an owner, what can be mended is, and nothing is concluded from silence.

use std::sync::Arc;
use std::time::Duration;

use saifu::client::staff::Staff;
use saifu::domain::policy::ReconciliationRules;
use saifu::domain::rows::{Table, TopUp};
use saifu::domain::time::{DAY_US, HOUR_US, SECOND_US, Timestamp};
use saifu::env::clock::{Clock as _, ManualClock, SystemClock};
use saifu::pb::{self, Reason, ReconciliationDifference, ReconciliationState, TopUpState};
use saifu::server::Settings;
use saifu::verify::verify_now;
use tokio::time::interval;

use crate::several::Shared;
use crate::support::stripe::{Fault, StripeServer};
use crate::support::{World, available, generous, generous_policy, reason, rewrite};
use crate::top_up_saga::{AMOUNT, SECURE, VISA, holds, linked, status, top_up};

/// So long after a charge was made it is compared: a top-up's time and an hour.
const OLD_S: i64 = 75 * 60;
/// So often what is new, and what is open, is looked at.
const EVERY_S: i64 = 600;

type Item = pb::ReconciliationItem;

/// A server, its provider, and its two operators.
pub struct Office {
    pub stripe: StripeServer,
    pub world: World,
    pub first: Staff,
    pub second: Staff,
}

/// The documented figures but for two: a shorter window, so that no test waits for the first time round it,
/// and one that is looked at again each hour, before a top-up's own driver would ask by itself.
fn change(settings: &mut Settings, stripe: &StripeServer, clock: &Arc<ManualClock>) {
    generous(settings);
    settings.funding = stripe.funding();
    settings.clock = Some(Arc::clone(clock) as Arc<_>);
    let documented = settings.policy.reconciliation.clone();
    settings.policy.reconciliation =
        ReconciliationRules { back_us: 10 * DAY_US, again_us: HOUR_US, ..documented };
}

/// The provider's clock is the machine's: ours begins with it, and goes on by hand.
fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(SystemClock.now_us()))
}

impl Office {
    pub async fn open() -> Self {
        let (stripe, clock) = (StripeServer::start().await, clock());
        let world = World::start_with(|settings| change(settings, &stripe, &clock)).await;
        Self::of(stripe, World { clock, ..world }).await
    }

    async fn of(stripe: StripeServer, world: World) -> Self {
        let [first, second] = world.operators().await;
        Self { stripe, world, first, second }
    }

    async fn listed(&self) -> pb::ListReconciliationItemsReply {
        let request = pb::ListReconciliationItemsRequest { page_size: 100, ..Default::default() };
        self.first.list_reconciliation_items(request).await.expect("items")
    }

    async fn items(&self) -> Vec<Item> {
        self.listed().await.items
    }

    /// Up to when everything was compared, in microseconds; nothing before the first time.
    async fn compared_us(&self) -> Option<i64> {
        self.listed().await.compared_until.map(|at| at.seconds * SECOND_US)
    }

    /// An item like this, while the clock goes on from look to look.
    pub async fn until(&self, wanted: impl Fn(&Item) -> bool) -> Item {
        let mut ticks = interval(Duration::from_millis(100));
        for _ in 0..300 {
            ticks.tick().await;
            let found = self.items().await.into_iter().find(&wanted);
            if let Some(item) = found {
                return item;
            }
            self.world.pass(EVERY_S / 10);
        }
        panic!("there is no such item: {:?}", self.items().await);
    }

    /// All of them, once there are so many and what was made before now is compared.
    pub async fn until_items(&self, count: usize) -> Vec<Item> {
        self.compares().await;
        let items = self.items().await;
        assert_eq!(items.len(), count, "{items:?}");
        items
    }

    /// Makes what was made before now old enough, and waits until it is compared.
    async fn compares(&self) {
        let now_us = self.world.clock.now_us();
        self.world.pass(OLD_S + EVERY_S);
        let mut ticks = interval(Duration::from_millis(100));
        for _ in 0..300 {
            ticks.tick().await;
            if self.compared_us().await.is_some_and(|compared_us| compared_us > now_us + 60 * SECOND_US) {
                return;
            }
            self.world.pass(EVERY_S / 10);
        }
        panic!("nothing is compared");
    }

    /// A refund, as it is made in Stripe's own dashboard.
    pub async fn refund_by_hand(&self, intent: &str, more: &str) {
        let form = format!("payment_intent={intent}{more}");
        let (status, refund) = self.stripe.call("POST", "/v1/refunds", &form).await;
        assert_eq!(status, 200, "{refund}");
    }

    async fn holds(self) {
        holds(self.world).await;
    }
}

/// In what they differ, ours and theirs, in which currency.
fn figures(item: &Item) -> (ReconciliationDifference, i64, i64, &str) {
    (item.difference(), item.ours_minor, item.theirs_minor, &item.theirs_currency)
}

#[tokio::test]
async fn a_charge_that_no_top_up_has_is_an_item_and_one_that_was_given_back_is_none() {
    let office = Office::open().await;
    let alice = office.world.wallet("alice").await;
    let card = linked(&office.stripe, &alice, VISA).await;
    let told = top_up(&alice, &card).await;
    let own = office.stripe.intent_of(&told.top_up_id).await;
    let strange = office.stripe.charge_by_hand(450, "").await;
    let named = format!("&metadata[top_up_id]={}", saifu::domain::id::hex(&told.top_up_id));
    let second = office.stripe.charge_by_hand(AMOUNT, &named).await;
    let given_back = office.stripe.charge_by_hand(80, "").await;
    office.refund_by_hand(&given_back, "").await;
    let items = office.until_items(2).await;
    assert!(items.iter().all(|item| item.reference != own), "that one is credited: {items:?}");
    let by = |reference: &str| items.iter().find(|item| item.reference == reference).expect("an item");
    let unknown = ReconciliationDifference::UnknownHere;
    assert_eq!(figures(by(&strange)), (unknown, 0, 450, "JPY"));
    assert_eq!(figures(by(&second)), (unknown, 0, AMOUNT, "JPY"));
    assert_eq!((&by(&strange).top_up_id, &by(&second).top_up_id), (&Vec::new(), &told.top_up_id));
    assert!(items.iter().all(|item| item.provider == 2 && item.version == 1 && item.owner_id.is_empty()));
    assert!(items.iter().all(|item| item.state() == ReconciliationState::Open));

    // However old it is by then: no part of the list shows it any more.
    office.world.pass(11 * 86_400);
    office.compares().await;
    office.refund_by_hand(&strange, "").await;
    let cleared = |item: &Item| item.reference == strange && item.state() == ReconciliationState::Cleared;
    office.until(cleared).await;
    assert_eq!(office.items().await.len(), 2, "none is ever deleted");
    assert_eq!(available(&alice).await, AMOUNT, "no money moved by any of it");
    office.holds().await;
}

#[tokio::test]
async fn a_credit_whose_charge_is_gone_or_is_another_is_an_item() {
    let office = Office::open().await;
    let alice = office.world.wallet("alice").await;
    let card = linked(&office.stripe, &alice, VISA).await;
    let mut intents = Vec::new();
    for _ in 0..5 {
        let told = top_up(&alice, &card).await;
        intents.push(office.stripe.intent_of(&told.top_up_id).await);
    }
    let [gone, less, dollars, part, same] = intents.try_into().expect("five");
    for (method, intent, body) in [
        ("DELETE", &gone, ""),
        ("POST", &less, r#"{"amount":650}"#),
        ("POST", &dollars, r#"{"currency":"usd"}"#),
    ] {
        let path = format!("/v1/payment_intents/{intent}");
        assert_eq!(office.stripe.call(method, &path, body).await.0, 200, "{method} {body}");
    }
    office.refund_by_hand(&part, "&amount=200").await;
    let items = office.until_items(4).await;
    let by = |reference: &str| items.iter().find(|item| item.reference == reference);
    let found = |reference: &str| figures(by(reference).expect("an item"));
    assert_eq!(found(&gone), (ReconciliationDifference::NotChargedThere, AMOUNT, 0, ""));
    assert_eq!(found(&less), (ReconciliationDifference::Amount, AMOUNT, 650, "JPY"));
    assert_eq!(found(&dollars), (ReconciliationDifference::Currency, AMOUNT, AMOUNT, "USD"));
    assert_eq!(found(&part), (ReconciliationDifference::Amount, AMOUNT, 500, "JPY"));
    assert_eq!(by(&same), None);
    assert!(items.iter().all(|item| item.top_up_id.len() == 16));
    assert_eq!(available(&alice).await, 5 * AMOUNT, "no money moved by any of it");
    office.holds().await;
}

#[tokio::test]
async fn what_went_back_at_the_provider_is_taken_back_long_before_anybody_would_ask_and_is_cleared() {
    let office = Office::open().await;
    let alice = office.world.wallet("alice").await;
    let card = linked(&office.stripe, &alice, VISA).await;
    let (first, second) = (top_up(&alice, &card).await, top_up(&alice, &card).await);
    let began_us = office.world.clock.now_us();
    office.until_items(0).await;
    let intent = office.stripe.intent_of(&first.top_up_id).await;
    office.refund_by_hand(&intent, "").await;
    let over = |item: &Item, top_up_id: &[u8]| {
        item.top_up_id == top_up_id && item.state() == ReconciliationState::Cleared
    };
    let item = office.until(|item| over(item, &first.top_up_id)).await;
    assert_eq!(figures(&item), (ReconciliationDifference::RefundedThere, AMOUNT, AMOUNT, "JPY"));
    assert_eq!(status(&alice, &first.top_up_id).await.state(), TopUpState::Refunded);
    assert_eq!(available(&alice).await, AMOUNT);

    office.stripe.dispute();
    let item = office.until(|item| over(item, &second.top_up_id)).await;
    assert_eq!(item.difference(), ReconciliationDifference::ChargedBackThere);
    assert_eq!(status(&alice, &second.top_up_id).await.state(), TopUpState::ChargedBack);
    assert_eq!(available(&alice).await, 0);
    // Its own driver asks after a day.
    assert!(office.world.clock.now_us() - began_us < DAY_US, "it came too late to say");
    office.holds().await;
}

#[tokio::test]
async fn a_top_up_under_way_is_no_item_and_one_that_nobody_follows_is_credited_and_cleared() {
    let mut office = Office::open().await;
    let mut alice = office.world.wallet("alice").await;
    let card = linked(&office.stripe, &alice, SECURE).await;
    let told = top_up(&alice, &card).await;
    let secret = told.action.expect("something to do").value;
    let (intent, _) = secret.split_once("_secret_").expect("a secret");
    let path = format!("/v1/payment_intents/{intent}/_authenticate");
    let form = format!("client_secret={secret}&success=true");

    // Its driver never asks again by itself, and its owner does what he has to.
    let (stripe, clock) = (office.stripe, Arc::clone(&office.world.clock));
    let directory = office.world.dir.path().join("data");
    office.world.pass(30 * 60);
    let world = office.world.restart_with(|settings| {
        change(settings, &stripe, &clock);
        let never = Timestamp(9_000_000_000_000_000_000);
        rewrite(&directory, Table::TopUp, |row: &mut TopUp| row.due_at = Some(never));
    });
    let (world, charged) = (world.await, stripe.call("POST", &path, &form).await);
    assert_eq!((charged.0, charged.1["status"].as_str()), (200, Some("succeeded")), "{}", charged.1);
    office = Office::of(stripe, world).await;
    let mut ticks = interval(Duration::from_millis(100));
    let before = office.stripe.listings();
    for _ in 0..20 {
        // Up to its deadline and most of an hour.
        ticks.tick().await;
        office.world.pass(120);
    }
    let compared_us = async || office.compared_us().await;
    while compared_us().await.is_none() || office.stripe.listings() <= before {
        ticks.tick().await;
    }
    assert_eq!(office.items().await, [], "it may be under way");

    let item = office.until(|item| item.state() == ReconciliationState::Cleared).await;
    let difference = ReconciliationDifference::NotCreditedHere;
    assert_eq!(figures(&item), (difference, AMOUNT, AMOUNT, "JPY"));
    alice.channel = office.world.phone().await.channel;
    assert_eq!(status(&alice, &told.top_up_id).await.state(), TopUpState::Succeeded);
    assert_eq!(available(&alice).await, AMOUNT);
    office.holds().await;
}

#[tokio::test]
async fn while_the_provider_is_silent_the_cursor_stays_and_nothing_is_concluded() {
    let office = Office::open().await;
    let mut ticks = interval(Duration::from_millis(100));
    let end_us = office.world.clock.now_us() - (OLD_S + 1) * SECOND_US;
    while office.compared_us().await.is_none_or(|compared_us| compared_us < end_us) {
        ticks.tick().await;
    }
    // What is compared next has this one in it.
    let strange = office.stripe.charge_by_hand(450, "").await;
    let faults = [
        Some(Fault::DropRequest),
        Some(Fault::DropReply),
        Some(Fault::Error),
        Some(Fault::Garbage),
        // The list comes, and the charge itself cannot be had.
        None,
    ];
    let compared_us = office.compared_us().await.expect("it was compared");
    for fault in faults {
        office.stripe.fault_listings(fault.unwrap_or(Fault::Nothing));
        if fault.is_none() {
            office.stripe.faults(std::iter::repeat_n(Fault::DropRequest, 1_000));
        }
        let asked = office.stripe.listings();
        office.world.pass(OLD_S);
        while office.stripe.listings() < asked + 3 {
            ticks.tick().await;
            office.world.pass(EVERY_S / 10);
        }
        let listed = office.listed().await;
        assert_eq!(listed.items, [], "{fault:?}");
        let until_us = listed.compared_until.expect("it was compared").seconds * SECOND_US;
        assert_eq!(until_us, compared_us, "{fault:?}");
    }
    office.stripe.faults([]);
    let item = office.until(|item| item.state() == ReconciliationState::Open).await;
    assert_eq!((item.reference, item.theirs_minor), (strange, 450));
    assert!(office.compared_us().await.expect("compared") > compared_us);
    office.holds().await;
}

#[tokio::test]
async fn differences_of_which_nothing_is_heard_keep_no_other_from_being_looked_at() {
    let office = Office::open().await;
    let mut strange = Vec::new();
    for amount_minor in [100, 200, 300, 400, 500] {
        strange.push(office.stripe.charge_by_hand(amount_minor, "").await);
    }
    office.until_items(5).await;
    // No part of the list shows them any more: each is looked at by itself, or not at all.
    office.world.pass(11 * 86_400);
    office.compares().await;
    office.stripe.mute(strange.clone());
    let mut items = office.items().await;
    let seen = |item: &Item| item.last_seen_at.map(|at| (at.seconds, at.nanos));
    items.sort_by_key(|item| (seen(item), item.item_id.clone()));
    office.stripe.mute(items[..3].iter().map(|item| item.reference.clone()));
    items.rotate_left(3);
    for (number, item) in items.iter().enumerate() {
        if number == 2 {
            office.stripe.mute([]);
        }
        office.refund_by_hand(&item.reference, "").await;
        let cleared =
            |found: &Item| found.reference == item.reference && found.state() == ReconciliationState::Cleared;
        office.until(cleared).await;
    }
    office.holds().await;
}

/// Only the states of these, newest first.
async fn listed_by(staff: &Staff, state: ReconciliationState) -> Vec<i64> {
    let request = pb::ListReconciliationItemsRequest { state: state.into(), ..Default::default() };
    let listed = staff.list_reconciliation_items(request).await.expect("items").items;
    let mut amounts: Vec<_> = listed.iter().map(|item| item.theirs_minor).collect();
    amounts.sort_unstable();
    amounts
}

#[tokio::test]
async fn one_operator_takes_a_difference_another_takes_it_over_and_only_its_owner_resolves_it() {
    let office = Office::open().await;
    for amount_minor in [100, 200, 300] {
        office.stripe.charge_by_hand(amount_minor, "").await;
    }
    let items = office.until_items(3).await;
    let item = items.iter().find(|item| item.theirs_minor == 200).expect("one");
    let (first, second) = (&office.first, &office.second);
    let not_yours = Reason::ReconciliationItemNotYours;
    assert_eq!(reason(first.resolve_reconciliation_item(item, "mine").await), not_yours, "nobody's");
    let other = Item { version: 2, ..item.clone() };
    let changed = Reason::ReconciliationItemChanged;
    assert_eq!(reason(first.take_reconciliation_item(&other).await), changed);
    first.take_reconciliation_item(item).await.expect("taken");
    first.take_reconciliation_item(item).await.expect("it is his already");
    let taken = office.until(|one| one.state() == ReconciliationState::Taken).await;
    second.take_reconciliation_item(item).await.expect("taken over");
    let over = office.until(|one| one.state() == ReconciliationState::Taken).await;
    assert!(over.owner_id.len() == 16 && over.owner_id != taken.owner_id, "another owner");
    assert_eq!(reason(first.resolve_reconciliation_item(item, "mine").await), not_yours);
    assert_eq!(reason(second.resolve_reconciliation_item(&other, "mine").await), changed);
    for (note, version) in [(String::new(), 1), ("あ".repeat(501), 1), ("a\nb".into(), 1), ("good".into(), 0)]
    {
        let bad = Item { version, ..item.clone() };
        let refused = reason(second.resolve_reconciliation_item(&bad, &note).await);
        assert_eq!(refused, Reason::Malformed, "{note} {version}");
    }
    let note = "あ".repeat(500);
    second.resolve_reconciliation_item(item, &note).await.expect("resolved");
    for staff in [first, second] {
        let refused = reason(staff.take_reconciliation_item(item).await);
        assert_eq!(refused, Reason::ReconciliationItemOver);
    }
    let nothing = Item { item_id: vec![9; 16], ..item.clone() };
    assert_eq!(reason(first.take_reconciliation_item(&nothing).await), Reason::NotFound);
    assert_eq!(listed_by(first, ReconciliationState::Resolved).await, [200]);
    assert_eq!(listed_by(first, ReconciliationState::Open).await, [100, 300]);
    assert_eq!(listed_by(first, ReconciliationState::Taken).await, [0; 0]);
    assert_eq!(listed_by(first, ReconciliationState::Unspecified).await, [100, 200, 300]);

    // Seen again as it was it stays resolved; with other figures nobody has said anything about it.
    let seen = |item: &Item| item.last_seen_at.map(|at| at.seconds);
    let again = office.until(|one| one.item_id == item.item_id && seen(one) > seen(item)).await;
    assert_eq!((again.state(), again.note.as_str()), (ReconciliationState::Resolved, note.as_str()));
    assert_eq!(again.owner_id, over.owner_id);
    office.refund_by_hand(&item.reference, "&amount=50").await;
    let anew = office.until(|one| one.item_id == item.item_id && one.version == 2).await;
    assert_eq!((anew.state(), anew.theirs_minor), (ReconciliationState::Open, 150));
    assert_eq!((anew.owner_id.as_slice(), anew.note.as_str()), (&[][..], ""));
    assert_eq!(reason(first.take_reconciliation_item(item).await), changed, "he saw the other one");
    office.holds().await;
}

#[tokio::test]
async fn a_page_token_is_its_operators_and_its_questions_own() {
    let office = Office::open().await;
    for amount_minor in [100, 200, 300] {
        office.stripe.charge_by_hand(amount_minor, "").await;
    }
    let all: Vec<_> = office.until_items(3).await.into_iter().map(|item| item.item_id).collect();
    let first = pb::ListReconciliationItemsRequest { page_size: 1, ..Default::default() };
    let (mut pages, mut request, mut token) = (Vec::new(), first.clone(), Vec::new());
    loop {
        let reply = office.first.list_reconciliation_items(request.clone()).await.expect("a page");
        pages.extend(reply.items.into_iter().map(|item| item.item_id));
        if reply.next_page_token.is_empty() {
            break;
        }
        token = reply.next_page_token.clone();
        request.page_token = reply.next_page_token;
    }
    assert_eq!(pages, all);
    let with = pb::ListReconciliationItemsRequest { page_token: token.clone(), ..first.clone() };
    let beside = pb::ListReconciliationItemsRequest { state: 1, ..with.clone() };
    let long = pb::ListReconciliationItemsRequest { page_size: 101, ..first.clone() };
    let unknown = pb::ListReconciliationItemsRequest { state: 9, ..first };
    assert_eq!(reason(office.second.list_reconciliation_items(with.clone()).await), Reason::Malformed);
    for request in [beside, long, unknown] {
        assert_eq!(reason(office.first.list_reconciliation_items(request).await), Reason::Malformed);
    }
    for place in 0..token.len() {
        let mut request = with.clone();
        request.page_token[place] ^= 1;
        assert_eq!(reason(office.first.list_reconciliation_items(request).await), Reason::Malformed);
    }
    office.holds().await;
}

#[tokio::test]
async fn a_provider_without_a_list_is_not_compared() {
    let world = World::start_with(generous).await;
    world.funded("alice", 500).await;
    let [operator, _] = world.operators().await;
    let mut ticks = interval(Duration::from_millis(100));
    for _ in 0..25 {
        ticks.tick().await;
        world.pass(3_600);
    }
    let listed = operator
        .list_reconciliation_items(pb::ListReconciliationItemsRequest::default())
        .await
        .expect("items");
    assert_eq!((listed.items, listed.compared_until), (Vec::new(), None));
    holds(world).await;
}

/// The same over PostgreSQL, at two servers of which one at a time compares.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_over_one_database_find_a_difference_once_and_share_who_has_it() {
    let shared = Shared::start().await;
    let (stripe, clock) = (StripeServer::start().await, clock());
    let settle = |settings: &mut Settings| {
        change(settings, &stripe, &clock);
        shared.apply(settings);
    };
    let one = World { clock: Arc::clone(&clock), ..World::start_with(settle).await };
    let other = World { clock: Arc::clone(&clock), ..World::start_with(settle).await };
    let keys = shared.dir.path().join("operators");
    let [first, _] = one.operators_of(&keys).await;
    let [_, second] = other.operators_of(&keys).await;
    let alice = one.wallet("alice").await;
    let card = linked(&stripe, &alice, VISA).await;
    let gone = stripe.intent_of(&top_up(&alice, &card).await.top_up_id).await;
    assert_eq!(stripe.call("DELETE", &format!("/v1/payment_intents/{gone}"), "").await.0, 200);
    let strange = stripe.charge_by_hand(450, "").await;
    let office = Office { stripe, world: one, first, second };
    let items = office.until_items(2).await;
    let by = |reference: &str| items.iter().find(|item| item.reference == reference).expect("an item");
    assert_eq!(by(&gone).difference(), ReconciliationDifference::NotChargedThere);
    assert_eq!(by(&strange).difference(), ReconciliationDifference::UnknownHere);
    office.first.take_reconciliation_item(by(&gone)).await.expect("taken");
    let not_yours = reason(office.second.resolve_reconciliation_item(by(&gone), "mine").await);
    assert_eq!(not_yours, Reason::ReconciliationItemNotYours);
    office.second.take_reconciliation_item(by(&gone)).await.expect("taken over at the other");
    office.second.resolve_reconciliation_item(by(&gone), "Stripe lost it").await.expect("resolved");
    office.refund_by_hand(&strange, "").await;
    office.until(|item| item.reference == strange && item.state() == ReconciliationState::Cleared).await;
    let Office { world, .. } = office;
    let data_dir = world.dir.path().join("data");
    world.server.stop().await;
    other.server.stop().await;
    let subject = shared.subject(&data_dir);
    let mut policy = saifu::domain::policy::Policy::standard();
    generous_policy(&mut policy);
    policy.payment_codes.live_us = DAY_US;
    let verified = tokio::task::spawn_blocking(move || verify_now(&subject, policy));
    assert_eq!(verified.await.expect("it ends").expect("a report").problems, []);
}
