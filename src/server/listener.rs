//! One TLS listener: who is served there, until it is told to close.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::closed;
use crate::door::{Door, DoorError, Executors, Privacy, Service};
use crate::rpc::{self, Routes};

/// A listener that serves.
pub(super) struct Listener {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<(), DoorError>>,
}

impl Listener {
    /// Serves from now on.
    pub(super) fn open(door: Door, tls: &Arc<ServerConfig>, routes: Routes, executors: NonZeroUsize) -> Self {
        let address = door.local_addr();
        let privacy = Privacy::Tls(Arc::clone(tls));
        let service =
            Service { privacy, routes, refusals: rpc::status::refusals(), methods: Some(rpc::methods()) };
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let serving = tokio::spawn(door.serve(service, Executors::here(executors), stopped));
        Self { address, stop: Some(stop), serving }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for its end, and says why.
    pub(super) async fn closed(&mut self) {
        closed(&mut self.serving).await;
    }

    /// Takes no further calls, and ends those under way.
    pub(super) async fn close(&mut self) {
        if !self.serving.is_finished() {
            drop(self.stop.take());
            self.closed().await;
        }
    }
}
