//! AdminService/TakeReconciliationItem: an operator looks after a difference from now on, whoever did before.

use std::net::IpAddr;

use crate::domain::command::{OperatorAction, ReconciliationAction};
use crate::domain::id::ReconciliationItemId;
use crate::domain::outcome::{Outcome, ReconciliationOutcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct TakeReconciliationItem;

impl Operation for TakeReconciliationItem {
    type Body = pb::TakeReconciliationItemRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/TakeReconciliationItem";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for TakeReconciliationItem {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<OperatorAction, Rejection> {
        let item_id = ReconciliationItemId(id16(&call.body.item_id, "item_id")?);
        let version = super::version(call.body.version)?;
        Ok(OperatorAction::Reconciliation(ReconciliationAction::Take { item_id, version }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::TakeReconciliationItemReply, Rejection> {
    let Outcome::Reconciliation(ReconciliationOutcome::Taken { .. }) =
        gate.change::<TakeReconciliationItem>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::TakeReconciliationItemReply {})
}
