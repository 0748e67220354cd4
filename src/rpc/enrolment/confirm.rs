//! EnrolmentService/Confirm: the code and a passphrase make the account, and bind the device.

use std::net::IpAddr;

use super::ISSUER;
use crate::crypto::codes;
use crate::crypto::totp::TotpSecret;
use crate::domain::command::CandidateAction;
use crate::domain::id::{AccountId, ContactIndex, DeviceId, EnrolmentId, LedgerAccountId};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::factor::Channel;
use crate::domain::rows::Enrolment;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::document::{ConfirmedContact, DeviceLabel, PersonalDocument};
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::recovery;
use crate::gate::rejection::Rejection;
use crate::gate::tools::{KEK_VERSION, Tools};
use crate::pb;
use crate::rpc::convert;
use crate::rpc::convert::{NAME, id16, readable, time};

pub struct Confirm;

impl Operation for Confirm {
    type Body = pb::EnrolmentConfirmRequest;
    type Private = pb::EnrolmentConfirmPrivate;
    const METHOD: &'static str = "/saifu.v1.EnrolmentService/Confirm";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Enrolment;
    const CODES: Codes = Codes::Contact;
    const SECRET_REPLY: bool = true;
}

/// The personal part of a new account.
struct Newcomer {
    channel: Channel,
    document: Vec<u8>,
    data_key: Vec<u8>,
    secret: Vec<u8>,
}

impl CandidateChange for Confirm {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let enrolment_id = EnrolmentId(id16(&call.body.enrolment_id, "enrolment_id")?);
        let code = call.code.as_ref().ok_or(Rejection::Internal)?;
        readable(&call.private.device_label, &NAME, "private.device_label")?;

        // An enrolment of another key is none: no passphrase is hashed for it.
        let enrolment = tools.enrolment(enrolment_id).await?.filter(|row| row.key_id == call.signed.key_id);
        let expected =
            enrolment.as_ref().and_then(|row| row.code_tag.as_slice().try_into().ok()).unwrap_or([0; 32]);
        let proof = codes::contact_code_proof(&tools.keys.code, &enrolment_id.0, code, &expected, 1);
        let account_id = AccountId(tools.random_id());
        let device_id = DeviceId(tools.random_id());
        let newcomer = match &enrolment {
            Some(enrolment) => newcomer(call, tools, enrolment, account_id, device_id).await?,
            None => Newcomer {
                channel: Channel::Email,
                document: Vec::new(),
                data_key: Vec::new(),
                secret: Vec::new(),
            },
        };
        Ok(CandidateAction::ConfirmEnrolment {
            enrolment_id,
            contact_index: enrolment.map_or(ContactIndex([0; 32]), |row| row.contact_index),
            channel: newcomer.channel,
            proof,
            account_id,
            device_id,
            ledger_account_id: LedgerAccountId(tools.random_id()),
            document: newcomer.document,
            data_key: newcomer.data_key,
            kek_version: KEK_VERSION,
            secret: newcomer.secret,
        })
    }
}

async fn newcomer(
    call: &Admitted<Confirm>,
    tools: &Tools,
    enrolment: &Enrolment,
    account_id: AccountId,
    device_id: DeviceId,
) -> Result<Newcomer, Rejection> {
    let contact = tools.open_contact(enrolment)?;
    let passphrase = tools.new_passphrase(&call.private.passphrase, Some(&contact.destination)).await?;
    let totp = TotpSecret::generate(tools.entropy.as_ref());
    let uri = totp.uri(ISSUER, &contact.destination);
    let document = PersonalDocument {
        contacts: vec![ConfirmedContact {
            channel: contact.channel.clone(),
            address: contact.destination.clone(),
            confirmed_at_us: tools.clock.now_us(),
            removed_at_us: 0,
        }],
        passphrase,
        totp_secret: totp.bytes().to_vec(),
        recovery_code_tag: Vec::new(),
        devices: vec![DeviceLabel {
            device_id: device_id.0.to_vec(),
            label: call.private.device_label.clone(),
        }],
        funding: Vec::new(),
        pending_totp_secret: Vec::new(),
    };
    let channel = document.contacts.first().and_then(recovery::channel_of).ok_or(Rejection::Internal)?;
    let (document, data_key) = tools.seal_new(account_id, &document);
    Ok(Newcomer { channel, document, data_key, secret: tools.seal_secret(call, &uri) })
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::EnrolmentConfirmReply, Rejection> {
    let done = gate.candidate::<Confirm>(&envelope, peer).await?;
    let Outcome::Enrolled { account_id, device_id, activate_by, .. } = done.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::EnrolmentConfirmReply {
        account_id: account_id.0.to_vec(),
        device_id: device_id.0.to_vec(),
        epoch: 1,
        totp_uri: Some(convert::secret(done.secret)),
        activate_by: Some(time(activate_by)),
    })
}
