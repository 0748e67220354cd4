//! PosService/Activate: a till enrols its key with the code that its merchant asked for.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::CandidateAction;
use crate::domain::id::CodeTag;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::text;

pub struct Activate;

impl Operation for Activate {
    type Body = pb::PosActivateRequest;
    type Private = pb::PosActivatePrivate;
    const METHOD: &'static str = "/saifu.v1.PosService/Activate";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Enrolment;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for Activate {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let must = "the activation code of RegisterTerminal";
        let code = text(&call.private.activation_code, 64, "private.activation_code", must)?;
        let activation_tag = CodeTag(codes::activation_code_tag(&tools.keys.code, code));
        Ok(CandidateAction::ActivateTerminal { activation_tag })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::PosActivateReply, Rejection> {
    let Outcome::TerminalActivated { terminal_id, merchant_id, store_id } =
        gate.candidate::<Activate>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::PosActivateReply {
        terminal_id: terminal_id.0.to_vec(),
        merchant_id: merchant_id.0.to_vec(),
        store_id: store_id.0.to_vec(),
    })
}
