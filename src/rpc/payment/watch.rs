//! PaymentService/Watch: what tills ask the customer for, as they ask it. A stream, so that his phone shows
//! the question while he stands at the till.

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
use crate::rpc::payment::status_of;
use crate::rpc::watched::{Replies, answer};
use crate::store::query::{Query, Scan};

pub struct Watch;

impl Operation for Watch {
    type Body = pb::WatchPaymentsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/Watch";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for Watch {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        Ok(Query::scan(Scan::AskedPayments(account_id)))
    }
}

impl WatchedRead for Watch {
    fn topic(call: &Admitted<Self>) -> Result<Topic, Rejection> {
        let (account_id, _, _) = call.device()?;
        Ok(Topic::Account(account_id))
    }
}

pub async fn call(
    gate: &Arc<Gate>,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<Response<Replies<pb::WatchPaymentsReply>>, Status> {
    answer::<Watch, _>(gate, envelope, peer, |_, fetched, _| {
        Ok(pb::WatchPaymentsReply { payments: fetched.scanned::<Payment>().map(status_of).collect() })
    })
    .await
}
