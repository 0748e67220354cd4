//! RecoveryService/Complete: this key is the one device, with a new authenticator and a new passphrase.

use std::net::IpAddr;

use crate::crypto::totp::TotpSecret;
use crate::domain::command::{CandidateAction, CaseAction, CaseRef, Completion};
use crate::domain::id::{AccountId, DeviceId};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::Told;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::document::DeviceLabel;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::recovery::OpenCase;
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert;
use crate::rpc::convert::{NAME, readable};
use crate::rpc::enrolment::ISSUER;

pub struct Complete;

impl Operation for Complete {
    type Body = pb::RecoveryCompleteRequest;
    type Private = pb::RecoveryCompletePrivate;
    const METHOD: &'static str = "/saifu.v1.RecoveryService/Complete";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = true;
}

impl CandidateChange for Complete {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let open = super::own_case(&call.body.case_id, call.signed.key_id, tools).await?;
        let label = readable(&call.private.device_label, &NAME, "private.device_label")?;
        let notices = tools.notices(&open, &[Told::Completed])?;
        let completion = completion(call, tools, open, label).await?;
        Ok(CandidateAction::Recovery {
            case: completion.1,
            action: CaseAction::Complete(Box::new(completion.0)),
            notices,
        })
    }
}

/// The account's next document: contacts and cards stay, everything that proves is new.
async fn completion(
    call: &Admitted<Complete>,
    tools: &Tools,
    mut open: OpenCase,
    label: &str,
) -> Result<(Completion, CaseRef), Rejection> {
    let passphrase = tools.new_passphrase(&call.private.passphrase, None).await?;
    let totp = TotpSecret::generate(tools.entropy.as_ref());
    let device_id = DeviceId(tools.random_id());
    let document = &mut open.opened.document;
    let name = document.contacts.first().map_or("saifu", |contact| contact.address.as_str());
    let uri = totp.uri(ISSUER, name);
    document.passphrase = passphrase;
    document.totp_secret = totp.bytes().to_vec();
    document.pending_totp_secret = Vec::new();
    document.recovery_code_tag = Vec::new();
    document.devices.push(DeviceLabel { device_id: device_id.0.to_vec(), label: label.to_owned() });
    let completion = Completion {
        document: tools.reseal(AccountId(open.case.target_id.0), &open.opened),
        device_id,
        devices: open.devices.iter().map(|device| device.device_id).collect(),
        secret: tools.seal_secret(call, &uri),
    };
    Ok((completion, open.case))
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryCompleteReply, Rejection> {
    let done = gate.candidate::<Complete>(&envelope, peer).await?;
    let Outcome::Recovered { step, device_id, epoch, .. } = done.outcome else {
        return Err(Rejection::Internal);
    };
    let account_id = step.account.map_or(Vec::new(), |account| account.account_id.0.to_vec());
    Ok(pb::RecoveryCompleteReply {
        account_id,
        device_id: device_id.0.to_vec(),
        epoch: u64::try_from(epoch).map_err(|_| Rejection::Internal)?,
        totp_uri: Some(convert::secret(done.secret)),
    })
}
