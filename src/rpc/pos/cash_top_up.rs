//! PosService/CashTopUp: cash over the counter, for the account behind a customer's code.

use std::net::IpAddr;

use super::sale::code_tag;
use crate::domain::command::{CashDraft, TerminalAction};
use crate::domain::id::CashTopUpId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, currency, order_id, time};

pub struct CashTopUp;

impl Operation for CashTopUp {
    type Body = pb::CashTopUpRequest;
    type Private = pb::ChargePrivate;
    const METHOD: &'static str = "/saifu.v1.PosService/CashTopUp";
    const CALLER: CallerKind = CallerKind::Terminal;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Till;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for CashTopUp {
    type Action = TerminalAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<TerminalAction, Rejection> {
        Ok(TerminalAction::CashTopUp(CashDraft {
            cash_top_up_id: CashTopUpId(tools.new_id()),
            order_id: order_id(&call.body.order_id)?,
            code_tag: code_tag(&call.private, tools)?,
            amount: amount(call.body.amount_minor)?,
            currency: currency(call.body.currency.clone())?,
        }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CashTopUpReply, Rejection> {
    let Outcome::CashToppedUp { cash_top_up_id, at, amount_minor, .. } =
        gate.change::<CashTopUp>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::CashTopUpReply {
        cash_top_up_id: cash_top_up_id.0.to_vec(),
        credited_at: Some(time(at)),
        amount_minor,
    })
}
