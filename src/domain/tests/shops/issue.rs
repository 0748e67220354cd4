//! IssueCode: what a code may take asks for the factor that paying it would, and what live codes may
//! still take counts beside what was paid.

use super::*;
use crate::domain::command::DeviceAction;
use crate::domain::outcome::{OpenAnswer, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::SecretReply;
use crate::domain::tests::fixture::written;

fn issue_of(ledger: &mut Ledger, device: &str, cap_minor: i64, currency: &str) -> Attempt {
    let number = u8::try_from(ledger.number()).expect("few calls");
    let action = DeviceAction::IssueCode {
        code_id: PaymentCodeId([number; 16]),
        code_tag: CodeTag([number; 32]),
        purpose: CodePurpose::Pay,
        cap: Amount::new(cap_minor).expect("an amount"),
        currency: currency.into(),
        secret: vec![1],
    };
    ledger.order(device, action)
}

fn issue(ledger: &mut Ledger, device: &str, cap_minor: i64) -> Attempt {
    issue_of(ledger, device, cap_minor, "JPY")
}

const NEEDED: Said = Said::Open(OpenAnswer::CodeNeeded);

/// Alice with a phone and a tablet, both fresh, and no live code.
fn home() -> Ledger {
    Ledger::parse("alice 50000 jpy fresh tablet | bakery")
}

#[test]
fn a_cap_asks_for_what_paying_it_would() {
    for (cap_minor, expected) in [(9_999, Said::Done), (10_000, NEEDED)] {
        let mut ledger = home();
        let attempt = issue(&mut ledger, "alice", cap_minor);
        assert_eq!(ledger.ask(&attempt), expected, "{cap_minor}");
    }
    let mut stale = Ledger::parse("alice 50000 jpy tablet | bakery");
    let attempt = issue(&mut stale, "alice", 1);
    assert_eq!(stale.ask(&attempt), NEEDED);
    let mut dollars = home();
    let attempt = issue_of(&mut dollars, "alice", 100, "USD");
    assert_eq!(dollars.ask(&attempt), no(Refusal::WrongCurrency));
    let mut young = Ledger::parse("alice 50000 jpy fresh young | bakery");
    for (cap_minor, expected) in [(5_000, Said::Done), (5_001, no(Refusal::LimitPerPayment))] {
        let attempt = issue(&mut young, "alice", cap_minor);
        assert_eq!(young.ask(&attempt), expected, "{cap_minor}");
    }
}

#[test]
fn live_caps_count_as_spent_whichever_device_they_are_of() {
    let mut ledger = home();
    let attempt = issue(&mut ledger, "alice-tablet", 9_000);
    assert_eq!(ledger.say(&attempt), Said::Done);
    for (cap_minor, expected) in [(6_000, Said::Done), (6_001, NEEDED)] {
        let attempt = issue(&mut ledger, "alice", cap_minor);
        assert_eq!(ledger.ask(&attempt), expected, "a code of {cap_minor}");
        let attempt = ledger.pay(&format!("alice → bakery {cap_minor}"));
        assert_eq!(ledger.ask(&attempt), expected, "a payment of {cap_minor}");
    }
    // The tablet's next code kills its own, which then does not count beside it; its payment does not.
    let attempt = issue(&mut ledger, "alice-tablet", 9_999);
    assert_eq!(ledger.ask(&attempt), Said::Done);
    let attempt = ledger.pay("alice-tablet → bakery 6001");
    assert_eq!(ledger.ask(&attempt), NEEDED);
    ledger.pass(MINUTE_US);
    let attempt = ledger.pay("alice → bakery 6001");
    assert_eq!(ledger.ask(&attempt), Said::Done, "an expired code takes nothing any more");
}

#[test]
fn a_live_code_is_one_of_the_payments_since_the_last_code() {
    for (payments, expected) in [(3, Said::Done), (4, NEEDED)] {
        let mut ledger = home();
        ledger.account("alice", |account| account.payments_total = payments);
        let attempt = issue(&mut ledger, "alice-tablet", 10);
        assert_eq!(ledger.say(&attempt), Said::Done);
        let attempt = ledger.pay("alice → bakery 10");
        assert_eq!(ledger.ask(&attempt), expected, "{payments} payments and a live code");
    }
}

#[test]
fn a_devices_new_code_kills_its_old_one_and_the_digits_live_as_long_as_the_code() {
    let mut ledger = home();
    let first = issue(&mut ledger, "alice", 100);
    let decision = ledger.act(&first);
    let expires_at = NOW.plus_us(MINUTE_US);
    assert_eq!(written::<PaymentCode>(&decision)[0].expires_at, expires_at);
    assert_eq!(written::<SecretReply>(&decision)[0].expires_at, expires_at);
    let second = issue(&mut ledger, "alice", 200);
    assert_eq!(ledger.say(&second), Said::Done);
    let live = ledger.account_of("alice").live_codes.outstanding(NOW, None);
    assert_eq!((live.caps_minor, live.count), (200, 1));
}

#[test]
fn digits_that_are_taken_are_drawn_anew() {
    let mut ledger = home();
    let first = issue(&mut ledger, "alice", 100);
    assert_eq!(ledger.say(&first), Said::Done);
    let mut second = issue(&mut ledger, "alice-tablet", 100);
    let taken = ledger.rows().find_map(PaymentCode::of).map(|code| code.code_tag);
    let DeviceAction::IssueCode { code_tag, .. } = second.action() else { panic!("a code is asked for") };
    *code_tag = taken.expect("a code");
    assert_eq!(ledger.ask(&second), Said::Stale(crate::domain::decide::Stale::Document));
}
