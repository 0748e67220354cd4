//! From the listening socket to connections that speak HTTP/2: caps, handshake, preface, deadlines.
//!
//! tonic accepts without a cap and waits for a preface without a deadline, so everything up to the
//! preface happens here. Each newcomer is dealt with on a task of its own: a slow one delays nobody.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::either::Either;

use crate::door::activity::Activity;
use crate::door::executors::Dealer;
use crate::door::peer::{Arrival, Connection, End, Line, Peer};
use crate::door::permits::{Permit, Permits, origin_of};
use crate::door::proxy::{self, HeaderError};
use crate::door::tls::ALPN_H2;
use crate::door::{Limits, Privacy, Proxies};

/// What every client sends first (RFC 9113, 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long to leave a socket alone that has no descriptors left to accept with.
const BACK_OFF: Duration = Duration::from_millis(50);

/// What each newcomer's task needs.
#[derive(Clone)]
struct Admission {
    acceptor: Option<TlsAcceptor>,
    limits: Limits,
    cut: watch::Receiver<bool>,
    ready: Dealer<Connection>,
}

/// Accepts until nobody receives from `ready` any more. A connection is over at once when `cut`
/// turns true or loses its sender.
pub(super) async fn admit(
    listener: TcpListener,
    (privacy, proxies): (Privacy, Proxies),
    limits: Limits,
    cut: watch::Receiver<bool>,
    ready: Dealer<Connection>,
) {
    let permits = Arc::new(Permits::new(limits.connections, limits.connections_per_origin));
    // Theirs is the origin of nobody; what they pass on counts as its own by and by.
    let passed_on = Permits::new(limits.connections, limits.connections);
    let acceptor = match privacy {
        Privacy::Tls(config) => Some(TlsAcceptor::from(config)),
        Privacy::Plaintext => None,
    };
    let admission = Admission { acceptor, limits, cut, ready: ready.clone() };
    // Dropped with this function, and every handshake under way with it.
    let mut newcomers = JoinSet::new();
    loop {
        tokio::select! {
            () = ready.closed() => return,
            Some(ended) = newcomers.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a newcomer's task failed");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((tcp, address)) if proxies.holds(address.ip()) => {
                    if let Ok(permit) = passed_on.take(origin_of(address.ip())) {
                        let admission = admission.clone();
                        newcomers.spawn(admission.receive_behind(tcp, address, Arc::clone(&permits), permit));
                    }
                }
                Ok((tcp, address)) => {
                    if let Ok(permit) = permits.take(origin_of(address.ip())) {
                        newcomers.spawn(admission.clone().receive(tcp, address, permit));
                    } else {
                        tracing::debug!(%address, "turned away: too many connections");
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted; trying again");
                    if timeout(BACK_OFF, ready.closed()).await.is_ok() {
                        return;
                    }
                }
            },
        }
    }
}

// accept(2) reports the newcomer's own network errors as its result.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

impl Admission {
    /// The origin that counts is the one behind the proxy.
    async fn receive_behind(
        self,
        mut tcp: TcpStream,
        proxy: SocketAddr,
        permits: Arc<Permits>,
        passed_on: Permit,
    ) {
        let header = timeout(self.limits.handshake, proxy::client(&mut tcp, proxy)).await;
        drop(passed_on);
        match header.unwrap_or(Err(HeaderError::Cut)) {
            Ok(address) => match permits.take(origin_of(address.ip())) {
                Ok(permit) => self.receive(tcp, address, permit).await,
                Err(_full) => tracing::debug!(%address, "turned away: too many connections"),
            },
            Err(reason) => tracing::warn!(%proxy, %reason, "turned away"),
        }
    }

    async fn receive(self, tcp: TcpStream, address: SocketAddr, permit: Permit) {
        match self.shake_hands(tcp, address, permit).await {
            Ok(connection) => self.ready.deal(connection).await,
            Err(reason) => tracing::debug!(%address, %reason, "turned away"),
        }
    }

    async fn shake_hands(
        &self,
        tcp: TcpStream,
        address: SocketAddr,
        permit: Permit,
    ) -> Result<Connection, TurnedAway> {
        tcp.set_nodelay(true).map_err(TurnedAway::Network)?;
        let mut line = self.line(tcp).await?;
        let mut preface = [0; PREFACE.len()];
        timeout(self.limits.preface, line.read_exact(&mut preface))
            .await
            .map_err(|_elapsed| TurnedAway::PrefaceLate)?
            .map_err(TurnedAway::Network)?;
        if preface != *PREFACE {
            return Err(TurnedAway::NotHttp2);
        }
        let activity = Arc::new(Activity::default());
        let end = self.end(address, Arc::clone(&activity));
        let arrival = Arrival { peer: Peer { address }, origin: origin_of(address.ip()), activity };
        Ok(Connection::new(line, PREFACE, end, arrival, permit))
    }

    async fn line(&self, tcp: TcpStream) -> Result<Line, TurnedAway> {
        let Some(acceptor) = &self.acceptor else { return Ok(Either::Right(tcp)) };
        let tls = timeout(self.limits.handshake, acceptor.accept(tcp))
            .await
            .map_err(|_elapsed| TurnedAway::HandshakeLate)?
            .map_err(TurnedAway::Network)?;
        // A client that offers no ALPN at all gets through the handshake.
        let (_tcp, session) = tls.get_ref();
        if session.alpn_protocol() == Some(ALPN_H2) {
            Ok(Either::Left(tls))
        } else {
            Err(TurnedAway::NotHttp2)
        }
    }

    /// Ready when the connection must be over: it is too old, cut, the door is gone, or its peer does
    /// not do his part.
    fn end(&self, address: SocketAddr, activity: Arc<Activity>) -> End {
        let mut cut = self.cut.clone();
        let limits = self.limits.clone();
        Box::pin(async move {
            let age = limits.connection_age + limits.connection_grace;
            let idle = async {
                if timeout(limits.first_request, activity.first_call()).await.is_err() {
                    return "no request in time";
                }
                activity.stuck(limits.call + limits.answer).await;
                "a call without end: its answer is not taken"
            };
            tokio::select! {
                _ = timeout(age, cut.wait_for(|cut| *cut)) => {}
                reason = idle => tracing::debug!(%address, reason, "cut off"),
            }
        })
    }
}

/// Why a newcomer was not let in. Only for the log: he is told nothing.
enum TurnedAway {
    Network(io::Error),
    HandshakeLate,
    PrefaceLate,
    NotHttp2,
}

impl fmt::Display for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(error) => error.fmt(f),
            Self::HandshakeLate => f.write_str("no TLS handshake in time"),
            Self::PrefaceLate => f.write_str("no HTTP/2 preface in time"),
            Self::NotHttp2 => f.write_str("not HTTP/2"),
        }
    }
}
