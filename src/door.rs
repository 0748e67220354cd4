//! The front door: who may connect, how long he may take, and how everything closes in the end.
//!
//! It promises that a peer who has authenticated nothing holds only what [`Limits`] grants him: a
//! connection out of his origin's share, seconds until TLS and HTTP/2 are spoken, one call's time for
//! a call, and an end to every connection.

pub mod certificate;
pub mod peer;
pub mod tls;

mod admission;
mod permits;

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::Server;

pub use certificate::{CertificateError, Identity, Sandbox};
pub use peer::Peer;
pub use tls::{TlsError, client_config, server_config};

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
    /// A call that isn't answered by then is dropped.
    pub call: Duration,
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
            call: Duration::from_secs(30),
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
        Ok(Self { listener, address, limits })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready and the calls then under way have ended, or their time is up.
    pub async fn serve(
        self,
        tls: Arc<ServerConfig>,
        routes: Routes,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), DoorError> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(DoorError::Listener)?;
        let (ready, connections) = mpsc::channel(READY_CONNECTIONS);
        let (cut, is_cut) = watch::channel(false);
        let drain = self.limits.drain;
        let mut server = server(&self.limits);
        tokio::spawn(admission::admit(listener, tls, self.limits, is_cut, ready));

        let (stopping, mut stopped) = watch::channel(false);
        let signal = async move {
            stop.await;
            stopping.send_replace(true);
        };
        let incoming = ReceiverStream::new(connections).map(Ok::<_, Infallible>);
        let serving = server.add_routes(routes).serve_with_incoming_shutdown(incoming, signal);
        tokio::pin!(serving);
        tokio::select! {
            ended = &mut serving => {
                ended.map_err(DoorError::Transport)?;
                return if *stopped.borrow() { Ok(()) } else { Err(DoorError::Ended) };
            }
            Ok(()) = stopped.changed() => {}
        }
        if let Ok(ended) = timeout(drain, &mut serving).await {
            return ended.map_err(DoorError::Transport);
        }
        tracing::warn!("some connections did not end in time and are cut off");
        cut.send_replace(true);
        // Cut connections end by themselves; what the runtime cannot get to is not waited for again.
        timeout(drain, serving).await.unwrap_or(Ok(())).map_err(DoorError::Transport)
    }
}

fn server(limits: &Limits) -> Server {
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
            write!(f, "{address} is in use by another program: name another address with --listen")
        } else {
            write!(f, "{address} cannot be listened on ({source}): name another address with --listen")
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
