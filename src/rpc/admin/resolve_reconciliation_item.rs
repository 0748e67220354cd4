//! AdminService/ResolveReconciliationItem: its operator says what became of a difference.

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
use crate::rpc::convert::{NOTE, id16, readable};

pub struct ResolveReconciliationItem;

impl Operation for ResolveReconciliationItem {
    type Body = pb::ResolveReconciliationItemRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/ResolveReconciliationItem";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for ResolveReconciliationItem {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<OperatorAction, Rejection> {
        let item_id = ReconciliationItemId(id16(&call.body.item_id, "item_id")?);
        let version = super::version(call.body.version)?;
        let note = readable(&call.body.note, &NOTE, "note")?.to_owned();
        Ok(OperatorAction::Reconciliation(ReconciliationAction::Resolve { item_id, version, note }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ResolveReconciliationItemReply, Rejection> {
    let Outcome::Reconciliation(ReconciliationOutcome::Resolved { .. }) =
        gate.change::<ResolveReconciliationItem>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ResolveReconciliationItemReply {})
}
