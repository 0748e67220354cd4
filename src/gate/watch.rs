//! A read that goes on: its envelope is checked once, its key and epoch with every look. A watcher's stream
//! ends when his key is no longer good, and after a while in any case.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::Gate;
use super::admitted::Admitted;
use super::hub::Waiting;
use super::operation::Read;
use super::rejection::Rejection;
use crate::domain::time::SECOND_US;
use crate::env::pause;
use crate::pb;
use crate::store::query::{Fetched, Query};

/// Looks again so often though there was no news: another process may have committed.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Then a watcher signs anew.
const LONGEST: Duration = Duration::from_mins(10);

/// Somebody who watches.
pub struct Watching {
    gate: Arc<Gate>,
    query: Query,
    waiting: Waiting,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Gate {
    /// Begins to watch what a device's read is about: what there is now, and who waits for more.
    pub async fn watch<O: Read>(
        self: &Arc<Self>,
        envelope: &pb::Envelope,
        peer: IpAddr,
    ) -> Result<(Fetched, Watching), Rejection> {
        let (call, _): (Admitted<O>, Fetched) = self.read::<O>(envelope, peer).await?;
        let (account_id, _, _) = call.device()?;
        let query = Query { caller: Some(call.reader()?), ..O::query(&call, self.tools())? };
        let waiting = self.hub().wait(account_id);
        let waiting = waiting.ok_or(Rejection::Throttled { retry_after_us: SECOND_US })?;
        // Read again: what was committed before this moment is in here, and what comes after it is news.
        let fetched = self.fetch(query.clone()).await?;
        if !fetched.caller_is_good {
            return Err(Rejection::Unauthenticated);
        }
        let over = Box::pin(pause(LONGEST));
        Ok((fetched, Watching { gate: Arc::clone(self), query, waiting, over }))
    }
}

impl Watching {
    /// What there is after the next news, or after a while; nothing when the time is over, or the server
    /// stops.
    pub async fn next(&mut self) -> Result<Option<Fetched>, Rejection> {
        tokio::select! {
            () = &mut self.over => return Ok(None),
            // Without news it looks all the same.
            news = timeout(LOOK_AGAIN, self.waiting.news()) => if news == Ok(false) { return Ok(None) },
        }
        let fetched = self.gate.fetch(self.query.clone()).await?;
        if fetched.caller_is_good { Ok(Some(fetched)) } else { Err(Rejection::Unauthenticated) }
    }
}
