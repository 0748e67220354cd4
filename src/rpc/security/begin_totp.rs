//! SecurityService/BeginTotp: a new authenticator beside the old one, which is good until the new one is
//! confirmed.

use std::net::IpAddr;

use crate::crypto::totp::TotpSecret;
use crate::domain::command::DeviceAction;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert;
use crate::rpc::enrolment::ISSUER;

pub struct BeginTotp;

impl Operation for BeginTotp {
    type Body = pb::BeginTotpRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/BeginTotp";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Security;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = true;
}

impl Change for BeginTotp {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let totp = TotpSecret::generate(tools.entropy.as_ref());
        let name = opened.document.contacts.first().map_or("saifu", |contact| contact.address.as_str());
        let uri = totp.uri(ISSUER, name);
        opened.document.pending_totp_secret = totp.bytes().to_vec();
        Ok(DeviceAction::BeginTotp {
            document: tools.reseal(account_id, &opened),
            secret: tools.seal_secret(call, &uri),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::BeginTotpReply, Rejection> {
    let done = gate.change::<BeginTotp>(&envelope, peer).await?;
    let Outcome::TotpBegun = done.outcome else { return Err(Rejection::Internal) };
    Ok(pb::BeginTotpReply { totp_uri: Some(convert::secret(done.secret)) })
}
