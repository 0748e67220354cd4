//! What was taken back and was not there is owed, and is paid of whatever comes in before anything of it can
//! be spent; and the operators' own freeze, which its owner does not lift.

use super::operators::{approve, by, employed, propose};
use super::*;
use crate::domain::command::{Approved, CashDraft, DeviceAction, HaltSubject, OperatorAction};
use crate::domain::command::{ShopStep, SystemAction};
use crate::domain::id::{CashTopUpId, LedgerAccountId};
use crate::domain::ledger::{LOSSES, Transfer};
use crate::domain::outcome::Refusal;
use crate::domain::payment::State;
use crate::domain::rows::{AccountState, CashDesk, Event, EventKind, HaltReason, Payment, Standing};
use crate::domain::tests::fixture::{STEP, entry, ledger_account_id, written};
use crate::domain::time::{DAY_US, Timestamp};

const SALE: i64 = 900;

fn step(ledger: &mut Ledger, step: ShopStep) -> Attempt {
    by_till(ledger, TerminalAction::Step { order_id: ORDER.into(), step })
}

/// All that Alice could spend is gone, and she owes so much.
fn owing(ledger: &mut Ledger, debt_minor: i64) {
    ledger.account("alice", |account| {
        let available_minor = account.available_minor();
        account.lots.take(available_minor).expect("it is there");
        account.debits_posted_minor += available_minor;
        account.debt_minor = debt_minor;
    });
}

fn held() -> Ledger {
    let mut ledger = scene();
    let attempt =
        by_till(&mut ledger, TerminalAction::Authorize { sale: sale(SALE, false), hold_us: DAY_US });
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

fn capture(amount_minor: i64, is_final: bool) -> ShopStep {
    ShopStep::Capture { amount: Amount::new(amount_minor), is_final }
}

fn captured(amount_minor: i64) -> Ledger {
    let mut ledger = held();
    let attempt = step(&mut ledger, capture(amount_minor, false));
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

/// A store that takes cash, and Alice's code for it.
fn with_cash() -> (Ledger, LedgerAccountId) {
    let mut ledger = scene();
    let till_cash = LedgerAccountId([3; 16]);
    ledger.put(CashDesk {
        store_id: store_id("bakery"),
        tenant_id: FIRST_TENANT,
        ledger_account_id: till_cash,
        ceiling_minor: 10_000,
        till_day_minor: 10_000,
        held_minor: 0,
    });
    live_code(&mut ledger, CodePurpose::TopUp, 5_000);
    (ledger, till_cash)
}

fn cash(ledger: &mut Ledger) -> Attempt {
    let draft = CashDraft {
        cash_top_up_id: CashTopUpId([4; 16]),
        order_id: ORDER.into(),
        code_tag: TAG,
        amount: Amount::new(SALE).expect("an amount"),
        currency: "JPY".into(),
    };
    by_till(ledger, TerminalAction::CashTopUp(draft))
}

fn expire(ledger: &mut Ledger) -> Attempt {
    let due_at = ledger.get::<Payment>((PAYMENT,)).due_at.expect("it ends");
    ledger.pass(DAY_US);
    ledger.system(SystemAction::ExpirePayment { payment_id: PAYMENT, due_at })
}

fn reverse(ledger: &mut Ledger) -> Attempt {
    by_till(ledger, TerminalAction::Reverse { order_id: ORDER.into() })
}

/// A way in which value becomes Alice's to spend: what is there before it, itself, and how much it is.
type Way = (&'static str, fn() -> Ledger, fn(&mut Ledger) -> Attempt, i64);

const WAYS: [Way; 7] = [
    ("a hold that is voided", held, |ledger| step(ledger, ShopStep::Void), SALE),
    ("a hold that is over", held, expire, SALE),
    ("a hold of which less is captured", held, |ledger| step(ledger, capture(300, true)), 600),
    (
        "a refund",
        || captured(SALE),
        |ledger| step(ledger, ShopStep::Refund { amount: Amount::new(800).expect("an amount") }),
        800,
    ),
    ("a payment that is reversed", || captured(SALE), reverse, SALE),
    ("a hold, captured in part, that is reversed", || captured(200), reverse, SALE),
    ("cash", || with_cash().0, cash, SALE),
];

#[test]
fn whatever_comes_in_pays_what_is_owed_before_it_can_be_spent() {
    for (what, before, way, incoming_minor) in WAYS {
        for debt_minor in [0, 1, incoming_minor - 1, incoming_minor, incoming_minor + 1, 50_000] {
            let mut ledger = before();
            owing(&mut ledger, debt_minor);
            let spent = ledger.account_of("alice").spending.clone();
            let attempt = way(&mut ledger);
            let decision = ledger.act(&attempt);
            assert_eq!(Said::of(&decision), Said::Done, "{what}");
            let paid_minor = debt_minor.min(incoming_minor);
            let account = ledger.account_of("alice");
            assert_eq!(account.debt_minor, debt_minor - paid_minor, "{what}, {debt_minor} owed");
            assert_eq!(account.available_minor(), incoming_minor - paid_minor, "{what}, {debt_minor} owed");
            assert_eq!(account.lots.total_minor(), account.available_minor(), "{what}, {debt_minor} owed");
            assert!(
                account.spending.last_day(NOW).amount_minor <= spent.last_day(NOW).amount_minor,
                "{what}"
            );
            let transfers = &entry(&decision).expect("journalled").postings;
            assert_eq!(transfers.debt_paid_minor(), paid_minor, "{what}, {debt_minor} owed");
            let expected = Amount::new(paid_minor).map(|amount| Transfer {
                debit: ledger_account_id("alice"),
                credit: LOSSES,
                asset: account.asset,
                amount,
            });
            let last = transfers.0.last().copied().filter(|transfer| transfer.credit == LOSSES);
            assert_eq!(last, expected, "{what}");
            let losses = ledger.credits.get(&LOSSES).copied().unwrap_or_default();
            assert_eq!(losses, (0, paid_minor), "{what}");
        }
    }
}

#[test]
fn what_is_captured_in_full_or_in_a_part_of_many_pays_nothing() {
    for (amount_minor, is_final, state) in
        [(SALE, true, State::Captured), (300, false, State::PartlyCaptured)]
    {
        let mut ledger = held();
        owing(&mut ledger, 700);
        let attempt = step(&mut ledger, capture(amount_minor, is_final));
        assert_eq!(ledger.say(&attempt), Said::Done);
        assert_eq!(ledger.account_of("alice").debt_minor, 700, "it is the shop's");
        assert_eq!(ledger.get::<Payment>((PAYMENT,)).sums().state(), state);
    }
}

#[test]
fn cash_that_paid_a_debt_does_not_go_back_over_the_counter() {
    let (mut ledger, _) = with_cash();
    owing(&mut ledger, 1);
    let attempt = cash(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    let attempt = reverse(&mut ledger);
    assert_eq!(ledger.ask(&attempt), no(Refusal::AlreadySpent));
}

#[test]
fn cash_is_not_taken_back_while_its_merchant_is_suspended() {
    let (mut ledger, _) = with_cash();
    let attempt = cash(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    let attempt = reverse(&mut ledger);
    assert_eq!(ledger.ask(&attempt), no(Refusal::MerchantSuspended), "what was paid would go back");
}

#[test]
fn cash_taken_back_after_midnight_makes_no_room_in_the_new_day() {
    let (mut ledger, _) = with_cash();
    let midnight = Timestamp((NOW.day() + 1) * DAY_US);
    ledger.pass(midnight.plus_us(-MINUTE_US).since_us(NOW));
    live_code(&mut ledger, CodePurpose::TopUp, 5_000);
    let attempt = cash(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Terminal>((TILL,)).cash_today_minor, SALE);
    let mut same_day = ledger.clone();
    let attempt = reverse(&mut same_day);
    assert_eq!(same_day.say(&attempt), Said::Done);
    assert_eq!(same_day.get::<Terminal>((TILL,)).cash_today_minor, 0);
    ledger.pass(2 * MINUTE_US);
    let today = ledger.now().day();
    till(&mut ledger, |till| (till.cash_day, till.cash_today_minor) = (today, 500));
    let attempt = reverse(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Terminal>((TILL,)).cash_today_minor, 500);
}

fn halted() -> Ledger {
    let mut ledger = scene();
    employed(&mut ledger);
    let freeze = OperatorAction::FreezeAccount(HaltSubject::Account(account_id("alice")));
    let attempt = by(&mut ledger, "first", freeze);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

#[test]
fn one_operator_stops_all_outflow_and_kills_the_codes() {
    let mut ledger = halted();
    let account = ledger.account_of("alice");
    assert_eq!((account.halted_at, account.halt_reason), (Some(NOW), Some(HaltReason::Operator)));
    assert_eq!(account.frozen_at, None, "her own freeze is her own");
    let attempt = ledger.pay("alice → bakery 10");
    assert_eq!(ledger.ask(&attempt), no(Refusal::AccountHalted));
    let attempt = charge(&mut ledger, 10);
    assert_eq!(ledger.ask(&attempt), no(Refusal::CodeNotUsable));
    // Nor with a code that something brought back.
    live_code(&mut ledger, CodePurpose::Pay, 1_000);
    let attempt = charge(&mut ledger, 10);
    assert_eq!(ledger.ask(&attempt), no(Refusal::CodeNotUsable));
    // What takes away goes on.
    let attempt = ledger.revoke("alice", "alice-tablet").code(STEP);
    assert_eq!(ledger.ask(&attempt), Said::Done);
}

#[test]
fn its_owner_does_not_lift_what_the_operators_stopped() {
    for frozen in [false, true] {
        let mut ledger = halted();
        ledger.account("alice", |account| account.frozen_at = frozen.then_some(NOW));
        let attempt = ledger.order("alice", DeviceAction::Unfreeze).code(STEP);
        assert_eq!(ledger.ask(&attempt), no(Refusal::AccountHalted));
    }
}

#[test]
fn stopped_twice_it_is_stopped_since_the_first_time_and_for_the_first_reason() {
    let mut ledger = halted();
    ledger.account("alice", |account| account.halt_reason = Some(HaltReason::ChargeBack));
    ledger.pass(DAY_US);
    let again = OperatorAction::FreezeAccount(HaltSubject::Account(account_id("alice")));
    let attempt = by(&mut ledger, "second", again);
    assert_eq!(ledger.say(&attempt), Said::Done);
    let account = ledger.account_of("alice");
    assert_eq!((account.halted_at, account.halt_reason), (Some(NOW), Some(HaltReason::ChargeBack)));
}

#[test]
fn two_operators_let_it_go_on_and_what_is_owed_stays_owed() {
    let mut ledger = halted();
    propose(&mut ledger);
    let account_id = account_id("alice");
    let attempt = approve(&mut ledger, Approved::UnfreezeAccount { account_id });
    let mut other = ledger.clone();
    other.account("alice", |account| (account.halted_at, account.halt_reason) = (None, None));
    assert_eq!(other.ask(&attempt), no(Refusal::AccountNotHalted));
    ledger.account("alice", |account| account.frozen_at = Some(NOW));
    let decision = ledger.act(&attempt);
    assert_eq!(Said::of(&decision), Said::Done);
    let told: Vec<_> = written::<Event>(&decision).iter().map(|event| event.kind).collect();
    assert_eq!(told, [EventKind::AccountResumed]);
    let account = ledger.account_of("alice");
    assert_eq!((account.halted_at, account.halt_reason), (None, None));
    assert_eq!(account.frozen_at, Some(NOW), "her own freeze is hers to lift");
}

#[test]
fn a_closed_account_is_neither_stopped_nor_let_go_on() {
    let mut ledger = halted();
    propose(&mut ledger);
    ledger.account("alice", |account| account.state = AccountState::Closed);
    let account_id = account_id("alice");
    let stop = by(&mut ledger, "first", OperatorAction::FreezeAccount(HaltSubject::Account(account_id)));
    let lift = approve(&mut ledger, Approved::UnfreezeAccount { account_id });
    for attempt in [stop, lift] {
        assert_eq!(ledger.ask(&attempt), no(Refusal::AccountClosed));
    }
}
