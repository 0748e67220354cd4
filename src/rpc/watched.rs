//! A read that goes on, as a stream: what there is at once, and again whenever that is another.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::unfold;
use tonic::{Response, Status};

use super::status;
use crate::door::Watched;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::rejection::Rejection;
use crate::gate::watch::{WatchedRead, Watching};
use crate::pb;
use crate::store::query::Fetched;

/// What is sent to a watcher.
pub type Replies<R> = Pin<Box<dyn futures_util::Stream<Item = Result<R, Status>> + Send>>;

/// What is told of what was read; a refusal ends the stream.
pub type Tell<O, R> = fn(&Admitted<O>, &Fetched, &Gate) -> Result<R, Rejection>;

struct Stream<O: WatchedRead, R> {
    gate: Arc<Gate>,
    call: Admitted<O>,
    watching: Watching,
    tell: Tell<O, R>,
}

impl<O: WatchedRead, R: PartialEq> Stream<O, R> {
    /// What is told next: only what differs from what was told last.
    async fn next(&mut self, told: &R) -> Result<Option<R>, Rejection> {
        while let Some(fetched) = self.watching.next().await? {
            let news = (self.tell)(&self.call, &fetched, &self.gate)?;
            if news != *told {
                return Ok(Some(news));
            }
        }
        Ok(None)
    }
}

/// Where a stream is.
enum Turn<O: WatchedRead, R> {
    First(R, Box<Stream<O, R>>),
    Next(R, Box<Stream<O, R>>),
    Over,
}

/// Answers with a stream.
pub async fn answer<O, R>(
    gate: &Arc<Gate>,
    envelope: pb::Envelope,
    peer: IpAddr,
    tell: Tell<O, R>,
) -> Result<Response<Replies<R>>, Status>
where
    O: WatchedRead,
    R: Clone + PartialEq + Send + Sync + 'static,
{
    let (call, fetched, watching) = gate.watch::<O>(&envelope, peer).await.map_err(|no| status::of(&no))?;
    let first = tell(&call, &fetched, gate).map_err(|no| status::of(&no))?;
    let stream = Box::new(Stream { gate: Arc::clone(gate), call, watching, tell });
    let replies = unfold(Turn::First(first, stream), |turn| async move {
        let (told, mut stream) = match turn {
            Turn::First(first, stream) => return Some((Ok(first.clone()), Turn::Next(first, stream))),
            Turn::Next(told, stream) => (told, stream),
            Turn::Over => return None,
        };
        match stream.next(&told).await {
            Ok(Some(news)) => Some((Ok(news.clone()), Turn::Next(news, stream))),
            Ok(None) => None,
            Err(no) => Some((Err(status::of(&no)), Turn::Over)),
        }
    });
    let mut response = Response::new(Box::pin(replies) as Replies<R>);
    response.extensions_mut().insert(Watched);
    Ok(response)
}
