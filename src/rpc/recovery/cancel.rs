//! RecoveryService/Cancel: a device of the account wants no recovery.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
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

pub struct Cancel;

impl Operation for Cancel {
    type Body = pb::RecoveryCancelRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Cancel";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Stop;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Cancel {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let case_id = CaseId(id16(&call.body.case_id, "case_id")?);
        let mut open = tools.case(case_id).await?;
        if open.case.account_id != Some(account_id) {
            // Decided about as none: what was answered to this very call before is found out there.
            open = tools.open_case(None).await?;
        }
        let notices = tools.notices(&open, &[Told::Cancelled, Told::Contested])?;
        Ok(DeviceAction::CancelRecovery { case: open.case, notices })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryCancelReply, Rejection> {
    let Outcome::RecoveryStepped(step) = gate.change::<Cancel>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryCancelReply { state: super::state(step.state, step.contested).into() })
}
