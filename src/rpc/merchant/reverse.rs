//! MerchantService/Reverse: for a till that cannot reverse itself.

use std::net::IpAddr;

use crate::domain::command::MerchantAction;
use crate::domain::id::TerminalId;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, order_id};
use crate::rpc::pos::reverse_reply;

pub struct Reverse;

impl Operation for Reverse {
    type Body = pb::MerchantReverseRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/Reverse";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Reverse {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<MerchantAction, Rejection> {
        Ok(MerchantAction::Reverse {
            terminal_id: TerminalId(id16(&call.body.terminal_id, "terminal_id")?),
            order_id: order_id(&call.body.order_id)?,
        })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ReverseReply, Rejection> {
    reverse_reply(&gate.change::<Reverse>(&envelope, peer).await?.outcome)
}
