//! SecurityService/Unfreeze: lets it go on, with a code.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct Unfreeze;

impl Operation for Unfreeze {
    type Body = pb::UnfreezeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/Unfreeze";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for Unfreeze {
    type Action = DeviceAction;

    async fn prepare(_call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::Unfreeze)
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::UnfreezeReply, Rejection> {
    let Outcome::Unfrozen = gate.change::<Unfreeze>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::UnfreezeReply {})
}
