//! TopUpService/UnlinkFunding.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::FundingId;
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct UnlinkFunding;

impl Operation for UnlinkFunding {
    type Body = pb::UnlinkFundingRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.TopUpService/UnlinkFunding";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyIn;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for UnlinkFunding {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let funding_id = FundingId(id16(&call.body.funding_id, "funding_id")?);
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        opened.document.funding.retain(|source| source.funding_id != funding_id.0);
        Ok(DeviceAction::UnlinkFunding { funding_id, document: tools.reseal(account_id, &opened) })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::UnlinkFundingReply, Rejection> {
    let Outcome::FundingUnlinked { .. } = gate.change::<UnlinkFunding>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::UnlinkFundingReply {})
}
