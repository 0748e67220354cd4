//! SecurityService/ChangePassphrase: another passphrase.

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

pub struct ChangePassphrase;

impl Operation for ChangePassphrase {
    type Body = pb::ChangePassphraseRequest;
    type Private = pb::ChangePassphrasePrivate;
    const METHOD: &'static str = "/saifu.v1.SecurityService/ChangePassphrase";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for ChangePassphrase {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let messages = tools.change_messages(account_id, &opened.document, Changed::Passphrase).await?;
        opened.document.passphrase = tools.new_passphrase(&call.private.passphrase, None).await?;
        Ok(DeviceAction::ChangePassphrase { document: tools.reseal(account_id, &opened), messages })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ChangePassphraseReply, Rejection> {
    let Outcome::FactorChanged = gate.change::<ChangePassphrase>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ChangePassphraseReply {})
}
