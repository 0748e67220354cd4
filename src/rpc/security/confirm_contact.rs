//! SecurityService/ConfirmContact: the new contact's code makes it the account's.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::DeviceAction;
use crate::domain::id::{ContactIndex, PendingContactId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::document::ConfirmedContact;
use crate::gate::message::templates::Changed;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct ConfirmContact;

impl Operation for ConfirmContact {
    type Body = pb::ConfirmContactRequest;
    type Private = pb::ConfirmContactPrivate;
    const METHOD: &'static str = "/saifu.v1.SecurityService/ConfirmContact";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for ConfirmContact {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let code = &call.private.contact_code;
        if !codes::is_contact_code(code) {
            return Err(Rejection::malformed("private.contact_code", "eight ASCII digits"));
        }
        let pending_contact_id = PendingContactId(id16(&call.body.pending_contact_id, "pending_contact_id")?);
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let Some(pending) = tools.pending_contact(pending_contact_id, account_id).await? else {
            // Decided about like any other: it may be gone by this very call, sent before.
            return Ok(DeviceAction::ConfirmContact {
                pending_contact_id,
                contact_index: ContactIndex([0; 32]),
                proof: codes::contact_code_proof(&tools.keys.code, &pending_contact_id.0, code, &[0; 32], 1),
                document: tools.reseal(account_id, &opened),
                messages: Vec::new(),
            });
        };
        let expected = pending.code_tag.as_slice().try_into().unwrap_or([0; 32]);
        let proof = codes::contact_code_proof(&tools.keys.code, &pending_contact_id.0, code, &expected, 1);
        let document = &mut opened.document;
        document.contacts.retain(|contact| contact.address != pending.address);
        document.contacts.push(ConfirmedContact {
            channel: pending.channel.name().into(),
            address: pending.address,
            confirmed_at_us: tools.clock.now_us(),
            removed_at_us: 0,
        });
        let messages = tools.change_messages(account_id, &opened.document, Changed::ContactAdded).await?;
        Ok(DeviceAction::ConfirmContact {
            pending_contact_id,
            contact_index: pending.contact_index,
            proof,
            document: tools.reseal(account_id, &opened),
            messages,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ConfirmContactReply, Rejection> {
    let Outcome::ContactConfirmed { contact_index } =
        gate.change::<ConfirmContact>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ConfirmContactReply { contact_id: contact_index.0[..16].to_vec() })
}
