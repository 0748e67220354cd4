//! An order, and one row of each table of a shop's day.

use crate::domain::fee::BasisPoints;
use crate::domain::id::{CashTopUpId, FIRST_TENANT, MerchantId, MovementId, PaymentId, TerminalId};
use crate::domain::ledger::PROVIDER_CLEARING;
use crate::domain::money::Asset;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    CashDesk, CashTopUp, ClosedDay, FeeRule, Movement, MovementKind, OrderSlot, Payable, Row, Settlement,
};
use crate::domain::settlement::PayoutState;
use crate::domain::tests::fixture::{NOW, account_id, device_id, merchant_id, store_id};

/// What a till moved, cash, and a day that is closed.
pub(super) fn day_rows() -> Vec<Row> {
    let (merchant_id, store_id) = (merchant_id("bakery"), store_id("bakery"));
    let terminal_id = TerminalId([1; 16]);
    let ledger_account_id = PROVIDER_CLEARING;
    vec![
        OrderSlot {
            merchant_id,
            order_id: "order-1".into(),
            tenant_id: FIRST_TENANT,
            terminal_id: TerminalId([1; 16]),
            payment_id: Some(PaymentId([1; 16])),
            account_id: Some(account_id("alice")),
            reversed_at: Some(NOW),
            created_at: NOW,
            cash_top_up_id: None,
            asked_minor: None,
            payable_until: None,
            receipt_line: None,
            external_reference: None,
        }
        .into_row(),
        CashDesk {
            store_id,
            tenant_id: FIRST_TENANT,
            ledger_account_id,
            ceiling_minor: 3,
            till_day_minor: 2,
            held_minor: 1,
        }
        .into_row(),
        Movement {
            movement_id: MovementId([1; 16]),
            tenant_id: FIRST_TENANT,
            payment_id: PaymentId([1; 16]),
            merchant_id,
            store_id,
            order_id: Some("order-1".into()),
            terminal_id: Some(terminal_id),
            business_day: Some(2),
            kind: MovementKind::Refund,
            asset: Asset::PrepaidJpy,
            amount_minor: 20,
            at: NOW,
            fee_rule_version: 1,
            net_after_minor: 40,
        }
        .into_row(),
        CashTopUp {
            cash_top_up_id: CashTopUpId([1; 16]),
            tenant_id: FIRST_TENANT,
            account_id: account_id("alice"),
            device_id: device_id("alice"),
            merchant_id,
            store_id,
            terminal_id,
            order_id: "order-2".into(),
            asset: Asset::PrepaidJpy,
            amount_minor: 7,
            business_day: 1,
            credited_at: NOW,
            reversed_at: Some(NOW),
        }
        .into_row(),
        ClosedDay { terminal_id, business_day: 1, tenant_id: FIRST_TENANT, closed_at: NOW, by_system: true }
            .into_row(),
    ]
}

/// A fee, and a day that is settled.
pub(super) fn settlement_rows() -> Vec<Row> {
    let merchant_id = merchant_id("bakery");
    vec![
        FeeRule {
            merchant_id,
            version: 1,
            tenant_id: FIRST_TENANT,
            basis_points: BasisPoints::new(198).expect("a share"),
            since: NOW,
        }
        .into_row(),
        Payable {
            merchant_id,
            tenant_id: FIRST_TENANT,
            day: 20_454,
            settled_until: NOW,
            cash_until: NOW.plus_us(-1),
            carried_minor: -5,
        }
        .into_row(),
        settlement(merchant_id).into_row(),
    ]
}

fn settlement(merchant_id: MerchantId) -> Settlement {
    Settlement {
        merchant_id,
        day: 20_454,
        tenant_id: FIRST_TENANT,
        lines_from: NOW.plus_us(-9),
        lines_until: NOW.plus_us(-3),
        cash_from: NOW.plus_us(-8),
        cash_until: NOW.plus_us(-4),
        captures: 3,
        captured_minor: 900,
        refunds: 1,
        refunded_minor: 100,
        fee_minor: 15,
        cash_minor: 70,
        carried_minor: -5,
        payout_minor: 710,
        state: PayoutState::Paid,
        settled_at: NOW,
        closed_at: Some(NOW.plus_us(1)),
    }
}
