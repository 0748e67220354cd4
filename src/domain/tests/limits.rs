//! Every figure of the table of limits, on both of its sides.

use super::fixture::{Ledger, NOW, STEP, Said, entry};
use crate::domain::lots::{Lot, Lots};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::time::{DAY_US, HOUR_US, SECOND_US, Timestamp};

const OLD_US: i64 = 12 * HOUR_US;
const YOUNG_US: i64 = 12 * HOUR_US - 1;

#[test]
fn payments_keep_to_the_table_on_both_sides_of_every_figure() {
    let done = Said::Done;
    let (payment, day, month) = (
        Said::No(Refusal::LimitPerPayment),
        Said::No(Refusal::LimitPerDay),
        Said::No(Refusal::LimitPerMonth),
    );
    for (device_age_us, amount_minor, today_minor, earlier_minor, expected) in [
        (OLD_US, 100_000, 0, 0, done.clone()),
        (OLD_US, 100_001, 0, 0, payment.clone()),
        (OLD_US, 50_000, 150_000, 0, done.clone()),
        (OLD_US, 50_001, 150_000, 0, day.clone()),
        (OLD_US, 50_000, 100_000, 850_000, done.clone()),
        (OLD_US, 50_001, 100_000, 850_000, month.clone()),
        (OLD_US, 100_000, 100_001, 900_000, day.clone()),
        (YOUNG_US, 5_000, 0, 0, done.clone()),
        (YOUNG_US, 5_001, 0, 0, payment),
        (YOUNG_US, 5_000, 5_000, 0, done.clone()),
        (YOUNG_US, 5_000, 5_001, 0, day),
        // No row of its own, but the account's still counts.
        (YOUNG_US, 5_000, 0, 995_000, done),
        (YOUNG_US, 5_000, 0, 995_001, month),
    ] {
        let mut ledger = Ledger::parse("alice 300000 jpy | bakery");
        ledger.device("alice", |device| device.enrolled_at = NOW.plus_us(-device_age_us));
        ledger.account("alice", |account| {
            account.spending.add(NOW.plus_us(-10 * DAY_US), earlier_minor);
            account.spending.add(NOW, today_minor);
        });
        let attempt = ledger.pay(&format!("alice → bakery {amount_minor}")).code(STEP);
        let case = format!("{device_age_us} µs old, {amount_minor} after {today_minor} and {earlier_minor}");
        assert_eq!(ledger.ask(&attempt), expected, "{case}");
    }
}

#[test]
fn top_ups_keep_to_the_table_on_both_sides_of_every_figure() {
    let (done, day, count) = (Said::Done, Said::No(Refusal::LimitPerDay), Said::No(Refusal::LimitTopUps));
    for (device_age_us, amount_minor, earlier, expected) in [
        (OLD_US, 100_000, vec![], done.clone()),
        (OLD_US, 100_001, vec![], day.clone()),
        (OLD_US, 40_000, vec![60_000], done.clone()),
        (OLD_US, 40_001, vec![60_000], day.clone()),
        (OLD_US, 1, vec![1; 4], done.clone()),
        (OLD_US, 1, vec![1; 5], count.clone()),
        (YOUNG_US, 10_000, vec![], done.clone()),
        (YOUNG_US, 10_001, vec![], day.clone()),
        (YOUNG_US, 4_000, vec![6_000], done),
        (YOUNG_US, 4_001, vec![6_000], day),
        (YOUNG_US, 1, vec![1; 5], count),
    ] {
        let mut ledger = Ledger::parse("alice 0 jpy card");
        ledger.device("alice", |device| device.enrolled_at = NOW.plus_us(-device_age_us));
        ledger.account("alice", |account| {
            for minor in &earlier {
                account.top_ups.add(NOW.plus_us(-HOUR_US), *minor);
            }
        });
        let attempt = ledger.top_up("alice", amount_minor).code(STEP);
        assert_eq!(
            ledger.ask(&attempt),
            expected,
            "{device_age_us} µs old, {amount_minor} after {earlier:?}"
        );
    }
}

#[test]
fn what_is_held_and_what_is_on_its_way_count_towards_the_balance_limit() {
    for (balance_minor, held_minor, incoming_minor, expected) in [
        (200_000, 0, 0, Said::Done),
        (200_001, 0, 0, Said::No(Refusal::LimitBalance)),
        (200_000, 0, 1, Said::No(Refusal::LimitBalance)),
        (200_001, 200_000, 0, Said::No(Refusal::LimitBalance)),
        (150_000, 0, 50_000, Said::Done),
    ] {
        let mut ledger = Ledger::parse("alice 0 jpy card");
        ledger.account("alice", |account| {
            account.credits_posted_minor = balance_minor;
            account.debits_pending_minor = held_minor;
            account.incoming_minor = incoming_minor;
            account.lots = Lots::default();
            let lot_id = crate::domain::id::LotId([1; 16]);
            account.lots.add(Lot { lot_id, remaining_minor: balance_minor, expires_at: None });
        });
        let attempt = ledger.top_up("alice", 100_000).code(STEP);
        assert_eq!(ledger.ask(&attempt), expected, "{balance_minor}, {held_minor}, {incoming_minor}");
    }
}

#[test]
fn thirty_seconds_lie_between_two_top_ups_and_the_refusal_says_when() {
    for (later_us, expected) in
        [(30 * SECOND_US - 1, Said::No(Refusal::TopUpTooSoon)), (30 * SECOND_US, Said::Done)]
    {
        let mut ledger = Ledger::parse("alice 0 jpy fresh card");
        let first = ledger.top_up("alice", 1);
        assert_eq!(ledger.say(&first), Said::Done);
        ledger.pass(later_us);
        let second = ledger.top_up("alice", 1);
        let decision = ledger.decide(&second);
        assert_eq!(Said::of(&decision), expected);
        if let Some(Outcome::Refused { retry_at, .. }) = entry(&decision).map(|entry| &entry.outcome) {
            assert_eq!(*retry_at, Timestamp(1_767_582_030_000_000));
        }
    }
}

#[test]
fn the_limits_are_the_accounts_not_the_devices() {
    let mut ledger = Ledger::parse("alice 300000 jpy tablet | bakery");
    for (device, step, amount_minor, expected) in [
        ("alice", STEP, 100_000, Said::Done),
        ("alice-tablet", STEP + 1, 100_000, Said::Done),
        ("alice", STEP + 2, 1, Said::No(Refusal::LimitPerDay)),
        ("alice-tablet", STEP + 3, 1, Said::No(Refusal::LimitPerDay)),
    ] {
        let attempt = ledger.pay(&format!("{device} → bakery {amount_minor}")).code(step);
        assert_eq!(ledger.say(&attempt), expected, "{device}");
    }
}

#[test]
fn a_young_device_is_kept_short_by_what_an_older_one_spent() {
    let mut ledger = Ledger::parse("alice 300000 jpy fresh tablet | bakery");
    ledger.device("alice-tablet", |device| device.enrolled_at = NOW);
    let old = ledger.pay("alice → bakery 9999");
    assert_eq!(ledger.say(&old), Said::Done);
    for (amount_minor, expected) in [(1, Said::Done), (2, Said::No(Refusal::LimitPerDay))] {
        let young = ledger.pay(&format!("alice-tablet → bakery {amount_minor}"));
        assert_eq!(ledger.ask(&young), expected, "{amount_minor}");
    }
}

#[test]
fn a_refused_payment_reserves_nothing() {
    let mut ledger = Ledger::parse("alice 10 jpy fresh | bakery");
    let before = ledger.account_of("alice").clone();
    let attempt = ledger.pay("alice → bakery 11");
    assert_eq!(ledger.say(&attempt), Said::No(Refusal::InsufficientBalance));
    let after = ledger.account_of("alice");
    assert_eq!((&after.spending, &after.lots), (&before.spending, &before.lots));
    assert_eq!((after.spent_total_minor, after.payments_total), (0, 0));
    assert_eq!(after.available_minor(), 10);
}
