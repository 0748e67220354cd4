//! Around every call: a share of what may be under way, and a handler's panic that costs that call
//! alone.
//!
//! A call counts from its headers to the last byte of its answer, so what it can make the server hold
//! is bounded with it. There is no queue: past a bound it is refused at once. The bound per origin is
//! what keeps one origin's slow bodies from using up the bound on all.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Bytes, Service, http};
use tower::Layer;
use tracing::{Instrument as _, Span};

use crate::door::access::{Access, Methods};
use crate::door::activity::UnderWay;
use crate::door::peer::Arrival;
use crate::door::permits::{Full, Permit, Permits};

type Request = http::Request<Body>;
type Response = http::Response<Body>;

/// What the door itself answers instead of a handler.
#[derive(Clone, Debug)]
pub struct Refusals {
    /// As many calls are under way as there may be.
    pub busy: Status,
    /// The caller's origin has its share of them already.
    pub share_taken: Status,
    /// The handler panicked.
    pub panicked: Status,
}

/// Marks an answer that goes on until its caller or its time ends it. It counts among the watchers, and no
/// more as a call under way.
#[derive(Clone, Copy, Debug)]
pub struct Watched;

/// Puts [`Counted`] around the services of one door.
#[derive(Clone)]
pub(super) struct Counting {
    pub(super) permits: Arc<Permits>,
    pub(super) watchers: Arc<Permits>,
    pub(super) refusals: Arc<Refusals>,
    /// Nothing: no lines.
    pub(super) methods: Option<Methods>,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, counting: self.clone() }
    }
}

/// Services whose calls are counted.
#[derive(Clone)]
pub(super) struct Counted<S> {
    inner: S,
    counting: Counting,
}

impl<S> Service<Request> for Counted<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<Response, Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let access = self.counting.methods.as_ref();
        let access = access.map(|methods| Access::begin(methods, request.uri().path()));
        let refusals = Arc::clone(&self.counting.refusals);
        let watchers = Arc::clone(&self.counting.watchers);
        let Some(arrival) = request.extensions().get::<Arrival>().cloned() else {
            return refuse(access, &refusals.busy);
        };
        let under_way = arrival.activity.begin();
        let permit = match self.counting.permits.take(arrival.origin) {
            Ok(permit) => permit,
            Err(Full::All) => return refuse(access, &refusals.busy),
            Err(Full::Origin) => return refuse(access, &refusals.share_taken),
        };
        request.extensions_mut().insert(arrival.peer);
        let clone = self.inner.clone();
        // The one that was asked whether it is ready is the one that is called.
        let mut ready = std::mem::replace(&mut self.inner, clone);
        let span = access.as_ref().map_or_else(Span::none, Access::span);
        Box::pin(async move {
            let answered = AssertUnwindSafe(async move { ready.call(request).await }.instrument(span));
            let answered = answered.catch_unwind().await;
            let response = match answered {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    tracing::error!("a handler panicked");
                    refusals.panicked.clone().into_http()
                }
            };
            let (permit, under_way) = if response.extensions().get::<Watched>().is_none() {
                (permit, Some(under_way))
            } else {
                match watchers.take(arrival.origin) {
                    Ok(watcher) => (watcher, None),
                    Err(Full::All) => return Ok(turned_away(access, &refusals.busy)),
                    Err(Full::Origin) => return Ok(turned_away(access, &refusals.share_taken)),
                }
            };
            if let Some(access) = access {
                access.answered(&response);
            }
            Ok(response.map(|inner| Body::new(Answer { inner, _permit: permit, _under_way: under_way })))
        })
    }
}

fn refuse(access: Option<Access>, status: &Status) -> BoxFuture<Response, Infallible> {
    Box::pin(std::future::ready(Ok(turned_away(access, status))))
}

fn turned_away(access: Option<Access>, status: &Status) -> Response {
    if let Some(access) = access {
        access.turned_away(status);
    }
    status.clone().into_http()
}

/// An answer, and the room that its call takes up until it is on its way whole.
struct Answer {
    inner: Body,
    _permit: Permit,
    _under_way: Option<UnderWay>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
