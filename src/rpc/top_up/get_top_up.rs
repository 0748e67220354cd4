//! TopUpService/GetTopUp.

use std::net::IpAddr;

use prost::Message as _;

use crate::domain::id::TopUpId;
use crate::domain::rows::{RowKey, TopUp, TopUpState};
use crate::funding::ClientAction;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, time};
use crate::store::query::Query;

pub struct GetTopUp;

impl Operation for GetTopUp {
    type Body = pb::GetTopUpRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.TopUpService/GetTopUp";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetTopUp {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        Ok(Query::row(RowKey::TopUp(TopUpId(id16(&call.body.top_up_id, "top_up_id")?))))
    }
}

/// A top-up as it stands.
pub(super) fn status(tools: &Tools, row: &TopUp) -> Result<pb::TopUpStatus, Rejection> {
    let state = match row.state {
        TopUpState::Requested => pb::TopUpState::Requested,
        TopUpState::Succeeded => pb::TopUpState::Succeeded,
        TopUpState::Failed => pb::TopUpState::Failed,
        TopUpState::RequiresAction => pb::TopUpState::RequiresAction,
        TopUpState::Unknown => pb::TopUpState::Unknown,
        TopUpState::Refunded => pb::TopUpState::Refunded,
        TopUpState::ChargedBack => pb::TopUpState::ChargedBack,
    };
    Ok(pb::TopUpStatus {
        top_up_id: row.top_up_id.0.to_vec(),
        state: state.into(),
        amount_minor: row.amount_minor,
        currency: row.asset.code().into(),
        requested_at: Some(time(row.requested_at)),
        action: row.sealed_action.as_deref().map(|sealed| action(tools, row, sealed)).transpose()?,
    })
}

/// What its owner has to do: told to nobody but his devices, which alone may ask for it.
fn action(tools: &Tools, row: &TopUp, sealed: &[u8]) -> Result<pb::ClientAction, Rejection> {
    let bytes = tools.unseal("top-up-action", &row.top_up_id.0, sealed)?;
    let action = ClientAction::decode(bytes.as_slice()).map_err(|_| Rejection::Internal)?;
    Ok(pb::ClientAction { kind: action.kind.clone(), value: action.value.clone() })
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::GetTopUpReply, Rejection> {
    let (call, fetched) = gate.read::<GetTopUp>(&envelope, peer).await?;
    let (account_id, _, _) = call.device()?;
    let own = fetched.get::<TopUp>().filter(|row| row.account_id == account_id).ok_or(Rejection::NotFound)?;
    Ok(pb::GetTopUpReply { top_up: Some(status(gate.tools(), own)?) })
}
