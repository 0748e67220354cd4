//! Merchants' settlements against `decide`: whose turn it is, what is paid, and what a refund may take.

use std::collections::BTreeMap;

use super::fixture::{Attempt, Ledger, NOW, Said, entry, ledger_account_id, merchant_id, store_id};
use crate::domain::command::{SettlementDraft, SystemAction};
use crate::domain::decide::Traceless;
use crate::domain::ledger::{FEES, PAYOUTS};
use crate::domain::outcome::{Outcome, SettlementOutcome};
use crate::domain::policy::Policy;
use crate::domain::rows::{CashDesk, LedgerAccount, Merchant, Payable, Settlement, Standing};
use crate::domain::settlement::{PayoutState, Span, Sums};
use crate::domain::time::{HOUR_US, Timestamp};

const NOTHING: Said = Said::Nothing(Traceless::NothingToDo);

/// A shop that is owed 1,000, and a day that is over.
fn shop() -> Ledger {
    let mut ledger = Ledger::parse("alice 0 jpy | bakery");
    ledger.change::<LedgerAccount>((ledger_account_id("bakery"),), |row| row.credits_posted_minor = 1_000);
    ledger
}

/// The last day that may be settled now.
pub(super) fn last_day() -> i64 {
    let rules = Policy::standard().settlement;
    rules.day(NOW.plus_us(-rules.after_us)) - 1
}

pub(super) fn draft(day: i64, sums: Sums) -> SettlementDraft {
    let policy = Policy::standard();
    let until = policy.settlement.end_of(day);
    let span = Span::after(Timestamp(0), Timestamp(0), until, policy.staff.cash_back_us);
    SettlementDraft { merchant_id: merchant_id("bakery"), day, span, sums }
}

pub(super) fn sums() -> Sums {
    let (captures, refunds) = (3, 1);
    Sums { captures, captured_minor: 900, refunds, refunded_minor: 100, fee_minor: 16, cash: BTreeMap::new() }
}

pub(super) fn settle(ledger: &mut Ledger, draft: SettlementDraft) -> Attempt {
    ledger.system(SystemAction::SettleMerchant(Box::new(draft)))
}

#[test]
fn a_day_in_its_turn_is_paid_out_less_its_fees() {
    let mut ledger = shop();
    let day = last_day();
    let attempt = settle(&mut ledger, draft(day, sums()));
    let decision = ledger.act(&attempt);
    let entry = entry(&decision).expect("it is journalled");
    let told = SettlementOutcome::Settled {
        merchant_id: merchant_id("bakery"),
        day,
        payout_minor: 784,
        carried_minor: 0,
    };
    assert_eq!(entry.outcome, Outcome::Settlement(told));
    let posted: Vec<_> =
        entry.postings.0.iter().map(|one| (one.debit, one.credit, one.amount.minor())).collect();
    let own = ledger_account_id("bakery");
    assert_eq!(posted, [(own, FEES, 16), (own, PAYOUTS, 784)]);
    let row = ledger.get::<Settlement>((merchant_id("bakery"), day));
    assert_eq!((row.payout_minor, row.state, row.settled_at), (784, PayoutState::Ordered, NOW));
    let payable = ledger.get::<Payable>((merchant_id("bakery"),));
    assert_eq!((payable.day, payable.settled_until, payable.carried_minor), (day, row.lines_until, 0));
    assert!(matches!(ledger.ask(&attempt), Said::Again(_)));
    // The same day once more, as if its rows had grown.
    let more = settle(&mut ledger, draft(day, Sums { captures: 4, ..sums() }));
    assert_ne!(ledger.ask(&more), Said::Done);
}

#[test]
fn a_day_is_settled_in_its_turn_and_no_sooner() {
    let mut ledger = shop();
    let day = last_day();
    let too_early = settle(&mut ledger, draft(day + 1, sums()));
    assert_eq!(ledger.ask(&too_early), NOTHING);
    for change in [
        |span: &mut Span| span.lines_from = Timestamp(1),
        |span: &mut Span| span.lines_until = span.lines_until.plus_us(-1),
        |span: &mut Span| span.cash_from = Timestamp(1),
        |span: &mut Span| span.cash_until = span.cash_until.plus_us(1),
    ] {
        let mut other = draft(day, sums());
        change(&mut other.span);
        let attempt = settle(&mut ledger, other);
        assert_eq!(ledger.ask(&attempt), NOTHING);
    }
    let until = Policy::standard().settlement.end_of(day);
    let mut waiting = shop();
    let since_us = until.plus_us(2 * HOUR_US).since_us(NOW);
    waiting.pass(since_us - 1);
    let attempt = settle(&mut waiting, draft(day, sums()));
    assert_eq!(waiting.ask(&attempt), NOTHING);
    waiting.pass(1);
    assert_eq!(waiting.ask(&attempt), Said::Done);

    let before = settle(&mut ledger, draft(day - 1, sums()));
    assert_eq!(ledger.say(&before), Said::Done);
    // Its turn begins where the other one ended.
    let from_the_beginning = settle(&mut ledger, draft(day, sums()));
    assert_eq!(ledger.ask(&from_the_beginning), NOTHING);
    let mut next = draft(day, sums());
    let ended = draft(day - 1, sums()).span;
    let cash_back_us = Policy::standard().staff.cash_back_us;
    next.span = Span::after(ended.lines_until, ended.cash_until, next.span.lines_until, cash_back_us);
    let next = settle(&mut ledger, next);
    assert_eq!(ledger.ask(&next), Said::Done);
    // A day that is behind is not settled a second time under another end.
    ledger.change::<Payable>((merchant_id("bakery"),), |row| row.day = day);
    assert_eq!(ledger.ask(&next), NOTHING);
}

#[test]
fn what_is_paid_is_there_and_goes_to_whoever_takes_part() {
    type Change = fn(&mut Ledger);
    let cases: [(&str, Change, i64, i64); 6] = [
        ("as it is", |_| {}, 784, 0),
        (
            "less is there",
            |ledger| {
                ledger.change::<LedgerAccount>((ledger_account_id("bakery"),), |row| {
                    row.debits_posted_minor = 400;
                });
            },
            584,
            200,
        ),
        (
            "nothing is there",
            |ledger| {
                ledger.change::<LedgerAccount>((ledger_account_id("bakery"),), |row| {
                    row.debits_posted_minor = 1_400;
                });
            },
            0,
            784,
        ),
        (
            "suspended",
            |ledger| {
                ledger.change::<Merchant>((merchant_id("bakery"),), |row| row.standing = Standing::Suspended);
            },
            0,
            784,
        ),
        (
            "barred",
            |ledger| {
                ledger.change::<Merchant>((merchant_id("bakery"),), |row| row.barred_at = Some(NOW));
            },
            0,
            784,
        ),
        (
            "it owes from before",
            |ledger| {
                ledger.put(Payable { carried_minor: -800, ..Payable::unsettled(merchant_id("bakery")) });
            },
            0,
            -16,
        ),
    ];
    for (what, change, payout_minor, carried_minor) in cases {
        let mut ledger = shop();
        change(&mut ledger);
        let attempt = settle(&mut ledger, draft(last_day(), sums()));
        assert_eq!(ledger.say(&attempt), Said::Done, "{what}");
        let row = ledger.get::<Settlement>((merchant_id("bakery"), last_day()));
        assert_eq!(row.payout_minor, payout_minor, "{what}");
        let payable = ledger.get::<Payable>((merchant_id("bakery"),));
        assert_eq!(payable.carried_minor, carried_minor, "{what}");
    }
}

#[test]
fn without_lines_only_what_is_owed_is_paid() {
    let mut ledger = shop();
    let attempt = settle(&mut ledger, draft(last_day(), Sums::default()));
    assert_eq!(ledger.ask(&attempt), NOTHING);
    ledger.put(Payable { carried_minor: 70, ..Payable::unsettled(merchant_id("bakery")) });
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Settlement>((merchant_id("bakery"), last_day())).payout_minor, 70);
}

#[test]
fn cash_that_a_store_does_not_hold_is_not_taken_off() {
    let mut ledger = shop();
    let cash = BTreeMap::from([(store_id("bakery"), 300)]);
    let attempt = settle(&mut ledger, draft(last_day(), Sums { cash, ..sums() }));
    assert_eq!(ledger.ask(&attempt), NOTHING);
    let desk = |held_minor| CashDesk {
        store_id: store_id("bakery"),
        tenant_id: crate::domain::id::FIRST_TENANT,
        ledger_account_id: ledger_account_id("cash"),
        ceiling_minor: 500,
        till_day_minor: 500,
        held_minor,
    };
    ledger.put(desk(299));
    assert_eq!(ledger.ask(&attempt), NOTHING);
    ledger.put(desk(310));
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<CashDesk>((store_id("bakery"),)).held_minor, 10);
    assert_eq!(ledger.credits[&ledger_account_id("cash")], (0, 300));
    assert_eq!(ledger.get::<Settlement>((merchant_id("bakery"), last_day())).payout_minor, 484);
}

#[test]
fn what_is_added_to_an_account_is_seen_by_whoever_looks_at_it() {
    let mut ledger = shop();
    let own = ledger_account_id("bakery");
    let attempt = settle(&mut ledger, draft(last_day(), sums()));
    assert_eq!(ledger.say(&attempt), Said::Done);
    let row = ledger.get::<LedgerAccount>((own,));
    assert_eq!((row.debits_posted_minor, row.credits_posted_minor), (800, 1_000));
}
