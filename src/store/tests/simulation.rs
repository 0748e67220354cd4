//! The seeded simulation of the store: everybody pays, tops up, charges, reverses and asks again, while
//! the database under the batch writer fails between any two steps.
//!
//! **Goal.** Whatever fails and whoever repeats, the real writer over a real backend ends where a pure
//! model ends that decides the same commands one after the other.
//!
//! **A run fails** when, after any batch, the sum over all accounts is not zero or a balance that may not
//! be negative is; when an answer is not the model's, or a request id is answered for good in two ways;
//! when half a batch is reported unavailable, or a batch that no fault struck; and at its end when a row
//! of any table is not the model's, the journal is not one chain with one row a request id, or two kinds
//! of database that were told the same seed differ in any row, hashes included.
//!
//! **Faults.** One attempt in a few is struck at begin, load, apply or commit, before or after the real
//! thing, as unavailable or as a conflict: so also a commit that is done and nobody hears of. Whoever
//! heard `Unavailable` asks again under the same request id, amid new calls of others.
//!
//! **What the model is told.** The commands in the order of the queue, the time of each batch, and how
//! often a batch was really committed: what left no trace (`Stale`) is rightly decided anew when its
//! batch runs again. It knows nothing of batches, views, net rows, retries or SQL.
//!
//! **Known nondeterminism.** None in what is decided: time stands still but for the seed, ids are
//! counted, one thread runs everything, and faults are drawn once an attempt, not once a call, so that
//! a backend that remembers rows meets the same ones. Durations vary (a conflict waits some
//! milliseconds of real time). Not simulated: two writers on one database, a database that loses what it
//! acknowledged, and a crash of the process; those have tests of their own.
//!
//! `SAIFU_SIMULATION_COMMANDS` makes every run so long, `SAIFU_SIMULATION_SEED` gives it another seed.

pub(crate) mod actors;
pub(crate) mod faulty;
pub(crate) mod memory;
mod random;
mod runs;
mod watch;

use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::rig::{Kind, all, integrity, seed};
use super::stories::{answer, is_one_chain};
use crate::domain::command::Command;
use crate::domain::rows::Row;
use crate::domain::tests::fixture::{Attempt, Ledger, NOW};
use crate::env::clock::ManualClock;
use crate::env::environment::Environment;
use crate::store::batch::{BatchOptions, Writer};
use crate::store::moment::ClockBounds;
use crate::store::{Answer, Store, StoreError};
use actors::Actors;
use faulty::{Faulty, Log, Told};
use watch::Watch;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub seed: u64,
    pub commands: usize,
    /// A batch has so many commands at most.
    pub batch_most: usize,
    /// One attempt in so many is struck by a fault.
    pub faults_one_in: u64,
}

/// What a run came to.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub commands: usize,
    pub batches: u64,
    /// Commands that were asked again because nobody heard of them.
    pub resent: usize,
    /// All rows of all tables at the end.
    pub rows: Vec<Row>,
}

impl Plan {
    /// Of this length, unless the environment wants another.
    pub(crate) fn new(seed: u64, commands: usize, batch_most: usize) -> Self {
        let environment = Environment::of_the_process();
        let number = |name: &str| {
            let text = environment.get(name)?.to_str()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
        };
        let length =
            number("SAIFU_SIMULATION_COMMANDS").map(|length| usize::try_from(length).expect("small"));
        Self {
            seed: number("SAIFU_SIMULATION_SEED").unwrap_or(seed),
            commands: length.unwrap_or(commands),
            batch_most,
            faults_one_in: 8,
        }
    }
}

/// A run under way; says where it was when it fails.
struct Simulation {
    plan: Plan,
    store: Store,
    clock: Arc<ManualClock>,
    log: Arc<Mutex<Log>>,
    model: Ledger,
    actors: Actors,
    watch: Watch,
    unheard: Vec<Attempt>,
    report: Report,
}

impl Drop for Simulation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:?} failed in batch {}", self.plan, self.report.batches);
        }
    }
}

/// Simulates over this kind of database.
pub(crate) async fn run<K: Kind>(name: &str, kind: &K, plan: Plan) -> Report {
    let model = actors::ledger();
    let mut made = kind.make().await;
    seed(&mut made.backend, &model).await;
    let (backend, log) = Faulty::new(made.backend, plan.seed, plan.faults_one_in);
    let clock = Arc::new(ManualClock::new(NOW.0));
    let (queue, waiting) = mpsc::channel(4 * plan.batch_most);
    let (committed, _) = broadcast::channel(16);
    let options = BatchOptions {
        policy: Arc::new(model.policy.clone()),
        clock: Arc::clone(&clock) as Arc<_>,
        clocks: ClockBounds::standard(),
        integrity: integrity(),
        // A batch of the simulation is one of the writer's, however much is in it.
        batch_bound: 4 * plan.batch_most,
    };
    let writer = Writer::new(backend, options, committed.clone());
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(writer.run(waiting, stopped));
    let mut simulation = Simulation {
        plan,
        store: Store::new(queue, made.reader, committed),
        clock,
        log,
        watch: Watch::new(&model),
        model,
        actors: Actors::new(plan.seed),
        unheard: Vec::new(),
        report: Report::default(),
    };
    while simulation.report.commands < plan.commands || !simulation.unheard.is_empty() {
        simulation.batch().await;
    }
    simulation.end().await;
    simulation.tell(name);
    drop(stop);
    running.await.expect("the writer ends by itself");
    std::mem::take(&mut simulation.report)
}

impl Simulation {
    async fn batch(&mut self) {
        let wait_us = self.actors.wait_us();
        self.clock.advance_us(wait_us);
        self.model.pass(wait_us);
        let batch = self.next();
        let log = |log: &Mutex<Log>| std::mem::take(&mut log.lock().expect("nobody panics here").durable);
        log(&self.log);
        let struck = unavailable(&self.log);
        let answers = all(&self.store, batch.iter().map(|attempt| attempt.command.clone())).await;
        let durable = log(&self.log);
        let is_lost = answers.contains(&Err(StoreError::Unavailable));
        let is_heard = self.log.lock().expect("nobody panics here").heard;
        let mut told = Vec::new();
        for _ in 0..durable + usize::from(!is_lost && !is_heard) {
            told = batch.iter().map(|attempt| answer(&self.model.act(attempt))).collect();
        }
        self.report.batches += 1;
        self.report.commands += batch.len();
        if is_lost {
            let lost = answers.iter().all(|answer| *answer == Err(StoreError::Unavailable));
            assert!(lost, "half a batch is unavailable: {answers:?}");
            assert!(
                unavailable(&self.log) > struck,
                "unavailable, and no fault struck: did the writer panic?"
            );
            self.report.resent += batch.len();
            self.unheard = batch;
        } else {
            for ((attempt, answer), told) in batch.iter().zip(answers).zip(told) {
                self.hear(&attempt.command, &answer, told);
            }
        }
        self.watch.money(&self.store).await;
    }

    /// Whoever heard nothing asks again, amid new calls.
    fn next(&mut self) -> Vec<Attempt> {
        let mut batch = Vec::new();
        for attempt in std::mem::take(&mut self.unheard) {
            let number = self.model.number();
            batch.push(attempt.executed_again(number));
        }
        if self.report.commands < self.plan.commands {
            let most = 1 + self.actors.random.below(self.plan.batch_most);
            while batch.len() < most {
                self.actors.calls(&mut self.model, &mut batch);
            }
        }
        batch
    }

    fn hear(&mut self, command: &Command, heard: &Result<Answer, StoreError>, told: Answer) {
        assert_eq!(*heard, Ok(told), "another answer than the model's to {command:?}");
        if let (Some(signed), Ok(Answer::Final(outcome))) = (command.signed(), heard) {
            self.watch.answered((signed.request_id, signed.key_id), outcome);
        }
    }

    async fn end(&mut self) {
        self.report.rows = watch::rows(&self.store).await;
        watch::are_the_models(&self.report.rows, &self.model);
        is_one_chain(&self.store).await;
    }

    fn tell(&self, name: &str) {
        let log = self.log.lock().expect("nobody panics here");
        let Report { commands, batches, resent, rows } = &self.report;
        println!(
            "{name}, seed {}: {commands} commands in {batches} batches ({} attempts), {} journalled, \
             {} rows, {} repeats on purpose, {resent} commands asked again, faults {}: {:?}; {}",
            self.plan.seed,
            log.attempts,
            self.model.entries.len(),
            rows.len(),
            self.actors.repeats,
            log.faults.values().sum::<u64>(),
            log.faults,
            self.watch.kinds(),
        );
    }
}

/// Faults so far that the writer is to pass on.
fn unavailable(log: &Mutex<Log>) -> u64 {
    let log = log.lock().expect("nobody panics here");
    log.faults.iter().filter(|(fault, _)| fault.2 == Told::Unavailable).map(|(_, count)| count).sum()
}

/// On a runtime of one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// Fails at the first row that two kinds of database do not agree about.
pub(crate) fn agree(one: &Report, other: &Report) {
    watch::same("one kind's", &one.rows, "the other's", &other.rows);
}
