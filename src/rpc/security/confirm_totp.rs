//! SecurityService/ConfirmTotp: a code of the new authenticator puts it in the old one's place.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::message::templates::Changed;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct ConfirmTotp;

impl Operation for ConfirmTotp {
    type Body = pb::ConfirmTotpRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/ConfirmTotp";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::NewTotp;
    const SECRET_REPLY: bool = false;
}

impl Change for ConfirmTotp {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let messages = tools.change_messages(account_id, &opened.document, Changed::Totp).await?;
        let pending = std::mem::take(&mut opened.document.pending_totp_secret);
        if pending.is_empty() {
            return Ok(DeviceAction::ConfirmTotp { document: None, messages });
        }
        opened.document.totp_secret = pending;
        Ok(DeviceAction::ConfirmTotp { document: Some(tools.reseal(account_id, &opened)), messages })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ConfirmTotpReply, Rejection> {
    let Outcome::FactorChanged = gate.change::<ConfirmTotp>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ConfirmTotpReply {})
}
