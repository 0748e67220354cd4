//! A funding provider's list beside our top-ups: what is a difference, what becomes of it, who may say
//! something about it, and which part of the list is compared when.

use super::fixture::{
    Attempt, Ledger, NOW, Said, account_id, funding_id, key_id, ledger_account_id, signed, writes, written,
};
use crate::domain::command::{
    Chore, Comparison, OperatorAction, OperatorCall, Order, ReconciliationAction, ReconciliationChore,
};
use crate::domain::decide::{Decision, Stale};
use crate::domain::id::{FIRST_TENANT, OperatorId, OwnerId, ReconciliationItemId, TopUpId};
use crate::domain::journal::Kind;
use crate::domain::money::Asset;
use crate::domain::outcome::{Outcome, ReconciliationOutcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::reconciliation::{ChargeState, Difference, ItemState, Slice, Theirs, next};
use crate::domain::rows::{
    KeyForm, KeyState, Operator, Principal, Reconciliation, ReconciliationItem, Row, SigningKey, TopUp,
    TopUpState,
};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};
use crate::domain::write::Write;

const TOP_UP: TopUpId = TopUpId([1; 16]);
const ITEM: ReconciliationItemId = ReconciliationItemId([2; 16]);
const STRIPE: i64 = 2;
const TURN: i64 = 3;

fn top_up(state: TopUpState) -> TopUp {
    TopUp {
        top_up_id: TOP_UP,
        tenant_id: FIRST_TENANT,
        account_id: account_id("alice"),
        funding_id: funding_id("alice"),
        asset: Asset::PrepaidJpy,
        amount_minor: 700,
        state,
        requested_at: NOW,
        settled_at: None,
        provider_reference: Some("pi_1".into()),
        turn: TURN,
        attempts: 0,
        due_at: None,
        claimed_until: Timestamp(0),
        claimed_by: None,
        sealed_action: None,
        card_tag: None,
        wants_challenge: false,
    }
}

/// Two operators, and a top-up in this state.
fn office(state: TopUpState) -> Ledger {
    let mut ledger = Ledger::parse("alice 5000 jpy card");
    for (name, number) in [("first", 1), ("second", 2)] {
        let (operator_id, key_id) = (OperatorId([number; 16]), key_id(name));
        let active = KeyState::Active;
        ledger.put(Operator { operator_id, tenant_id: FIRST_TENANT, key_id, state: active, added_at: NOW });
        ledger.put(SigningKey {
            key_id,
            tenant_id: FIRST_TENANT,
            principal: Principal::Operator,
            owner_id: OwnerId(operator_id.0),
            account_id: None,
            point: vec![4; 65],
            form: KeyForm::Fixed,
            state: active,
            version: 1,
        });
    }
    ledger.put(top_up(state));
    ledger
}

fn there(state: ChargeState, amount_minor: i64) -> Theirs {
    Theirs { amount_minor, currency: "JPY".into(), state }
}

fn paid(amount_minor: i64) -> Theirs {
    there(ChargeState::Charged, amount_minor)
}

fn comparison(theirs: Option<Theirs>) -> Comparison {
    let seen = Some((TOP_UP, TURN));
    Comparison { item_id: ITEM, provider: STRIPE, reference: "pi_1".into(), seen, theirs }
}

fn compare(ledger: &mut Ledger, comparison: Comparison) -> Decision {
    let chore = Chore::Reconciliation(ReconciliationChore::Compare(comparison));
    let attempt = ledger.command(Order::Chore(chore));
    let decision = ledger.act(&attempt);
    assert_eq!(Said::of(&decision), Said::Kept);
    decision
}

fn item(ledger: &Ledger) -> &ReconciliationItem {
    ledger.get::<ReconciliationItem>((ITEM,))
}

#[test]
fn what_is_a_difference_in_each_state_is_this_table_and_nothing_but_the_item_is_written() {
    use Difference::{ChargedBackThere, NotChargedThere, NotCreditedHere, NotTakenBackThere, RefundedThere};
    let not_credited = [None, None, Some(NotCreditedHere), None, None];
    let taken_back = [None, None, Some(NotTakenBackThere), None, None];
    let credited =
        [Some(NotChargedThere), Some(NotChargedThere), None, Some(RefundedThere), Some(ChargedBackThere)];
    let table = [
        (TopUpState::Requested, not_credited),
        (TopUpState::RequiresAction, not_credited),
        (TopUpState::Unknown, not_credited),
        (TopUpState::Failed, not_credited),
        (TopUpState::Succeeded, credited),
        (TopUpState::Refunded, taken_back),
        (TopUpState::ChargedBack, taken_back),
    ];
    let said = [
        None,
        Some(there(ChargeState::NotCharged, 700)),
        Some(paid(700)),
        Some(there(ChargeState::Refunded, 700)),
        Some(there(ChargeState::ChargedBack, 700)),
    ];
    for (state, differences) in table {
        for (theirs, expected) in said.iter().zip(differences) {
            let mut ledger = office(state);
            let decision = compare(&mut ledger, comparison(theirs.clone()));
            let found: Vec<_> = written::<ReconciliationItem>(&decision);
            assert_eq!(found.len(), writes(&decision).len(), "{state:?} {theirs:?}");
            assert_eq!(found.first().map(|item| item.difference), expected, "{state:?} {theirs:?}");
            let Some(item) = found.first() else { continue };
            assert_eq!((item.state, item.owner_id, item.version), (ItemState::Open, None, 1));
            assert_eq!((item.top_up_id, item.ours_minor), (Some(TOP_UP), Some(700)));
            assert_eq!(item.theirs_minor, theirs.as_ref().map(|theirs| theirs.amount_minor));
            assert_eq!((item.first_seen_at, item.last_seen_at), (NOW, NOW));
        }
    }
}

#[test]
fn another_amount_or_currency_is_one_and_a_charge_of_no_top_up_has_no_amount_of_ours() {
    let dollars = Some(Theirs { currency: "USD".into(), ..paid(700) });
    let both = Some(Theirs { currency: "USD".into(), ..paid(7) });
    for (theirs, expected) in [
        (Some(paid(699)), Difference::Amount),
        (Some(paid(701)), Difference::Amount),
        (dollars, Difference::Currency),
        (both, Difference::Currency),
    ] {
        let mut ledger = office(TopUpState::Succeeded);
        compare(&mut ledger, comparison(theirs));
        assert_eq!(item(&ledger).difference, expected);
    }
    // It names a top-up that has another charge, or none, or it names none at all.
    for (reference, seen) in [(Some("pi_2"), true), (None, true), (Some("pi_1"), false)] {
        let mut ledger = office(TopUpState::Succeeded);
        ledger.change((TOP_UP,), |row: &mut TopUp| row.provider_reference = reference.map(str::to_owned));
        let seen = seen.then_some((TOP_UP, TURN));
        compare(&mut ledger, Comparison { seen, ..comparison(Some(paid(700))) });
        let item = item(&ledger);
        assert_eq!(item.difference, Difference::UnknownHere, "{reference:?} {seen:?}");
        assert_eq!((item.top_up_id, item.ours_minor), (seen.map(|(id, _)| id), None));
        let mut ledger = office(TopUpState::Succeeded);
        let unknown = Comparison { seen: None, ..comparison(Some(there(ChargeState::Refunded, 700))) };
        assert!(writes(&compare(&mut ledger, unknown)).is_empty(), "nothing of it is anybody's");
    }
}

#[test]
fn what_changed_here_since_the_provider_was_asked_is_compared_another_time() {
    let mut ledger = office(TopUpState::Succeeded);
    let stale = Comparison { seen: Some((TOP_UP, TURN - 1)), ..comparison(None) };
    assert!(writes(&compare(&mut ledger, stale)).is_empty());
    let gone = Comparison { seen: Some((TopUpId([9; 16]), TURN)), ..comparison(None) };
    assert!(writes(&compare(&mut ledger, gone)).is_empty());
    // Nor is an open one gone by it.
    compare(&mut ledger, comparison(None));
    let stale = Comparison { seen: Some((TOP_UP, TURN - 1)), ..comparison(Some(paid(700))) };
    assert!(writes(&compare(&mut ledger, stale)).is_empty());
    assert_eq!(item(&ledger).state, ItemState::Open);
}

fn by(ledger: &mut Ledger, name: &str, action: ReconciliationAction) -> Attempt {
    let number = ledger.number();
    let operator_id = OperatorId([if name == "first" { 1 } else { 2 }; 16]);
    let call = OperatorCall { signed: signed(key_id(name), number), operator_id };
    ledger.command(Order::Operator(call, OperatorAction::Reconciliation(action)))
}

fn take(version: i64) -> ReconciliationAction {
    ReconciliationAction::Take { item_id: ITEM, version }
}

fn resolve(version: i64) -> ReconciliationAction {
    ReconciliationAction::Resolve { item_id: ITEM, version, note: "paid out by hand".into() }
}

fn does(ledger: &mut Ledger, name: &str, action: ReconciliationAction) -> Said {
    let attempt = by(ledger, name, action);
    ledger.say(&attempt)
}

/// What it is by now: state, version, owner's number, whether something was said.
fn stands(ledger: &Ledger) -> (ItemState, i64, Option<u8>, bool) {
    let item = item(ledger);
    (item.state, item.version, item.owner_id.map(|id| id.0[0]), item.note.is_some())
}

#[test]
fn a_difference_that_stays_is_left_to_whoever_has_it_and_one_with_other_figures_is_another_version() {
    let mut ledger = office(TopUpState::Succeeded);
    compare(&mut ledger, comparison(Some(paid(500))));
    assert_eq!(does(&mut ledger, "first", take(1)), Said::Done);
    ledger.pass(HOUR_US);
    compare(&mut ledger, comparison(Some(paid(500))));
    assert_eq!(stands(&ledger), (ItemState::Taken, 1, Some(1), false));
    assert_eq!((item(&ledger).first_seen_at, item(&ledger).last_seen_at), (NOW, NOW.plus_us(HOUR_US)));
    compare(&mut ledger, comparison(Some(paid(400))));
    assert_eq!(stands(&ledger), (ItemState::Taken, 2, Some(1), false), "whoever has it keeps it");
    assert_eq!((item(&ledger).theirs_minor, item(&ledger).first_seen_at), (Some(400), NOW));
    assert_eq!(does(&mut ledger, "first", resolve(2)), Said::Done);
    compare(&mut ledger, comparison(Some(paid(400))));
    assert_eq!(stands(&ledger), (ItemState::Resolved, 2, Some(1), true), "resolved stays resolved");
    assert_eq!(item(&ledger).last_seen_at, NOW.plus_us(HOUR_US));
    compare(&mut ledger, comparison(Some(paid(700))));
    assert_eq!(stands(&ledger), (ItemState::Resolved, 2, Some(1), true), "also once it is gone");
    compare(&mut ledger, comparison(Some(paid(300))));
    assert_eq!(stands(&ledger), (ItemState::Open, 3, None, false), "nobody said anything about this");
}

#[test]
fn what_is_gone_is_cleared_and_what_comes_back_is_open_again() {
    for is_taken in [false, true] {
        let mut ledger = office(TopUpState::Succeeded);
        compare(&mut ledger, comparison(None));
        if is_taken {
            assert_eq!(does(&mut ledger, "second", take(1)), Said::Done);
        }
        let owner = is_taken.then_some(2);
        compare(&mut ledger, comparison(Some(paid(700))));
        assert_eq!(stands(&ledger), (ItemState::Cleared, 1, owner, false));
        assert!(writes(&compare(&mut ledger, comparison(Some(paid(700))))).is_empty(), "it is gone already");
        compare(&mut ledger, comparison(None));
        assert_eq!(stands(&ledger), (ItemState::Open, 2, None, false));
    }
}

#[test]
fn what_an_operator_does_is_refused_in_the_documented_order() {
    for action in [take(1), resolve(1)] {
        let is_resolve = matches!(action, ReconciliationAction::Resolve { .. });
        let mut ledger = office(TopUpState::Succeeded);
        assert_eq!(does(&mut ledger, "first", action.clone()), Said::No(Refusal::NotFound));
        compare(&mut ledger, comparison(None));
        let mend = |ledger: &mut Ledger, change: fn(&mut ReconciliationItem)| ledger.change((ITEM,), change);
        ledger.change((OperatorId([1; 16]),), |row: &mut Operator| row.state = KeyState::Revoked);
        mend(&mut ledger, |item| (item.version, item.state) = (2, ItemState::Cleared));
        assert_eq!(does(&mut ledger, "first", action.clone()), Said::Stale(Stale::Key));
        ledger.change((OperatorId([1; 16]),), |row: &mut Operator| row.state = KeyState::Active);
        let over = Said::No(Refusal::ReconciliationItemOver);
        assert_eq!(does(&mut ledger, "first", action.clone()), over);
        mend(&mut ledger, |item| {
            (item.state, item.owner_id) = (ItemState::Resolved, Some(OperatorId([1; 16])));
        });
        assert_eq!(does(&mut ledger, "first", action.clone()), over);
        mend(&mut ledger, |item| (item.state, item.owner_id) = (ItemState::Open, None));
        let changed = Said::No(Refusal::ReconciliationItemChanged);
        let not_yours = Said::No(Refusal::ReconciliationItemNotYours);
        let expected = if is_resolve { &not_yours } else { &changed };
        assert_eq!(does(&mut ledger, "first", action.clone()), *expected, "nobody has it");
        mend(&mut ledger, |item| {
            (item.state, item.owner_id) = (ItemState::Taken, Some(OperatorId([2; 16])));
        });
        assert_eq!(does(&mut ledger, "first", action.clone()), *expected, "another one has it");
        mend(&mut ledger, |item| item.owner_id = Some(OperatorId([1; 16])));
        assert_eq!(does(&mut ledger, "first", action.clone()), changed);
        mend(&mut ledger, |item| item.version = 1);
        assert_eq!(does(&mut ledger, "first", action), Said::Done);
    }
}

#[test]
fn a_taken_one_may_be_taken_over_and_only_its_owner_resolves_it() {
    let mut ledger = office(TopUpState::Succeeded);
    compare(&mut ledger, comparison(None));
    let attempt = by(&mut ledger, "first", take(1));
    let decision = ledger.act(&attempt);
    let Decision::Commit { entry, writes } = &decision else { panic!("{decision:?}") };
    assert_eq!(entry.kind, Kind::TakeReconciliationItem);
    let outcome = ReconciliationOutcome::Taken { item_id: ITEM, version: 1 };
    assert_eq!(entry.outcome, Outcome::Reconciliation(outcome));
    assert!(entry.postings.0.is_empty() && entry.entry_account_id.is_none(), "no money moves");
    assert!(matches!(writes.as_slice(), [Write::Update(Row::ReconciliationItem(_))]), "{writes:?}");
    assert_eq!(does(&mut ledger, "second", take(1)), Said::Done);
    assert_eq!(stands(&ledger), (ItemState::Taken, 1, Some(2), false));
    assert_eq!(does(&mut ledger, "first", resolve(1)), Said::No(Refusal::ReconciliationItemNotYours));
    let attempt = by(&mut ledger, "second", resolve(1));
    let decision = ledger.act(&attempt);
    let Decision::Commit { entry, .. } = &decision else { panic!("{decision:?}") };
    let outcome = Outcome::Reconciliation(ReconciliationOutcome::Resolved { item_id: ITEM, version: 1 });
    assert_eq!((entry.kind, &entry.outcome), (Kind::ResolveReconciliationItem, &outcome));
    for encoded in [outcome, entry.outcome.clone()] {
        assert_eq!(Outcome::decode(&encoded.encode()), Ok(encoded));
    }
    assert_eq!(item(&ledger).note.as_deref(), Some("paid out by hand"));
    for name in ["first", "second"] {
        assert_eq!(does(&mut ledger, name, take(1)), Said::No(Refusal::ReconciliationItemOver), "{name}");
    }
    // The clearing account of providers was not touched by any of it.
    assert_eq!(ledger.account_of("alice").ledger_account_id, ledger_account_id("alice"));
    assert_eq!(ledger.account_of("alice").available_minor(), 5_000);
}

fn cursor(compared: i64, swept: i64, swept_at: Timestamp) -> Reconciliation {
    let at = |days: i64| day().plus_us(days * DAY_US);
    Reconciliation {
        provider: STRIPE,
        tenant_id: FIRST_TENANT,
        compared_until: at(compared),
        swept_until: at(swept),
        swept_at,
    }
}

/// The moment up to which everything is old enough to be compared.
fn day() -> Timestamp {
    NOW.plus_us(-15 * MINUTE_US - HOUR_US)
}

#[test]
fn the_cursor_goes_on_from_where_it_was_and_never_back() {
    let advance = |ledger: &mut Ledger, before: Option<Reconciliation>, after: Reconciliation| {
        let chore = ReconciliationChore::Advance { before, after };
        let attempt = ledger.command(Order::Chore(Chore::Reconciliation(chore)));
        !writes(&ledger.act(&attempt)).is_empty()
    };
    let mut ledger = office(TopUpState::Succeeded);
    let (first, second) = (cursor(-3, -3, NOW), cursor(-2, -2, NOW));
    assert!(!advance(&mut ledger, Some(first.clone()), second.clone()), "there is none yet");
    assert!(advance(&mut ledger, None, first.clone()));
    assert!(!advance(&mut ledger, None, second.clone()), "somebody else began");
    assert!(!advance(&mut ledger, Some(second.clone()), second.clone()), "another one by now");
    assert!(!advance(&mut ledger, Some(first.clone()), cursor(-4, -4, NOW)), "back");
    assert!(!advance(&mut ledger, Some(first.clone()), cursor(-2, -1, NOW)), "again before once");
    assert!(advance(&mut ledger, Some(first), second.clone()));
    assert_eq!(ledger.get::<Reconciliation>((STRIPE,)), &second);
}

#[test]
fn what_is_new_is_compared_first_and_the_window_once_a_day_again() {
    let policy = Policy::standard();
    let part = |row: Option<&Reconciliation>, now| {
        let slice: Option<Slice> = next(row, now, &policy);
        slice.map(|slice| {
            let days = |at: Timestamp| at.since_us(day()) / DAY_US;
            (days(slice.from), days(slice.until), slice.done(STRIPE, row, slice.until))
        })
    };
    let window = NOW.plus_us(-180 * DAY_US);
    let first = next(None, NOW, &policy).expect("all of the window");
    assert_eq!((first.from, first.until), (window, window.plus_us(DAY_US)), "a day at a time");
    let begun = first.done(STRIPE, None, first.until);
    assert_eq!((begun.compared_until, begun.swept_until, begun.swept_at), (first.until, first.until, NOW));

    // What is new, with all else swept: it need not be swept again at once.
    let row = cursor(-2, -2, NOW);
    assert_eq!(part(Some(&row), NOW), Some((-2, -1, cursor(-1, -1, NOW))));
    let row = cursor(-2, -9, NOW);
    assert_eq!(part(Some(&row), NOW), Some((-2, -1, cursor(-1, -9, NOW))));
    // Nothing new: what is left of this time round, and nothing until the next.
    let row = cursor(0, -2, NOW);
    assert_eq!(part(Some(&row), NOW), Some((-2, -1, cursor(0, -1, NOW))));
    assert_eq!(part(Some(&cursor(0, 0, NOW.plus_us(1 - DAY_US))), NOW), None);
    let due = cursor(0, 0, NOW.plus_us(-DAY_US));
    let anew = next(Some(&due), NOW, &policy).expect("the next time round");
    assert_eq!((anew.from, anew.until), (window, window.plus_us(DAY_US)));
    let after = anew.done(STRIPE, Some(&due), anew.until);
    assert_eq!(after, Reconciliation { swept_until: anew.until, swept_at: NOW, ..due });

    // Not before a top-up's time and an hour are over, to the second.
    for (later_us, is_due) in [(SECOND_US - 1, false), (SECOND_US, true)] {
        let found = next(Some(&cursor(0, 0, NOW)), NOW.plus_us(later_us), &policy);
        assert_eq!(found.is_some(), is_due, "{later_us}");
    }
    // What is older than the window is not looked at, though it was not before.
    let late = next(Some(&cursor(-400, -400, NOW)), NOW, &policy).expect("something");
    assert_eq!(late.from, window);
}

#[test]
fn asking_again_mends_what_the_provider_knows_better() {
    let ledger = office(TopUpState::Succeeded);
    let row = ledger.get::<TopUp>((TOP_UP,));
    let all = (1..=8).map(|number| Difference::from_number(number).expect("a difference"));
    let expected = [false, false, true, false, false, true, true, false];
    assert!(all.map(|difference| difference.is_mendable(row)).eq(expected));
    // A charge whose name was lost is found by a top-up that still looks for one, and by no other.
    for (state, reference, is_mendable) in [
        (TopUpState::Unknown, None, true),
        (TopUpState::Unknown, Some("pi_2".to_owned()), false),
        (TopUpState::Failed, None, false),
    ] {
        let row = TopUp { state, provider_reference: reference, ..row.clone() };
        assert_eq!(Difference::UnknownHere.is_mendable(&row), is_mendable, "{row:?}");
    }
}

#[test]
fn an_item_is_the_same_for_the_same_charge_and_another_for_another() {
    let hash = |bytes: &[u8]| {
        let mut hashed = [0; 32];
        for (place, byte) in bytes.iter().enumerate() {
            hashed[place % 16] ^= byte.rotate_left(u32::try_from(place % 8).unwrap_or(0));
        }
        hashed
    };
    let of = |provider, reference| ReconciliationItemId::of(provider, reference, hash);
    assert_eq!(of(2, "pi_1"), of(2, "pi_1"));
    assert_ne!(of(2, "pi_1"), of(2, "pi_2"));
    assert_ne!(of(2, "pi_1"), of(3, "pi_1"));
}
