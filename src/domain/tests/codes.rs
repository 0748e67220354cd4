//! How codes are counted, at every edge: runs, days, the hundredth, and steps that only rise.

use super::fixture::{Ledger, NOW, STEP, Said, written};
use crate::domain::command::DeviceAction;
use crate::domain::outcome::OpenAnswer;
use crate::domain::proof::{Factor, Proof};
use crate::domain::rows::{Event, EventKind};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

const WRONG: Said = Said::Open(OpenAnswer::CodeWrong);

fn verify(ledger: &mut Ledger) -> super::fixture::Attempt {
    ledger.order("alice", DeviceAction::VerifySecondFactor)
}

fn step_of(at: Timestamp) -> i64 {
    at.0 / 30_000_000
}

#[test]
fn the_fifth_wrong_code_in_a_row_blocks_for_15_minutes_then_1_hour_then_24_hours_each() {
    for (failures_before, blocked_us) in [
        (0, 0),
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 15 * MINUTE_US),
        (5, 0),
        (8, 0),
        (9, HOUR_US),
        (10, 0),
        (14, DAY_US),
        (18, 0),
        (19, DAY_US),
        (94, DAY_US),
    ] {
        let mut ledger = Ledger::parse("alice 0 jpy");
        ledger.device("alice", |device| device.code_failures = failures_before);
        let wrong = verify(&mut ledger).wrong_code();
        let decision = ledger.act(&wrong);
        assert_eq!(Said::of(&decision), WRONG, "after {failures_before}");
        let device = ledger.device_of("alice");
        assert_eq!(device.code_failures, failures_before + 1);
        let until = if blocked_us == 0 { Timestamp(0) } else { NOW.plus_us(blocked_us) };
        assert_eq!(device.code_blocked_until, until, "after {failures_before}");
        let kinds: Vec<_> = written::<Event>(&decision).iter().map(|event| event.kind).collect();
        if blocked_us == 0 {
            assert_eq!(kinds, [EventKind::CodeWrong]);
        } else {
            assert_eq!(kinds, [EventKind::CodeWrong, EventKind::CodeBlocked]);
        }
    }
}

#[test]
fn while_blocked_no_code_is_looked_at_nor_counted_and_from_its_end_on_it_is() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    for _ in 0..5 {
        let wrong = verify(&mut ledger).wrong_code();
        assert_eq!(ledger.say(&wrong), WRONG);
    }
    let until = NOW.plus_us(15 * MINUTE_US);
    ledger.view.set_now(until.plus_us(-1));
    for attempt in [verify(&mut ledger).code(step_of(until)), verify(&mut ledger).wrong_code()] {
        assert_eq!(ledger.say(&attempt), Said::Open(OpenAnswer::CodeBlocked { until }));
        assert_eq!(ledger.device_of("alice").code_failures, 5);
        assert_eq!(ledger.account_of("alice").totp_last_step, STEP - 10);
    }
    ledger.view.set_now(until);
    let right = verify(&mut ledger).code(step_of(until));
    assert_eq!(ledger.say(&right), Said::Done);
    assert_eq!(ledger.device_of("alice").code_failures, 0);
}

#[test]
fn twenty_wrong_codes_in_a_day_block_until_the_day_is_over() {
    let midnight = Timestamp(1_767_657_600_000_000);
    for (today_before, until) in [(18, Timestamp(0)), (19, midnight)] {
        let mut ledger = Ledger::parse("alice 0 jpy");
        ledger.device("alice", |device| device.code_failures_today = today_before);
        let wrong = verify(&mut ledger).wrong_code();
        ledger.say(&wrong);
        assert_eq!(ledger.device_of("alice").code_failures_today, today_before + 1);
        assert_eq!(ledger.device_of("alice").code_blocked_until, until, "after {today_before}");
    }
}

#[test]
fn a_days_count_starts_anew_on_the_next_day() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    ledger.device("alice", |device| device.code_failures_today = 19);
    ledger.pass(21 * HOUR_US);
    let wrong = verify(&mut ledger).wrong_code();
    assert_eq!(ledger.say(&wrong), WRONG);
    let device = ledger.device_of("alice");
    assert_eq!((device.code_failures_today, device.code_failures), (1, 1));
    assert_eq!(device.code_blocked_until, Timestamp(0));
}

#[test]
fn of_two_blocks_the_longer_one_counts() {
    // 24 h for the fifteenth in a row are longer than the 21 h that are left of the day.
    let mut ledger = Ledger::parse("alice 0 jpy");
    ledger.device("alice", |device| {
        device.code_failures = 14;
        device.code_failures_today = 19;
    });
    let wrong = verify(&mut ledger).wrong_code();
    ledger.say(&wrong);
    assert_eq!(ledger.device_of("alice").code_blocked_until, NOW.plus_us(DAY_US));
}

#[test]
fn the_hundredth_wrong_code_without_a_right_one_ends_codes_for_good() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    ledger.account("alice", |account| account.code_failures = 99);
    let wrong = verify(&mut ledger).wrong_code();
    assert_eq!(ledger.say(&wrong), WRONG);
    for days in [0, 1, 2, 400] {
        ledger.view.set_now(NOW.plus_us(days * DAY_US));
        let right = verify(&mut ledger).code(step_of(ledger.now()));
        assert_eq!(ledger.say(&right), Said::Open(OpenAnswer::CodeExhausted), "{days} days later");
    }
    assert_eq!(ledger.account_of("alice").code_failures, 100);
}

#[test]
fn a_right_code_clears_the_run_of_wrong_ones_and_never_the_days_count() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    ledger.device("alice", |device| {
        device.code_failures = 4;
        device.code_failures_today = 12;
    });
    let right = verify(&mut ledger).code(STEP);
    assert_eq!(ledger.say(&right), Said::Done);
    let device = ledger.device_of("alice");
    assert_eq!((device.code_failures, device.code_failures_today), (0, 12));
    let wrong = verify(&mut ledger).wrong_code();
    ledger.say(&wrong);
    let device = ledger.device_of("alice");
    assert_eq!((device.code_failures, device.code_failures_today), (1, 13));
    assert_eq!(device.code_blocked_until, Timestamp(0));
}

#[test]
fn a_step_is_good_once_and_the_last_one_only_rises() {
    let mut ledger = Ledger::parse("alice 0 jpy tablet");
    for (step, expected, last_step) in [
        (STEP - 10, WRONG, STEP - 10),
        (STEP - 11, WRONG, STEP - 10),
        (STEP - 1, Said::Done, STEP - 1),
        (STEP - 1, WRONG, STEP - 1),
        (STEP, Said::Done, STEP),
        (STEP - 1, WRONG, STEP),
    ] {
        let attempt = verify(&mut ledger).code(step);
        assert_eq!(ledger.say(&attempt), expected, "step {step}");
        assert_eq!(ledger.account_of("alice").totp_last_step, last_step);
    }
    // The other device's codes are the same account's.
    let attempt = ledger.order("alice-tablet", DeviceAction::VerifySecondFactor).code(STEP);
    assert_eq!(ledger.say(&attempt), WRONG);
    assert_eq!(ledger.device_of("alice").code_failures, 1);
    assert_eq!(ledger.device_of("alice-tablet").code_failures, 1);
    assert_eq!(ledger.account_of("alice").code_failures, 2);
}

#[test]
fn a_code_that_was_sent_to_a_contact_is_no_second_factor() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    let contact = Proof::new(Factor::ContactCode, 3, Some(STEP));
    let attempt = verify(&mut ledger).proof(Some(contact));
    assert_eq!(ledger.say(&attempt), WRONG);
    assert_eq!(ledger.account_of("alice").totp_last_step, STEP - 10);
}

#[test]
fn a_wrong_code_is_counted_where_none_was_wanted() {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    let attempt = ledger.pay("alice → bakery 100").wrong_code();
    assert_eq!(ledger.say(&attempt), WRONG);
    assert_eq!(ledger.device_of("alice").code_failures, 1);
    assert_eq!(ledger.account_of("alice").available_minor(), 500);
}

#[test]
fn a_right_code_is_spent_and_makes_fresh_although_the_payment_is_refused() {
    let mut ledger = Ledger::parse("alice 500 jpy | bakery");
    let attempt = ledger.pay("alice → bakery 501").code(STEP);
    let refused = Said::No(crate::domain::outcome::Refusal::InsufficientBalance);
    assert_eq!(ledger.say(&attempt), refused);
    assert_eq!(ledger.account_of("alice").totp_last_step, STEP);
    assert_eq!(ledger.device_of("alice").last_code_at, Some(NOW));
    let again = ledger.pay("alice → bakery 500").code(STEP);
    assert_eq!(ledger.say(&again), WRONG);
}

#[test]
fn one_devices_wrong_codes_block_no_other_until_forty_a_day_block_all() {
    let mut ledger = Ledger::parse("alice 0 jpy tablet");
    let tablet = |ledger: &mut Ledger| ledger.order("alice-tablet", DeviceAction::VerifySecondFactor);
    for _ in 0..5 {
        let wrong = tablet(&mut ledger).wrong_code();
        assert_eq!(ledger.say(&wrong), WRONG);
    }
    let until = NOW.plus_us(15 * MINUTE_US);
    let blocked = tablet(&mut ledger).code(STEP);
    assert_eq!(ledger.say(&blocked), Said::Open(OpenAnswer::CodeBlocked { until }));
    let right = verify(&mut ledger).code(STEP);
    assert_eq!(ledger.say(&right), Said::Done);
    ledger.device("alice-tablet", |device| device.code_blocked_until = Timestamp(0));
    ledger.account("alice", |account| account.code_failures_today = 39);
    let wrong = tablet(&mut ledger).wrong_code();
    assert_eq!(ledger.say(&wrong), WRONG);
    let midnight = Timestamp(1_767_657_600_000_000);
    let all = verify(&mut ledger).code(STEP + 1);
    assert_eq!(ledger.say(&all), Said::Open(OpenAnswer::CodeBlocked { until: midnight }));
}

#[test]
fn what_was_ever_wrong_ends_a_devices_codes_at_300_and_all_at_600_whatever_was_right_between() {
    let mut ledger = Ledger::parse("alice 0 jpy tablet");
    ledger.device("alice-tablet", |device| device.code_failures_ever = 299);
    let tablet = |ledger: &mut Ledger| ledger.order("alice-tablet", DeviceAction::VerifySecondFactor);
    let right = tablet(&mut ledger).code(STEP - 1);
    assert_eq!(ledger.say(&right), Said::Done, "it costs nothing");
    let wrong = tablet(&mut ledger).wrong_code();
    assert_eq!(ledger.say(&wrong), WRONG);
    let ended = tablet(&mut ledger).code(STEP);
    assert_eq!(ledger.say(&ended), Said::Open(OpenAnswer::CodeExhausted));
    ledger.account("alice", |account| account.code_failures_ever = 599);
    let right = verify(&mut ledger).code(STEP);
    assert_eq!(ledger.say(&right), Said::Done, "the other one goes on");
    assert_eq!(ledger.account_of("alice").code_failures_ever, 599);
    let wrong = verify(&mut ledger).wrong_code();
    assert_eq!(ledger.say(&wrong), WRONG);
    let ended = verify(&mut ledger).code(STEP + 1);
    assert_eq!(ledger.say(&ended), Said::Open(OpenAnswer::CodeExhausted));
}

#[test]
fn while_its_codes_are_stopped_a_device_revokes_one_that_guessed_more_without_a_code() {
    // The caller's wrong codes ever, and the target's; whether the caller is blocked, or lost.
    let needed = OpenAnswer::CodeNeeded;
    let blocked = OpenAnswer::CodeBlocked { until: NOW.plus_us(1) };
    for (own, theirs, is_blocked, is_lost, expected) in [
        (0, 1, true, false, Said::Done),
        (5, 6, true, false, Said::Done),
        (5, 5, true, false, Said::Open(blocked)),
        (6, 5, true, false, Said::Open(blocked)),
        (0, 1, true, true, Said::Open(blocked)),
        (0, 1, false, false, Said::Open(needed)),
        (300, 301, false, false, Said::Done),
        (300, 299, false, false, Said::Open(OpenAnswer::CodeExhausted)),
    ] {
        let mut ledger = Ledger::parse("alice 0 jpy tablet");
        ledger.device("alice", |device| {
            device.code_failures_ever = own;
            device.code_blocked_until = if is_blocked { NOW.plus_us(1) } else { Timestamp(0) };
            device.lost_at = is_lost.then_some(NOW);
        });
        ledger.device("alice-tablet", |device| device.code_failures_ever = theirs);
        let revoke = ledger.revoke("alice", "alice-tablet");
        assert_eq!(ledger.ask(&revoke), expected, "{own}, {theirs}, {is_blocked}, {is_lost}");
        // Itself it revokes with a code alone.
        let itself = ledger.revoke("alice", "alice");
        assert!(matches!(ledger.ask(&itself), Said::Open(_)));
    }
}
