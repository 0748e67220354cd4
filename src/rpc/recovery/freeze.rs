//! RecoveryService/Freeze: outflow stops, once something was proved.

use std::net::IpAddr;

use crate::domain::command::{CandidateAction, CaseAction};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::Told;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct Freeze;

impl Operation for Freeze {
    type Body = pb::RecoveryFreezeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Freeze";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for Freeze {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let open = super::own_case(&call.body.case_id, call.signed.key_id, tools).await?;
        Ok(CandidateAction::Recovery {
            case: open.case,
            action: CaseAction::Freeze,
            notices: tools.notices(&open, &[Told::Frozen])?,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryFreezeReply, Rejection> {
    let Outcome::RecoveryStepped(_) = gate.candidate::<Freeze>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryFreezeReply {})
}
