//! Time never runs backwards: what an account has seen is not younger for a clock that was set back.

use super::fixture::{Ledger, NOW, STEP, Said, entry, written};
use crate::domain::command::DeviceAction;
use crate::domain::outcome::{OpenAnswer, Outcome};
use crate::domain::rows::{Account, Payment};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US};

#[test]
fn a_decision_is_made_at_the_later_of_the_batchs_time_and_the_accounts_last() {
    let last_at = NOW.plus_us(10 * MINUTE_US);
    for (now, expected) in [(NOW, last_at), (last_at, last_at), (last_at.plus_us(1), last_at.plus_us(1))] {
        let mut ledger = Ledger::parse("alice 500 jpy | bakery");
        ledger.account("alice", |account| account.last_at = last_at);
        ledger.view.set_now(now);
        let attempt = ledger.pay("alice → bakery 1").code(STEP);
        let decision = ledger.decide(&attempt);
        assert_eq!(written::<Payment>(&decision)[0].created_at, expected);
        assert_eq!(written::<Account>(&decision)[0].last_at, expected);
        let outcome = entry(&decision).map(|entry| &entry.outcome);
        assert!(matches!(outcome, Some(Outcome::Paid { at, .. }) if *at == expected));
    }
}

#[test]
fn setting_the_clock_back_makes_no_device_fresh_again() {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    ledger.account("alice", |account| account.last_at = NOW.plus_us(HOUR_US));
    let attempt = ledger.pay("alice → bakery 1");
    assert_eq!(ledger.ask(&attempt), Said::Open(OpenAnswer::CodeNeeded));
}

#[test]
fn rejections_too_move_an_accounts_time_forward() {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    ledger.pass(DAY_US);
    let attempt = ledger.pay("alice → bakery 1");
    assert_eq!(ledger.say(&attempt), Said::Open(OpenAnswer::CodeNeeded));
    assert_eq!(ledger.account_of("alice").last_at, NOW.plus_us(DAY_US));
    ledger.view.set_now(NOW);
    let freeze = ledger.order("alice", DeviceAction::Freeze);
    assert_eq!(ledger.say(&freeze), Said::Done);
    assert_eq!(ledger.account_of("alice").frozen_at, Some(NOW.plus_us(DAY_US)));
}

#[test]
fn setting_the_clock_back_gives_a_settlement_no_earlier_time() {
    let mut ledger = Ledger::parse("alice 0 jpy fresh card");
    let request = ledger.top_up("alice", 700);
    assert_eq!(ledger.say(&request), Said::Done);
    ledger.view.set_now(NOW.plus_us(-HOUR_US));
    let top_up_id = super::settlement::top_up_id(&request);
    let settle = ledger.settle(top_up_id, true);
    assert_eq!(ledger.say(&settle), Said::Done);
    assert_eq!(ledger.account_of("alice").last_at, NOW);
    assert_eq!(ledger.get::<crate::domain::rows::TopUp>((top_up_id,)).settled_at, Some(NOW));
}
