//! AdminService/CancelRecovery: a recovery ends. One operator suffices: it only takes away.

use std::net::IpAddr;

use crate::domain::command::OperatorAction;
use crate::domain::id::CaseId;
use crate::domain::outcome::Outcome;
use crate::domain::recovery::Told;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct CancelRecovery;

impl Operation for CancelRecovery {
    type Body = pb::CancelRecoveryRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/CancelRecovery";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for CancelRecovery {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<OperatorAction, Rejection> {
        let open = tools.case(CaseId(id16(&call.body.case_id, "case_id")?)).await?;
        let notices = tools.notices(&open, &[Told::Cancelled])?;
        Ok(OperatorAction::CancelRecovery { case: open.case, notices })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CancelRecoveryReply, Rejection> {
    let Outcome::RecoveryStepped(_) = gate.change::<CancelRecovery>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::CancelRecoveryReply {})
}
