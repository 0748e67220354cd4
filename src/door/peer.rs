//! One admitted connection, and who is at its other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;

use crate::door::activity::Activity;
use crate::door::meter::{Flood, Meter};
use crate::door::permits::Permit;
use crate::ratelimit::BucketKey;

/// The other end of a connection; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: SocketAddr,
}

/// TLS, or nothing around TCP.
pub(super) type Line = Either<TlsStream<TcpStream>, TcpStream>;

/// What the services' side knows of a connection.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) peer: Peer,
    /// What its origin's share is counted under.
    pub(super) origin: BucketKey,
    pub(super) activity: Arc<Activity>,
}

/// A connection that has shaken hands and sent the HTTP/2 preface, with the room that it takes up.
///
/// The preface was read to see that it comes in time; it is handed out once more in front of what
/// follows. Once `end` is ready, reading and writing fail and the connection is over, whatever its
/// streams are waiting for: a peer who never reads an answer would otherwise hold it for ever. So are
/// they when the peer floods it with frames that are no calls.
pub(super) struct Connection {
    line: Line,
    replay: &'static [u8],
    meter: Meter,
    end: Option<End>,
    arrival: Arrival,
    _permit: Permit,
}

/// Ready when the connection must be over.
pub(super) type End = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    pub(super) fn new(line: Line, replay: &'static [u8], end: End, arrival: Arrival, permit: Permit) -> Self {
        Self { line, replay, meter: Meter::new(), end: Some(end), arrival, _permit: permit }
    }

    // Asked before every read and write, so the task is woken by the end even where it waits for only
    // one of them.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            self.end = None;
        }
        match self.end {
            Some(_) => Ok(()),
            None => Err(io::Error::new(io::ErrorKind::TimedOut, "the connection's time is up")),
        }
    }

    // What comes behind the preface is metered.
    fn read_on(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.line).poll_read(context, buffer);
        if let Err(Flood) = self.meter.read(&buffer.filled()[before..]) {
            self.end = None;
            let address = self.arrival.peer.address;
            tracing::debug!(%address, "cut off: a flood of frames that are no calls");
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, "a flood of frames")));
        }
        polled
    }
}

impl Connected for Connection {
    type ConnectInfo = Arrival;

    fn connect_info(&self) -> Arrival {
        self.arrival.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        if self.replay.is_empty() {
            return self.read_on(context, buffer);
        }
        let (now, later) = self.replay.split_at(self.replay.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.replay = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.line).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.line).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.line).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.line).poll_shutdown(context)
    }
}
