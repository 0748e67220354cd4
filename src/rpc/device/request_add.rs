//! DeviceService/RequestAdd: a new phone asks to join. Nothing in the reply, its size or its work depends
//! on whether there is an account.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::CandidateAction;
use crate::domain::id::{AdditionId, ContactIndex};
use crate::domain::outcome::Outcome;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::pb::device_request_add_private::Locator;
use crate::rpc::convert::{device_model, email, phone, time};

pub struct RequestAdd;

impl Operation for RequestAdd {
    type Body = pb::DeviceRequestAddRequest;
    type Private = pb::DeviceRequestAddPrivate;
    const METHOD: &'static str = "/saifu.v1.DeviceService/RequestAdd";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for RequestAdd {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let contact = match &call.private.locator {
            Some(Locator::Email(address)) => email(address, "private.email")?,
            Some(Locator::Phone(number)) => phone(number, "private.phone")?,
            None => {
                return Err(Rejection::malformed("private.locator", "an e-mail address or a phone number"));
            }
        };
        let device_model = device_model(&call.private.device_model)?;
        let index = tools.keys.index.index(&contact);
        if !tools.is_finished(&call.signed).await? {
            let now = Timestamp(tools.clock.now_us());
            stranger.recovery_target(&index, now).await?;
            stranger.joining(&index, now).await?;
        }
        let addition_id = AdditionId(tools.random_id());
        Ok(CandidateAction::RequestAddition {
            addition_id,
            contact_index: ContactIndex(index),
            number: codes::addition_number(tools.entropy.as_ref()),
            sealed: tools.seal("device-addition", &addition_id.0, device_model.as_bytes()),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::DeviceRequestAddReply, Rejection> {
    let Outcome::AdditionAsked { addition_id, number, expires_at } =
        gate.candidate::<RequestAdd>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::DeviceRequestAddReply {
        addition_id: addition_id.0.to_vec(),
        number: u32::try_from(number).map_err(|_| Rejection::Internal)?,
        expires_at: Some(time(expires_at)),
    })
}
