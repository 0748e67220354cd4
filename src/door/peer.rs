//! One admitted connection, and who is at its other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use crate::door::permits::Permit;

/// The other end of a connection; in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where the connection comes from.
    pub address: SocketAddr,
}

/// A connection that has shaken hands and sent the HTTP/2 preface, with the room that it takes up.
///
/// The preface was read to see that it comes in time; it is handed out once more in front of what
/// follows. Once `end` is ready, reading and writing fail and the connection is over, whatever its
/// streams are waiting for: a peer who never reads an answer would otherwise hold it for ever.
pub(super) struct Connection {
    tls: TlsStream<TcpStream>,
    replay: &'static [u8],
    end: Option<End>,
    peer: Peer,
    _permit: Permit,
}

/// Ready when the connection must be over.
pub(super) type End = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Connection {
    pub(super) fn new(
        tls: TlsStream<TcpStream>,
        replay: &'static [u8],
        end: End,
        peer: Peer,
        permit: Permit,
    ) -> Self {
        Self { tls, replay, end: Some(end), peer, _permit: permit }
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
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer
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
            return Pin::new(&mut self.tls).poll_read(context, buffer);
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
        Pin::new(&mut self.tls).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.tls).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.tls).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.tls).poll_shutdown(context)
    }
}
