//! SecurityService/VerifySecondFactor: a code on its own.

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

pub struct VerifySecondFactor;

impl Operation for VerifySecondFactor {
    type Body = pb::VerifySecondFactorRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/VerifySecondFactor";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for VerifySecondFactor {
    type Action = DeviceAction;

    async fn prepare(_call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::VerifySecondFactor)
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::VerifySecondFactorReply, Rejection> {
    let Outcome::CodeAccepted { fresh_until } =
        gate.change::<VerifySecondFactor>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::VerifySecondFactorReply { fresh_until: Some(time(fresh_until)) })
}
