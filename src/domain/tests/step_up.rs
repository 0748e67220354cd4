//! When money wants a code in the call: by amount, sum and count since the device's last code.

use super::fixture::{Ledger, NOW, STEP, Said, device_id};
use crate::domain::command::DeviceAction;
use crate::domain::id::AdditionId;
use crate::domain::outcome::OpenAnswer;
use crate::domain::time::MINUTE_US;

const NEEDED: Said = Said::Open(OpenAnswer::CodeNeeded);

#[test]
fn a_payment_wants_a_code_by_amount_sum_and_count_at_exactly_these_edges() {
    for (amount_minor, spent_since_minor, payments_since, expected) in [
        (9_999, 0, 0, Said::Done),
        (10_000, 0, 0, NEEDED),
        (5_000, 10_000, 1, Said::Done),
        (5_001, 10_000, 1, NEEDED),
        (1, 15_000, 1, NEEDED),
        (1, 4, 4, Said::Done),
        (1, 5, 5, NEEDED),
        (9_999, 5_001, 4, Said::Done),
        (9_999, 5_002, 4, NEEDED),
    ] {
        let mut ledger = Ledger::parse("alice 50000 jpy fresh | bakery");
        ledger.account("alice", |account| {
            account.spent_total_minor = 100_000 + spent_since_minor;
            account.payments_total = 40 + payments_since;
        });
        ledger.device("alice", |device| {
            device.spent_at_code_minor = 100_000;
            device.payments_at_code = 40;
        });
        let attempt = ledger.pay(&format!("alice → bakery {amount_minor}"));
        let case = format!("{amount_minor} after {spent_since_minor} in {payments_since}");
        assert_eq!(ledger.ask(&attempt), expected, "{case}");
        assert_eq!(ledger.ask(&attempt.code(STEP)), Said::Done, "{case}, with a code");
    }
}

#[test]
fn a_top_up_wants_a_code_by_amount_alone() {
    for (amount_minor, expected) in [(9_999, Said::Done), (10_000, NEEDED)] {
        let mut ledger = Ledger::parse("alice 0 jpy fresh card");
        ledger.account("alice", |account| account.payments_total = 5);
        let attempt = ledger.top_up("alice", amount_minor);
        assert_eq!(ledger.ask(&attempt), expected, "{amount_minor}");
        assert_eq!(ledger.ask(&attempt.code(STEP)), Said::Done, "{amount_minor}, with a code");
    }
}

#[test]
fn what_a_code_paid_for_does_not_count_against_the_next_one() {
    let mut ledger = Ledger::parse("alice 50000 jpy | bakery");
    let large = ledger.pay("alice → bakery 20000").code(STEP);
    assert_eq!(ledger.say(&large), Said::Done);
    let device = ledger.device_of("alice");
    assert_eq!((device.spent_at_code_minor, device.payments_at_code), (20_000, 1));
    let small = ledger.pay("alice → bakery 9999");
    assert_eq!(ledger.say(&small), Said::Done);
    for (amount_minor, expected) in [(5_001, Said::Done), (5_002, NEEDED)] {
        let attempt = ledger.pay(&format!("alice → bakery {amount_minor}"));
        assert_eq!(ledger.ask(&attempt), expected, "{amount_minor} more");
    }
}

#[test]
fn the_sixth_payment_after_a_code_wants_one() {
    let mut ledger = Ledger::parse("alice 100 jpy fresh | bakery");
    for _ in 0..5 {
        let payment = ledger.pay("alice → bakery 1");
        assert_eq!(ledger.say(&payment), Said::Done);
    }
    let sixth = ledger.pay("alice → bakery 1");
    assert_eq!(ledger.say(&sixth), NEEDED);
    let verify = ledger.order("alice", DeviceAction::VerifySecondFactor).code(STEP);
    assert_eq!(ledger.say(&verify), Said::Done);
    assert_eq!(ledger.say(&sixth.resigned(1)), Said::Done);
}

#[test]
fn spreading_over_two_devices_gains_nothing_and_a_code_counts_for_its_device_only() {
    let mut ledger = Ledger::parse("alice 50000 jpy fresh tablet | bakery");
    let first = ledger.pay("alice → bakery 8000");
    assert_eq!(ledger.say(&first), Said::Done);
    let second = ledger.pay("alice-tablet → bakery 7001");
    assert_eq!(ledger.say(&second), NEEDED);
    let verify = ledger.order("alice", DeviceAction::VerifySecondFactor).code(STEP);
    assert_eq!(ledger.say(&verify), Said::Done);
    assert_eq!(ledger.ask(&second.resigned(1)), NEEDED);
    let same_by_the_other = ledger.pay("alice → bakery 7001");
    assert_eq!(ledger.ask(&same_by_the_other), Said::Done);
}

#[test]
fn a_device_is_fresh_for_five_minutes_after_its_code_and_not_a_microsecond_more() {
    for (later_us, expected) in [(0, Said::Done), (5 * MINUTE_US, Said::Done), (5 * MINUTE_US + 1, NEEDED)] {
        let mut ledger = Ledger::parse("alice 500 jpy card | bakery");
        let verify = ledger.order("alice", DeviceAction::VerifySecondFactor).code(STEP);
        assert_eq!(ledger.say(&verify), Said::Done);
        ledger.view.set_now(NOW.plus_us(later_us));
        let calls = [
            ledger.pay("alice → bakery 1"),
            ledger.top_up("alice", 1),
            ledger.link("alice", 2),
            ledger.unlink("alice"),
        ];
        for call in calls {
            assert_eq!(ledger.ask(&call), expected, "{later_us} µs later: {:?}", call.command.order);
        }
    }
}

#[test]
fn freshness_is_the_devices_own() {
    let mut ledger = Ledger::parse("alice 500 jpy tablet | bakery");
    let verify = ledger.order("alice", DeviceAction::VerifySecondFactor).code(STEP);
    assert_eq!(ledger.say(&verify), Said::Done);
    let other = ledger.pay("alice-tablet → bakery 1");
    assert_eq!(ledger.ask(&other), NEEDED);
}

#[test]
fn for_these_a_fresh_device_is_not_enough() {
    let mut ledger = Ledger::parse("alice 0 jpy fresh frozen tablet | bob 0 jpy fresh pending");
    let alices = ledger.document("alice");
    let document = || alices.clone();
    let calls = [
        ledger.order("alice", DeviceAction::VerifySecondFactor),
        ledger.order("alice", DeviceAction::Unfreeze),
        ledger.revoke("alice", "alice-tablet"),
        ledger.activate("bob"),
        ledger.order("alice", DeviceAction::ReportLost { target_id: device_id("alice-tablet") }),
        ledger.order("alice", DeviceAction::BeginTotp { document: document(), secret: vec![5] }),
        ledger.order(
            "alice",
            DeviceAction::ReplaceSavedCode { document: document(), secret: vec![5], messages: Vec::new() },
        ),
        ledger.order("alice", DeviceAction::ChangePassphrase { document: document(), messages: Vec::new() }),
    ];
    for call in calls {
        assert_eq!(ledger.ask(&call), NEEDED, "{:?}", call.command.order);
        assert_eq!(ledger.ask(&call.clone().code(STEP)), Said::Done, "{:?}", call.command.order);
    }
    // These want something else besides: whether a code is there is asked before it.
    let calls = [
        ledger.order(
            "alice",
            DeviceAction::ApproveAddition {
                addition_id: AdditionId([9; 16]),
                number: 7,
                device_id: device_id("alice-watch"),
                document: document(),
                messages: Vec::new(),
            },
        ),
        ledger.order(
            "alice",
            DeviceAction::RemoveContact { contact_index: None, document: document(), messages: Vec::new() },
        ),
    ];
    for call in calls {
        assert_eq!(ledger.ask(&call), NEEDED, "{:?}", call.command.order);
        assert_ne!(ledger.ask(&call.clone().code(STEP)), NEEDED, "{:?}", call.command.order);
    }
}
