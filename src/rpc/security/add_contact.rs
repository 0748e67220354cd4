//! SecurityService/AddContact: a code to a new contact, which has no effect until it is confirmed.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::ContactDraft;
use crate::domain::command::DeviceAction;
use crate::domain::id::{ContactIndex, PendingContactId};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::factor::Channel;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::message::templates;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::pb::add_contact_private::Contact as Given;
use crate::rpc::convert::{email, phone, time};

pub struct AddContact;

impl Operation for AddContact {
    type Body = pb::AddContactRequest;
    type Private = pb::AddContactPrivate;
    const METHOD: &'static str = "/saifu.v1.SecurityService/AddContact";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for AddContact {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let contact = match &call.private.contact {
            Some(Given::Email(address)) => email(address, "private.email")?,
            Some(Given::Phone(number)) => phone(number, "private.phone")?,
            None => {
                return Err(Rejection::malformed("private.contact", "an e-mail address or a phone number"));
            }
        };
        let channel = if contact.kind() == "email" { Channel::Email } else { Channel::Sms };
        let pending_contact_id = PendingContactId(tools.random_id());
        let code = codes::contact_code(tools.entropy.as_ref());
        Ok(DeviceAction::AddContact {
            pending_contact_id,
            contact: ContactDraft {
                contact_index: ContactIndex(tools.keys.index.index(&contact)),
                channel,
                sealed: tools.seal("pending-contact", &pending_contact_id.0, contact.address().as_bytes()),
                code_tag: codes::contact_code_tag(&tools.keys.code, &pending_contact_id.0, &code),
                code_message: tools.draft(channel, contact.address(), &templates::contact_code(&code)),
                taken_message: tools.draft(channel, contact.address(), &templates::contact_taken()),
            },
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::AddContactReply, Rejection> {
    let Outcome::ContactBegun { pending_contact_id, expires_at } =
        gate.change::<AddContact>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::AddContactReply {
        pending_contact_id: pending_contact_id.0.to_vec(),
        expires_at: Some(time(expires_at)),
    })
}
