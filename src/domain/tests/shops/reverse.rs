//! Reverse: whose order it is comes first, and giving back is never refused.

use super::*;
use crate::domain::command::{MerchantAction, MerchantCall};
use crate::domain::ledger::SUSPENSE;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::rows::{AccountState, ClosingReason, Merchant, Payment, Standing};
use crate::domain::tests::fixture::{entry, ledger_account_id};

fn reverse(ledger: &mut Ledger) -> Attempt {
    by_till(ledger, TerminalAction::Reverse { order_id: ORDER.into() })
}

fn by_merchant(ledger: &mut Ledger) -> Attempt {
    let number = ledger.number();
    let call =
        MerchantCall { signed: signed(key_id("merchant"), number), merchant_id: merchant_id("bakery") };
    let action = MerchantAction::Reverse { terminal_id: TILL, order_id: ORDER.into() };
    ledger.command(Order::Merchant(call, action))
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
        for attempt in [reverse(&mut ledger), by_merchant(&mut ledger)] {
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
    till(&mut ledger, |till| till.code_misses = 10);
    let attempt = reverse(&mut ledger);
    let told = outcome(&mut ledger, &attempt);
    assert!(matches!(told, Outcome::Reversed { refunded_minor: 700, available_after_minor: 5_000, .. }));
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.lots.total_minor()), (5_000, 5_000));
    assert_eq!(account.spending.last_day(NOW).amount_minor, 0, "the day's limit is free again");
    let since_code = (account.spent_total_minor, account.payments_total);
    assert_eq!(since_code, (700, 1), "what asks for the next code is not");
    let payment = ledger.get::<Payment>((PaymentId([5; 16]),));
    assert_eq!((payment.refunded_minor, payment.closing_reason), (700, Some(ClosingReason::Reversed)));
    assert_eq!(ledger.credits[&ledger_account_id("bakery")], (700, 700));
    let again = by_merchant(&mut ledger);
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
    let attempt = by_merchant(&mut ledger);
    assert_eq!(ledger.ask(&attempt), Said::Done);
    till(&mut ledger, |till| till.merchant_id = merchant_id("books"));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound), "another merchant's till");
}
