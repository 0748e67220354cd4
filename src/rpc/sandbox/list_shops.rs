//! SandboxService/ListShops: the seed file's shops with their codes.

use std::net::IpAddr;

use crate::gate::Gate;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, SandboxCall};
use crate::gate::rejection::Rejection;
use crate::pb;
use crate::rpc::Sandbox;

pub struct ListShops;

impl Operation for ListShops {
    type Body = pb::ListShopsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SandboxService/ListShops";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Sandbox;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl SandboxCall for ListShops {}

pub async fn call(
    gate: &Gate,
    sandbox: &Sandbox,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListShopsReply, Rejection> {
    gate.sandbox::<ListShops>(&envelope, peer).await?;
    Ok(pb::ListShopsReply { shops: sandbox.shops.clone() })
}
