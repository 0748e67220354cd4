//! PaymentService/Watch: what tills ask the customer for, as they ask it. A stream, so that his phone shows
//! the question while he stands at the till.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::unfold;
use tonic::{Response, Status};

use crate::domain::rows::Payment;
use crate::door::Watched;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::gate::watch::Watching;
use crate::pb;
use crate::rpc::payment::status_of;
use crate::rpc::status;
use crate::store::query::{Fetched, Query, Scan};

pub struct Watch;

/// What is sent to a watcher.
pub type Replies = Pin<Box<dyn futures_util::Stream<Item = Result<pb::WatchPaymentsReply, Status>> + Send>>;

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

fn reply(fetched: &Fetched) -> pb::WatchPaymentsReply {
    pb::WatchPaymentsReply { payments: fetched.scanned::<Payment>().map(status_of).collect() }
}

/// What is told next: only what differs from what was told last.
async fn next(
    told: &pb::WatchPaymentsReply,
    watching: &mut Watching,
) -> Result<Option<pb::WatchPaymentsReply>, Rejection> {
    while let Some(fetched) = watching.next().await? {
        let news = reply(&fetched);
        if news != *told {
            return Ok(Some(news));
        }
    }
    Ok(None)
}

pub async fn call(
    gate: &Arc<Gate>,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<Response<Replies>, Status> {
    let (fetched, watching) = gate.watch::<Watch>(&envelope, peer).await.map_err(|no| status::of(&no))?;
    let first = reply(&fetched);
    let stream = unfold((Some(first), None, Some(watching)), |(first, told, watching)| async move {
        if let Some(first) = first {
            return Some((Ok(first.clone()), (None, Some(first), watching)));
        }
        let (told, mut watching) = (told?, watching?);
        match next(&told, &mut watching).await {
            Ok(Some(news)) => Some((Ok(news.clone()), (None, Some(news), Some(watching)))),
            Ok(None) => None,
            Err(no) => Some((Err(status::of(&no)), (None, None, None))),
        }
    });
    let mut response = Response::new(Box::pin(stream) as Replies);
    response.extensions_mut().insert(Watched);
    Ok(response)
}
