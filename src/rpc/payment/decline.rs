//! PaymentService/Decline: no to a till that asked.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::PaymentId;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct Decline;

impl Operation for Decline {
    type Body = pb::DeclinePaymentRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/Decline";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyOut;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Decline {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::DeclinePayment { payment_id: PaymentId(id16(&call.body.payment_id, "payment_id")?) })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::DeclinePaymentReply, Rejection> {
    gate.change::<Decline>(&envelope, peer).await?;
    Ok(pb::DeclinePaymentReply {})
}
