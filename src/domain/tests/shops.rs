//! A shop's side of the rules: the till's calls, its merchant's, the operators', each in its documented
//! order, from everything that is wrong to nothing.

mod bars;
mod charge;
mod customers;
mod debts;
mod issue;
mod life;
mod operators;
mod reverse;
mod tills;

use super::fixture::{
    Attempt, Ledger, NOW, Said, account_id, device_id, key_id, merchant_id, signed, store_id,
};
use crate::domain::command::{MerchantAction, MerchantCall, Order, SaleDraft, TerminalAction, TerminalCall};
use crate::domain::id::{CodeTag, FIRST_TENANT, OwnerId, PaymentCodeId, PaymentId, TerminalId};
use crate::domain::live_codes::LiveCode;
use crate::domain::money::Amount;
use crate::domain::rows::{
    CodePurpose, KeyForm, KeyState, Merchant, OrderSlot, PaymentCode, Principal, RowKey, SigningKey,
    Terminal, TerminalState,
};
use crate::domain::time::{MINUTE_US, Timestamp};

/// One thing that is wrong.
type Breakage = fn(&mut Ledger);
/// What is said, and what then mends it.
type Row = (Said, fn(&mut Ledger));

const ORDER: &str = "order-1";
const TAG: CodeTag = CodeTag([9; 32]);
const PAYMENT: PaymentId = PaymentId([5; 16]);
const CODE: PaymentCodeId = PaymentCodeId([8; 16]);
const TILL: TerminalId = TerminalId([7; 16]);
const OTHER_TILL: TerminalId = TerminalId([6; 16]);

fn no(refusal: crate::domain::outcome::Refusal) -> Said {
    Said::No(refusal)
}

/// Walks a table: each row's breakage is said as long as it is there, whatever is wrong behind it.
fn walk(ledger: &mut Ledger, attempt: impl Fn(&mut Ledger) -> Attempt, rows: &[Row]) {
    for (expected, mend) in rows {
        let attempt = attempt(ledger);
        assert_eq!(ledger.ask(&attempt), *expected);
        mend(ledger);
    }
    let attempt = attempt(ledger);
    assert_eq!(ledger.ask(&attempt), Said::Done);
}

/// Alice with money and a live code of ¥1,000, a bakery with a till.
fn scene() -> Ledger {
    let mut ledger = Ledger::parse("alice 5000 jpy fresh tablet | bakery | books");
    ledger.put(Terminal {
        terminal_id: TILL,
        tenant_id: FIRST_TENANT,
        merchant_id: merchant_id("bakery"),
        store_id: store_id("bakery"),
        label: "till 1".into(),
        key_id: Some(key_id("till")),
        state: TerminalState::Active,
        misses_until: Timestamp(0),
        refund_day: 0,
        refunded_today_minor: 0,
        registered_at: NOW,
        activated_at: Some(NOW),
        business_day: 1,
        cash_day: 0,
        cash_today_minor: 0,
        day_began_at: None,
        alarmed_at: None,
        alarms: 0,
        barred_at: None,
    });
    staff_key(&mut ledger, "till", Principal::Terminal, TILL.0);
    staff_key(&mut ledger, "merchant", Principal::Merchant, merchant_id("bakery").0);
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.key_id = Some(key_id("merchant")));
    live_code(&mut ledger, CodePurpose::Pay, 1_000);
    ledger
}

fn staff_key(ledger: &mut Ledger, name: &str, principal: Principal, owner_id: [u8; 16]) {
    ledger.put(SigningKey {
        key_id: key_id(name),
        tenant_id: FIRST_TENANT,
        principal,
        owner_id: OwnerId(owner_id),
        account_id: None,
        point: vec![4; 65],
        form: KeyForm::Fixed,
        state: KeyState::Active,
        version: 1,
    });
}

fn live_code(ledger: &mut Ledger, purpose: CodePurpose, cap_minor: i64) {
    let now = ledger.now();
    let expires_at = now.plus_us(MINUTE_US);
    let live = LiveCode { code_id: CODE, device_id: device_id("alice"), purpose, cap_minor, expires_at };
    ledger.account("alice", |account| account.live_codes.issue(live, now));
    ledger.put(PaymentCode {
        code_tag: TAG,
        tenant_id: FIRST_TENANT,
        code_id: CODE,
        account_id: account_id("alice"),
        device_id: device_id("alice"),
        expires_at,
    });
}

fn till(ledger: &mut Ledger, change: impl FnOnce(&mut Terminal)) {
    ledger.change((TILL,), change);
}

fn by_till(ledger: &mut Ledger, action: TerminalAction) -> Attempt {
    let number = ledger.number();
    let call = TerminalCall {
        signed: signed(key_id("till"), number),
        terminal_id: TILL,
        merchant_id: merchant_id("bakery"),
        store_id: store_id("bakery"),
    };
    ledger.command(Order::Terminal(call, action))
}

fn by_merchant(ledger: &mut Ledger, action: MerchantAction) -> Attempt {
    let number = ledger.number();
    let call =
        MerchantCall { signed: signed(key_id("merchant"), number), merchant_id: merchant_id("bakery") };
    ledger.command(Order::Merchant(call, action))
}

fn yen(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

fn sale(amount_minor: i64, ask: bool) -> SaleDraft {
    SaleDraft {
        payment_id: PAYMENT,
        order_id: ORDER.into(),
        code_tag: TAG,
        amount: yen(amount_minor),
        currency: "JPY".into(),
        receipt_line: None,
        external_reference: None,
        ask,
    }
}

fn charge_of(ledger: &mut Ledger, amount_minor: i64, currency: &str) -> Attempt {
    let currency = currency.into();
    by_till(ledger, TerminalAction::Charge(SaleDraft { currency, ..sale(amount_minor, false) }))
}

fn charge(ledger: &mut Ledger, amount_minor: i64) -> Attempt {
    charge_of(ledger, amount_minor, "JPY")
}

fn slot(ledger: &mut Ledger, change: impl FnOnce(&mut OrderSlot)) {
    let mut slot = OrderSlot {
        merchant_id: merchant_id("bakery"),
        order_id: ORDER.into(),
        tenant_id: FIRST_TENANT,
        terminal_id: TILL,
        payment_id: None,
        account_id: None,
        reversed_at: None,
        created_at: NOW,
        cash_top_up_id: None,
        asked_minor: None,
        payable_until: None,
        receipt_line: None,
        external_reference: None,
    };
    change(&mut slot);
    ledger.put(slot);
}

fn no_slot(ledger: &mut Ledger) {
    ledger.remove(RowKey::OrderSlot(merchant_id("bakery"), ORDER.into()));
}
