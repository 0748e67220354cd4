//! SandboxService/ReadMessages: the messages that went to an address.

use std::net::IpAddr;

use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, SandboxCall};
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::rpc::Sandbox;
use crate::rpc::convert::time;

pub struct ReadMessages;

impl Operation for ReadMessages {
    type Body = pb::ReadMessagesRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SandboxService/ReadMessages";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Sandbox;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl SandboxCall for ReadMessages {}

pub async fn call(
    gate: &Gate,
    sandbox: &Sandbox,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ReadMessagesReply, Rejection> {
    let call = gate.sandbox::<ReadMessages>(&envelope, peer).await?;
    let kept = sandbox.folder.read(&call.body.destination).map_err(|error| {
        tracing::error!(%error, "the message folder cannot be read");
        Rejection::Unavailable
    })?;
    let messages = kept.into_iter().map(|kept| pb::SandboxMessage {
        at: Some(time(Timestamp(kept.at_us))),
        channel: kept.channel,
        text: kept.text,
    });
    Ok(pb::ReadMessagesReply { messages: messages.collect() })
}
