//! What a failure of the database means to the batch that met it.

use std::fmt;

use tokio_postgres::error::{DbError, SqlState};

use crate::domain::record::Corrupt;
use crate::store::backend::BackendError;

/// Keys that two servers may insert at the same time without either being wrong: the loser decides
/// anew, and finds the other's row. Any other key twice is a defect.
const RACES: [&str; 15] = [
    // The same request, sent to two servers.
    "journal_request",
    "open_request_pkey",
    "secret_reply_pkey",
    // One contact, or one key, enrolled at two servers.
    "contact_pkey",
    "signing_key_pkey",
    // One order, charged at one server and reversed at the other: a reversal that overtakes its charge.
    "order_slot_pkey",
    // Two servers that start on the same seed, with the same operators.
    "operator_pkey",
    "operator_key_id_key",
    "merchant_pkey",
    "store_pkey",
    "ledger_account_pkey",
    "merchant_ledger_account_id_key",
    // Two servers that take a new lane.
    "lane_pkey",
    // A turn that two servers had for a moment, at the comparison with a provider's list.
    "reconciliation_pkey",
    "reconciliation_item_pkey",
];

/// Why the database did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The driver's or the server's word.
    Database(tokio_postgres::Error),
    /// No answer in time; what became of it is unknown.
    Silent,
    /// It could not be reached a moment ago.
    Away,
    /// A row that cannot be read.
    Corrupt,
    /// What was counted is not what `decide` promised.
    Count,
    /// This process does not hold its lane any more.
    LaneLost,
    /// It waits for no standby, and was promised to.
    NoStandby,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Of the server's word only what names no value: a detail quotes the row.
            Self::Database(error) => match error.as_db_error() {
                Some(error) => write!(f, "{} ({})", error.message(), error.code().code()),
                None => write!(f, "{error}{}", Causes(error)),
            },
            Self::Silent => f.write_str("the database does not answer"),
            Self::Away => f.write_str("the database could not be reached a moment ago"),
            Self::Corrupt => Corrupt.fmt(f),
            Self::Count => f.write_str("a row was not there, or there already"),
            Self::LaneLost => f.write_str("another process has taken this one's lane"),
            Self::NoStandby => f.write_str(
                "its commits wait for no standby, which [store] standby = \"synchronous\" promises: set \
                 synchronous_standby_names in its configuration, or leave that key out",
            ),
        }
    }
}

/// What is behind an error, cause by cause.
struct Causes<'a>(&'a dyn std::error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<Corrupt> for Failure {
    fn from(Corrupt: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl Failure {
    /// What the batch is to do about it.
    pub(super) fn meaning(&self) -> BackendError {
        match self {
            Self::Database(error) => match error.as_db_error() {
                Some(error) => meaning(error),
                // Without a word of the server the connection is gone: once more, over another.
                None => BackendError::Conflict,
            },
            Self::LaneLost => BackendError::Conflict,
            Self::Silent | Self::Away | Self::NoStandby => BackendError::Unavailable,
            // As with a constraint, only the commands that name it fail.
            Self::Corrupt | Self::Count => BackendError::Constraint,
        }
    }

    /// Whether the connection is of no use any more.
    pub(super) fn ends_connection(&self) -> bool {
        match self {
            Self::Database(error) => error.as_db_error().is_none_or(|error| is_end(error.code())),
            Self::Silent | Self::Away | Self::NoStandby => true,
            Self::Corrupt | Self::Count | Self::LaneLost => false,
        }
    }
}

fn meaning(error: &DbError) -> BackendError {
    let code = error.code();
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code) || is_end(code) {
        return BackendError::Conflict;
    }
    if *code == SqlState::UNIQUE_VIOLATION
        && error.constraint().is_some_and(|constraint| RACES.contains(&constraint))
    {
        return BackendError::Conflict;
    }
    if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
        return BackendError::Broken;
    }
    match &code.code()[..2] {
        // A constraint, or a value that the database cannot hold.
        "22" | "23" => BackendError::Constraint,
        // Waited too long for a lock or for anything else, no room, no such table, …
        _ => BackendError::Unavailable,
    }
}

/// The session is over, or its server is not the one to write to any more.
fn is_end(code: &SqlState) -> bool {
    let ends = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::READ_ONLY_SQL_TRANSACTION,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    ends.contains(code) || code.code().starts_with("08")
}
