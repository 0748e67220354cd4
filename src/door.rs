//! The front door: who may connect, how long he may take, and how everything closes in the end.
//!
//! It promises that a peer who has authenticated nothing holds only what [`Limits`] grants him: a
//! connection out of his origin's share, seconds until TLS, HTTP/2 and a first request are spoken, one
//! call's time for a call, a share of the calls under way, and an end to every connection.

pub mod certificate;
pub mod executors;
pub mod peer;
pub mod proxy;
pub mod reload;
pub mod tls;

mod access;
mod activity;
mod admission;
mod calls;
mod meter;
mod permits;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

pub use access::Methods;
use calls::Counting;
pub use calls::{Refusals, Watched};
pub use certificate::{CertificateError, Identity, Sandbox};
use executors::Dealer;
pub use executors::Executors;
pub use peer::Peer;
use permits::Permits;
pub use proxy::Proxies;
pub use reload::Certificates;
pub use tls::{TlsError, client_config, fixed_server_config, server_config};

/// Streams a connection may have open at a time.
const STREAMS_PER_CONNECTION: u32 = 100;
/// Room for one message of 64 KiB and its frame on each stream.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// What a connection may have sent that no handler has taken yet.
const CONNECTION_WINDOW_BYTES: u32 = 512 * 1024;
const HEADER_LIST_BYTES: u32 = 8 * 1024;
/// Streams that were reset before they were looked at (CVE-2023-44487).
const RESETS_PENDING: usize = 20;
/// Streams that we reset because of the peer's own errors (CVE-2025-8671).
const RESETS_FOR_ERRORS: usize = 100;
/// Connections that are ready and not taken over yet.
const READY_CONNECTIONS: usize = 64;

/// What a peer is granted.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections in all.
    pub connections: usize,
    /// Connections from one IPv4 address or one IPv6 /64.
    pub connections_per_origin: usize,
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the handshake to the whole HTTP/2 preface.
    pub preface: Duration,
    /// From there to the first request's whole headers.
    pub first_request: Duration,
    /// Calls under way in all, from their headers to the last byte of the answer.
    pub calls: usize,
    /// Calls under way from one origin.
    pub calls_per_origin: usize,
    /// Watchers in all: calls whose answers go on.
    pub watchers: usize,
    /// Watchers from one origin.
    pub watchers_per_origin: usize,
    /// A call that isn't answered by then is dropped, whether its message came or not.
    pub call: Duration,
    /// So much later its answer must have been taken, or the connection is cut off; it may take twice
    /// the sum until that is seen.
    pub answer: Duration,
    /// A connection that says nothing for so long is asked whether it is still there …
    pub keep_alive: Duration,
    /// … and is closed unless it answers by then.
    pub keep_alive_answer: Duration,
    /// A connection so old is told to go once its calls are done …
    pub connection_age: Duration,
    /// … and is cut off unless it has gone by then.
    pub connection_grace: Duration,
    /// Calls under way at the stop may take so long to end.
    pub drain: Duration,
}

impl Limits {
    /// For a server that faces the world.
    pub fn standard() -> Self {
        Self {
            connections: 10_000,
            connections_per_origin: 100,
            handshake: Duration::from_secs(5),
            preface: Duration::from_secs(5),
            first_request: Duration::from_secs(10),
            calls: 4_096,
            calls_per_origin: 256,
            watchers: 10_000,
            watchers_per_origin: 1_024,
            call: Duration::from_secs(30),
            answer: Duration::from_secs(30),
            keep_alive: Duration::from_secs(30),
            keep_alive_answer: Duration::from_secs(10),
            connection_age: Duration::from_mins(15),
            connection_grace: Duration::from_mins(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// A listening socket, before anybody is let in.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    proxies: Proxies,
}

impl Door {
    /// Listens on `address`; with port 0 the system chooses one.
    pub fn bind(address: SocketAddr, limits: Limits) -> Result<Self, BindError> {
        let bound = TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        let (listener, address) = bound.map_err(|source| BindError { address, source })?;
        Ok(Self { listener, address, limits, proxies: Proxies::default() })
    }

    /// Behind these load balancers, which say who a connection is from.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready and the calls then under way have ended, or their time is up.
    pub async fn serve(
        self,
        service: Service,
        executors: Executors,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), DoorError> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(DoorError::Listener)?;
        let Service { privacy, routes, refusals, methods } = service;
        let (cut, is_cut) = watch::channel(false);
        let (stopping, stopped) = watch::channel(false);
        let drain = self.limits.drain;
        let server = server(&self.limits, refusals, methods);
        let mut serving = JoinSet::new();
        let mut hands = Vec::new();
        for handle in executors.handles() {
            let (ready, connections) = mpsc::channel(READY_CONNECTIONS);
            hands.push(ready);
            let incoming = ReceiverStream::new(connections).map(Ok::<_, Infallible>);
            let mut stopped = stopped.clone();
            let signal = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            let router = server.clone().add_routes(routes.clone());
            serving.spawn_on(router.serve_with_incoming_shutdown(incoming, signal), handle);
        }
        tokio::spawn(admission::admit(
            listener,
            (privacy, self.proxies),
            self.limits,
            is_cut,
            Dealer::new(hands),
        ));

        tokio::select! {
            Some(ended) = serving.join_next() => {
                joined(ended)?;
                return Err(DoorError::Ended);
            }
            () = stop => {}
        }
        stopping.send_replace(true);
        if let Ok(ended) = timeout(drain, all_ended(&mut serving)).await {
            return ended;
        }
        tracing::warn!("some connections did not end in time and are cut off");
        cut.send_replace(true);
        // Cut connections end by themselves; what the runtime cannot get to is not waited for again.
        timeout(drain, all_ended(&mut serving)).await.unwrap_or(Ok(()))
    }
}

/// What stands behind a door.
pub struct Service {
    /// What its connections are protected with.
    pub privacy: Privacy,
    /// The RPCs.
    pub routes: Routes,
    /// What is answered where no handler answers.
    pub refusals: Refusals,
    /// The methods whose calls have a line each in the log; nothing where none has.
    pub methods: Option<Methods>,
}

/// What a door's connections are protected with.
#[derive(Clone)]
pub enum Privacy {
    /// TLS.
    Tls(Arc<ServerConfig>),
    /// Nothing: for what everybody may know.
    Plaintext,
}

type Served = Result<Result<(), tonic::transport::Error>, JoinError>;

async fn all_ended(serving: &mut JoinSet<Result<(), tonic::transport::Error>>) -> Result<(), DoorError> {
    while let Some(ended) = serving.join_next().await {
        joined(ended)?;
    }
    Ok(())
}

fn joined(ended: Served) -> Result<(), DoorError> {
    ended.map_err(|_panic_or_end| DoorError::Ended)?.map_err(DoorError::Transport)
}

fn server(
    limits: &Limits,
    refusals: Refusals,
    methods: Option<Methods>,
) -> Server<tower::layer::util::Stack<Counting, tower::layer::util::Identity>> {
    let permits = Arc::new(Permits::new(limits.calls, limits.calls_per_origin));
    let watchers = Arc::new(Permits::new(limits.watchers, limits.watchers_per_origin));
    // max_connection_age_grace would keep tonic from sending GOAWAY, so the grace is the connection's
    // own affair.
    Server::builder()
        .timeout(limits.call)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_max_header_list_size(HEADER_LIST_BYTES)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING))
        .http2_max_local_error_reset_streams(Some(RESETS_FOR_ERRORS))
        .http2_keepalive_interval(Some(limits.keep_alive))
        .http2_keepalive_timeout(Some(limits.keep_alive_answer))
        .max_connection_age(limits.connection_age)
        .layer(Counting { permits, watchers, refusals: Arc::new(refusals), methods })
}

/// The address cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, source } = self;
        if source.kind() == io::ErrorKind::AddrInUse {
            write!(
                f,
                "{address} is in use by another program: name another address with --listen or in the \
                 configuration"
            )
        } else {
            write!(
                f,
                "{address} cannot be listened on ({source}): name another address with --listen or in the \
                 configuration"
            )
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Why the door closed without being asked to.
#[derive(Debug)]
pub enum DoorError {
    /// The listening socket cannot be used.
    Listener(io::Error),
    /// The HTTP/2 server gave up.
    Transport(tonic::transport::Error),
    /// Nobody is let in any more, though nobody asked for it.
    Ended,
}

impl fmt::Display for DoorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listener(error) => write!(f, "the listening socket cannot be used: {error}"),
            Self::Transport(error) => write!(f, "the server has stopped: {error}"),
            Self::Ended => f.write_str("the accept loop has ended without being asked to"),
        }
    }
}

impl std::error::Error for DoorError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Listener(error) => Some(error),
            Self::Transport(error) => Some(error),
            Self::Ended => None,
        }
    }
}

#[cfg(test)]
mod tests;
