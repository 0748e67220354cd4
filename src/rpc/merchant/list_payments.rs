//! MerchantService/ListPayments: the merchant's own, newest first.

use std::net::IpAddr;

use crate::domain::id::{PaymentId, StoreId};
use crate::domain::payment::{STATES, State};
use crate::domain::rows::Payment;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, moment, order_id, page_size};
use crate::rpc::page::Page;
use crate::rpc::payment::state as told;
use crate::store::query::{MerchantScan, PaymentScan, Query, Scan};

pub struct ListPayments;

impl Operation for ListPayments {
    type Body = pb::ListPaymentsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListPayments";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// The list, of this caller and to this question.
fn page<'a>(call: &Admitted<ListPayments>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question = pb::ListPaymentsRequest { page_size: 0, page_token: Vec::new(), ..call.body.clone() };
    Ok(Page::of(&tools.keys.page, "payments", call.merchant()?, &question))
}

impl Read for ListPayments {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let body = &call.body;
        let before = page(call, tools)?.place::<24>(&body.page_token)?.map(|place| {
            let at = place[..8].try_into().map_or(0, i64::from_be_bytes);
            (Timestamp(at), PaymentId(place[8..].try_into().unwrap_or([0; 16])))
        });
        Ok(Query::scan(Scan::Merchant(MerchantScan::Payments(PaymentScan {
            merchant_id: call.merchant()?,
            from: moment(body.from.as_ref(), "from")?.unwrap_or(Timestamp(0)),
            until: moment(body.until.as_ref(), "until")?.unwrap_or(Timestamp(i64::MAX)),
            store_id: match body.store_id.as_slice() {
                [] => None,
                bytes => Some(StoreId(id16(bytes, "store_id")?)),
            },
            state: state(body.state)?,
            order_id: match body.order_id.as_str() {
                "" => None,
                id => Some(order_id(id)?),
            },
            before,
            limit: page_size(body.page_size)? + 1,
        }))))
    }
}

fn state(number: i32) -> Result<Option<State>, Rejection> {
    if number == i32::from(pb::PaymentState::Unspecified) {
        return Ok(None);
    }
    let wanted = STATES.into_iter().find(|state| i32::from(told(*state)) == number);
    wanted.map(Some).ok_or(Rejection::malformed("state", "one of PaymentState"))
}

fn place(row: &Payment) -> Vec<u8> {
    [&row.created_at.0.to_be_bytes()[..], &row.payment_id.0].concat()
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListPaymentsReply, Rejection> {
    let (call, fetched) = gate.read::<ListPayments>(&envelope, peer).await?;
    let rows: Vec<&Payment> = fetched.scanned().collect();
    let (rows, next_page_token) =
        page(&call, gate.tools())?.cut(&rows, call.body.page_size, |row| place(row))?;
    Ok(pb::ListPaymentsReply {
        payments: rows.iter().map(|row| super::payment(row)).collect(),
        next_page_token,
    })
}
