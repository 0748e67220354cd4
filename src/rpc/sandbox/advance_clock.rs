//! SandboxService/AdvanceClock: moves the clock forward. It is no change of the store: a repeated
//! envelope is refused as a replayed read is.

use std::net::IpAddr;

use crate::domain::time::{SECOND_US, Timestamp};
use crate::gate::Gate;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, SandboxCall};
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::rpc::Sandbox;
use crate::rpc::convert::time;

pub struct AdvanceClock;

impl Operation for AdvanceClock {
    type Body = pb::AdvanceClockRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SandboxService/AdvanceClock";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Sandbox;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl SandboxCall for AdvanceClock {}

pub async fn call(
    gate: &Gate,
    sandbox: &Sandbox,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::AdvanceClockReply, Rejection> {
    let call = gate.sandbox::<AdvanceClock>(&envelope, peer).await?;
    let seconds = i64::from(call.body.seconds);
    if !(1..=31_536_000).contains(&seconds) {
        return Err(Rejection::malformed("seconds", "1 to 31,536,000"));
    }
    let now_us = sandbox.clock.advance_us(seconds * SECOND_US).map_err(|error| {
        tracing::error!(%error, "the sandbox clock was not moved");
        Rejection::Unavailable
    })?;
    Ok(pb::AdvanceClockReply { now: Some(time(Timestamp(now_us))) })
}
