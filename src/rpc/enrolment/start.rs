//! EnrolmentService/Start: a code to a contact. Nothing in the reply, its size or its work depends
//! on whether the contact is known.

use std::net::IpAddr;

use crate::contact::Contact;
use crate::crypto::codes;
use crate::domain::command::CandidateAction;
use crate::domain::id::{ContactIndex, EnrolmentId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::message::{Letter, enrolment_code, wallet_exists};
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::pb::enrolment_start_private::Contact as Given;
use crate::rpc::convert::{email, phone, time};

pub struct Start;

impl Operation for Start {
    type Body = pb::EnrolmentStartRequest;
    type Private = pb::EnrolmentStartPrivate;
    const METHOD: &'static str = "/saifu.v1.EnrolmentService/Start";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Enrolment;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn contact(private: &pb::EnrolmentStartPrivate) -> Result<Contact, Rejection> {
    match &private.contact {
        Some(Given::Email(address)) => email(address, "private.email"),
        Some(Given::Phone(number)) => phone(number, "private.phone"),
        None => Err(Rejection::malformed("private.contact", "an e-mail address or a phone number")),
    }
}

impl CandidateChange for Start {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let contact = contact(&call.private)?;
        let index = tools.keys.index.index(&contact);
        // A repetition sends no message, and must not use up those that the contact may get.
        if !tools.is_finished(&call.signed).await? {
            stranger.message(&contact, &index, crate::domain::time::Timestamp(tools.clock.now_us())).await?;
        }
        let enrolment_id = EnrolmentId(tools.random_id());
        let code = codes::contact_code(tools.entropy.as_ref());
        let letter = |text: &str| {
            tools.seal_letter(&Letter {
                channel: contact.kind().into(),
                destination: contact.address().into(),
                text: text.into(),
                subject: String::new(),
            })
        };
        Ok(CandidateAction::StartEnrolment {
            enrolment_id,
            contact_index: ContactIndex(index),
            sealed_contact: tools.seal_contact(enrolment_id, contact.kind(), contact.address()),
            code_tag: codes::contact_code_tag(&tools.keys.code, &enrolment_id.0, &code),
            code_message: letter(&enrolment_code(&code)),
            taken_message: letter(&wallet_exists()),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::EnrolmentStartReply, Rejection> {
    let done = gate.candidate::<Start>(&envelope, peer).await?;
    let Outcome::EnrolmentStarted { enrolment_id, expires_at } = done.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::EnrolmentStartReply { enrolment_id: enrolment_id.0.to_vec(), expires_at: Some(time(expires_at)) })
}
