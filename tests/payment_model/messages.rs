//! What is sent, each under a request id of its own.

use saifu::domain::command::{
    Command, DeviceAction, DeviceCall, Evidence, MerchantAction, MerchantCall, Order, SaleDraft, ShopStep,
    Signed, SystemAction, TerminalAction, TerminalCall,
};
use saifu::domain::id::{CommandId, KeyId, RequestId};
use saifu::domain::money::Amount;
use saifu::domain::time::Timestamp;

use crate::world::{
    ACCOUNT, CAP_MINOR, CODE_TAG, DEVICE, DEVICE_KEY, HOLD_US, MERCHANT, MERCHANT_KEY, ORDER, PAYMENT, STORE,
    SYSTEM_KEY, TERMINAL, TILL_KEY,
};

/// One message of somebody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    ChargeWithin,
    ChargeAbove,
    AuthorizeWithin,
    AuthorizeAbove,
    CapturePart,
    CaptureRest,
    Void,
    RefundOne,
    RefundOther,
    MerchantRefund,
    Reverse,
    Confirm,
    Decline,
    Freeze,
}

fn yen(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
}

fn sale(amount_minor: i64) -> SaleDraft {
    SaleDraft {
        payment_id: PAYMENT,
        order_id: ORDER.into(),
        code_tag: CODE_TAG,
        amount: yen(amount_minor),
        currency: "JPY".into(),
        receipt_line: None,
        external_reference: None,
        ask: true,
    }
}

fn signed(key_id: KeyId, number: u8) -> Signed {
    Signed {
        key_id,
        request_id: RequestId([number; 16]),
        digest: [number; 32],
        payload_hash: [number; 32],
        evidence: Evidence { method: "", payload: Vec::new(), signature: Vec::new() },
    }
}

fn by_till(number: u8, action: TerminalAction) -> Order {
    let call = TerminalCall {
        signed: signed(TILL_KEY, number),
        terminal_id: TERMINAL,
        merchant_id: MERCHANT,
        store_id: STORE,
    };
    Order::Terminal(call, action)
}

fn step(number: u8, step: ShopStep) -> Order {
    by_till(number, TerminalAction::Step { order_id: ORDER.into(), step })
}

fn by_device(number: u8, action: DeviceAction) -> Order {
    let call = DeviceCall {
        signed: signed(DEVICE_KEY, number),
        account_id: ACCOUNT,
        device_id: DEVICE,
        epoch: 1,
        proof: None,
    };
    Order::Device(call, action)
}

impl Message {
    /// What a till asks for: as much as the code's cap, or one more.
    fn amount_minor(self) -> i64 {
        CAP_MINOR + i64::from(matches!(self, Self::ChargeAbove | Self::AuthorizeAbove))
    }

    /// As a command; the same each time it is sent.
    pub fn command(self, asked_minor: i64) -> Command {
        let number = self as u8 + 1;
        let order = match self {
            Self::ChargeWithin | Self::ChargeAbove => {
                by_till(number, TerminalAction::Charge(sale(self.amount_minor())))
            }
            Self::AuthorizeWithin | Self::AuthorizeAbove => {
                let sale = sale(self.amount_minor());
                by_till(number, TerminalAction::Authorize { sale, hold_us: HOLD_US })
            }
            Self::CapturePart => step(number, ShopStep::Capture { amount: Some(yen(60)), is_final: false }),
            Self::CaptureRest => step(number, ShopStep::Capture { amount: None, is_final: true }),
            Self::Void => step(number, ShopStep::Void),
            Self::RefundOne => step(number, ShopStep::Refund { amount: yen(40) }),
            Self::RefundOther => step(number, ShopStep::Refund { amount: yen(60) }),
            Self::MerchantRefund => {
                let call = MerchantCall { signed: signed(MERCHANT_KEY, number), merchant_id: MERCHANT };
                let step = ShopStep::Refund { amount: yen(30) };
                Order::Merchant(call, MerchantAction::Step { order_id: ORDER.into(), step })
            }
            Self::Reverse => by_till(number, TerminalAction::Reverse { order_id: ORDER.into() }),
            Self::Confirm => by_device(
                number,
                DeviceAction::ConfirmPayment {
                    payment_id: PAYMENT,
                    payee_name: "bakery".into(),
                    amount: yen(asked_minor),
                    currency: "JPY".into(),
                },
            ),
            Self::Decline => by_device(number, DeviceAction::DeclinePayment { payment_id: PAYMENT }),
            Self::Freeze => by_device(number, DeviceAction::Freeze),
        };
        Command { id: CommandId([number; 16]), order }
    }
}

/// Time's own.
pub fn expire(due_at: Timestamp) -> Command {
    let action = SystemAction::ExpirePayment { payment_id: PAYMENT, due_at };
    let signed = Signed { request_id: action.request_id(), ..signed(SYSTEM_KEY, 0xee) };
    Command { id: CommandId([0xee; 16]), order: Order::System(signed, action) }
}
