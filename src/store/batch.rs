//! Group commit: the writer takes the commands that are waiting, loads their rows, decides one
//! after the other in memory, each seeing the one before it, writes once, commits once, and then
//! answers all.
//!
//! No waiting when idle; batches grow by themselves under load. A backend loads and writes rows and
//! never learns what a command is.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tracing::{error, warn};

use super::backend::{Backend, BackendError, Change, Net};
use super::heads::Heads;
use super::moment::{ClockBounds, Implausible, Moments};
use super::{Answer, Committed, StoreError};
use crate::crypto::hash::sha256;
use crate::crypto::integrity::IntegritySlot;
use crate::domain::command::Command;
use crate::domain::decide::{Decision, decide};
use crate::domain::id::{FIRST_TENANT, LedgerAccountId, MerchantId};
use crate::domain::journal::{Entry, chained_bytes};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{Finished, Journal, Lane, Row, RowKey, Table};
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

/// The writes of a batch under way.
#[derive(Default)]
struct Pending {
    changes: Vec<(RowKey, bool, Option<Row>)>,
    places: HashMap<RowKey, usize>,
    credits: HashMap<LedgerAccountId, (i64, i64)>,
    committed: Vec<Committed>,
    touched: Vec<RowKey>,
    contradiction: bool,
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

impl Pending {
    /// Takes a decision in: its writes, its journal row, its answer.
    fn take(&mut self, command: &Command, decision: Decision, view: &mut View, head: &mut Lane) -> Answer {
        match decision {
            Decision::Repeat(outcome) => Answer::Final(outcome),
            Decision::RepeatOpen(answer) => Answer::Open(answer),
            Decision::Commit { writes, entry } | Decision::Refuse { writes, entry } => {
                let order = writes.iter().find_map(Write::order);
                self.push_all(writes, view);
                let outcome = entry.outcome.clone();
                self.journal(command, &entry, order, view, head);
                Answer::Final(outcome)
            }
            Decision::Reject { writes, answer } => {
                self.push_all(writes, view);
                Answer::Open(answer)
            }
            Decision::Keep { writes } => {
                self.push_all(writes, view);
                Answer::Kept
            }
            Decision::Stale(stale) => Answer::Stale(stale),
            Decision::Nothing(traceless) => Answer::Nothing(traceless),
        }
    }

    fn push_all(&mut self, writes: Vec<Write>, view: &mut View) {
        for write in writes {
            self.push(write, view);
        }
    }

    fn push(&mut self, write: Write, view: &mut View) {
        view.fold(&write);
        let (key, existed, row) = match write {
            Write::Insert(row) => (row.key(), false, Some(row)),
            Write::Update(row) => (row.key(), true, Some(row)),
            Write::Delete(key) => (key, true, None),
            Write::Credit { ledger_account_id, debits_minor, credits_minor } => {
                let sums = self.credits.entry(ledger_account_id).or_default();
                sums.0 += debits_minor;
                sums.1 += credits_minor;
                return;
            }
        };
        if let Some(place) = self.places.get(&key) {
            let change = &mut self.changes[*place].2;
            // The database is shown net rows only, so it cannot see that a row was inserted twice,
            // or changed when it was gone.
            self.contradiction |= existed != change.is_some();
            *change = row;
        } else {
            self.touched.push(key.clone());
            self.places.insert(key.clone(), self.changes.len());
            self.changes.push((key, existed, row));
        }
    }

    /// Chains an entry onto its lane.
    fn journal(
        &mut self,
        command: &Command,
        entry: &Entry,
        order: Option<(MerchantId, String)>,
        view: &mut View,
        head: &mut Lane,
    ) {
        let Some(signed) = command.signed() else { return };
        let mut row = Journal {
            lane: head.lane,
            sequence: head.sequence + 1,
            tenant_id: FIRST_TENANT,
            command_id: command.id,
            kind: entry.kind.number(),
            at: view.now(),
            entry_account_id: entry.entry_account_id,
            request_id: signed.request_id,
            key_id: signed.key_id,
            digest: signed.digest,
            outcome: entry.outcome.encode(),
            postings: entry.postings.encode(),
            versions: entry.versions.encode(),
            method: signed.evidence.method.to_owned(),
            payload: signed.evidence.payload.clone(),
            signature: signed.evidence.signature.clone(),
            candidate_key: command.candidate_key(),
            accepted_step: entry.accepted_step,
            hash: [0; 32],
        };
        row.hash = chain_hash(&head.hash, &row);
        head.sequence = row.sequence;
        head.hash = row.hash;
        self.committed.push(Committed {
            lane: row.lane,
            sequence: row.sequence,
            kind: entry.kind,
            account_id: entry.versions.accounts.first().map(|(account_id, _)| *account_id),
            order,
        });
        let finished = Finished {
            request_id: row.request_id,
            key_id: row.key_id,
            digest: row.digest,
            outcome: row.outcome.clone(),
        };
        let key = RowKey::Finished(row.request_id, row.key_id);
        view.insert(key, Some(finished.into_row()));
        let key = RowKey::Journal(row.lane, row.sequence);
        self.changes.push((key, false, Some(row.into_row())));
    }

    fn net(self) -> Net {
        let mut changes: Vec<_> = self
            .changes
            .into_iter()
            .filter_map(|(key, existed, row)| match (existed, row) {
                (false, Some(row)) => Some((key, Change::Insert(row))),
                (true, Some(row)) => Some((key, Change::Update(row))),
                (true, None) => Some((key.clone(), Change::Delete(key))),
                (false, None) => None,
            })
            .collect();
        changes.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut credits: Vec<_> =
            self.credits.into_iter().map(|(id, (debits, credits))| (id, debits, credits)).collect();
        credits.sort_unstable();
        Net { changes: changes.into_iter().map(|(_, change)| change).collect(), credits }
    }
}

/// A journal row's hash, given the one before it.
pub fn chain_hash(previous: &[u8; 32], row: &Journal) -> [u8; 32] {
    sha256(&[b"saifu journal v1", previous, &chained_bytes(row, |bytes| sha256(&[bytes]))])
}
