//! What comes after a sale: asked customers, holds, captures, refunds. What is possible in which state, the
//! table of `domain::payment` says and its own tests walk; here is who may, and what it does to the books.

use super::*;
use crate::domain::command::{DeviceAction, MerchantAction, MerchantCall, ShopStep, SystemAction};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::State;
use crate::domain::rows::{Account, AccountState, Merchant, Payment, Standing};
use crate::domain::tests::fixture::{STEP, entry, ledger_account_id};
use crate::domain::time::{DAY_US, HOUR_US, SECOND_US};

const HOLD_US: i64 = 7 * DAY_US;

fn authorize(ledger: &mut Ledger, amount_minor: i64) -> Attempt {
    by_till(ledger, TerminalAction::Authorize { sale: sale(amount_minor, true), hold_us: HOLD_US })
}

fn ask(ledger: &mut Ledger, amount_minor: i64) -> Attempt {
    by_till(ledger, TerminalAction::Charge(sale(amount_minor, true)))
}

fn step(ledger: &mut Ledger, step: ShopStep) -> Attempt {
    by_till(ledger, TerminalAction::Step { order_id: ORDER.into(), step })
}

fn step_by_merchant(ledger: &mut Ledger, name: &str, step: ShopStep) -> Attempt {
    let number = ledger.number();
    let call = MerchantCall { signed: signed(key_id("merchant"), number), merchant_id: merchant_id(name) };
    ledger.command(Order::Merchant(call, MerchantAction::Step { order_id: ORDER.into(), step }))
}

fn capture(amount_minor: i64, is_final: bool) -> ShopStep {
    ShopStep::Capture { amount: Amount::new(amount_minor), is_final }
}

fn refund(amount_minor: i64) -> ShopStep {
    ShopStep::Refund { amount: yen(amount_minor) }
}

pub(super) fn confirm(ledger: &mut Ledger, amount_minor: i64, payee_name: &str) -> Attempt {
    ledger.order(
        "alice",
        DeviceAction::ConfirmPayment {
            payment_id: PAYMENT,
            payee_name: payee_name.into(),
            amount: yen(amount_minor),
            currency: "JPY".into(),
        },
    )
}

fn state(ledger: &Ledger) -> State {
    ledger.get::<Payment>((PAYMENT,)).sums().state()
}

/// Available, held, and what is owed to the bakery.
fn books(ledger: &Ledger) -> (i64, i64, i64) {
    let account = ledger.account_of("alice");
    let (debits, credits) = ledger.credits.get(&ledger_account_id("bakery")).copied().unwrap_or_default();
    assert_eq!(account.lots.total_minor(), account.available_minor(), "lots are what can be spent");
    (account.available_minor(), account.debits_pending_minor, credits - debits)
}

/// ¥800 are held.
pub(super) fn held() -> Ledger {
    let mut ledger = scene();
    let attempt = authorize(&mut ledger, 800);
    let decision = ledger.act(&attempt);
    let told = entry(&decision).expect("journalled");
    assert!(matches!(told.outcome, Outcome::Authorized { amount_minor: 800, .. }));
    assert_eq!(told.entry_account_id, Some(account_id("alice")), "the customer sees it");
    ledger
}

/// The till asked for ¥1,500 on a code of ¥1,000.
pub(super) fn asked() -> Ledger {
    let mut ledger = scene();
    let attempt = ask(&mut ledger, 1_500);
    let decision = ledger.act(&attempt);
    let told = entry(&decision).expect("journalled");
    assert!(matches!(told.outcome, Outcome::PaymentAsked { amount_minor: 1_500, .. }));
    ledger
}

#[test]
fn a_hold_reduces_available() {
    let mut ledger = held();
    assert_eq!(books(&ledger), (4_200, 800, 0));
    assert_eq!(ledger.account_of("alice").spending.last_day(NOW).amount_minor, 800, "it counts at once");
    let attempt = ledger.pay("alice → bakery 4201");
    assert_eq!(ledger.ask(&attempt), no(Refusal::InsufficientBalance));
    let attempt = ledger.pay("alice → bakery 4200");
    assert_eq!(ledger.ask(&attempt), Said::Done);
}

#[test]
fn what_is_held_counts_as_balance_when_money_comes_in() {
    let ledger = held();
    let account: &Account = ledger.account_of("alice");
    assert_eq!((account.balance_minor(), account.available_minor()), (5_000, 4_200));
}

#[test]
fn a_hold_is_captured_in_parts_voided_and_refunded_to_the_last_yen() {
    let mut ledger = held();
    for (step_to_take, expected, books_after) in [
        (capture(300, false), State::PartlyCaptured, (4_200, 500, 300)),
        (refund(100), State::PartlyCaptured, (4_300, 500, 200)),
        (capture(200, true), State::PartlyRefunded, (4_600, 0, 400)),
        (refund(400), State::Refunded, (5_000, 0, 0)),
    ] {
        let attempt = step(&mut ledger, step_to_take);
        assert_eq!(ledger.say(&attempt), Said::Done);
        assert_eq!(state(&ledger), expected);
        assert_eq!(books(&ledger), books_after);
    }
    // What was released is free again, what was refunded is not.
    assert_eq!(ledger.account_of("alice").spending.last_day(NOW).amount_minor, 500);
}

#[test]
fn a_rejected_hold_cannot_be_captured() {
    let mut declined = scene();
    declined.account("alice", |account| account.spending.add(NOW, 199_500));
    let attempt = authorize(&mut declined, 800);
    assert_eq!(declined.say(&attempt), no(Refusal::Declined));
    let attempt = step(&mut declined, capture(800, true));
    assert_eq!(declined.ask(&attempt), no(Refusal::NotFound));
    let mut voided = held();
    let attempt = step(&mut voided, ShopStep::Void);
    assert_eq!(voided.say(&attempt), Said::Done);
    assert_eq!(books(&voided), (5_000, 0, 0));
    let attempt = step(&mut voided, capture(800, true));
    assert_eq!(voided.ask(&attempt), no(Refusal::HoldOver));
}

#[test]
fn a_step_is_its_tills_or_its_merchants_and_comes_before_what_is_told() {
    let mut ledger = held();
    slot(&mut ledger, |slot| {
        slot.terminal_id = OTHER_TILL;
        slot.payment_id = Some(PAYMENT);
        slot.account_id = Some(account_id("alice"));
    });
    for what in [capture(1, true), ShopStep::Void, refund(1)] {
        let attempt = step(&mut ledger, what);
        assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound), "another till's");
        let attempt = step_by_merchant(&mut ledger, "books", what);
        assert_eq!(ledger.ask(&attempt), Said::Stale(crate::domain::decide::Stale::Key), "another merchant");
    }
    let attempt = step_by_merchant(&mut ledger, "bakery", capture(800, true));
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(books(&ledger), (4_200, 0, 800));
    no_slot(&mut ledger);
    let attempt = step(&mut ledger, refund(1));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound), "no order");
    slot(&mut ledger, |slot| slot.reversed_at = Some(NOW));
    let attempt = step(&mut ledger, refund(1));
    assert_eq!(ledger.ask(&attempt), no(Refusal::OrderReversed), "a tombstone");
}

#[test]
fn a_suspended_merchant_captures_nothing_and_gives_back_all_the_same() {
    let mut ledger = held();
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    let attempt = step(&mut ledger, capture(800, true));
    assert_eq!(ledger.ask(&attempt), no(Refusal::MerchantSuspended));
    let attempt = step(&mut ledger, ShopStep::Void);
    assert_eq!(ledger.ask(&attempt), Said::Done);
    till(&mut ledger, |till| till.misses_until = NOW.plus_us(HOUR_US));
    let attempt = step(&mut ledger, ShopStep::Void);
    assert_eq!(ledger.ask(&attempt), Said::Done, "a blocked till may, too");
    till(&mut ledger, |till| till.state = TerminalState::Suspended);
    let attempt = step(&mut ledger, ShopStep::Void);
    assert_eq!(ledger.ask(&attempt), no(Refusal::TerminalSuspended));
}

#[test]
fn what_was_held_is_captured_whatever_became_of_the_account() {
    let mut ledger = held();
    ledger.account("alice", |account| {
        account.frozen_at = Some(NOW);
        account.contested_at = Some(NOW);
        account.restricted_at = Some(NOW);
        account.epoch += 1;
        account.live_codes.clear();
    });
    let attempt = step(&mut ledger, capture(800, true));
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(books(&ledger), (4_200, 0, 800));
}

#[test]
fn a_till_gives_back_up_to_its_ceiling_a_day_and_its_merchant_beyond_it() {
    let mut ledger = held();
    let attempt = step(&mut ledger, capture(800, true));
    assert_eq!(ledger.say(&attempt), Said::Done);
    till(&mut ledger, |till| (till.refund_day, till.refunded_today_minor) = (NOW.day(), 99_900));
    let attempt = step(&mut ledger, refund(101));
    assert_eq!(ledger.ask(&attempt), no(Refusal::RefundCeiling));
    let attempt = step(&mut ledger, refund(100));
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Terminal>((TILL,)).refunded_today_minor, 100_000);
    let attempt = step_by_merchant(&mut ledger, "bakery", refund(101));
    assert_eq!(ledger.say(&attempt), Said::Done, "its merchant's server has none");
    ledger.pass(DAY_US);
    let attempt = step(&mut ledger, refund(101));
    assert_eq!(ledger.say(&attempt), Said::Done, "another day");
}

#[test]
fn time_releases_a_hold_and_ends_a_question_and_nothing_before() {
    for (mut ledger, wait_us) in [(held(), HOLD_US), (asked(), 120 * SECOND_US)] {
        let expire = |ledger: &mut Ledger| {
            let action = SystemAction::ExpirePayment { payment_id: PAYMENT, due_at: NOW };
            let number = ledger.number();
            ledger.command(Order::System(signed(key_id("system"), number), action))
        };
        ledger.pass(wait_us - 1);
        let attempt = expire(&mut ledger);
        assert_eq!(
            ledger.ask(&attempt),
            Said::Nothing(crate::domain::decide::Traceless::NothingToDo),
            "not yet"
        );
        ledger.pass(1);
        let attempt = expire(&mut ledger);
        assert_eq!(ledger.say(&attempt), Said::Done);
        assert_eq!(state(&ledger), State::Expired);
        assert_eq!(books(&ledger), (5_000, 0, 0));
        let attempt = step(&mut ledger, capture(1, true));
        assert_eq!(ledger.ask(&attempt), no(Refusal::HoldOver));
    }
}

#[test]
fn above_the_cap_nothing_moves_until_its_customer_says_yes() {
    let mut ledger = asked();
    assert_eq!((state(&ledger), books(&ledger)), (State::AwaitingCustomer, (5_000, 0, 0)));
    let account = ledger.account_of("alice");
    assert_eq!(account.live_codes.find(CODE, NOW), None, "the code is used");
    assert_eq!(account.spending.last_day(NOW).amount_minor, 0, "and nothing is counted");
    let attempt = confirm(&mut ledger, 1_500, "bakery");
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!((state(&ledger), books(&ledger)), (State::Captured, (3_500, 0, 1_500)));
    let attempt = confirm(&mut ledger, 1_500, "bakery");
    assert_eq!(ledger.ask(&attempt), no(Refusal::PaymentNotAwaiting));
}

#[test]
fn a_question_tells_nothing_about_limits_or_balance() {
    let mut poor = scene();
    poor.account("alice", |account| account.spending.add(NOW, 199_999));
    let attempt = ask(&mut poor, 90_000);
    assert_eq!(poor.say(&attempt), Said::Done, "the till is told that he is asked, and no more");
    let attempt = confirm(&mut poor, 90_000, "bakery").code(STEP);
    assert_eq!(poor.ask(&attempt), no(Refusal::LimitPerDay), "he is told why");
}

#[test]
fn a_yes_is_refused_in_the_documented_order() {
    let mut ledger = asked();
    ledger.account("alice", |account| account.frozen_at = Some(NOW));
    ledger.change((PAYMENT,), |payment: &mut Payment| {
        payment.account_id = account_id("mallory");
        payment.awaiting_until = Some(NOW);
        payment.payee_name = "books".into();
        payment.authorised_minor = 1_501;
    });
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    ledger.account("alice", |account| account.spending.add(NOW, 199_500));
    walk(
        &mut ledger,
        |ledger| confirm(ledger, 1_500, "bakery"),
        &[
            (no(Refusal::AccountFrozen), |ledger| {
                ledger.account("alice", |account| account.frozen_at = None);
            }),
            (no(Refusal::NotFound), |ledger| {
                ledger.change((PAYMENT,), |row: &mut Payment| row.account_id = account_id("alice"));
            }),
            (no(Refusal::PaymentNotAwaiting), |ledger| {
                ledger.change((PAYMENT,), |row: &mut Payment| row.awaiting_until = Some(NOW.plus_us(1)));
            }),
            (no(Refusal::PayeeChanged), |ledger| {
                ledger.change((PAYMENT,), |row: &mut Payment| row.payee_name = "bakery".into());
            }),
            (no(Refusal::AmountChanged), |ledger| {
                ledger.change((PAYMENT,), |row: &mut Payment| row.authorised_minor = 1_500);
            }),
            (no(Refusal::PayeeSuspended), |ledger| {
                ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Active);
            }),
            (no(Refusal::LimitPerDay), |ledger| {
                ledger.account("alice", |account| {
                    account.spending = crate::domain::periods::Periods::default();
                });
            }),
        ],
    );
}

#[test]
fn a_yes_wants_the_factor_of_a_payment_and_a_no_wants_none() {
    let mut ledger = scene();
    let attempt = ask(&mut ledger, 10_000);
    assert_eq!(ledger.say(&attempt), Said::Done);
    let attempt = confirm(&mut ledger, 10_000, "bakery");
    assert_eq!(ledger.ask(&attempt), Said::Open(crate::domain::outcome::OpenAnswer::CodeNeeded));
    ledger.account("alice", |account| account.frozen_at = Some(NOW));
    let attempt = ledger.order("alice", DeviceAction::DeclinePayment { payment_id: PAYMENT });
    assert_eq!(ledger.say(&attempt), Said::Done, "even while the account is frozen");
    assert_eq!((state(&ledger), books(&ledger)), (State::Declined, (5_000, 0, 0)));
}

#[test]
fn a_reversal_releases_what_is_held_and_gives_back_what_was_captured() {
    let mut ledger = held();
    let attempt = step(&mut ledger, capture(300, false));
    assert_eq!(ledger.say(&attempt), Said::Done);
    let attempt = by_till(&mut ledger, TerminalAction::Reverse { order_id: ORDER.into() });
    let decision = ledger.act(&attempt);
    let told = entry(&decision).expect("journalled");
    assert!(matches!(told.outcome, Outcome::Reversed { refunded_minor: 300, released_minor: 500, .. }));
    assert_eq!((state(&ledger), books(&ledger)), (State::Reversed, (5_000, 0, 0)));
    assert_eq!(ledger.account_of("alice").spending.last_day(NOW).amount_minor, 0);
    let attempt = step(&mut ledger, capture(1, true));
    assert_eq!(ledger.ask(&attempt), no(Refusal::OrderReversed));
}

#[test]
fn a_closed_accounts_refund_goes_to_suspense() {
    let mut ledger = held();
    let attempt = step(&mut ledger, capture(800, true));
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger.account("alice", |account| account.state = AccountState::Closed);
    let attempt = step(&mut ledger, refund(300));
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.credits[&crate::domain::ledger::SUSPENSE], (0, 300));
    assert_eq!(books(&ledger), (4_200, 0, 500));
}
