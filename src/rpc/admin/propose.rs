//! AdminService/Propose: waits for another operator.

use std::net::IpAddr;

use crate::crypto::hash::sha256;
use crate::domain::command::OperatorAction;
use crate::domain::id::ProposalId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use prost::Message as _;

pub struct Propose;

impl Operation for Propose {
    type Body = pb::ProposeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/Propose";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Propose {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<OperatorAction, Rejection> {
        // What could not be carried out is not proposed.
        let concerned = super::approved(&call.body, tools).await?.concerned();
        let payload = call.body.encode_to_vec();
        Ok(OperatorAction::Propose {
            proposal_id: ProposalId(tools.new_id()),
            payload_sha256: sha256(&[&payload]),
            payload,
            concerned,
        })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ProposeReply, Rejection> {
    let Outcome::Proposed { proposal_id, expires_at } =
        gate.change::<Propose>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ProposeReply { proposal_id: proposal_id.0.to_vec(), expires_at: Some(time(expires_at)) })
}
