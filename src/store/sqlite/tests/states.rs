//! The states of payments as the database finds them are those that their sums amount to.

use rusqlite::params_from_iter;

use super::rig::{insert, seed};
use crate::domain::id::PaymentId;
use crate::domain::payment::{STATES, State};
use crate::domain::record::Record as _;
use crate::domain::rows::{ClosingReason, Payment};
use crate::domain::tests::fixture::{Ledger, NOW, merchant_id};
use crate::domain::time::Timestamp;
use crate::store::query::{MerchantScan, PaymentScan, Scan};
use crate::store::sqlite::connection::{self, Parameter};
use crate::store::sqlite::{DATABASE_FILE, read};
use crate::store::tests::examples::payment;
use crate::store::tests::rig::integrity;

/// Every combination of sums that the schema takes, of a payment of ¥3.
fn payments() -> Vec<Payment> {
    let reasons = [None, Some(1), Some(2), Some(3), Some(4), Some(5)];
    let reasons = reasons.map(|number| number.map(|number| ClosingReason::from_number(number).expect("one")));
    let mut payments = Vec::new();
    for closing_reason in reasons {
        for authorised_at in [None, Some(NOW)] {
            for captured_minor in 0..=3 {
                for released_minor in 0..=3 - captured_minor {
                    for refunded_minor in 0..=captured_minor {
                        let is_taken = authorised_at.is_some() || captured_minor + released_minor == 0;
                        let number = u8::try_from(payments.len() + 1).expect("few");
                        let made = Payment {
                            payment_id: PaymentId([number; 16]),
                            order_id: None,
                            authorised_minor: 3,
                            captured_minor,
                            released_minor,
                            refunded_minor,
                            closing_reason,
                            authorised_at,
                            ..payment()
                        };
                        payments.extend(is_taken.then_some(made));
                    }
                }
            }
        }
    }
    payments
}

#[test]
fn a_payment_is_found_by_the_state_that_its_sums_amount_to() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    seed(directory.path(), &Ledger::parse("alice 500 jpy fresh card | bakery"));
    let connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    let payments = payments();
    for payment in &payments {
        assert_eq!(insert(&connection, &payment.clone().into_row()), Ok(1));
    }
    let found = |state: State| -> Vec<PaymentId> {
        let scan = PaymentScan {
            merchant_id: merchant_id("bakery"),
            from: Timestamp(0),
            until: Timestamp(i64::MAX),
            store_id: None,
            state: Some(state),
            order_id: None,
            before: None,
            limit: 1_000,
        };
        let rows = read::scanned(&connection, &Scan::Merchant(MerchantScan::Payments(scan)), |table, row| {
            connection::checked_row(table, row, integrity().get())
        });
        rows.expect("it reads").iter().filter_map(Payment::of).map(|row| row.payment_id).collect()
    };
    for state in STATES {
        let mut expected: Vec<_> =
            payments.iter().filter(|row| row.sums().state() == state).map(|row| row.payment_id).collect();
        expected.reverse();
        assert!(!expected.is_empty(), "{state:?}");
        assert_eq!(found(state), expected, "{state:?}");
    }
}

#[test]
fn a_merchants_payments_are_found_by_their_own_index() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    seed(directory.path(), &Ledger::parse("alice 500 jpy fresh card | bakery"));
    let connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    let scan = PaymentScan {
        merchant_id: merchant_id("bakery"),
        from: Timestamp(1),
        until: Timestamp(2),
        store_id: None,
        state: None,
        order_id: None,
        before: Some((Timestamp(2), PaymentId([1; 16]))),
        limit: 10,
    };
    let (table, condition, values) = Scan::Merchant(MerchantScan::Payments(scan)).sql();
    let text = format!("EXPLAIN QUERY PLAN SELECT payment_id FROM {} WHERE {condition}", table.name());
    let mut statement = connection.prepare(&text).expect("it compiles");
    let steps = statement
        .query_map(params_from_iter(values.into_iter().map(Parameter)), |row| row.get::<_, String>(3))
        .expect("it explains");
    let steps: Vec<String> = steps.map(|step| step.expect("text")).collect();
    assert!(steps[0].contains("payment_merchant") && steps.len() == 1, "{steps:?}");
}
