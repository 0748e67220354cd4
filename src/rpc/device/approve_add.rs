//! DeviceService/ApproveAdd: the number that the new phone shows lets it join.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::{AdditionId, DeviceId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::document::DeviceLabel;
use crate::gate::message::templates::Changed;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct ApproveAdd;

impl Operation for ApproveAdd {
    type Body = pb::DeviceApproveAddRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.DeviceService/ApproveAdd";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for ApproveAdd {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let addition_id = AdditionId(id16(&call.body.addition_id, "addition_id")?);
        if call.body.number > 9_999 {
            return Err(Rejection::malformed("number", "0 to 9999, as the new phone shows it"));
        }
        // One that is gone is decided about like any other: it may be gone by this very call, sent before.
        let label = tools.addition(addition_id, account_id).await?.unwrap_or_default();
        let device_id = DeviceId(tools.random_id());
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let messages = tools.change_messages(account_id, &opened.document, Changed::DeviceAdded).await?;
        opened.document.devices.push(DeviceLabel { device_id: device_id.0.to_vec(), label });
        Ok(DeviceAction::ApproveAddition {
            addition_id,
            number: i64::from(call.body.number),
            device_id,
            document: tools.reseal(account_id, &opened),
            messages,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::DeviceApproveAddReply, Rejection> {
    let Outcome::DeviceAdded { device_id, .. } = gate.change::<ApproveAdd>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::DeviceApproveAddReply { device_id: device_id.0.to_vec() })
}
