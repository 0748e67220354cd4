//! MerchantService/CancelOrder: nobody pays an order any more.

use std::net::IpAddr;

use crate::domain::command::MerchantAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;

pub struct CancelOrder;

impl Operation for CancelOrder {
    type Body = pb::CancelOrderRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/CancelOrder";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for CancelOrder {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<MerchantAction, Rejection> {
        Ok(MerchantAction::CancelOrder { order_id: order_id(&call.body.order_id)? })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CancelOrderReply, Rejection> {
    let Outcome::OrderCancelled = gate.change::<CancelOrder>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::CancelOrderReply {})
}
