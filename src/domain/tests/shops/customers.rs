//! What a customer and the system do for a shop that is suspended or barred: the table, against what is
//! decided.

use super::bars::hinder;
use super::life::{asked, confirm, held};
use super::*;
use crate::domain::command::{DeviceAction, PayableOrder, SystemAction};
use crate::domain::outcome::Refusal;
use crate::domain::rows::{LedgerAccount, Payment, Settlement};
use crate::domain::standing::{Deed, HINDRANCES, Hindrance};
use crate::domain::tests::fixture::ledger_account_id;
use crate::domain::tests::payouts::{draft, last_day, settle, sums};

fn expected(deed: Deed, hindrance: Hindrance) -> Said {
    if deed.is_done(hindrance) { Said::Done } else { no(Refusal::PayeeSuspended) }
}

#[test]
fn what_a_customer_may_is_what_the_table_says() {
    for hindrance in HINDRANCES {
        let mut ledger = scene();
        slot(&mut ledger, |slot| {
            (slot.asked_minor, slot.payable_until) = (Some(10), Some(NOW.plus_us(MINUTE_US)));
        });
        hinder(&mut ledger, hindrance);
        let mut attempt = ledger.pay("alice → bakery 10");
        // Of no order it is of no till either.
        let free =
            if hindrance == Hindrance::TillBarred { Said::Done } else { expected(Deed::Pay, hindrance) };
        assert_eq!(ledger.ask(&attempt), free, "{hindrance:?}");
        let DeviceAction::Pay { order, .. } = attempt.action() else { panic!("a payment") };
        let (merchant_id, order_id, terminal_id) = (merchant_id("bakery"), ORDER.to_owned(), Some(TILL));
        *order = Some(PayableOrder { merchant_id, order_id, terminal_id });
        assert_eq!(ledger.ask(&attempt), expected(Deed::Pay, hindrance), "{hindrance:?}");

        let mut ledger = asked();
        hinder(&mut ledger, hindrance);
        let attempt = confirm(&mut ledger, 1_500, "bakery");
        assert_eq!(ledger.ask(&attempt), expected(Deed::Pay, hindrance), "{hindrance:?}");
        let attempt = ledger.order("alice", DeviceAction::DeclinePayment { payment_id: PAYMENT });
        assert_eq!(ledger.ask(&attempt), expected(Deed::Decline, hindrance), "{hindrance:?}");
    }
}

#[test]
fn what_ends_by_time_and_is_settled_is_what_the_table_says() {
    for hindrance in HINDRANCES {
        for mut ledger in [asked(), held()] {
            hinder(&mut ledger, hindrance);
            let due_at = ledger.get::<Payment>((PAYMENT,)).due_at.expect("it ends");
            ledger.pass(due_at.since_us(NOW));
            let attempt = ledger.system(SystemAction::ExpirePayment { payment_id: PAYMENT, due_at });
            assert_eq!(ledger.ask(&attempt), expected(Deed::Expire, hindrance), "{hindrance:?}");
        }
        let mut ledger = scene();
        ledger
            .change::<LedgerAccount>((ledger_account_id("bakery"),), |row| row.credits_posted_minor = 1_000);
        hinder(&mut ledger, hindrance);
        let attempt = settle(&mut ledger, draft(last_day(), sums()));
        assert_eq!(ledger.say(&attempt), expected(Deed::Settle, hindrance), "{hindrance:?}");
        let row = ledger.get::<Settlement>((merchant_id("bakery"), last_day()));
        assert_eq!(row.payout_minor > 0, Deed::PayOut.is_done(hindrance), "{hindrance:?}");
    }
}
