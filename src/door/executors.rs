//! Who drives the connections: one executor for now, each connection on one of them for its whole
//! life.
//!
//! The accept loop knows only that there are several. So that each core has a runtime of its own is
//! another constructor here and nothing elsewhere.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Where connections are served.
#[derive(Clone, Debug)]
pub struct Executors {
    handles: Vec<Handle>,
}

impl Executors {
    /// So many on the runtime that this is called on, which has its own threads.
    pub fn here(count: NonZeroUsize) -> Self {
        Self { handles: vec![Handle::current(); count.get()] }
    }

    pub(super) fn handles(&self) -> &[Handle] {
        &self.handles
    }
}

/// Hands each connection to the next executor.
pub(super) struct Dealer<T> {
    next: Arc<AtomicUsize>,
    hands: Arc<[mpsc::Sender<T>]>,
}

impl<T> Clone for Dealer<T> {
    fn clone(&self) -> Self {
        Self { next: Arc::clone(&self.next), hands: Arc::clone(&self.hands) }
    }
}

impl<T> Dealer<T> {
    /// Over one channel for each executor; there must be one at least.
    pub(super) fn new(hands: Vec<mpsc::Sender<T>>) -> Self {
        assert!(!hands.is_empty(), "somebody serves");
        Self { next: Arc::default(), hands: hands.into() }
    }

    /// Waits until the next one has room. Without a receiver the door is closing, and the connection
    /// closes with it.
    pub(super) async fn deal(&self, connection: T) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.hands.len();
        drop(self.hands[turn].send(connection).await);
    }

    /// Ready when an executor takes no more: they end together.
    pub(super) async fn closed(&self) {
        self.hands.first().expect("somebody serves").closed().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_executor_has_its_turn() {
        let (hands, mut taken): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel(10)).unzip();
        let dealer = Dealer::new(hands);
        for connection in 0..6 {
            dealer.clone().deal(connection).await;
        }
        for (executor, taken) in taken.iter_mut().enumerate() {
            assert_eq!((taken.recv().await, taken.recv().await), (Some(executor), Some(executor + 3)));
        }
    }
}
