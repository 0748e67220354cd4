//! AdminService/Approve: another operator signs the hash of what he read, and it takes effect.

use std::net::IpAddr;

use crate::crypto::hash::sha256;
use crate::domain::command::OperatorAction;
use crate::domain::id::ProposalId;
use crate::domain::outcome::{HaltOutcome, KeyOutcome, Outcome, SettlementOutcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;
use prost::Message as _;

pub struct Approve;

impl Operation for Approve {
    type Body = pb::ApproveRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/Approve";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Approve {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<OperatorAction, Rejection> {
        let proposal_id = ProposalId(id16(&call.body.proposal_id, "proposal_id")?);
        let payload_sha256 = call.body.payload_sha256.as_slice().try_into();
        let payload_sha256 =
            payload_sha256.map_err(|_| Rejection::malformed("payload_sha256", "32 bytes"))?;
        let proposal = tools.proposal(proposal_id).await?.ok_or(Rejection::NotFound)?;
        // Of the very bytes that are read here: whoever changes them in the database changes this.
        let read_sha256 = sha256(&[&proposal.payload]);
        let proposed =
            pb::ProposeRequest::decode(proposal.payload.as_slice()).map_err(|_| Rejection::Internal)?;
        let approved = Box::new(super::approved(&proposed, tools).await?);
        Ok(OperatorAction::Approve { proposal_id, payload_sha256, read_sha256, approved })
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "an approval comes to these alone")]
pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::ApproveReply, Rejection> {
    let none = pb::ApproveReply::default();
    Ok(match gate.change::<Approve>(&envelope, peer).await?.outcome {
        Outcome::MerchantApproved { merchant_id, store_id, .. }
        | Outcome::StoreApproved { merchant_id, store_id, .. } => {
            pb::ApproveReply { merchant_id: merchant_id.0.to_vec(), store_id: store_id.0.to_vec(), ..none }
        }
        Outcome::OperatorApproved { operator_id, .. }
        | Outcome::Keys(
            KeyOutcome::OperatorRevoked { operator_id, .. } | KeyOutcome::OperatorKeySet { operator_id, .. },
        ) => pb::ApproveReply { operator_id: operator_id.0.to_vec(), ..none },
        Outcome::CashAllowed { store_id, .. } => pb::ApproveReply { store_id: store_id.0.to_vec(), ..none },
        Outcome::MerchantResumed { merchant_id, .. }
        | Outcome::Keys(
            KeyOutcome::MerchantKeyRevoked { merchant_id, .. }
            | KeyOutcome::MerchantKeySet { merchant_id, .. },
        )
        | Outcome::Settlement(SettlementOutcome::FeeSet { merchant_id, .. }) => {
            pb::ApproveReply { merchant_id: merchant_id.0.to_vec(), ..none }
        }
        Outcome::Keys(KeyOutcome::BarLifted { .. })
        | Outcome::RecoveryStepped(_)
        | Outcome::Halt(HaltOutcome::Resumed { .. })
        | Outcome::Settlement(SettlementOutcome::PayoutsClosed { .. }) => none,
        _ => return Err(Rejection::Internal),
    })
}
