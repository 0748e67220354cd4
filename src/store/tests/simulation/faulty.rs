//! A backend that fails by seed: before or after the real thing, at any of the four steps.
//!
//! What goes wrong is drawn once an attempt, at its beginning, so that backends that load more or less
//! often meet the same faults.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::random::Random;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::backend::{Backend, BackendError, Net, Place};

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    Begin,
    Load,
    Apply,
    Commit,
}

/// Whether the real thing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum When {
    Before,
    After,
}

/// What the writer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// After a commit: the reply is lost.
    Unavailable,
    Conflict,
}

/// A fault.
pub(crate) type Fault = (Point, When, Told);

/// What a writer's batch came to, beneath it.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// As many attempts were really committed.
    pub durable: usize,
    /// The last of them was committed and the writer knows.
    pub heard: bool,
    /// Attempts.
    pub attempts: u64,
    /// Faults that struck, since the beginning.
    pub faults: BTreeMap<Fault, u64>,
}

/// A real backend, with faults.
pub(crate) struct Faulty<B> {
    inner: B,
    random: Random,
    /// One attempt in so many is struck.
    one_in: u64,
    due: Option<Fault>,
    log: Arc<Mutex<Log>>,
}

impl<B> Faulty<B> {
    pub(crate) fn new(inner: B, seed: u64, one_in: u64) -> (Self, Arc<Mutex<Log>>) {
        let log = Arc::new(Mutex::new(Log::default()));
        let random = Random::new(seed ^ 0xfa17);
        (Self { inner, random, one_in, due: None, log: Arc::clone(&log) }, log)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("nobody panics while he holds the log")
    }

    fn draw(&mut self) -> Option<Fault> {
        if !self.random.one_in(self.one_in) {
            return None;
        }
        let point = self.random.of(&[Point::Begin, Point::Load, Point::Apply, Point::Commit, Point::Commit]);
        let when = self.random.of(&[When::Before, When::After]);
        Some((point, when, self.random.of(&[Told::Unavailable, Told::Conflict])))
    }

    fn attempt(&self) {
        let mut log = self.log();
        log.attempts += 1;
        log.heard = false;
    }

    /// The fault of this moment, if it is due; once.
    fn strike(&mut self, point: Point, when: When) -> Result<(), BackendError> {
        let Some(fault) = self.due.take_if(|(due, at, _)| *due == point && *at == when) else {
            return Ok(());
        };
        *self.log().faults.entry(fault).or_default() += 1;
        Err(match fault.2 {
            Told::Unavailable => BackendError::Unavailable,
            Told::Conflict => BackendError::Conflict,
        })
    }
}

impl<B: Backend> Backend for Faulty<B> {
    const EXCLUSIVE: bool = B::EXCLUSIVE;

    async fn begin(&mut self) -> Result<Place, BackendError> {
        self.due = self.draw();
        self.attempt();
        self.strike(Point::Begin, When::Before)?;
        let place = self.inner.begin().await?;
        self.strike(Point::Begin, When::After)?;
        Ok(place)
    }

    async fn load(&mut self, keys: &[RowKey]) -> Result<Vec<Option<Row>>, BackendError> {
        self.strike(Point::Load, When::Before)?;
        let rows = self.inner.load(keys).await?;
        self.strike(Point::Load, When::After)?;
        Ok(rows)
    }

    async fn load_all(&mut self, table: Table) -> Result<Vec<Row>, BackendError> {
        self.inner.load_all(table).await
    }

    async fn apply(&mut self, net: &Net) -> Result<(), BackendError> {
        self.strike(Point::Apply, When::Before)?;
        self.inner.apply(net).await?;
        self.strike(Point::Apply, When::After)
    }

    fn clock_us(&self) -> Option<i64> {
        self.inner.clock_us()
    }

    async fn commit(&mut self) -> Result<(), BackendError> {
        self.strike(Point::Commit, When::Before)?;
        self.inner.commit().await?;
        self.log().durable += 1;
        self.strike(Point::Commit, When::After)?;
        self.log().heard = true;
        Ok(())
    }

    async fn rollback(&mut self) {
        self.inner.rollback().await;
    }

    async fn release(&mut self) {
        self.inner.release().await;
    }
}
