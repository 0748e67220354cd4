//! A read that goes on: its envelope is checked once, its key and epoch with every look. A watcher's stream
//! ends when his key is no longer good, and after a while in any case.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Gate;
use super::admitted::{Admitted, Caller};
use super::hub::{Owner, Topic, Waiting};
use super::operation::Read;
use super::rejection::Rejection;
use crate::domain::time::SECOND_US;
use crate::env::pause;
use crate::pb;
use crate::store::query::{Fetched, Query};

/// Then a watcher signs anew.
const LONGEST: Duration = Duration::from_mins(10);

/// Somebody who watches.
pub struct Watching {
    gate: Arc<Gate>,
    query: Query,
    waiting: Waiting,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A read that can be watched: what there may be news of.
pub trait WatchedRead: Read {
    /// By the call.
    fn topic(call: &Admitted<Self>) -> Result<Topic, Rejection>;
}

/// On whose account a caller waits.
fn owner(caller: &Caller) -> Result<Owner, Rejection> {
    match caller {
        Caller::Device { account_id, .. } => Ok(Owner::Account(*account_id)),
        Caller::Terminal { terminal_id, .. } => Ok(Owner::Terminal(*terminal_id)),
        Caller::Merchant { merchant_id } => Ok(Owner::Merchant(*merchant_id)),
        Caller::Operator { .. } | Caller::Candidate(_) => Err(Rejection::PermissionDenied),
    }
}

impl Gate {
    /// Begins to watch what a read is about: what there is now, and who waits for more.
    pub async fn watch<O: WatchedRead>(
        self: &Arc<Self>,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<(Admitted<O>, Fetched, Watching), Rejection> {
        let (call, _): (Admitted<O>, Fetched) = self.read::<O>(envelope, peer).await?;
        let query = Query { caller: Some(call.reader()?), ..O::query(&call, self.tools())? };
        let waiting = self.hub().wait(O::topic(&call)?, owner(&call.caller)?);
        let waiting = waiting.ok_or(Rejection::Throttled { retry_after_us: SECOND_US })?;
        // Read again: what was committed before this moment is in here, and what comes after it is news.
        let fetched = self.admit(self.fetch(query.clone()).await?)?;
        let over = Box::pin(pause(LONGEST));
        Ok((call, fetched, Watching { gate: Arc::clone(self), query, waiting, over }))
    }
}

impl Watching {
    /// What there is after the next news, or after a while; nothing when the time is over, or the server
    /// stops.
    pub async fn next(&mut self) -> Result<Option<Fetched>, Rejection> {
        let awhile = self.gate.hub().look_again();
        tokio::select! {
            () = &mut self.over => return Ok(None),
            // Without news it looks all the same.
            news = timeout(awhile, self.waiting.news()) => if news == Ok(false) { return Ok(None) },
        }
        let fetched = self.gate.fetch(self.query.clone()).await?;
        self.gate.admit(fetched).map(Some)
    }
}
