//! AdminService/ListProposals: what waits for approval, as it was signed.

use std::net::IpAddr;

use crate::domain::rows::Proposal;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::{Query, Scan};

pub struct ListProposals;

impl Operation for ListProposals {
    type Body = pb::ListProposalsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/ListProposals";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// As many are listed.
const LISTED: i64 = 50;

impl Read for ListProposals {
    fn query(_call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        Ok(Query::scan(Scan::OpenProposals { now: Timestamp(tools.clock.now_us()), limit: LISTED }))
    }
}

fn proposal(row: &Proposal) -> pb::Proposal {
    pb::Proposal {
        proposal_id: row.proposal_id.0.to_vec(),
        proposer_id: row.proposer_id.0.to_vec(),
        payload: row.payload.clone(),
        proposed_at: Some(time(row.created_at)),
        expires_at: Some(time(row.expires_at)),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListProposalsReply, Rejection> {
    let (_, fetched) = gate.read::<ListProposals>(&envelope, peer).await?;
    Ok(pb::ListProposalsReply { proposals: fetched.scanned::<Proposal>().map(proposal).collect() })
}
