//! SecurityService/ReplaceSavedCode: a new saved code; the old one is dead.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::message::templates::Changed;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert;

pub struct ReplaceSavedCode;

impl Operation for ReplaceSavedCode {
    type Body = pb::ReplaceSavedCodeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/ReplaceSavedCode";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = true;
}

impl Change for ReplaceSavedCode {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let messages = tools.change_messages(account_id, &opened.document, Changed::SavedCode).await?;
        let code = codes::recovery_code(tools.entropy.as_ref());
        let tag = codes::recovery_code_tag(&tools.keys.code, &account_id.0, &code);
        opened.document.recovery_code_tag = tag.to_vec();
        Ok(DeviceAction::ReplaceSavedCode {
            document: tools.reseal(account_id, &opened),
            secret: tools.seal_secret(call, &code),
            messages,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ReplaceSavedCodeReply, Rejection> {
    let done = gate.change::<ReplaceSavedCode>(&envelope, peer).await?;
    let Outcome::FactorChanged = done.outcome else { return Err(Rejection::Internal) };
    Ok(pb::ReplaceSavedCodeReply { recovery_code: Some(convert::secret(done.secret)) })
}
