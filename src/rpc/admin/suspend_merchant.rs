//! AdminService/SuspendMerchant: no more payments to it. One operator suffices: it only takes away.

use std::net::IpAddr;

use crate::domain::command::OperatorAction;
use crate::domain::id::MerchantId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct SuspendMerchant;

impl Operation for SuspendMerchant {
    type Body = pb::SuspendMerchantRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/SuspendMerchant";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for SuspendMerchant {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<OperatorAction, Rejection> {
        let merchant_id = MerchantId(id16(&call.body.merchant_id, "merchant_id")?);
        Ok(OperatorAction::SuspendMerchant { merchant_id })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::SuspendMerchantReply, Rejection> {
    let Outcome::MerchantSuspended { .. } = gate.change::<SuspendMerchant>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::SuspendMerchantReply {})
}
