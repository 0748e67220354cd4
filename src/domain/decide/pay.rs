//! A payment: subject, limits, balance, and then the posting, which cannot fail any more.

use super::device::{Done, Halt, Turn};
use crate::domain::id::{PaymentId, StoreId};
use crate::domain::ledger::{Postings, Transfer};
use crate::domain::limits;
use crate::domain::lots::{Leg, Legs};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{ClosingReason, Merchant, Payment, Standing, Store};
use crate::domain::write::Write;

/// Who is to be paid, as the customer signed it.
pub(super) struct Payee<'a> {
    pub store_id: StoreId,
    pub name: &'a str,
    pub currency: &'a str,
}

/// Decides and posts a payment.
pub(super) fn post(
    turn: &mut Turn<'_>,
    payment_id: PaymentId,
    payee: &Payee<'_>,
    amount: Amount,
) -> Result<Done, Halt> {
    let (store, merchant) = subject(turn, payee)?;
    limits::check_payment(&turn.policy.limits, &turn.account, &turn.device, amount, turn.now)?;
    if turn.account.available_minor() < amount.minor() {
        return Err(Refusal::InsufficientBalance.into());
    }
    let legs = turn.account.lots.take(amount.minor()).ok_or(Refusal::InsufficientBalance)?;

    let transfer = Transfer {
        debit: turn.account.ledger_account_id,
        credit: merchant.ledger_account_id,
        asset: turn.account.asset,
        amount,
    };
    let payment = captured(turn, payment_id, store, merchant, amount, legs);
    turn.account.debits_posted_minor += amount.minor();
    turn.account.spent_total_minor += amount.minor();
    turn.account.payments_total += 1;
    turn.account.spending.add(turn.now, amount.minor());
    turn.writes.push(Write::Insert(payment.into_row()));
    turn.writes.push(Write::Credit {
        ledger_account_id: merchant.ledger_account_id,
        debits_minor: 0,
        credits_minor: amount.minor(),
    });
    let outcome = Outcome::Paid {
        payment_id,
        at: turn.now,
        amount_minor: amount.minor(),
        available_after_minor: turn.account.available_minor(),
    };
    Ok(Done { outcome, postings: Postings(vec![transfer]), keys: Vec::new() })
}

/// The store as it is now must be the one the customer saw and signed.
fn subject<'a>(turn: &Turn<'a>, payee: &Payee<'_>) -> Result<(&'a Store, &'a Merchant), Refusal> {
    let store = turn.view.get::<Store>((payee.store_id,)).ok_or(Refusal::NotFound)?;
    let merchant = turn.view.get::<Merchant>((store.merchant_id,)).ok_or(Refusal::NotFound)?;
    if store.name != payee.name {
        return Err(Refusal::PayeeChanged);
    }
    if store.standing != Standing::Active || merchant.standing != Standing::Active {
        return Err(Refusal::PayeeSuspended);
    }
    if Asset::of_code(payee.currency) != Some(turn.account.asset) {
        return Err(Refusal::WrongCurrency);
    }
    Ok((store, merchant))
}

fn captured(
    turn: &Turn<'_>,
    payment_id: PaymentId,
    store: &Store,
    merchant: &Merchant,
    amount: Amount,
    legs: Vec<Leg>,
) -> Payment {
    Payment {
        payment_id,
        tenant_id: turn.account.tenant_id,
        account_id: turn.account.account_id,
        device_id: turn.device.device_id,
        merchant_id: store.merchant_id,
        store_id: store.store_id,
        terminal_id: None,
        order_id: None,
        external_reference: None,
        receipt_line: None,
        payee_name: store.name.clone(),
        asset: turn.account.asset,
        authorised_minor: amount.minor(),
        captured_minor: amount.minor(),
        refunded_minor: 0,
        released_minor: 0,
        closing_reason: Some(ClosingReason::Captured),
        legs: Legs(legs),
        fee_rule_version: merchant.fee_rule_version,
        tax_lines: Vec::new(),
        created_at: turn.now,
    }
}
