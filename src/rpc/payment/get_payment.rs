//! PaymentService/GetPayment: one's own, or none.

use std::net::IpAddr;

use crate::domain::id::PaymentId;
use crate::domain::rows::{Payment, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;
use crate::rpc::payment::status_of;
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
