//! WalletService/GetBalance.

use std::net::IpAddr;

use crate::domain::rows::{Account, HaltReason};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::Query;

pub struct GetBalance;

impl Operation for GetBalance {
    type Body = pb::GetBalanceRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.WalletService/GetBalance";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetBalance {
    /// The caller's own row is read with every read.
    fn query(_call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        Ok(Query::default())
    }
}

fn halt_reason(reason: Option<HaltReason>) -> pb::HaltReason {
    match reason {
        None => pb::HaltReason::Unspecified,
        Some(HaltReason::ChargeBack) => pb::HaltReason::ChargeBack,
        Some(HaltReason::Operator) => pb::HaltReason::Operator,
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::GetBalanceReply, Rejection> {
    let (_, fetched) = gate.read::<GetBalance>(&envelope, peer).await?;
    let account = fetched.get::<Account>().ok_or(Rejection::Internal)?;
    Ok(pb::GetBalanceReply {
        currency: account.asset.code().into(),
        available_minor: account.available_minor(),
        held_minor: account.debits_pending_minor,
        incoming_minor: account.incoming_minor,
        frozen: account.frozen_at.is_some(),
        debt_minor: account.debt_minor,
        halted_at: account.halted_at.map(time),
        halt_reason: halt_reason(account.halt_reason).into(),
    })
}
