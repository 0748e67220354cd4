//! MerchantService/CreateOrder: an order of one of its tills that a customer pays by himself.

use std::net::IpAddr;

use crate::domain::command::MerchantAction;
use crate::domain::id::TerminalId;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;
use crate::rpc::pos::order;

pub struct CreateOrder;

impl Operation for CreateOrder {
    type Body = pb::MerchantCreateOrderRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/CreateOrder";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn wanted(body: &pb::MerchantCreateOrderRequest) -> Result<&pb::CreateOrderRequest, Rejection> {
    body.order.as_ref().ok_or(Rejection::malformed("order", "an order, as a till's CreateOrder"))
}

impl Change for CreateOrder {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        Ok(MerchantAction::CreateOrder {
            terminal_id: TerminalId(id16(&call.body.terminal_id, "terminal_id")?),
            order: order::draft(wanted(&call.body)?, tools)?,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CreateOrderReply, Rejection> {
    let (call, done) = gate.change_of::<CreateOrder>(&envelope, peer).await?;
    order::created(gate, wanted(&call.body)?.order_id.clone(), &done.outcome).await
}
