//! PaymentService/Confirm: yes to a till that asked for more than a code's cap, for the shop and the
//! amount that the customer saw.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::PaymentId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, currency, id16, text, time};
use crate::rpc::payment::state;

pub struct Confirm;

impl Operation for Confirm {
    type Body = pb::ConfirmPaymentRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/Confirm";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyOut;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for Confirm {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        let must = "1 to 64 characters, no control characters";
        Ok(DeviceAction::ConfirmPayment {
            payment_id: PaymentId(id16(&call.body.payment_id, "payment_id")?),
            payee_name: text(&call.body.payee_name, 64, "payee_name", must)?.to_owned(),
            amount: amount(call.body.amount_minor)?,
            currency: currency(call.body.currency.clone())?,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ConfirmPaymentReply, Rejection> {
    let Outcome::PaymentStepped { at, moved, available_after_minor, .. } =
        gate.change::<Confirm>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ConfirmPaymentReply {
        state: state(moved.after.state()).into(),
        confirmed_at: Some(time(at)),
        available_after_minor,
    })
}
