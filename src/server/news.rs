//! The listener of a provider's webhooks: HTTP/1.1, one small signed POST a connection, for whoever ends TLS
//! before it. What is verified and new makes its top-up due; what became of it, the provider is asked.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use super::StartError;
use crate::domain::command::Chore;
use crate::domain::rows::TopUp;
use crate::domain::time::SECOND_US;
use crate::funding::stripe::webhook::{News, Unsigned, WebhookSecret, news};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Query, Scan};

/// As many connections at a time.
const CONNECTIONS: usize = 64;
/// A connection lasts so long at the most, from its first byte to its answer.
const WITHIN: Duration = Duration::from_secs(10);
/// A webhook is so long at the most.
const BODY_BYTES: usize = 256 * 1024;
/// As many events are remembered, so that one that comes again asks nothing.
const REMEMBERED: usize = 1_024;
/// Waited for after an error that more than one connection would have.
const BACK_OFF: Duration = Duration::from_secs(1);

/// A listener that serves.
pub(super) struct NewsDoor {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

struct Desk {
    gate: Arc<Gate>,
    secret: WebhookSecret,
    heard: Mutex<VecDeque<String>>,
}

impl NewsDoor {
    /// Listens from now on.
    pub(super) async fn open(
        address: SocketAddr,
        secret: WebhookSecret,
        gate: &Arc<Gate>,
    ) -> Result<Self, StartError> {
        let failed = |error| StartError::News(address, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let desk = Arc::new(Desk { gate: Arc::clone(gate), secret, heard: Mutex::default() });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, desk, stopped));
        Ok(Self { address, stop, serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more connections, and ends those that stand.
    pub(super) async fn close(self) {
        drop(self.stop);
        if self.serving.await.is_err() {
            tracing::error!("the listener of webhooks ended by a panic");
        }
    }
}

async fn serve(listener: TcpListener, desk: Arc<Desk>, mut stopped: oneshot::Receiver<()>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => return,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    // Without room it is dropped: whoever sent it sends it again.
                    if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
                        let desk = Arc::clone(&desk);
                        connections.spawn(async move {
                            connection(tcp, &desk).await;
                            drop(permit);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no webhook can be accepted; trying again");
                    if timeout(BACK_OFF, &mut stopped).await.is_ok() {
                        return;
                    }
                }
            },
        }
    }
}

async fn connection(tcp: TcpStream, desk: &Desk) {
    let answer = service_fn(|request| async move {
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = desk.receive(request).await;
        Ok::<_, Infallible>(response)
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false).max_buf_size(16 * 1024);
    // What breaks off was not received, and comes again.
    drop(timeout(WITHIN, http.serve_connection(TokioIo::new(tcp), answer)).await);
}

/// The likeliest cause first: who set it up can mend it.
fn refused(why: Unsigned) -> &'static str {
    match why {
        Unsigned::Secret => {
            "a webhook is not signed with the secret in [funding.stripe] webhook_secret_file: put in the one \
             that Stripe shows for this very endpoint; if it is, somebody else than Stripe sends webhooks"
        }
        Unsigned::Time => {
            "a webhook is signed with the right secret, and not now by this machine's clock: look at the \
             clock, and at what holds webhooks up"
        }
        Unsigned::Header => "a webhook has no signature such as Stripe's",
    }
}

impl Desk {
    async fn receive(&self, request: Request<Incoming>) -> StatusCode {
        if request.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let signature = request.headers().get("stripe-signature").and_then(|value| value.to_str().ok());
        let Some(signature) = signature.map(str::to_owned) else { return StatusCode::BAD_REQUEST };
        let Ok(body) = Limited::new(request.into_body(), BODY_BYTES).collect().await else {
            return StatusCode::PAYLOAD_TOO_LARGE;
        };
        let body = body.to_bytes();
        let now_s = self.gate.tools().clock.now_us().div_euclid(SECOND_US);
        if let Err(why) = self.secret.check(&signature, &body, now_s) {
            tracing::warn!("{}", refused(why));
            return StatusCode::BAD_REQUEST;
        }
        // About something else: there is nothing to do, and it need not come again.
        let Some(news) = news(&body) else { return StatusCode::OK };
        if self.was_heard(&news) {
            return StatusCode::OK;
        }
        match self.wake(&news).await {
            Ok(()) => {
                self.remember(news);
                StatusCode::OK
            }
            Err(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A charge whose name was not stored yet is asked about anyway.
    async fn wake(&self, news: &News) -> Result<(), StoreError> {
        let query = Query::scan(Scan::TopUpOfReference(news.reference.clone()));
        let fetched = self.gate.fetch(query).await?;
        match fetched.scanned::<TopUp>().next() {
            Some(row) => self.gate.chore(Chore::HintTopUp(row.top_up_id)).await.map(drop),
            None => Ok(()),
        }
    }

    fn was_heard(&self, news: &News) -> bool {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).contains(&news.event_id)
    }

    fn remember(&self, news: News) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.len() == REMEMBERED {
            heard.pop_front();
        }
        heard.push_back(news.event_id);
    }
}
