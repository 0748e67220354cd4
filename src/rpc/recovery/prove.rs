//! RecoveryService/Prove: a factor, or one of them again. What is right is told after the commit that spent
//! the attempt.

use std::net::IpAddr;

use crate::domain::command::{CandidateAction, CaseAction};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::Told;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct Prove;

impl Operation for Prove {
    type Body = pb::RecoveryProveRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Prove";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Recovery;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for Prove {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let open = super::own_case(&call.body.case_id, call.signed.key_id, tools).await?;
        let kind = super::kind(call.body.factor())?;
        let secret = call.code.as_ref().ok_or(Rejection::Internal)?;
        super::fits(kind, secret)?;
        if let Some(row) = open.row.as_ref().filter(|row| !row.state.is_over()) {
            stranger.attempt(row, kind, Timestamp(tools.clock.now_us())).await?;
        }
        let proof = tools.prove(&open, kind, secret).await?;
        Ok(CandidateAction::Recovery {
            case: open.case,
            action: CaseAction::Prove { kind, proof },
            notices: tools.notices(&open, &[Told::Proven, Told::Contested])?,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryProveReply, Rejection> {
    let Outcome::RecoveryStepped(step) = gate.candidate::<Prove>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryProveReply { state: super::state(step.state, step.contested).into() })
}
