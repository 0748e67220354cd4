//! Reverse: whose order it is comes first, and then how long ago what it would undo was captured.

use super::*;
use crate::domain::command::MerchantAction;
use crate::domain::ledger::SUSPENSE;
use crate::domain::outcome::{Late, Outcome, Refusal};
use crate::domain::payment::State;
use crate::domain::rows::{AccountState, ClosingReason, LedgerAccount, Merchant, Payable, Payment, Standing};
use crate::domain::tests::fixture::{entry, ledger_account_id};
use crate::domain::time::{HOUR_US, SECOND_US};

fn reverse(ledger: &mut Ledger) -> Attempt {
    by_till(ledger, TerminalAction::Reverse { order_id: ORDER.into() })
}

fn reverse_by_merchant(ledger: &mut Ledger) -> Attempt {
    by_merchant(ledger, MerchantAction::Reverse { terminal_id: TILL, order_id: ORDER.into() })
}

fn outcome(ledger: &mut Ledger, attempt: &Attempt) -> Outcome {
    entry(&ledger.act(attempt)).expect("journalled").outcome.clone()
}

fn charged() -> Ledger {
    let mut ledger = scene();
    let attempt = charge(&mut ledger, 700);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

#[test]
fn another_tills_order_is_not_told_of() {
    for breakage in [
        |slot: &mut OrderSlot| slot.terminal_id = OTHER_TILL,
        |slot: &mut OrderSlot| {
            slot.terminal_id = OTHER_TILL;
            slot.reversed_at = Some(NOW);
        },
    ] {
        let mut ledger = scene();
        slot(&mut ledger, breakage);
        for attempt in [reverse(&mut ledger), reverse_by_merchant(&mut ledger)] {
            assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound));
        }
    }
}

#[test]
fn a_tombstone_refuses_the_payment_that_arrives_later_and_says_so_once() {
    let mut ledger = scene();
    let attempt = reverse(&mut ledger);
    assert_eq!(outcome(&mut ledger, &attempt), Outcome::NothingFound);
    let late = charge(&mut ledger, 700);
    assert_eq!(ledger.say(&late), no(Refusal::OrderReversed));
    let again = reverse(&mut ledger);
    assert_eq!(outcome(&mut ledger, &again), Outcome::AlreadyReversed);
    assert_eq!(ledger.account_of("alice").available_minor(), 5_000);
}

#[test]
fn what_was_charged_goes_back_once_and_gains_no_allowance() {
    let mut ledger = charged();
    ledger.account("alice", |account| account.frozen_at = Some(NOW));
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    till(&mut ledger, |till| till.misses_until = NOW.plus_us(HOUR_US));
    let attempt = reverse(&mut ledger);
    let told = outcome(&mut ledger, &attempt);
    assert!(matches!(told, Outcome::Reversed { refunded_minor: 700, available_after_minor: 5_000, .. }));
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.lots.total_minor()), (5_000, 5_000));
    assert_eq!(account.spending.last_day(NOW).amount_minor, 0, "the day's limit is free again");
    let since_code = (account.spent_total_minor, account.payments_total);
    assert_eq!(since_code, (700, 1), "what asks for the next code is not");
    let payment = ledger.get::<Payment>((PAYMENT,));
    assert_eq!((payment.refunded_minor, payment.closing_reason), (700, Some(ClosingReason::Reversed)));
    assert_eq!(ledger.credits[&ledger_account_id("bakery")], (700, 700));
    let again = reverse_by_merchant(&mut ledger);
    assert_eq!(outcome(&mut ledger, &again), Outcome::AlreadyReversed);
    assert_eq!(ledger.account_of("alice").available_minor(), 5_000);
}

#[test]
fn a_closed_accounts_money_goes_to_suspense() {
    let mut ledger = charged();
    ledger.account("alice", |account| account.state = AccountState::Closed);
    let before = ledger.account_of("alice").clone();
    let attempt = reverse(&mut ledger);
    assert!(matches!(outcome(&mut ledger, &attempt), Outcome::Reversed { refunded_minor: 700, .. }));
    let after = ledger.account_of("alice");
    assert_eq!((after.balance_minor(), &after.lots), (before.balance_minor(), &before.lots));
    assert_eq!(ledger.credits[&SUSPENSE], (0, 700));
}

#[test]
fn a_suspended_till_reverses_nothing_and_its_merchant_does() {
    let mut ledger = charged();
    till(&mut ledger, |till| till.state = TerminalState::Suspended);
    let attempt = reverse(&mut ledger);
    assert_eq!(ledger.ask(&attempt), no(Refusal::TerminalSuspended));
    let attempt = reverse_by_merchant(&mut ledger);
    assert_eq!(ledger.ask(&attempt), Said::Done);
    till(&mut ledger, |till| till.merchant_id = merchant_id("books"));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound), "another merchant's till");
}

#[test]
fn what_was_captured_is_undone_for_minutes_by_the_time_of_the_decision() {
    for by in [reverse, reverse_by_merchant] {
        let mut ledger = charged();
        ledger.pass(15 * MINUTE_US);
        let attempt = by(&mut ledger);
        assert_eq!(ledger.ask(&attempt), Said::Done);
        ledger.pass(1);
        let told = outcome(&mut ledger, &attempt);
        let Outcome::ReversedTooLate { payment_id, sums, why: Late::WindowOver } = told else {
            panic!("{told:?}")
        };
        assert_eq!((payment_id, sums.state()), (PAYMENT, State::Captured));
        assert_eq!(ledger.account_of("alice").available_minor(), 4_300);
        assert_eq!(ledger.ask(&attempt), Said::Again(told), "a repetition");
    }
}

#[test]
fn what_was_captured_in_a_day_that_is_closed_is_not_undone_however_soon() {
    let mut ledger = charged();
    till(&mut ledger, |till| till.business_day = 2);
    let attempt = reverse(&mut ledger);
    let told = outcome(&mut ledger, &attempt);
    assert!(matches!(told, Outcome::ReversedTooLate { why: Late::DayClosed, .. }), "{told:?}");
}

#[test]
fn what_refunds_took_meanwhile_is_not_given_back_a_second_time() {
    // What is there beside the ¥700 of the sale, what was carried over, and whether it may be undone.
    for (beside_minor, carried_minor, expected) in [
        (0, 0, Said::Done),
        (-1_000_000, 0, Said::Done),
        (-1_000_001, 0, no(Refusal::PayableFloor)),
        (-1_000_001, -1_000_000, no(Refusal::PayableFloor)),
        // It owed more than that when it was settled: no reversal did that.
        (-1_000_001, -1_000_001, Said::Done),
        (-1_000_002, -1_000_001, no(Refusal::PayableFloor)),
    ] {
        let mut ledger = charged();
        ledger.change::<LedgerAccount>((ledger_account_id("bakery"),), |row| {
            row.debits_posted_minor = -beside_minor;
        });
        ledger.put(Payable { carried_minor, ..Payable::unsettled(merchant_id("bakery")) });
        let attempt = reverse(&mut ledger);
        assert_eq!(ledger.ask(&attempt), expected, "{beside_minor} and {carried_minor}");
    }
}

#[test]
fn a_day_begins_with_its_first_entry_and_a_hold_is_none() {
    let mut ledger = scene();
    let hold = TerminalAction::Authorize { sale: sale(700, false), hold_us: 9 * MINUTE_US };
    let attempt = by_till(&mut ledger, hold);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Terminal>((TILL,)).day_began_at, None);
    ledger.pass(SECOND_US);
    let step = crate::domain::command::ShopStep::Capture { amount: Amount::new(100), is_final: false };
    let attempt = by_till(&mut ledger, TerminalAction::Step { order_id: ORDER.into(), step });
    assert_eq!(ledger.say(&attempt), Said::Done);
    let began_at = Some(NOW.plus_us(SECOND_US));
    assert_eq!(ledger.get::<Terminal>((TILL,)).day_began_at, began_at);
    ledger.pass(SECOND_US);
    let attempt = reverse(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Terminal>((TILL,)).day_began_at, began_at, "the first one counts");
}

#[test]
fn a_day_began_with_the_earliest_of_its_entries_in_whatever_order_they_come() {
    for (known_us, expected_us) in [(SECOND_US, 0), (-SECOND_US, -SECOND_US)] {
        let mut ledger = scene();
        till(&mut ledger, |till| till.day_began_at = Some(NOW.plus_us(known_us)));
        let attempt = charge(&mut ledger, 700);
        assert_eq!(ledger.say(&attempt), Said::Done);
        assert_eq!(ledger.get::<Terminal>((TILL,)).day_began_at, Some(NOW.plus_us(expected_us)));
    }
}

#[test]
fn a_day_is_closed_for_its_till_when_its_calendar_day_is_over_for_hours_and_once() {
    use crate::domain::command::SystemAction;
    use crate::domain::decide::Traceless;
    use crate::domain::policy::Policy;
    let rules = Policy::standard().settlement;
    let close = |ledger: &mut Ledger, business_day, ended_at| {
        let action = SystemAction::CloseDay { terminal_id: TILL, business_day, ended_at };
        let number = ledger.number();
        ledger.command(Order::System(signed(key_id("system"), number), action))
    };
    let nothing = Said::Nothing(Traceless::NothingToDo);
    let ended_at = rules.end_of(rules.day(NOW));
    let mut ledger = charged();
    till(&mut ledger, |till| till.state = TerminalState::Suspended);
    let hours_us = 4 * 60 * MINUTE_US;
    ledger.pass(ended_at.since_us(NOW) + hours_us - 1);
    let attempt = close(&mut ledger, 1, ended_at);
    assert_eq!(ledger.ask(&attempt), nothing, "too early");
    ledger.pass(1);
    for (business_day, ended_at) in [(2, ended_at), (1, ended_at.plus_us(-1)), (1, rules.end_of(0))] {
        let attempt = close(&mut ledger, business_day, ended_at);
        assert_eq!(ledger.ask(&attempt), nothing, "another day, or another end of it");
    }
    let attempt = close(&mut ledger, 1, ended_at);
    assert_eq!(ledger.say(&attempt), Said::Done);
    let till = ledger.get::<Terminal>((TILL,));
    assert_eq!((till.business_day, till.day_began_at), (2, None));
    let row = ledger.get::<crate::domain::rows::ClosedDay>((TILL, 1));
    assert!(row.by_system);
    let again = close(&mut ledger, 1, ended_at);
    assert_eq!(ledger.ask(&again), nothing);
    let empty = close(&mut ledger, 2, ended_at);
    assert_eq!(ledger.ask(&empty), nothing, "nothing was in it");
}
