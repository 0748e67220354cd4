//! Work that nobody waits for: messages, top-ups, things whose time is over, checkpoints. Each task
//! holds a gate, and acts only through system commands and chores, decided like any other.
//!
//! A task works when something was committed, and at intervals whatever happens: so it finds what
//! was left by a crash.

pub mod checkpoint;
mod expiry;
mod lease;
mod outbox;
mod payment;
mod reconciliation;
mod recovery;
mod settlement;
mod till_day;
mod top_up;
pub mod webhook;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::domain::id::WorkerId;
use crate::domain::journal::Kind;
use crate::gate::Gate;
use crate::notify::Notifier;

/// So often a task looks, though nothing woke it.
const INTERVAL: Duration = Duration::from_secs(1);
/// So often a checkpoint is signed, when something was committed.
const CHECKPOINT_INTERVAL: Duration = Duration::from_mins(1);
/// As many rows at a time.
const PAGE: i64 = 64;
/// A task ends its round within, or is given up.
const STOP_WITHIN: Duration = Duration::from_secs(12);

/// The running tasks.
pub struct Tasks {
    stop: watch::Sender<()>,
    running: JoinSet<()>,
    gate: Arc<Gate>,
    worker_id: WorkerId,
}

impl Tasks {
    /// Starts all of them.
    pub fn start(
        gate: &Arc<Gate>,
        notifier: Arc<dyn Notifier>,
        webhooks: Arc<webhook::Sender>,
        checkpoints: checkpoint::Places,
        worker_id: WorkerId,
    ) -> Self {
        let (stop, stopped) = watch::channel(());
        let mut running = JoinSet::new();
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), sends_messages, INTERVAL, {
            move |gate| {
                let notifier = Arc::clone(&notifier);
                async move {
                    outbox::run(&gate, notifier.as_ref(), worker_id).await;
                }
            }
        }));
        running.spawn(top_up::run(Arc::clone(gate), stopped.clone(), worker_id));
        running.spawn(reconciliation::run(Arc::clone(gate), stopped.clone(), worker_id));
        running.spawn(webhook::run(Arc::clone(gate), webhooks, stopped.clone(), worker_id));
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), nothing, INTERVAL, move |gate| async move {
            recovery::run(&gate, worker_id).await;
        }));
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), nothing, INTERVAL, move |gate| async move {
            payment::run(&gate, worker_id).await;
        }));
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), nothing, INTERVAL, move |gate| async move {
            till_day::run(&gate, worker_id).await;
        }));
        let settled = Arc::new(settlement::Done::new());
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), nothing, INTERVAL, move |gate| {
            let settled = Arc::clone(&settled);
            async move {
                settlement::run(&gate, &settled, worker_id).await;
            }
        }));
        running.spawn(repeat(Arc::clone(gate), stopped.clone(), nothing, INTERVAL, |gate| async move {
            expiry::run(&gate).await;
        }));
        running.spawn(repeat(Arc::clone(gate), stopped, nothing, CHECKPOINT_INTERVAL, move |gate| {
            let places = checkpoints.clone();
            async move {
                checkpoint::run(&gate, &places).await;
            }
        }));
        let hub = Arc::clone(gate.hub());
        let tail = gate.tail();
        let mut stopped = stop.subscribe();
        running.spawn(async move {
            tokio::select! {
                () = hub.hear(tail) => {}
                _ = stopped.changed() => {}
            }
        });
        Self { stop, running, gate: Arc::clone(gate), worker_id }
    }

    /// Lets every task end its round, waits for it a while, and lets another process have the turns. A round
    /// that hangs on a channel is given up: its message is sent again under the same id.
    pub async fn stop(mut self) {
        drop(self.stop);
        let ended = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, ended).await.is_err() {
            tracing::warn!("a task hangs on something outside, and is given up");
            self.running.shutdown().await;
        }
        for turn in [
            outbox::TURN,
            recovery::TURN,
            payment::TURN,
            till_day::TURN,
            webhook::TURN,
            settlement::TURN,
            reconciliation::TURN,
        ] {
            lease::release(&self.gate, turn, self.worker_id).await;
        }
    }
}

/// A task that only looks at intervals.
fn nothing(_: Kind) -> bool {
    false
}

/// Rows after which somebody may wait for a message.
fn sends_messages(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::StartEnrolment
            | Kind::SendRecoveryCode
            | Kind::ProveRecovery
            | Kind::FreezeInRecovery
            | Kind::CompleteRecovery
            | Kind::CancelRecovery
            | Kind::CancelByNotice
            | Kind::CancelRecoveryByOperator
            | Kind::Approve
            | Kind::AdvanceRecovery
            | Kind::AddContact
    )
}

/// Runs `work` now, whenever a row is committed that `wakes` it, at every interval, and once at the end.
async fn repeat<F, W>(
    gate: Arc<Gate>,
    mut stop: watch::Receiver<()>,
    wakes: fn(Kind) -> bool,
    interval: Duration,
    work: F,
) where
    F: Fn(Arc<Gate>) -> W + Send + Sync,
    W: Future<Output = ()> + Send,
{
    let mut tail = gate.tail();
    let mut ticks = tokio::time::interval(interval);
    loop {
        work(Arc::clone(&gate)).await;
        if stop.has_changed().is_err() {
            return;
        }
        loop {
            tokio::select! {
                _ = stop.changed() => break,
                _ = ticks.tick() => break,
                committed = tail.recv() => match committed {
                    Ok(batch) if batch.iter().any(|row| wakes(row.kind)) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => break,
                },
            }
        }
    }
}
