//! RecoveryService/Status: where a case is, for the key that began it.

use std::net::IpAddr;

use crate::domain::id::{CaseId, TargetId};
use crate::domain::recovery::CaseState;
use crate::domain::rows::{RecoveryCase, RecoveryTarget, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, CandidateRead, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::rpc::convert::{id16, time};
use crate::store::query::Query;

pub struct Status;

impl Operation for Status {
    type Body = pb::RecoveryStatusRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Status";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateRead for Status {
    fn query(call: &Admitted<Self>) -> Result<Query, Rejection> {
        let case_id = CaseId(id16(&call.body.case_id, "case_id")?);
        Ok(Query::row(RowKey::RecoveryCase(case_id)))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryStatusReply, Rejection> {
    let (call, fetched) = gate.candidate_read::<Status>(&envelope, peer).await?;
    let case = fetched.get::<RecoveryCase>().filter(|case| case.key_id == call.signed.key_id);
    let case = case.ok_or(Rejection::NotFound)?;
    // A shadow has none, and is never contested.
    let target: Option<RecoveryTarget> = gate.row_of((TargetId(case.target_id.0),)).await?;
    let contested = case.state.stands() && target.is_some_and(|target| target.contested_at.is_some());
    Ok(pb::RecoveryStatusReply {
        state: super::state(case.state, contested).into(),
        proved: case.proved().filter_map(super::factor).map(Into::into).collect(),
        ready_at: case.ready_at.filter(|_| case.state != CaseState::Completed).map(time),
        due_at: case.due_at.map(time),
    })
}
