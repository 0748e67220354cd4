//! EnrolmentService/Activate: the first code makes the account active.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert;

pub struct Activate;

impl Operation for Activate {
    type Body = pb::EnrolmentActivateRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.EnrolmentService/Activate";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = true;
}

impl Change for Activate {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let code = codes::recovery_code(tools.entropy.as_ref());
        let tag = codes::recovery_code_tag(&tools.keys.code, &account_id.0, &code);
        opened.document.recovery_code_tag = tag.to_vec();
        Ok(DeviceAction::Activate {
            document: tools.reseal(account_id, &opened),
            secret: tools.seal_secret(call, &code),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::EnrolmentActivateReply, Rejection> {
    let done = gate.change::<Activate>(&envelope, peer).await?;
    let Outcome::Activated = done.outcome else { return Err(Rejection::Internal) };
    Ok(pb::EnrolmentActivateReply { recovery_code: Some(convert::secret(done.secret)) })
}
