//! PosService/Authorize: an amount is held on the account behind a customer's one-time code, within its
//! cap; above it, he is asked. The reply tells nothing of him.

use std::net::IpAddr;

use super::sale::draft;
use crate::domain::command::TerminalAction;
use crate::domain::outcome::Outcome;
use crate::domain::time::SECOND_US;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;

pub struct Authorize;

impl Operation for Authorize {
    type Body = pb::AuthorizeRequest;
    type Private = pb::ChargePrivate;
    const METHOD: &'static str = "/saifu.v1.PosService/Authorize";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Authorize {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<TerminalAction, Rejection> {
        let body = &call.body;
        let waits = &tools.policy.payments;
        let hold_us = match body.hold_seconds {
            0 => waits.hold_us,
            seconds => i64::from(seconds).saturating_mul(SECOND_US),
        };
        if hold_us > waits.hold_longest_us {
            return Err(Rejection::malformed("hold_seconds", "at most 2,592,000: 30 days"));
        }
        let sale = pb::ChargeRequest {
            order_id: body.order_id.clone(),
            amount_minor: body.amount_minor,
            currency: body.currency.clone(),
            receipt_line: body.receipt_line.clone(),
            external_reference: body.external_reference.clone(),
            ask: body.ask,
        };
        Ok(TerminalAction::Authorize { sale: draft(&sale, &call.private, tools)?, hold_us })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an authorization comes to these two alone")]
pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::AuthorizeReply, Rejection> {
    match gate.change::<Authorize>(&envelope, peer).await?.outcome {
        Outcome::Authorized { payment_id, at, amount_minor, hold_until, .. } => Ok(pb::AuthorizeReply {
            payment_id: payment_id.0.to_vec(),
            authorised_at: Some(time(at)),
            amount_minor,
            state: pb::PaymentState::Authorized.into(),
            awaiting_until: None,
            hold_until: Some(time(hold_until)),
        }),
        Outcome::PaymentAsked { payment_id, amount_minor, awaiting_until, hold_until, .. } => {
            Ok(pb::AuthorizeReply {
                payment_id: payment_id.0.to_vec(),
                authorised_at: None,
                amount_minor,
                state: pb::PaymentState::AwaitingCustomer.into(),
                awaiting_until: Some(time(awaiting_until)),
                hold_until: hold_until.map(time),
            })
        }
        _ => Err(Rejection::Internal),
    }
}
