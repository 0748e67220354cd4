//! One connection to Redis, shared by all calls: each has its answer within its budget or does
//! without, and after some that did without, nobody asks for a while.
//!
//! Connecting is nobody's in particular: it goes on when the call that began it has run out of time, or
//! a server far away would never be reached within one call's budget. A connection that gave an error,
//! or was silent when the breaker opened, is not used again: it may lead to a server that is no longer
//! the primary, or nowhere.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::env::clock::Stopwatch;
use crate::ratelimit::breaker::{Breaker, Ended, Leave, Turn};
use crate::ratelimit::redis::settings::{Pace, RedisSettings};
use crate::ratelimit::source::SourceUnavailable;

pub(super) struct Link {
    client: Client,
    pace: Pace,
    watch: Stopwatch,
    breaker: Mutex<Breaker>,
    state: watch::Sender<State>,
}

#[derive(Clone)]
enum State {
    Absent {
        connections: u64,
    },
    Connecting {
        connections: u64,
    },
    /// The number tells one connection from the next.
    Present {
        connections: u64,
        connection: MultiplexedConnection,
    },
}

impl State {
    fn connections(&self) -> u64 {
        match self {
            Self::Absent { connections }
            | Self::Connecting { connections }
            | Self::Present { connections, .. } => *connections,
        }
    }
}

impl Link {
    /// Not connected yet.
    pub(super) fn new(settings: &RedisSettings) -> Self {
        Self {
            client: settings.client.clone(),
            pace: settings.pace,
            watch: Stopwatch::start(),
            breaker: Mutex::new(Breaker::new(settings.pace.breaker)),
            state: watch::Sender::new(State::Absent { connections: 0 }),
        }
    }

    /// Asks, within the budget.
    pub(super) async fn call<T, F>(
        &self,
        ask: impl FnOnce(MultiplexedConnection) -> F + Send,
    ) -> Result<T, SourceUnavailable>
    where
        F: Future<Output = RedisResult<T>> + Send,
    {
        let mut leave = Permit::of(self).ok_or(SourceUnavailable)?;
        let mut used = None;
        let answer = timeout(self.pace.call, async {
            let Some((number, connection)) = self.connected().await else { return Err(None) };
            used = Some(number);
            ask(connection).await.map_err(Some)
        })
        .await;
        match answer {
            Ok(Ok(answer)) => {
                leave.ended(Ended::Answered, "");
                Ok(answer)
            }
            Ok(Err(error)) => {
                leave.ended(Ended::Failed, error.as_ref().map_or("no connection", RedisError::category));
                self.forget(used);
                Err(SourceUnavailable)
            }
            Err(_) => {
                // One slow answer is no reason to connect anew.
                if leave.ended(Ended::Failed, "no answer in time") {
                    self.forget(used);
                }
                Err(SourceUnavailable)
            }
        }
    }

    /// A connection besides the shared one, whatever the breaker thinks.
    pub(super) async fn another(&self) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.pace.connect))
            .set_response_timeout(None);
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The connection and its number; nothing when there was none to be had.
    async fn connected(&self) -> Option<(u64, MultiplexedConnection)> {
        let mut state = self.state.subscribe();
        let begins = self.state.send_if_modified(|state| {
            let State::Absent { connections } = *state else { return false };
            *state = State::Connecting { connections };
            true
        });
        if begins {
            let attempt = Attempt { state: self.state.clone() };
            tokio::spawn(attempt.connect(self.client.clone(), self.pace.connect));
        }
        let state = state.wait_for(|state| !matches!(state, State::Connecting { .. })).await.ok()?;
        match &*state {
            State::Present { connections, connection } => Some((*connections, connection.clone())),
            State::Absent { .. } | State::Connecting { .. } => None,
        }
    }

    /// Lets go of a connection, unless there is another by now.
    fn forget(&self, number: Option<u64>) {
        self.state.send_if_modified(|state| {
            let is_it = matches!(state, State::Present { connections, .. } if Some(*connections) == number);
            if is_it {
                *state = State::Absent { connections: state.connections() };
            }
            is_it
        });
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // A panic cannot leave it half changed: it is set as a whole.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connecting, which ends in one state or the other even if it panics.
struct Attempt {
    state: watch::Sender<State>,
}

impl Attempt {
    async fn connect(self, client: Client, within: Duration) {
        // Each call's budget is counted by itself.
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(within)).set_response_timeout(None);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        match timeout(within, connecting).await {
            Ok(Ok(connection)) => self.state.send_modify(|state| {
                *state = State::Present { connections: state.connections() + 1, connection };
            }),
            Ok(Err(error)) => tracing::debug!(why = error.category(), "Redis cannot be connected to"),
            Err(_) => tracing::debug!(why = "no answer in time", "Redis cannot be connected to"),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.state.send_if_modified(|state| {
            let State::Connecting { connections } = *state else { return false };
            *state = State::Absent { connections };
            true
        });
    }
}

/// The breaker's leave. A call that is dropped half-way gives it back.
struct Permit<'a> {
    link: &'a Link,
    leave: Option<Leave>,
}

impl<'a> Permit<'a> {
    fn of(link: &'a Link) -> Option<Self> {
        let leave = link.breaker().leave(link.watch.elapsed_us())?;
        Some(Self { link, leave: Some(leave) })
    }

    /// Whether nobody asks any more.
    fn ended(&mut self, ended: Ended, why: &str) -> bool {
        let Some(leave) = self.leave.take() else { return false };
        let turn = self.link.breaker().ended(leave, ended, self.link.watch.elapsed_us());
        match turn {
            Some(Turn::Opened) => {
                tracing::warn!(
                    why,
                    "Redis is away: each class of calls is denied or limited in this process"
                );
            }
            Some(Turn::Closed) => tracing::warn!("Redis is back: limits are shared again"),
            None => {}
        }
        turn == Some(Turn::Opened) || (leave == Leave::Probe && ended == Ended::Failed)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.ended(Ended::GivenUp, "");
    }
}
