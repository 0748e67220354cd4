//! The schema: brought up to date by a command of its own, and checked by every server that opens it.
//!
//! The tool that runs migrations takes no lock. So a row of a table made for that is locked for the
//! time of the run, by a transaction on a second connection: however many start at once, one works and
//! the others find it done.

use refinery::{Migration, Runner};
use tokio_postgres::error::SqlState;

use super::OpenError;
use super::connection::Connection;
use super::failure::Failure;
use super::settings::Settings;

mod migrations {
    refinery::embed_migrations!("migrations/postgres");
}

const HISTORY: &str = "refinery_schema_history";
const LOCK: &str = "migration_lock";

/// As many others may make the lock's table at the same time.
const TRIES: usize = 32;

const TABLES: &str = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'";

const MAKE_LOCK: &str = "CREATE TABLE IF NOT EXISTS migration_lock (one BIGINT PRIMARY KEY CHECK (one = 1)); \
     INSERT INTO migration_lock (one) VALUES (1) ON CONFLICT DO NOTHING";

/// Whoever has it migrates; the others wait as long as that takes.
const TAKE_LOCK: &str = "SET statement_timeout = 0; SET lock_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT one FROM migration_lock FOR UPDATE";

/// Brings the schema up to date. Safe to start anywhere, at any time, as often as one likes.
pub async fn migrate(settings: &Settings) -> Result<(), OpenError> {
    let mut guard = open(settings).await?;
    refuse_foreign(&mut guard, settings).await?;
    make_lock(&mut guard, settings).await?;
    guard.client().batch_execute(TAKE_LOCK).await.map_err(|error| unreachable(settings, &error.into()))?;
    let mut worker = open(settings).await?;
    let done = run(&mut worker, settings).await;
    let released = guard.client().batch_execute("COMMIT").await;
    done?;
    released.map_err(|error| unreachable(settings, &error.into()))
}

/// Whether the schema is the one that this program knows.
pub(super) async fn check(connection: &mut Connection, settings: &Settings) -> Result<(), OpenError> {
    refuse_foreign(connection, settings).await?;
    if !tables(connection, settings).await?.iter().any(|table| table == HISTORY) {
        return Err(OpenError::NoSchema(settings.place()));
    }
    let runner = migrations::migrations::runner();
    let applied = applied(connection, settings, &runner).await?;
    match applied.cmp(&newest(&runner)) {
        std::cmp::Ordering::Less => Err(OpenError::OldSchema(settings.place())),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::FutureSchema(settings.place())),
    }
}

async fn run(worker: &mut Connection, settings: &Settings) -> Result<(), OpenError> {
    let failed = |error| OpenError::Migration(settings.place(), Box::new(error));
    // A migration of tables full of rows takes as long as it takes.
    let untimed = worker.client().batch_execute("SET statement_timeout = 0").await;
    untimed.map_err(|error| unreachable(settings, &error.into()))?;
    let runner = migrations::migrations::runner();
    if tables(worker, settings).await?.iter().any(|table| table == HISTORY)
        && applied(worker, settings, &runner).await? > newest(&runner)
    {
        return Err(OpenError::FutureSchema(settings.place()));
    }
    runner.run_async(worker.client()).await.map(drop).map_err(failed)
}

/// Tables, and no history of ours: somebody else's. The history comes before the first table.
async fn refuse_foreign(connection: &mut Connection, settings: &Settings) -> Result<(), OpenError> {
    let tables = tables(connection, settings).await?;
    let is_ours = tables.iter().any(|table| table == HISTORY) || tables.iter().all(|table| table == LOCK);
    if is_ours { Ok(()) } else { Err(OpenError::Foreign(settings.place())) }
}

async fn make_lock(guard: &mut Connection, settings: &Settings) -> Result<(), OpenError> {
    let mut last = Failure::Silent;
    for _ in 0..TRIES {
        match guard.client().batch_execute(MAKE_LOCK).await {
            Ok(()) => return Ok(()),
            // `IF NOT EXISTS` looks, and then makes: another may have made it in between.
            Err(error) if is_race(&error) => last = error.into(),
            Err(error) => return Err(unreachable(settings, &error.into())),
        }
    }
    Err(unreachable(settings, &last))
}

fn is_race(error: &tokio_postgres::Error) -> bool {
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_OBJECT,
        SqlState::T_R_SERIALIZATION_FAILURE,
    ];
    error.code().is_some_and(|code| races.contains(code))
}

async fn tables(connection: &mut Connection, settings: &Settings) -> Result<Vec<String>, OpenError> {
    let reply =
        connection.ask(TABLES, Vec::new()).await.map_err(|failure| unreachable(settings, &failure))?;
    let names = reply.rows.iter().map(|row| row.try_get(0)).collect::<Result<_, tokio_postgres::Error>>();
    names.map_err(|error| unreachable(settings, &error.into()))
}

async fn applied(
    connection: &mut Connection,
    settings: &Settings,
    runner: &Runner,
) -> Result<Option<i32>, OpenError> {
    let last = runner.get_last_applied_migration_async(connection.client()).await;
    let last = last.map_err(|error| OpenError::Migration(settings.place(), Box::new(error)))?;
    Ok(last.map(|migration| migration.version()))
}

fn newest(runner: &Runner) -> Option<i32> {
    runner.get_migrations().iter().map(Migration::version).max()
}

async fn open(settings: &Settings) -> Result<Connection, OpenError> {
    Connection::open(settings).await.map_err(|failure| unreachable(settings, &failure))
}

pub(super) fn unreachable(settings: &Settings, failure: &Failure) -> OpenError {
    OpenError::Unreachable(settings.place(), failure.to_string())
}
