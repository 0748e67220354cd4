//! PosService/Charge: a customer's one-time code, charged within its cap. The reply tells nothing of him.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::TerminalAction;
use crate::domain::id::{CodeTag, PaymentId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, currency, optional_text, order_id, time};

pub struct Charge;

impl Operation for Charge {
    type Body = pb::ChargeRequest;
    type Private = pb::ChargePrivate;
    const METHOD: &'static str = "/saifu.v1.PosService/Charge";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Charge {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<TerminalAction, Rejection> {
        let code = &call.private.payment_code;
        if !codes::is_payment_code(code) {
            return Err(Rejection::malformed("private.payment_code", "18 ASCII digits"));
        }
        let line = "up to 64 characters, no control characters";
        let reference = "up to 128 characters, no control characters";
        Ok(TerminalAction::Charge {
            payment_id: PaymentId(tools.new_id()),
            order_id: order_id(&call.body.order_id)?,
            code_tag: CodeTag(codes::payment_code_tag(&tools.keys.code, code)),
            amount: amount(call.body.amount_minor)?,
            currency: currency(call.body.currency.clone())?,
            receipt_line: optional_text(&call.body.receipt_line, 64, "receipt_line", line)?,
            external_reference: optional_text(
                &call.body.external_reference,
                128,
                "external_reference",
                reference,
            )?,
        })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ChargeReply, Rejection> {
    let Outcome::Charged { payment_id, at, amount_minor, .. } =
        gate.change::<Charge>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ChargeReply { payment_id: payment_id.0.to_vec(), captured_at: Some(time(at)), amount_minor })
}
