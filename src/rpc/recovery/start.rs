//! RecoveryService/Start: a case begins. Nothing is sent, and nothing in the reply, its size or its work
//! depends on whether there is an account.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::CandidateAction;
use crate::domain::id::{CaseId, CodeTag, ContactIndex};
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::recovery::CaseNotes;
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{device_model, time};

pub struct Start;

impl Operation for Start {
    type Body = pb::RecoveryStartRequest;
    type Private = pb::RecoveryStartPrivate;
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Start";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for Start {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let contact = super::locator(&call.private)?;
        let device_model = device_model(&call.private.device_model)?;
        let index = tools.keys.index.index(&contact);
        if !tools.is_finished(&call.signed).await? {
            stranger.recovery_target(&index, Timestamp(tools.clock.now_us())).await?;
        }
        let case_id = CaseId(tools.random_id());
        let cancel_code = codes::recovery_code(tools.entropy.as_ref());
        let notes = CaseNotes { cancel_code: cancel_code.to_string(), device_model };
        Ok(CandidateAction::StartRecovery {
            case_id,
            contact_index: ContactIndex(index),
            with_proofing: call.body.with_proofing,
            cancel_tag: CodeTag(codes::cancel_code_tag(&tools.keys.code, &cancel_code)),
            sealed: tools.seal_notes(case_id, &notes),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryStartReply, Rejection> {
    let Outcome::RecoveryStarted { case_id, expires_at, .. } =
        gate.candidate::<Start>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryStartReply { case_id: case_id.0.to_vec(), expires_at: Some(time(expires_at)) })
}
