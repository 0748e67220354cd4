//! DeviceService/ReportLost: another device moves no money from now on.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::DeviceId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct ReportLost;

impl Operation for ReportLost {
    type Body = pb::DeviceReportLostRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.DeviceService/ReportLost";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for ReportLost {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::ReportLost { target_id: DeviceId(id16(&call.body.device_id, "device_id")?) })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::DeviceReportLostReply, Rejection> {
    let Outcome::DeviceLost { .. } = gate.change::<ReportLost>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::DeviceReportLostReply {})
}
