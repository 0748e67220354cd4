//! A connection: how it is made, and how several statements share one round trip.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row, Statement};

use super::cells::Parameter;
use super::failure::Failure;
use super::settings::Settings;
use crate::env::clock::Stopwatch;

/// All hosts together get this long to answer.
const CONNECTING_TIMEOUT: Duration = Duration::from_secs(15);
/// After a failure nobody tries again for so long; twice as long after the next, up to the most.
const BACK_OFF_US: i64 = 50_000;
const BACK_OFF_MOST_US: i64 = 2_000_000;

/// Makes connections, and spares a database that is away: between two tries everybody is told so at
/// once.
pub(super) struct Connector {
    pub settings: Settings,
    outage: Mutex<Option<Outage>>,
}

struct Outage {
    last_try: Stopwatch,
    wait_us: i64,
}

/// A statement, and what it is given.
pub(super) struct Ask<'a> {
    pub text: &'a str,
    pub parameters: Vec<Parameter<'a>>,
}

/// What a statement came to.
pub(super) struct Reply {
    pub rows: Vec<Row>,
    pub affected: u64,
}

/// What is sent together: one round trip, but for statements that are new to the connection.
#[derive(Default)]
pub(super) struct Round<'a> {
    /// Begins a transaction.
    pub before: Option<&'static str>,
    pub asks: Vec<Ask<'a>>,
    /// Ends one.
    pub after: Option<&'static str>,
}

/// An open connection and the statements it knows.
pub(super) struct Connection {
    client: Client,
    prepared: HashMap<String, Statement>,
    round_timeout: Duration,
}

impl Connector {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, outage: Mutex::new(None) }
    }

    /// A connection, unless the last try failed a moment ago.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        if self.outage().as_ref().is_some_and(|outage| outage.last_try.elapsed_us() < outage.wait_us) {
            return Err(Failure::Away);
        }
        let connected = Connection::open(&self.settings).await;
        let mut outage = self.outage();
        match &connected {
            Ok(_) => *outage = None,
            Err(error) => {
                let wait_us = outage.as_ref().map_or(BACK_OFF_US, |outage| outage.wait_us * 2);
                *outage =
                    Some(Outage { last_try: Stopwatch::start(), wait_us: wait_us.min(BACK_OFF_MOST_US) });
                tracing::warn!(%error, "no connection to the database");
            }
        }
        connected
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Connects to the first host that can be written to.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        let opening = async {
            let client = connect(settings).await?;
            client.batch_execute(&session(settings)).await?;
            if settings.is_replicated {
                replicated(&client).await?;
            }
            Ok(Self {
                client,
                prepared: HashMap::new(),
                // A statement may wait as long as it may; the server ends it. Later than this, the
                // server does not.
                round_timeout: settings.statement_timeout * 3,
            })
        };
        tokio::time::timeout(CONNECTING_TIMEOUT, opening).await.map_err(|_| Failure::Silent)?
    }

    /// Whether it is known to be of no use any more.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// For what is not a round: migrations.
    pub(super) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Sends everything and waits for everything. The first failure counts: those after it only say
    /// that the transaction is aborted.
    pub(super) async fn round(&mut self, round: &Round<'_>) -> Result<Vec<Reply>, Failure> {
        let timeout = self.round_timeout;
        tokio::time::timeout(timeout, self.exchange(round)).await.map_err(|_| Failure::Silent)?
    }

    /// One statement that is not asked with others.
    pub(super) async fn ask(&mut self, text: &str, parameters: Vec<Parameter<'_>>) -> Result<Reply, Failure> {
        let round = Round { asks: vec![Ask { text, parameters }], ..Round::default() };
        let mut replies = self.round(&round).await?;
        replies.pop().ok_or(Failure::Silent)
    }

    async fn exchange(&mut self, round: &Round<'_>) -> Result<Vec<Reply>, Failure> {
        let texts = round.asks.iter().map(|ask| ask.text);
        let statements = self.prepare(texts).await?;
        let client = &self.client;
        let mut waiting: Vec<Waiting<'_>> = Vec::with_capacity(round.asks.len() + 2);
        waiting.extend(round.before.map(|text| simple(client, text)));
        for (ask, statement) in round.asks.iter().zip(statements) {
            waiting.push(Box::pin(asked(client, statement, &ask.parameters)));
        }
        waiting.extend(round.after.map(|text| simple(client, text)));
        let mut replies = together(waiting).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        if round.before.is_some() {
            replies.remove(0);
        }
        if round.after.is_some() {
            replies.pop();
        }
        Ok(replies)
    }

    /// The statements of these texts; those that are new are prepared together.
    async fn prepare(&mut self, texts: impl Iterator<Item = &str>) -> Result<Vec<Statement>, Failure> {
        let texts: Vec<&str> = texts.collect();
        let mut missing: Vec<&str> =
            texts.iter().copied().filter(|text| !self.prepared.contains_key(*text)).collect();
        missing.sort_unstable();
        missing.dedup();
        if !missing.is_empty() {
            let client = &self.client;
            let preparing: Vec<Pin<Box<dyn Future<Output = _> + Send>>> =
                missing.iter().map(|text| Box::pin(client.prepare(text)) as _).collect();
            for (text, statement) in missing.into_iter().zip(together(preparing).await) {
                self.prepared.insert(text.to_owned(), statement?);
            }
        }
        Ok(texts.iter().filter_map(|text| self.prepared.get(*text).cloned()).collect())
    }
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Reply, tokio_postgres::Error>> + Send + 'a>>;

fn simple<'a>(client: &'a Client, text: &'static str) -> Waiting<'a> {
    Box::pin(async move {
        client.batch_execute(text).await?;
        Ok(Reply { rows: Vec::new(), affected: 0 })
    })
}

async fn asked(
    client: &Client,
    statement: Statement,
    parameters: &[Parameter<'_>],
) -> Result<Reply, tokio_postgres::Error> {
    let parameters = parameters.iter().map(|parameter| parameter.as_ref() as &(dyn ToSql + Sync));
    let stream = client.query_raw(&statement, parameters).await?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = stream.try_next().await? {
        rows.push(row);
    }
    Ok(Reply { rows, affected: stream.rows_affected().unwrap_or(0) })
}

/// Polls each for the first time in their order, which is when it sends, and waits for all of them.
async fn together<T>(mut futures: Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Vec<T> {
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *output = Some(ready),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

async fn connect(settings: &Settings) -> Result<Client, tokio_postgres::Error> {
    if let Some(tls) = &settings.tls {
        let (client, connection) = settings.config.connect(tls.clone()).await?;
        drop(tokio::spawn(report(connection)));
        Ok(client)
    } else {
        let (client, connection) = settings.config.connect(NoTls).await?;
        drop(tokio::spawn(report(connection)));
        Ok(client)
    }
}

/// Whether commits of this session wait for a standby. Asked of every new connection, for after a failover it
/// is another server's. Whether one is connected is not asked: without one, commits wait.
async fn replicated(client: &Client) -> Result<(), Failure> {
    const ASKED: &str =
        "SELECT current_setting('synchronous_standby_names'), current_setting('synchronous_commit')";
    let row = client.query_one(ASKED, &[]).await?;
    let (names, commit): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
    let waits = !names.trim().is_empty() && ["on", "remote_apply"].contains(&commit);
    if waits { Ok(()) } else { Err(Failure::NoStandby) }
}

/// Carries a connection's bytes until it ends.
async fn report<E: fmt::Display>(connection: impl Future<Output = Result<(), E>>) {
    if let Err(error) = connection.await {
        tracing::warn!(%error, "a connection to the database was lost");
    }
}

/// What every session is set to, whatever the server's own configuration says.
fn session(settings: &Settings) -> String {
    format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}; SET synchronous_commit = on",
        settings.statement_timeout.as_millis(),
        settings.lock_timeout.as_millis(),
        (settings.statement_timeout * 3).as_millis(),
    )
}
