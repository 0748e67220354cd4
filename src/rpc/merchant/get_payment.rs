//! MerchantService/GetPayment: the payment of an order, whichever till's it is.

use std::net::IpAddr;

use crate::domain::rows::Payment;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::store::query::{Query, Scan};

pub struct GetPayment;

impl Operation for GetPayment {
    type Body = pb::MerchantGetPaymentRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/GetPayment";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for GetPayment {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (merchant_id, order_id) = (call.merchant()?, order_id(&call.body.order_id)?);
        Ok(Query::scan(Scan::PaymentOfOrder { merchant_id, order_id }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::MerchantGetPaymentReply, Rejection> {
    let (_, fetched) = gate.read::<GetPayment>(&envelope, peer).await?;
    let payment = fetched.scanned::<Payment>().next().ok_or(Rejection::NotFound)?;
    Ok(pb::MerchantGetPaymentReply { payment: Some(super::payment(payment)) })
}
