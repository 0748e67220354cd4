//! Charge: first the till, then its order, then the code, and the customer last.

use super::*;
use crate::domain::decide::Stale;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::periods::Periods;
use crate::domain::rows::{AccountState, Event, EventKind, Merchant, Payment, Standing, Store};
use crate::domain::tests::fixture::{entry, written};
use crate::domain::time::{HOUR_US, SECOND_US, Timestamp};

/// Misses that count for so long are as many as a till may have sent.
const WAITING_US: i64 = 9 * 10 * SECOND_US;

#[test]
fn a_charge_is_refused_in_the_documented_order() {
    let mut ledger = scene();
    ledger.change((key_id("till"),), |key: &mut SigningKey| key.state = KeyState::Revoked);
    till(&mut ledger, |till| {
        till.state = TerminalState::Suspended;
        till.misses_until = NOW.plus_us(WAITING_US + 1);
    });
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    ledger.change((store_id("bakery"),), |row: &mut Store| row.standing = Standing::Suspended);
    slot(&mut ledger, |slot| {
        slot.terminal_id = OTHER_TILL;
        slot.payment_id = Some(PaymentId([1; 16]));
        slot.account_id = Some(account_id("alice"));
        slot.reversed_at = Some(NOW);
    });
    ledger.account("alice", |account| account.live_codes.clear());
    walk(
        &mut ledger,
        |ledger| charge(ledger, 1_000),
        &[
            (Said::Stale(Stale::Key), |ledger| {
                ledger.change((key_id("till"),), |key: &mut SigningKey| key.state = KeyState::Active);
            }),
            (no(Refusal::TerminalSuspended), |ledger| {
                till(ledger, |till| till.state = TerminalState::Active);
            }),
            (no(Refusal::TerminalBlocked), |ledger| {
                till(ledger, |till| till.misses_until = NOW.plus_us(WAITING_US));
            }),
            (no(Refusal::MerchantSuspended), |ledger| {
                ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Active);
            }),
            (no(Refusal::MerchantSuspended), |ledger| {
                ledger.change((store_id("bakery"),), |row: &mut Store| row.standing = Standing::Active);
            }),
            (no(Refusal::NotFound), |ledger| {
                slot(ledger, |slot| {
                    slot.payment_id = Some(PaymentId([1; 16]));
                    slot.account_id = Some(account_id("alice"));
                });
            }),
            (no(Refusal::OrderTaken), |ledger| slot(ledger, |slot| slot.reversed_at = Some(NOW))),
            (no(Refusal::OrderReversed), no_slot),
            (no(Refusal::CodeNotUsable), |ledger| {
                live_code(ledger, CodePurpose::Pay, 1_000);
                ledger.account("alice", |account| account.spending.add(NOW, 199_500));
            }),
            (no(Refusal::Declined), |ledger| {
                ledger.account("alice", |account| account.spending = Periods::default());
            }),
        ],
    );
}

#[test]
fn another_currency_is_the_tills_error_and_asks_nothing_about_the_customer() {
    let mut ledger = scene();
    ledger.account("alice", |account| account.live_codes.clear());
    let attempt = charge_of(&mut ledger, 100, "USD");
    assert_eq!(ledger.ask(&attempt), no(Refusal::WrongCurrency));
}

#[test]
fn a_suspended_merchant_and_a_suspended_store_each_take_no_charge() {
    let mut ledger = scene();
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
    let attempt = charge(&mut ledger, 100);
    assert_eq!(ledger.ask(&attempt), no(Refusal::MerchantSuspended));
    let mut ledger = scene();
    ledger.change((store_id("bakery"),), |row: &mut Store| row.standing = Standing::Suspended);
    let attempt = charge(&mut ledger, 100);
    assert_eq!(ledger.ask(&attempt), no(Refusal::MerchantSuspended));
}

#[test]
fn a_till_of_another_key_store_or_merchant_is_no_till() {
    for breakage in [
        |ledger: &mut Ledger| till(ledger, |till| till.key_id = Some(key_id("other"))),
        |ledger: &mut Ledger| till(ledger, |till| till.store_id = store_id("books")),
        |ledger: &mut Ledger| till(ledger, |till| till.merchant_id = merchant_id("books")),
        |ledger: &mut Ledger| staff_key(ledger, "till", Principal::Merchant, TILL.0),
        |ledger: &mut Ledger| staff_key(ledger, "till", Principal::Terminal, OTHER_TILL.0),
    ] {
        let mut ledger = scene();
        breakage(&mut ledger);
        let attempt = charge(&mut ledger, 100);
        assert_eq!(ledger.ask(&attempt), Said::Stale(Stale::Key));
    }
}

#[test]
fn a_code_is_unusable_by_each_of_these_alone_and_each_is_counted() {
    let breakages: [(&str, Breakage); 10] = [
        ("unknown", |ledger| ledger.remove(RowKey::PaymentCode(TAG))),
        ("not live", |ledger| ledger.account("alice", |account| account.live_codes.clear())),
        ("expired", |ledger| ledger.pass(MINUTE_US)),
        ("for topping up", |ledger| live_code(ledger, CodePurpose::TopUp, 1_000)),
        ("of a revoked device", |ledger| {
            ledger.device("alice", |device| {
                device.state = KeyState::Revoked;
                device.revoked_at = Some(NOW);
            });
        }),
        ("of another device", |ledger| {
            ledger.change((TAG,), |code: &mut PaymentCode| code.device_id = device_id("alice-tablet"));
        }),
        ("of another code", |ledger| {
            ledger.change((TAG,), |code: &mut PaymentCode| code.code_id = PaymentCodeId([1; 16]));
        }),
        ("of a pending account", |ledger| {
            ledger.account("alice", |account| account.state = AccountState::Pending);
        }),
        ("of a closed account", |ledger| {
            ledger.account("alice", |account| account.state = AccountState::Closed);
        }),
        ("of a frozen account", |ledger| ledger.account("alice", |account| account.frozen_at = Some(NOW))),
    ];
    for (what, breakage) in breakages {
        let mut ledger = scene();
        till(&mut ledger, |till| till.misses_until = NOW.plus_us(1));
        breakage(&mut ledger);
        let attempt = charge(&mut ledger, 100);
        let decision = ledger.act(&attempt);
        assert_eq!(Said::of(&decision), no(Refusal::CodeNotUsable), "{what}");
        let (until, now) = (ledger.get::<Terminal>((TILL,)).misses_until, ledger.now());
        assert_eq!(until, NOW.plus_us(1).max(now).plus_us(10 * SECOND_US), "{what}");
        assert_eq!(ledger.account_of("alice").available_minor(), 5_000, "{what}");
        let slot = ledger.get::<OrderSlot>((merchant_id("bakery"), ORDER.into()));
        assert_eq!((slot.terminal_id, slot.payment_id), (TILL, None), "{what}: the order is this till's");
    }
}

#[test]
fn a_till_waits_for_seconds_after_unusable_codes_and_nobody_guesses_faster() {
    let mut ledger = scene();
    let mut looked_at = 0;
    // Without a pause, for an hour, one made-up code a second.
    for second in 0..3_600 {
        let unknown = TerminalAction::Charge(SaleDraft { code_tag: CodeTag([0x55; 32]), ..sale(100, false) });
        let attempt = by_till(&mut ledger, unknown);
        let decision = ledger.act(&attempt);
        no_slot(&mut ledger);
        match Said::of(&decision) {
            said if said == no(Refusal::CodeNotUsable) => looked_at += 1,
            said => {
                assert_eq!(said, no(Refusal::TerminalBlocked), "{second}");
                let Some(Outcome::Refused { retry_at, .. }) = entry(&decision).map(|entry| &entry.outcome)
                else {
                    panic!("a refusal")
                };
                let wait_us = retry_at.since_us(ledger.now());
                assert!((1..=10 * SECOND_US).contains(&wait_us), "{second}: {wait_us}");
            }
        }
        ledger.pass(SECOND_US);
    }
    assert_eq!(looked_at, 10 + 3_600 / 10 - 1);
    // Its merchant does not end the wait, and does not have to.
    let resume = by_merchant(&mut ledger, MerchantAction::ResumeTerminal { terminal_id: TILL });
    assert_eq!(ledger.ask(&resume), no(Refusal::TerminalNotSuspended));
    ledger.pass(10 * SECOND_US);
    live_code(&mut ledger, CodePurpose::Pay, 1_000);
    let attempt = charge(&mut ledger, 100);
    assert_eq!(ledger.ask(&attempt), Said::Done);
}

#[test]
fn a_charge_takes_the_money_once_and_says_nothing_of_the_customer() {
    let mut ledger = scene();
    till(&mut ledger, |till| till.misses_until = NOW.plus_us(WAITING_US));
    let attempt = charge(&mut ledger, 1_000);
    let decision = ledger.act(&attempt);
    let told = entry(&decision).expect("journalled");
    assert_eq!(told.entry_account_id, Some(account_id("alice")));
    assert!(matches!(told.outcome, Outcome::Charged { code_id: CODE, amount_minor: 1_000, .. }));
    let account = ledger.account_of("alice");
    assert_eq!(
        (account.available_minor(), account.spent_total_minor, account.payments_total),
        (4_000, 1_000, 1)
    );
    assert_eq!(account.live_codes.find(CODE, NOW), None, "it is used");
    let till = ledger.get::<Terminal>((TILL,));
    assert_eq!(till.misses_until, NOW.plus_us(WAITING_US), "a good code makes up for no other");
    let [payment] = written::<Payment>(&decision)[..] else { panic!("one payment") };
    assert_eq!((payment.terminal_id, payment.order_id.as_deref()), (Some(TILL), Some(ORDER)));
    no_slot(&mut ledger);
    let again = charge(&mut ledger, 1);
    assert_eq!(ledger.ask(&again), no(Refusal::CodeNotUsable));
}

#[test]
fn what_concerns_the_customer_is_declined_and_his_events_say_why() {
    let rows: [(Breakage, i64, Refusal); 4] = [
        // A till that does not say so asks nobody.
        (|_| {}, 1_001, Refusal::LimitPerPayment),
        (|ledger| live_code(ledger, CodePurpose::Pay, 9_000), 5_001, Refusal::InsufficientBalance),
        (
            |ledger| {
                live_code(ledger, CodePurpose::Pay, 9_000);
                ledger.device("alice", |device| device.enrolled_at = NOW.plus_us(-HOUR_US));
            },
            5_001,
            Refusal::LimitPerPayment,
        ),
        (
            |ledger| ledger.account("alice", |account| account.spending.add(NOW, 199_500)),
            501,
            Refusal::LimitPerDay,
        ),
    ];
    for (breakage, amount_minor, why) in rows {
        let mut ledger = scene();
        breakage(&mut ledger);
        let attempt = charge(&mut ledger, amount_minor);
        let decision = ledger.act(&attempt);
        assert_eq!(Said::of(&decision), no(Refusal::Declined));
        let [event] = written::<Event>(&decision)[..] else { panic!("one event") };
        assert_eq!((event.kind, event.reason), (EventKind::ChargeDeclined, Some(why.number())));
        assert_eq!(ledger.account_of("alice").available_minor(), 5_000);
        assert!(ledger.account_of("alice").live_codes.find(CODE, NOW).is_some(), "the code stays");
        assert_eq!(ledger.get::<Terminal>((TILL,)).misses_until, Timestamp(0), "and is no miss");
    }
}

#[test]
fn freezing_and_revoking_take_live_codes_away() {
    let mut frozen = scene();
    let attempt = frozen.order("alice-tablet", crate::domain::command::DeviceAction::Freeze);
    assert_eq!(frozen.say(&attempt), Said::Done);
    frozen.account("alice", |account| account.frozen_at = None);
    let attempt = charge(&mut frozen, 100);
    assert_eq!(frozen.ask(&attempt), no(Refusal::CodeNotUsable), "unfreezing does not bring it back");

    let mut revoked = scene();
    let attempt = revoked.revoke("alice-tablet", "alice").code(crate::domain::tests::fixture::STEP);
    assert_eq!(revoked.say(&attempt), Said::Done);
    assert_eq!(revoked.account_of("alice").live_codes.find(CODE, NOW), None);
}
