//! SecurityService/Freeze: stops outflow, and asks for no code.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;

pub struct Freeze;

impl Operation for Freeze {
    type Body = pb::FreezeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/Freeze";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Stop;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Freeze {
    type Action = DeviceAction;

    async fn prepare(_call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::Freeze)
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::FreezeReply, Rejection> {
    let Outcome::Frozen { frozen_at } = gate.change::<Freeze>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::FreezeReply { frozen_at: Some(time(frozen_at)) })
}
