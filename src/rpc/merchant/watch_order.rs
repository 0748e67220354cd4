//! MerchantService/WatchOrder: what becomes of an order, as it comes.

use std::net::IpAddr;
use std::sync::Arc;

use tonic::{Response, Status};

use crate::domain::rows::Payment;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::hub::Topic;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::gate::watch::WatchedRead;
use crate::pb;
use crate::rpc::convert::order_id;
use crate::rpc::pos::order;
use crate::rpc::watched::{Replies, answer};
use crate::store::query::{Fetched, Query};

pub struct WatchOrder;

impl Operation for WatchOrder {
    type Body = pb::WatchOrderRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/WatchOrder";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for WatchOrder {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        Ok(order::query(call.merchant()?, order_id(&call.body.order_id)?))
    }
}

impl WatchedRead for WatchOrder {
    fn topic(call: &Admitted<Self>) -> Result<Topic, Rejection> {
        Ok(Topic::Order(call.merchant()?, order_id(&call.body.order_id)?))
    }
}

fn tell(
    call: &Admitted<WatchOrder>,
    fetched: &Fetched,
    gate: &Gate,
) -> Result<pb::WatchOrderReply, Rejection> {
    call.merchant()?;
    let slot = order::own(fetched, None)?;
    let order = order::told(slot, fetched.scanned::<Payment>().next(), None, gate);
    Ok(pb::WatchOrderReply { order: Some(order) })
}

pub async fn call(
    gate: &Arc<Gate>,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<Response<Replies<pb::WatchOrderReply>>, Status> {
    answer::<WatchOrder, _>(gate, envelope, peer, tell).await
}
