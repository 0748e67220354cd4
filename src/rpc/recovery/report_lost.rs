//! RecoveryService/ReportLost: the owner's devices cancel this case no more, they contest it.

use std::net::IpAddr;

use crate::domain::command::{CandidateAction, CaseAction};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct ReportLost;

impl Operation for ReportLost {
    type Body = pb::RecoveryReportLostRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/ReportLost";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for ReportLost {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let open = super::own_case(&call.body.case_id, call.signed.key_id, tools).await?;
        let notices = tools.notices(&open, &[])?;
        Ok(CandidateAction::Recovery { case: open.case, action: CaseAction::ReportLost, notices })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryReportLostReply, Rejection> {
    let Outcome::RecoveryStepped(_) = gate.candidate::<ReportLost>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryReportLostReply {})
}
