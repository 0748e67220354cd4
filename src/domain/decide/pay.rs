//! A payment: subject, limits, balance, and then the posting, which cannot fail any more. The customer's
//! own Pay, and what a till's Charge shares with it.

use super::device::{Done, Halt, Turn};
use crate::domain::id::{DeviceId, PaymentId, StoreId, TerminalId};
use crate::domain::ledger::{Postings, Transfer};
use crate::domain::limits;
use crate::domain::lots::{Leg, Legs};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, ClosingReason, Device, Merchant, Payment, Standing, Store};
use crate::domain::time::Timestamp;
use crate::domain::write::Write;

/// Who is to be paid, as the customer signed it.
pub(super) struct Payee<'a> {
    pub store_id: StoreId,
    pub name: &'a str,
    pub currency: &'a str,
}

/// What is sold where, and the till's words about it.
pub(super) struct Sale<'a> {
    pub payment_id: PaymentId,
    pub store: &'a Store,
    pub merchant: &'a Merchant,
    pub amount: Amount,
    pub till: Option<Till<'a>>,
}

/// The till's words about a sale.
pub(super) struct Till<'a> {
    pub terminal_id: TerminalId,
    pub order_id: &'a str,
    pub receipt_line: Option<&'a str>,
    pub external_reference: Option<&'a str>,
}

/// Decides and posts a payment.
pub(super) fn post(
    turn: &mut Turn<'_>,
    payment_id: PaymentId,
    payee: &Payee<'_>,
    amount: Amount,
) -> Result<Done, Halt> {
    let (store, merchant) = subject(turn, payee)?;
    let sale = Sale { payment_id, store, merchant, amount, till: None };
    let legs = take(turn.policy, &mut turn.account, &turn.device, amount, turn.now)?;
    let (transfer, writes) = capture(&mut turn.account, turn.device.device_id, &sale, legs, turn.now);
    turn.writes.extend(writes);
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

/// Limits, then balance; then the value is out of the account's lots. Nothing is changed on a refusal.
pub(super) fn take(
    policy: &Policy,
    account: &mut Account,
    device: &Device,
    amount: Amount,
    now: Timestamp,
) -> Result<Vec<Leg>, Refusal> {
    limits::check_payment(policy, account, device, amount, now)?;
    if account.available_minor() < amount.minor() {
        return Err(Refusal::InsufficientBalance);
    }
    account.lots.take(amount.minor()).ok_or(Refusal::InsufficientBalance)
}

/// Books what was taken. The account's row itself is its caller's to write.
pub(super) fn capture(
    account: &mut Account,
    device_id: DeviceId,
    sale: &Sale<'_>,
    legs: Vec<Leg>,
    now: Timestamp,
) -> (Transfer, [Write; 2]) {
    let amount_minor = sale.amount.minor();
    account.debits_posted_minor += amount_minor;
    account.spent_total_minor += amount_minor;
    account.payments_total += 1;
    account.spending.add(now, amount_minor);
    let transfer = Transfer {
        debit: account.ledger_account_id,
        credit: sale.merchant.ledger_account_id,
        asset: account.asset,
        amount: sale.amount,
    };
    let credit = Write::Credit {
        ledger_account_id: sale.merchant.ledger_account_id,
        debits_minor: 0,
        credits_minor: amount_minor,
    };
    (transfer, [Write::Insert(captured(account, device_id, sale, legs, now).into_row()), credit])
}

fn captured(
    account: &Account,
    device_id: DeviceId,
    sale: &Sale<'_>,
    legs: Vec<Leg>,
    now: Timestamp,
) -> Payment {
    let till = sale.till.as_ref();
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Payment {
        payment_id: sale.payment_id,
        tenant_id: account.tenant_id,
        account_id: account.account_id,
        device_id,
        merchant_id: sale.store.merchant_id,
        store_id: sale.store.store_id,
        terminal_id: till.map(|till| till.terminal_id),
        order_id: owned(till.map(|till| till.order_id)),
        external_reference: owned(till.and_then(|till| till.external_reference)),
        receipt_line: owned(till.and_then(|till| till.receipt_line)),
        payee_name: sale.store.name.clone(),
        asset: account.asset,
        authorised_minor: sale.amount.minor(),
        captured_minor: sale.amount.minor(),
        refunded_minor: 0,
        released_minor: 0,
        closing_reason: Some(ClosingReason::Captured),
        legs: Legs(legs),
        fee_rule_version: sale.merchant.fee_rule_version,
        tax_lines: Vec::new(),
        created_at: now,
    }
}
