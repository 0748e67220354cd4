//! Group commit: the writer takes the commands that are waiting, loads their rows, decides one
//! after the other in memory, each seeing the one before it, writes once, commits once, and then
//! answers all.
//!
//! No waiting when idle; batches grow by themselves under load. A backend loads and writes rows and
//! never learns what a command is.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{error, warn};

use super::backend::{Backend, BackendError};
use super::heads::Heads;
use super::moment::{ClockBounds, Implausible, Moments};
use super::pending::Pending;
use super::{Answer, Committed, StoreError};
use crate::crypto::integrity::IntegritySlot;
use crate::domain::command::Command;
use crate::domain::decide::decide;
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{Lane, RowKey, Table};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;
use crate::env::clock::Clock;
use crate::env::pause;

/// As many commands wait at most; past it a caller is told so at once.
pub const QUEUE_BOUND: usize = 4_096;
/// As many commands share a commit of the embedded store at most. Few enough that one batch is written
/// while the next one's signatures are verified: with all that wait in one batch, the two take turns and
/// a core idles.
pub const BATCH_BOUND: usize = 32;
/// As many rows are kept in memory between batches at most.
const HOT_ROWS: usize = 400_000;
/// How long a batch that another writer got in the way of waits before it is decided anew. One more
/// try than pauses; then its callers hear that the database is unavailable.
const RETRY_PAUSES_MS: [u64; 6] = [1, 4, 16, 64, 128, 256];
/// How often clocks that do not agree are looked at while nobody calls.
const CLOCK_PAUSE: Duration = Duration::from_secs(1);

/// A command, and where its answer goes.
pub struct Job {
    pub(super) command: Command,
    pub(super) reply: oneshot::Sender<Result<Answer, StoreError>>,
}

/// What batches are made with.
pub(super) struct BatchOptions {
    /// The rules' figures.
    pub policy: Arc<Policy>,
    /// Tells the time of a batch.
    pub clock: Arc<dyn Clock>,
    /// How far clocks may be apart.
    pub clocks: ClockBounds,
    /// The keys that are not in the database.
    pub integrity: IntegritySlot,
    /// Commands to a commit at most.
    pub batch_bound: usize,
}

/// The one writer of this process.
pub(super) struct Writer<B> {
    backend: B,
    policy: Arc<Policy>,
    moments: Moments,
    heads: Heads,
    committed: broadcast::Sender<Arc<[Committed]>>,
    batch_bound: usize,
    view: Option<View>,
    hot_bound: usize,
    broken: bool,
}

impl<B: Backend> Writer<B> {
    pub(super) fn new(
        backend: B,
        options: BatchOptions,
        committed: broadcast::Sender<Arc<[Committed]>>,
    ) -> Self {
        let BatchOptions { policy, clock, clocks, integrity, batch_bound } = options;
        Self {
            backend,
            policy,
            moments: Moments::new(clock, clocks),
            heads: Heads::new(integrity),
            committed,
            batch_bound,
            view: None,
            hot_bound: HOT_ROWS,
            broken: false,
        }
    }

    /// Whether the clocks agree, from now on.
    pub(super) fn agreement(&self) -> watch::Receiver<bool> {
        self.moments.agreement()
    }

    /// Looks at the clocks and the lane before anybody calls, and says what is wrong with them.
    pub(super) async fn look(&mut self) -> Option<Implausible> {
        let looked = self.look_at_lane().await;
        self.backend.rollback().await;
        // Whatever else is wrong, the first batch finds.
        looked.err().and_then(|_error| self.moments.found())
    }

    /// Nothing else is read: the keys to other rows may not be known yet.
    async fn look_at_lane(&mut self) -> Result<(), BackendError> {
        let begun = self.moments.begin();
        let lane = self.backend.begin().await?.lane;
        let rows = self.backend.load(&[RowKey::Lane(lane)]).await?;
        let head = rows.iter().flatten().find_map(Lane::of).ok_or(BackendError::Broken)?;
        self.moments.of_batch(begun, self.backend.clock_us(), head.at).map(drop)
    }

    /// Takes no part any more, before it ran.
    pub(super) async fn release(mut self) {
        self.backend.release().await;
    }

    /// Works until it is told to stop, and then does what is queued; or until the database cannot be
    /// trusted any more, and then does nothing further.
    pub(super) async fn run(mut self, mut queue: mpsc::Receiver<Job>, mut stop: oneshot::Receiver<()>) {
        let mut jobs = Vec::with_capacity(self.batch_bound);
        let mut stopping = false;
        loop {
            tokio::select! {
                _ = &mut stop, if !stopping => {
                    stopping = true;
                    queue.close();
                }
                taken = queue.recv_many(&mut jobs, self.batch_bound) => {
                    if taken == 0 {
                        self.backend.release().await;
                        return;
                    }
                    let jobs = std::mem::take(&mut jobs);
                    if AssertUnwindSafe(self.batch(jobs)).catch_unwind().await.is_err() {
                        // Its callers hear that the outcome is unknown; nothing of it was committed.
                        error!("a batch panicked and was rolled back");
                        self.view = None;
                        self.backend.rollback().await;
                    }
                }
                () = pause(CLOCK_PAUSE), if self.moments.found().is_some() => drop(self.look().await),
            }
            if self.broken {
                return;
            }
        }
    }

    async fn batch(&mut self, jobs: Vec<Job>) {
        let (commands, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.command, job.reply)).unzip();
        match self.attempt(&commands).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    send(reply, Ok(answer));
                }
            }
            Err(BackendError::Constraint) => self.isolate(commands, replies).await,
            Err(
                BackendError::Conflict
                | BackendError::Unavailable
                | BackendError::Clock
                | BackendError::Broken,
            ) => {
                for reply in replies {
                    send(reply, Err(StoreError::Unavailable));
                }
            }
        }
    }

    /// One bad command must not disturb its neighbours: the batch is redone, one command a commit.
    async fn isolate(
        &mut self,
        commands: Vec<Command>,
        replies: Vec<oneshot::Sender<Result<Answer, StoreError>>>,
    ) {
        for (command, reply) in commands.into_iter().zip(replies) {
            let answer = match self.attempt(std::slice::from_ref(&command)).await {
                Ok(mut answers) => answers.pop().ok_or(StoreError::Defect),
                Err(BackendError::Constraint) => {
                    error!(command = ?command.id, "a command broke a constraint and was rolled back");
                    Err(StoreError::Defect)
                }
                Err(
                    BackendError::Conflict
                    | BackendError::Unavailable
                    | BackendError::Clock
                    | BackendError::Broken,
                ) => Err(StoreError::Unavailable),
            };
            send(reply, answer);
        }
    }

    /// Loads and decides anew as often as another writer gets in the way, within a bound.
    async fn attempt(&mut self, commands: &[Command]) -> Result<Vec<Answer>, BackendError> {
        for pause_ms in RETRY_PAUSES_MS {
            match self.attempt_once(commands).await {
                Err(BackendError::Conflict) => pause(Duration::from_millis(pause_ms)).await,
                result => return result,
            }
        }
        self.attempt_once(commands).await.map_err(|error| match error {
            BackendError::Conflict => {
                warn!("a batch was given up: others got in its way each time");
                BackendError::Unavailable
            }
            BackendError::Constraint
            | BackendError::Unavailable
            | BackendError::Clock
            | BackendError::Broken => error,
        })
    }

    async fn attempt_once(&mut self, commands: &[Command]) -> Result<Vec<Answer>, BackendError> {
        if self.broken {
            return Err(BackendError::Broken);
        }
        let result = self.transact(commands).await;
        if let Err(error) = &result {
            self.view = None;
            self.backend.rollback().await;
            match error {
                // Of the clock it was said already, once.
                BackendError::Constraint | BackendError::Conflict | BackendError::Clock => {}
                BackendError::Unavailable => warn!("a batch was rolled back: the database is unavailable"),
                BackendError::Broken => {
                    self.broken = true;
                    error!("the database cannot be trusted any more: this process writes nothing further");
                }
            }
        }
        result
    }

    async fn transact(&mut self, commands: &[Command]) -> Result<Vec<Answer>, BackendError> {
        let begun = self.moments.begin();
        let place = self.backend.begin().await?;
        let lane = place.lane;
        let mut view = match self.view.take() {
            Some(view) if B::EXCLUSIVE && view.len() < self.hot_bound => view,
            Some(_) | None => self.fresh_view().await?,
        };
        let mut pending = Pending::default();
        let mut keys = vec![RowKey::Lane(lane)];
        keys.extend(commands.iter().flat_map(Command::keys));
        self.load(&mut view, &mut pending, keys).await?;
        // The second round, the last unless a command names what one before it made.
        let further = commands.iter().flat_map(|command| command.follow(&view)).collect();
        self.load(&mut view, &mut pending, further).await?;
        let mut head = view.get::<Lane>((lane,)).cloned().ok_or(BackendError::Broken)?;
        self.heads.check(place, &head)?;
        let start = head.clone();
        head.at = self.moments.of_batch(begun, self.backend.clock_us(), head.at)?;
        view.set_now(head.at);

        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            // What an earlier command of the batch wrote may name rows that were not loaded yet.
            let further = command.follow(&view);
            self.load(&mut view, &mut pending, further).await?;
            let decision = decide(command, &view, &self.policy);
            answers.push(pending.take(command, decision, &mut view, &mut head));
        }
        if head.sequence > start.sequence {
            pending.push(Write::Update(self.heads.sign(&head)?.into_row()), &mut view);
        }
        let committed = std::mem::take(&mut pending.committed);
        let mut touched = std::mem::take(&mut pending.touched);
        touched.sort_unstable();
        touched.dedup();
        if pending.contradiction {
            return Err(BackendError::Constraint);
        }
        let net = pending.net();
        if net.changes.is_empty() && net.credits.is_empty() {
            self.backend.rollback().await;
        } else {
            self.backend.apply(&net).await?;
            self.backend.commit().await?;
        }
        if B::EXCLUSIVE {
            for key in touched {
                if !key.table().is_hot() || view.row(&key).is_none() {
                    view.forget(&key);
                }
            }
            self.view = Some(view);
        }
        if !committed.is_empty() {
            // Nobody listens while the server starts or stops.
            drop(self.committed.send(committed.into()));
        }
        Ok(answers)
    }

    /// An exclusive backend's view knows all open requests, so that a new request id needs no look.
    async fn fresh_view(&mut self) -> Result<View, BackendError> {
        let mut view = View::new(Timestamp(0));
        if B::EXCLUSIVE {
            for row in self.backend.load_all(Table::OpenRequest).await? {
                view.insert(row.key(), Some(row));
            }
            // Many open requests alone must not make every batch start anew.
            self.hot_bound = HOT_ROWS.max(view.len().saturating_mul(2));
        }
        Ok(view)
    }

    async fn load(
        &mut self,
        view: &mut View,
        pending: &mut Pending,
        keys: Vec<RowKey>,
    ) -> Result<(), BackendError> {
        let mut missing = Vec::new();
        for key in keys {
            if view.knows(&key) {
                continue;
            }
            if B::EXCLUSIVE && key.table() == Table::OpenRequest {
                view.insert(key.clone(), None);
                pending.touched.push(key);
            } else {
                missing.push(key);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        missing.sort_unstable();
        missing.dedup();
        let rows = self.backend.load(&missing).await?;
        for (key, row) in missing.into_iter().zip(rows) {
            pending.touched.push(key.clone());
            view.insert(key.clone(), row);
            // What commands before this one add to an account is not in the database yet.
            if let RowKey::LedgerAccount(id) = key
                && let Some((debits_minor, credits_minor)) = pending.credits.get(&id)
            {
                view.add(id, *debits_minor, *credits_minor);
            }
        }
        Ok(())
    }
}

fn send(reply: oneshot::Sender<Result<Answer, StoreError>>, answer: Result<Answer, StoreError>) {
    // Whoever hung up does not hear the answer; what was committed stays committed.
    drop(reply.send(answer));
}
