//! TopUpService/TopUp: records the wish, waits a little for the provider, answers where it is.

use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;

use super::get_top_up::status;
use crate::domain::command::DeviceAction;
use crate::domain::id::{FundingId, TopUpId};
use crate::domain::journal::Kind;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{TopUp as TopUpRow, TopUpState};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, currency, id16};

/// So long the provider's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// So often the row itself is looked at: another process may have asked its provider.
const LOOK: Duration = Duration::from_millis(500);

/// Rows after which a top-up is somewhere else.
fn answers(kind: Kind) -> bool {
    matches!(kind, Kind::SettleTopUp | Kind::AwaitTopUp | Kind::TakeBackTopUp)
}

pub struct TopUp;

impl Operation for TopUp {
    type Body = pb::TopUpRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.TopUpService/TopUp";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyIn;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for TopUp {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        Ok(DeviceAction::RequestTopUp {
            top_up_id: TopUpId(tools.new_id()),
            funding_id: FundingId(id16(&call.body.funding_id, "funding_id")?),
            amount: amount(call.body.amount_minor)?,
            currency: currency(call.body.currency.clone())?,
        })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::TopUpReply, Rejection> {
    let mut tail = gate.tail();
    let Outcome::TopUpRequested { top_up_id, .. } = gate.change::<TopUp>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    let settled = async {
        loop {
            let row = gate.row_of::<TopUpRow>((top_up_id,)).await?.ok_or(Rejection::Internal)?;
            if !matches!(row.state, TopUpState::Requested | TopUpState::Unknown) {
                return Ok(row);
            }
            loop {
                match tokio::time::timeout(LOOK, tail.recv()).await {
                    Ok(Ok(batch)) if batch.iter().any(|row| answers(row.kind)) => break,
                    Ok(Ok(_)) => {}
                    Err(_) | Ok(Err(RecvError::Lagged(_))) => break,
                    Ok(Err(RecvError::Closed)) => return Err(Rejection::Unavailable),
                }
            }
        }
    };
    let row = match tokio::time::timeout(PATIENCE, settled).await {
        Ok(settled) => settled?,
        Err(_) => gate.row_of::<TopUpRow>((top_up_id,)).await?.ok_or(Rejection::Internal)?,
    };
    Ok(pb::TopUpReply { top_up: Some(status(gate.tools(), &row)?) })
}
