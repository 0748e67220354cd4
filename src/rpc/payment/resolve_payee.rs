//! PaymentService/ResolvePayee: the registered name behind a scanned code.

use std::net::IpAddr;

use crate::domain::id::StoreId;
use crate::domain::money::Asset;
use crate::domain::rows::{Merchant, RowKey, Store};
use crate::emvco;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::store::query::Query;

pub struct ResolvePayee;

impl Operation for ResolvePayee {
    type Body = pb::ResolvePayeeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/ResolvePayee";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn scanned(body: &pb::ResolvePayeeRequest) -> Result<emvco::MerchantCode, Rejection> {
    emvco::parse(&body.scanned).map_err(|_| Rejection::NotAPaymentCode)
}

impl Read for ResolvePayee {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        Ok(Query::row(RowKey::Store(StoreId(scanned(&call.body)?.store_id))))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ResolvePayeeReply, Rejection> {
    let (call, fetched) = gate.read::<ResolvePayee>(&envelope, peer).await?;
    let code = scanned(&call.body)?;
    let store = fetched.get::<Store>().ok_or(Rejection::NotFound)?;
    let merchant = gate.row_of::<Merchant>((store.merchant_id,)).await?.ok_or(Rejection::NotFound)?;
    Ok(pb::ResolvePayeeReply {
        store_id: store.store_id.0.to_vec(),
        payee_name: store.name.clone(),
        open: store.takes_part() && merchant.takes_part(),
        currency: Asset::PrepaidJpy.code().into(),
        amount_minor: code.amount_minor.unwrap_or(0),
        order_id: code.order_id.unwrap_or_default(),
    })
}
