//! Whether this process serves, for whoever routes calls to it: gRPC health, in plaintext, on a port of
//! its own. It tells one bit, so it needs no TLS, and has a few connections' room and no other service.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};

use super::closed;
use crate::door::{BindError, Door, DoorError, Executors, Limits, Privacy, Service};
use crate::rpc;
use crate::rpc::health::Health;

/// The listener, and what it says.
pub struct HealthDoor {
    address: SocketAddr,
    health: Health,
    stop: oneshot::Sender<()>,
    following: AbortHandle,
    serving: JoinHandle<Result<(), DoorError>>,
}

/// A few: the node's probes and a balancer's.
fn limits() -> Limits {
    Limits {
        connections: 32,
        connections_per_origin: 16,
        calls: 64,
        calls_per_origin: 32,
        call: Duration::from_secs(5),
        answer: Duration::from_secs(25),
        drain: Duration::from_secs(1),
        ..Limits::standard()
    }
}

/// While the clock is not believed nothing is written: callers are better off elsewhere.
async fn follow(health: Health, mut clocks: watch::Receiver<bool>) {
    while clocks.changed().await.is_ok() {
        let agree = *clocks.borrow_and_update();
        health.set(agree).await;
    }
}

/// Takes the address; nobody is answered yet.
pub fn bind(address: SocketAddr) -> Result<Door, BindError> {
    Door::bind(address, limits())
}

impl HealthDoor {
    /// Answers from now on, and says that this process serves: as long as its clock is believed.
    pub fn open(door: Door, clocks: watch::Receiver<bool>) -> Self {
        let address = door.local_addr();
        let (health, routes) = rpc::health::serving();
        let (stop, stopped) = oneshot::channel::<()>();
        // A probe every few seconds is nothing that anybody looks for in a log.
        let refusals = rpc::status::refusals();
        let service = Service { privacy: Privacy::Plaintext, routes, refusals, methods: None };
        let serving = tokio::spawn(door.serve(service, Executors::here(NonZeroUsize::MIN), async move {
            drop(stopped.await);
        }));
        let following = tokio::spawn(follow(health.clone(), clocks)).abort_handle();
        Self { address, health, stop, following, serving }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says from now on that this process serves no more.
    pub async fn not_serving(&self) {
        self.following.abort();
        self.health.set(false).await;
    }

    /// Is gone.
    pub async fn close(mut self) {
        drop(self.stop);
        closed(&mut self.serving).await;
    }
}
