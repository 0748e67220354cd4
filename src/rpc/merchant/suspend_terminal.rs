//! MerchantService/SuspendTerminal: a till charges and reverses no more, from this commit on.

use std::net::IpAddr;

use crate::domain::command::MerchantAction;
use crate::domain::id::TerminalId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct SuspendTerminal;

impl Operation for SuspendTerminal {
    type Body = pb::SuspendTerminalRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/SuspendTerminal";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for SuspendTerminal {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<MerchantAction, Rejection> {
        let terminal_id = TerminalId(id16(&call.body.terminal_id, "terminal_id")?);
        Ok(MerchantAction::SuspendTerminal { terminal_id })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::SuspendTerminalReply, Rejection> {
    let Outcome::TerminalStanding { .. } = gate.change::<SuspendTerminal>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::SuspendTerminalReply {})
}
