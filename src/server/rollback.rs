//! Before a server answers: whether its database is as old as its checkpoints say at least, and whether what
//! was added since the last one holds together. A database that was put back as it was earlier has good
//! signatures throughout; what tells it are the checkpoints, which lie elsewhere.
//!
//! Looked at is the tail of each lane behind its last checkpoint: rows chain up to the signed head, and the
//! accounts and keys that they touched are at no earlier version than they made. `saifu verify` looks at the
//! rest.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::crypto::keyring::Keyring;
use crate::domain::command::SystemAction;
use crate::domain::id::{KeyId, hex};
use crate::domain::journal::Versions;
use crate::domain::outcome::Outcome;
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, Finished, Journal, Lane, Row, RowKey, SigningKey, Table};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::gate::system::system_key_id;
use crate::store::pending::chain_hash;
use crate::store::query::{Query, Scan};
use crate::store::{Store, StoreError};
use crate::tasks::checkpoint::{self, Checkpoint, Places, revoked};

const PAGE: i64 = 1_000;
const ROWS: usize = 500;

/// Why a database is not gone on with.
#[derive(Debug)]
pub enum RollbackError {
    /// It ends before this checkpoint.
    Behind {
        /// When that was signed, µs since the epoch.
        at_us: i64,
        /// The lane.
        lane: i64,
        /// Its row.
        sequence: i64,
    },
    /// What was added since then does not hold together.
    Broken {
        /// Where.
        place: String,
        /// What.
        what: &'static str,
    },
    /// The last checkpoint of a file is not this server's.
    Foreign(PathBuf),
    /// A file beside the database cannot be read.
    Unreadable(PathBuf, io::Error),
    /// The database cannot be read.
    Store(StoreError),
}

impl fmt::Display for RollbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind { at_us, lane, sequence } => write!(
                f,
                "this database is older than what this server has answered: the checkpoint of {} s since the \
                 epoch has row {sequence} in lane {lane} of the journal, and it is not there; nothing was \
                 changed. Bring the newer database back; where there is none any more, go on with this one \
                 by `saifu restore --accept` (docs/operations.md, \"A database that was put back\")",
                at_us / SECOND_US
            ),
            Self::Broken { place, what } => write!(
                f,
                "{place}: {what}; nothing was changed. Something else than a server wrote to this database: \
                 run `saifu verify`, and restore it from a backup"
            ),
            Self::Foreign(path) => write!(
                f,
                "the last line of {} was not signed by this server; nothing was changed: put the right file \
                 back",
                path.display()
            ),
            Self::Unreadable(path, error) => write!(
                f,
                "{} cannot be read ({error}); nothing was changed: put it back, or its directory",
                path.display()
            ),
            Self::Store(_) => f.write_str(
                "the end of the journal could not be read; nothing was changed: run `saifu verify`, and \
                 start again",
            ),
        }
    }
}

impl From<StoreError> for RollbackError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

type Checked = Result<(), RollbackError>;

fn broken(place: String, what: &'static str) -> RollbackError {
    RollbackError::Broken { place, what }
}

/// The last checkpoint of each place, with this server's signature.
pub(super) fn newest(places: &Places, public: &[u8; 32]) -> Result<Vec<Checkpoint>, RollbackError> {
    let mut newest = Vec::new();
    for place in places.each() {
        let path = place.checkpoints();
        let is_there = path.parent().is_none_or(std::path::Path::is_dir);
        let absent = || io::Error::from(io::ErrorKind::NotFound);
        let read = if is_there { checkpoint::read(&path) } else { Err(absent()) };
        let checkpoints = read.map_err(|error| RollbackError::Unreadable(path.clone(), error))?;
        if let Some(last) = checkpoints.into_iter().next_back() {
            if !last.is_signed_by(public) {
                return Err(RollbackError::Foreign(path));
            }
            newest.push(last);
        }
    }
    Ok(newest)
}

/// Keys that were revoked, from all places.
pub(super) fn revoked_keys(places: &Places, public: &[u8; 32]) -> Result<HashSet<KeyId>, RollbackError> {
    let mut keys = HashSet::new();
    for place in places.each() {
        let path = place.revoked();
        keys.extend(revoked::read(&path, public).map_err(|error| RollbackError::Unreadable(path, error))?);
    }
    Ok(keys)
}

/// What becomes of a database that ends before its checkpoints.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// Nobody serves on it.
    Refused,
    /// It is about to be taken as it is.
    Accepted,
}

/// Refuses a database that ends before one of these checkpoints, or whose end does not hold together. What
/// was signed before an older database was taken as it is was given up then.
pub(super) async fn check(
    store: &Store,
    newest: &[Checkpoint],
    restored_at: Timestamp,
    behind: Behind,
) -> Checked {
    let scan = Scan::All { table: Table::Lane, after: None, limit: i64::MAX };
    let fetched = store.fetch(Query::scan(scan)).await?;
    let lanes: HashMap<i64, &Lane> = fetched.scanned::<Lane>().map(|lane| (lane.lane, lane)).collect();
    let mut latest: Option<&Checkpoint> = None;
    for checkpoint in newest.iter().filter(|checkpoint| checkpoint.at_us > restored_at.0) {
        match reached(store, checkpoint, &lanes).await {
            Err(RollbackError::Behind { .. }) if behind == Behind::Accepted => {}
            found => {
                found?;
                latest = Some(latest.filter(|latest| latest.at_us > checkpoint.at_us).unwrap_or(checkpoint));
            }
        }
    }
    // Without one, nothing outside says how old it is, and the whole journal would be its tail.
    let Some(latest) = latest else {
        if behind == Behind::Refused && lanes.values().any(|lane| lane.sequence > 1) {
            tracing::warn!(
                "there are no checkpoints beside this database: whether it was put back as it was earlier \
                 cannot be seen"
            );
        }
        return Ok(());
    };
    let mut touched = Touched::default();
    for lane in lanes.values() {
        let from = latest.heads.iter().find(|(other, ..)| *other == lane.lane);
        let (_, sequence, hash) = from.copied().unwrap_or((lane.lane, 0, [0; 32]));
        tail(store, lane, (sequence, hash), &mut touched).await?;
    }
    touched.are_as_new(store).await
}

/// A checkpoint's rows are there, and the ones that they were.
async fn reached(store: &Store, checkpoint: &Checkpoint, lanes: &HashMap<i64, &Lane>) -> Checked {
    for (lane, sequence, hash) in checkpoint.heads.iter().filter(|(_, sequence, _)| *sequence > 0) {
        let behind = RollbackError::Behind { at_us: checkpoint.at_us, lane: *lane, sequence: *sequence };
        if lanes.get(lane).is_none_or(|lane| lane.sequence < *sequence) {
            return Err(behind);
        }
        let fetched = store.fetch(Query::row(RowKey::Journal(*lane, *sequence))).await?;
        if fetched.get::<Journal>().is_none_or(|row| row.hash != *hash) {
            return Err(behind);
        }
    }
    Ok(())
}

/// The rows of a lane behind a checkpoint, each behind the one before it, up to the lane's head.
async fn tail(store: &Store, lane: &Lane, from: (i64, [u8; 32]), touched: &mut Touched) -> Checked {
    let (mut sequence, mut hash) = from;
    while sequence < lane.sequence {
        let after = Some(RowKey::Journal(lane.lane, sequence));
        let fetched =
            store.fetch(Query::scan(Scan::All { table: Table::Journal, after, limit: PAGE })).await?;
        let rows = fetched.scanned::<Journal>().filter(|row| row.lane == lane.lane);
        let before = sequence;
        for row in rows.take_while(|row| row.sequence <= lane.sequence) {
            let place = || format!("journal lane {} row {}", row.lane, row.sequence);
            if row.sequence != sequence + 1 || chain_hash(&hash, row) != row.hash {
                return Err(broken(place(), "it does not follow the row before it"));
            }
            let versions = Versions::decode(&row.versions);
            touched.take(&versions.map_err(|_corrupt| broken(place(), "it cannot be read"))?);
            (sequence, hash) = (row.sequence, row.hash);
        }
        if sequence == before {
            return Err(broken(format!("journal lane {}", lane.lane), "its last rows are missing"));
        }
    }
    if hash != lane.hash {
        return Err(broken(format!("journal lane {}", lane.lane), "its last row is not the one of its head"));
    }
    Ok(())
}

/// The accounts and keys that the tail touched, and the versions that it made.
#[derive(Default)]
struct Touched(HashMap<RowKey, i64>);

impl Touched {
    fn take(&mut self, versions: &Versions) {
        let accounts = versions.accounts.iter().map(|(id, version)| (RowKey::Account(*id), *version));
        let keys = versions.keys.iter().map(|(id, version)| (RowKey::SigningKey(*id), *version));
        for (key, version) in accounts.chain(keys) {
            let newest = self.0.entry(key).or_default();
            *newest = (*newest).max(version);
        }
    }

    /// Read with their tags: a row that somebody else wrote is none, and reading it fails.
    async fn are_as_new(self, store: &Store) -> Checked {
        let touched: Vec<_> = self.0.into_iter().collect();
        for some in touched.chunks(ROWS) {
            let rows = some.iter().map(|(key, _)| key.clone()).collect();
            let fetched = store.fetch(Query { rows, ..Query::default() }).await?;
            let found: HashMap<RowKey, i64> =
                fetched.rows.iter().filter_map(|row| Some((row.key(), version(row)?))).collect();
            if let Some((key, _)) =
                some.iter().find(|(key, made)| found.get(key).is_none_or(|has| has < made))
            {
                return Err(broken(named(key), "it is older than the journal says"));
            }
        }
        Ok(())
    }
}

fn named(key: &RowKey) -> String {
    if let RowKey::Account(id) = key {
        format!("account {}", hex(&id.0))
    } else if let RowKey::SigningKey(id) = key {
        format!("key {}", hex(&id.0))
    } else {
        format!("{key:?}")
    }
}

fn version(row: &Row) -> Option<i64> {
    let account = Account::of(row).map(|account| account.version);
    account.or_else(|| SigningKey::of(row).map(|key| key.version))
}

/// How often an older database was taken as it is, and when last.
pub(super) async fn restorations(
    store: &Store,
    keys: &Keyring,
) -> Result<(i64, Option<Timestamp>), StoreError> {
    let (mut number, mut last) = (0, None);
    loop {
        let action =
            SystemAction::Restore { number: number + 1, given_up_at: Timestamp(0), given_up_root: [0; 32] };
        let key = RowKey::Finished(action.request_id(), system_key_id(&keys.system.public()));
        let fetched = store.fetch(Query::row(key)).await?;
        let Some(row) = fetched.get::<Finished>() else { return Ok((number, last)) };
        let Ok(Outcome::Restored { at }) = Outcome::decode(&row.outcome) else {
            return Err(StoreError::Defect);
        };
        (number, last) = (number + 1, Some(at));
    }
}
