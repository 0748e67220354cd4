//! MerchantService/RotateKey: a merchant's server gives its key up for another, with the word of both.

use std::net::IpAddr;

use crate::domain::command::MerchantAction;
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
    const METHOD: &'static str = "/saifu.v1.MerchantService/RotateKey";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for RotateKey {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        let owner = Owner::Merchant(Some(call.merchant()?));
        let key = proved(call.body.key.as_ref(), &call.body.key_proof, owner, &tools.audience)?;
        Ok(MerchantAction::RotateKey(key))
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
