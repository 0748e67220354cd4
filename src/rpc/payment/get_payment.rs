//! PaymentService/GetPayment: one's own, or none.

use std::net::IpAddr;

use crate::domain::id::PaymentId;
use crate::domain::rows::{ClosingReason, Payment, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, time};
use crate::store::query::Query;

pub struct GetPayment;

impl Operation for GetPayment {
    type Body = pb::GetPaymentRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/GetPayment";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetPayment {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        Ok(Query::row(RowKey::Payment(PaymentId(id16(&call.body.payment_id, "payment_id")?))))
    }
}

/// A state's name follows from the amounts and the closing reason.
fn state(row: &Payment) -> pb::PaymentState {
    match row.closing_reason {
        Some(ClosingReason::Voided) => pb::PaymentState::Voided,
        Some(ClosingReason::Expired) => pb::PaymentState::Expired,
        Some(ClosingReason::Reversed) => pb::PaymentState::Reversed,
        Some(ClosingReason::Captured) if row.refunded_minor == 0 => pb::PaymentState::Captured,
        Some(ClosingReason::Captured) if row.refunded_minor < row.captured_minor => {
            pb::PaymentState::PartlyRefunded
        }
        Some(ClosingReason::Captured) => pb::PaymentState::Refunded,
        None => pb::PaymentState::Authorized,
    }
}

/// A payment as it is told: to its customer, and to its till.
pub fn status_of(row: &Payment) -> pb::PaymentStatus {
    pb::PaymentStatus {
        payment_id: row.payment_id.0.to_vec(),
        state: state(row).into(),
        store_id: row.store_id.0.to_vec(),
        payee_name: row.payee_name.clone(),
        currency: row.asset.code().into(),
        authorised_minor: row.authorised_minor,
        captured_minor: row.captured_minor,
        refunded_minor: row.refunded_minor,
        released_minor: row.released_minor,
        created_at: Some(time(row.created_at)),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::GetPaymentReply, Rejection> {
    let (call, fetched) = gate.read::<GetPayment>(&envelope, peer).await?;
    let (account_id, _, _) = call.device()?;
    let row =
        fetched.get::<Payment>().filter(|row| row.account_id == account_id).ok_or(Rejection::NotFound)?;
    Ok(pb::GetPaymentReply { payment: Some(status_of(row)) })
}
