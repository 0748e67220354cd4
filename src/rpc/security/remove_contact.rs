//! SecurityService/RemoveContact: it is told of everything for 30 days more.

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
use crate::rpc::convert::id16;

pub struct RemoveContact;

impl Operation for RemoveContact {
    type Body = pb::RemoveContactRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/RemoveContact";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for RemoveContact {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let contact_id = id16(&call.body.contact_id, "contact_id")?;
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let now_us = tools.clock.now_us();
        let mut contact_index = None;
        for contact in &mut opened.document.contacts {
            let index = tools.index_of(contact);
            if contact.removed_at_us == 0 && index.is_some_and(|index| index.0[..16] == contact_id) {
                contact.removed_at_us = now_us;
                contact_index = index;
            }
        }
        let since_us = now_us - tools.policy.recovery.lately_us;
        opened
            .document
            .contacts
            .retain(|contact| contact.removed_at_us == 0 || contact.removed_at_us > since_us);
        let messages = tools.change_messages(account_id, &opened.document, Changed::ContactRemoved).await?;
        let document = tools.reseal(account_id, &opened);
        Ok(DeviceAction::RemoveContact { contact_index, document, messages })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RemoveContactReply, Rejection> {
    let Outcome::FactorChanged = gate.change::<RemoveContact>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RemoveContactReply {})
}
