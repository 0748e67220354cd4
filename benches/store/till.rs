//! A sale at a till: the customer's device issues a code, and a till charges it.

use saifu::domain::command::{
    Command, DeviceAction, DeviceCall, Evidence, Order, SaleDraft, Signed, TerminalAction, TerminalCall,
};
use saifu::domain::id::{
    AccountId, CodeTag, CommandId, DeviceId, FIRST_TENANT, KeyId, MerchantId, OwnerId, PaymentCodeId,
    PaymentId, RequestId, StoreId, TerminalId,
};
use saifu::domain::money::Amount;
use saifu::domain::record::Record as _;
use saifu::domain::rows::{
    CodePurpose, KeyForm, KeyState, Principal, Row, SigningKey, Terminal, TerminalState,
};
use saifu::domain::time::Timestamp;

use crate::world::{MERCHANTS, PAYERS, id};

/// The tills' rows: one of each merchant, and as many again of the first one.
pub fn rows(now: Timestamp) -> Vec<Row> {
    (0..2 * MERCHANTS).flat_map(|till| terminal(till, now)).collect()
}

/// Whose a till is.
fn merchant_of(till: u64) -> u64 {
    if till < MERCHANTS { till } else { 0 }
}

fn terminal(till: u64, now: Timestamp) -> [Row; 2] {
    let (terminal_id, key_id) = (TerminalId(id(b't', till)), KeyId(id(b'K', till)));
    let merchant = merchant_of(till);
    let key = SigningKey {
        key_id,
        tenant_id: FIRST_TENANT,
        principal: Principal::Terminal,
        owner_id: OwnerId(terminal_id.0),
        account_id: None,
        point: vec![4; 65],
        form: KeyForm::Der,
        state: KeyState::Active,
        version: 1,
    };
    let terminal = Terminal {
        terminal_id,
        tenant_id: FIRST_TENANT,
        merchant_id: MerchantId(id(b'm', merchant)),
        store_id: StoreId(id(b's', merchant)),
        label: format!("till {till}"),
        key_id: Some(key_id),
        state: TerminalState::Active,
        misses_until: Timestamp(0),
        refund_day: 0,
        refunded_today_minor: 0,
        registered_at: now,
        activated_at: Some(now),
        business_day: 1,
        cash_day: 0,
        cash_today_minor: 0,
        day_began_at: None,
        alarmed_at: None,
        alarms: 0,
        barred_at: None,
    };
    [terminal.into_row(), key.into_row()]
}

fn signed(key_id: KeyId, kind: u8, number: u64, method: &'static str) -> Signed {
    Signed {
        key_id,
        request_id: RequestId(id(kind, number)),
        digest: id(b'b', number),
        payload_hash: id(b'h', number),
        evidence: Evidence { method, payload: vec![5; 300], signature: vec![7; 71] },
    }
}

/// The code of one yen, and its charge at this till.
pub fn sale(number: u64, till: u64) -> [Command; 2] {
    let payer = number % PAYERS;
    let one = Amount::new(1).expect("a yen is an amount");
    let code_tag = CodeTag(id(b'c', number));
    let call = DeviceCall {
        signed: signed(KeyId(id(b'k', payer)), b'i', number, "/saifu.v1.PaymentService/IssueCode"),
        account_id: AccountId(id(b'a', payer)),
        device_id: DeviceId(id(b'd', payer)),
        epoch: 1,
        proof: None,
    };
    let issue = DeviceAction::IssueCode {
        code_id: PaymentCodeId(id(b'C', number)),
        code_tag,
        purpose: CodePurpose::Pay,
        cap: one,
        currency: "JPY".into(),
        secret: vec![1; 50],
    };
    let merchant = merchant_of(till);
    let charging = TerminalCall {
        signed: signed(KeyId(id(b'K', till)), b'R', number, "/saifu.v1.PosService/Charge"),
        terminal_id: TerminalId(id(b't', till)),
        merchant_id: MerchantId(id(b'm', merchant)),
        store_id: StoreId(id(b's', merchant)),
    };
    let charge = TerminalAction::Charge(SaleDraft {
        payment_id: PaymentId(id(b'P', number)),
        order_id: format!("order-{number}"),
        code_tag,
        amount: one,
        currency: "JPY".into(),
        receipt_line: None,
        external_reference: None,
        ask: false,
    });
    [
        Command { id: CommandId(id(b'y', number)), order: Order::Device(call, issue) },
        Command { id: CommandId(id(b'z', number)), order: Order::Terminal(charging, charge) },
    ]
}
