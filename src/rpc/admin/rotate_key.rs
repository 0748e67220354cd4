//! AdminService/RotateKey: an operator gives their key up for another, with the word of both.

use std::net::IpAddr;

use crate::domain::command::OperatorAction;
use crate::domain::outcome::{KeyOutcome, Outcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::signature::possession::{Owner, proved};
use crate::gate::tools::Tools;
use crate::pb;

pub struct RotateKey;

impl Operation for RotateKey {
    type Body = pb::RotateKeyRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/RotateKey";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for RotateKey {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<OperatorAction, Rejection> {
        let owner = Owner::Operator(Some(call.operator()?));
        let key = proved(call.body.key.as_ref(), &call.body.key_proof, owner, &tools.audience)?;
        Ok(OperatorAction::RotateKey(key))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RotateKeyReply, Rejection> {
    let Outcome::Keys(KeyOutcome::Rotated { .. }) = gate.change::<RotateKey>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RotateKeyReply {})
}
