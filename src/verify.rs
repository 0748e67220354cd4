//! Re-derives everything from the journal alone, and reports what does not hold: chains, evidence
//! against the keys that were active then, postings against the signed bodies, balances against
//! postings, one effect per request id, the tables against all of that, and the checkpoints.
//!
//! Trusted are the code and the checkpoint file, nothing of the database. It may run while the
//! server does: everything is read in one snapshot.

mod books;
mod evidence;
mod lanes;
mod look;
mod replay;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crypto::entropy::SystemEntropy;
use crate::crypto::integrity::Integrity;
use crate::crypto::keyring::{Keyring, KeyringError};
use crate::domain::id::hex;
use crate::domain::policy::Policy;
use crate::store::postgres;
use crate::store::postgres::settings::Settings;
use crate::store::sqlite::OpenError;
use crate::tasks::checkpoint::{self, CHECKPOINT_FILE};
use lanes::Lanes;
use look::Look;
use replay::Replay;

/// As many problems are told; one false row can make a thousand others look false.
const PROBLEMS_TOLD: usize = 20;

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a journal row, or a row of another table.
    pub place: String,
    /// What.
    pub what: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Journal rows.
    pub rows: u64,
    /// Payments among them.
    pub payments: u64,
    /// Customer accounts.
    pub accounts: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Those that were given up when an older database was taken as it is.
    pub given_up: u64,
    /// The sum of all balances in the tables; zero when money is conserved.
    pub sum_minor: i64,
    /// The server's public key, as the journal's first row names it, hexadecimal.
    pub system_key: String,
    /// Rows that carry a tag, and heads of lanes that carry a signature.
    pub signed: u64,
    /// Those that carry none, though they should.
    pub unsigned: u64,
    /// What does not hold, in the order it was found; the first is the cause of most others.
    pub problems: Vec<Problem>,
    /// What could not be looked at, and what may be wrong unseen for that reason.
    pub weaknesses: Vec<&'static str>,
}

impl Report {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether everything holds, and nothing outside the database was wanting to say so.
    pub fn is_proof(&self) -> bool {
        self.holds() && self.weaknesses.is_empty()
    }

    /// Whether nothing is wrong but that nothing is signed yet. Where a part is, somebody took away the rest.
    pub fn is_from_before_signing(&self) -> bool {
        self.signed == 0 && self.problems.iter().all(|problem| problem.what == books::UNSIGNED)
    }

    fn weaken(&mut self, trust: &Trust, lacks_checkpoints: bool) {
        let wanting = match trust {
            Trust::Keys(_) => None,
            Trust::PublicKey(_) => Some(
                "rows' tags were not checked: what the journal does not determine, such as counters of wrong \
                 codes, contacts and documents, may be somebody else's; --config or --data-dir with the \
                 server's keys checks them",
            ),
            Trust::Nothing => Some(
                "no key from outside the database was given: a database that was made anew as a whole would \
                 pass; give the server's public key with --system-key",
            ),
        };
        self.weaknesses.extend(wanting);
        if lacks_checkpoints {
            self.weaknesses.push(
                "there are no checkpoints: a database that was put back as it was earlier would pass; give \
                 their file with --checkpoints",
            );
        }
    }

    fn problem(&mut self, place: impl Into<String>, what: &'static str) {
        if self.problems.len() < PROBLEMS_TOLD {
            self.problems.push(Problem { place: place.into(), what });
        }
    }
}

/// Why nothing could be verified.
#[derive(Debug)]
pub enum VerifyError {
    /// The database cannot be read.
    Store(OpenError),
    /// The PostgreSQL database cannot be read.
    Remote(postgres::OpenError),
    /// The checkpoint file cannot be read.
    Checkpoints(std::io::Error),
    /// The verification itself broke off.
    BrokeOff,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Remote(error) => error.fmt(f),
            Self::Checkpoints(error) => write!(f, "the file of checkpoints cannot be read: {error}"),
            Self::BrokeOff => f.write_str("the verification broke off"),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<postgres::OpenError> for VerifyError {
    fn from(error: postgres::OpenError) -> Self {
        Self::Remote(error)
    }
}

impl From<OpenError> for VerifyError {
    fn from(error: OpenError) -> Self {
        Self::Store(error)
    }
}

/// What is verified, and by what that lies outside the database.
pub struct Subject {
    /// The database.
    pub database: Database,
    /// The file of checkpoints.
    pub checkpoints: PathBuf,
    /// Whose word is taken for the server's.
    pub trust: Trust,
}

/// What is known of the server's key from elsewhere than the database.
pub enum Trust {
    /// The server's own keys: rows' tags are checked, too.
    Keys(Arc<Integrity>),
    /// Its public key.
    PublicKey([u8; 32]),
    /// Nothing: whoever made the whole database made its keys, too.
    Nothing,
}

impl Trust {
    fn public(&self) -> Option<[u8; 32]> {
        match self {
            Self::Keys(integrity) => Some(integrity.public()),
            Self::PublicKey(public) => Some(*public),
            Self::Nothing => None,
        }
    }

    fn integrity(&self) -> Option<&Integrity> {
        match self {
            Self::Keys(integrity) => Some(integrity),
            Self::PublicKey(_) | Self::Nothing => None,
        }
    }
}

/// Where a database is.
#[derive(Clone, Debug)]
pub enum Database {
    /// Embedded, in this directory.
    Embedded(PathBuf),
    /// On a PostgreSQL server.
    Remote(Box<Settings>),
}

/// Verifies a data directory by the rules' documented figures.
pub async fn verify(data_dir: &Path) -> Result<Report, VerifyError> {
    verify_by(data_dir, Policy::standard()).await
}

/// Verifies a data directory by these figures.
pub async fn verify_by(data_dir: &Path, policy: Policy) -> Result<Report, VerifyError> {
    let subject = Subject {
        database: Database::Embedded(data_dir.to_owned()),
        checkpoints: data_dir.join(CHECKPOINT_FILE),
        trust: trust_in(&data_dir.join("keys")),
    };
    // Thousands of signatures: not on the runtime's threads.
    tokio::task::spawn_blocking(move || verify_now(&subject, policy))
        .await
        .unwrap_or(Err(VerifyError::BrokeOff))
}

/// The keys in a directory, when they can be read.
pub fn trust_in(keys: &Path) -> Trust {
    keys_in(keys).map_or(Trust::Nothing, Trust::Keys)
}

/// The keys in a directory, or why they cannot be read.
pub fn keys_in(keys: &Path) -> Result<Arc<Integrity>, KeyringError> {
    Ok(Keyring::load_or_create(keys, &SystemEntropy::new(), false)?.integrity)
}

/// How far a verification is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many rows of the journal were replayed.
    Rows(u64),
    /// The tables are compared with what the journal came to.
    Tables,
}

/// Verifies on this thread, which may block.
pub fn verify_now(subject: &Subject, policy: Policy) -> Result<Report, VerifyError> {
    verify_telling(subject, policy, |_| {})
}

/// The same, and tells how far it is.
pub fn verify_telling(
    subject: &Subject,
    policy: Policy,
    mut told: impl FnMut(Progress),
) -> Result<Report, VerifyError> {
    let Subject { database, checkpoints, trust } = subject;
    // Read first: a checkpoint is never ahead of the database.
    let checkpoints = checkpoint::read(checkpoints).map_err(VerifyError::Checkpoints)?;
    let mut look = match database {
        Database::Embedded(directory) => Look::directory(directory)?,
        Database::Remote(settings) => Look::database(settings)?,
    };
    let mut report = Report::default();
    if look.is_damaged()? {
        report.problem("database file", "SQLite finds its structure damaged");
    }
    report.weaken(trust, checkpoints.is_empty());
    let mut replay = Replay::new(&checkpoints, policy);
    let mut lanes = Lanes::of(&mut look)?;
    while let Some(row) = lanes.next(&mut look, &replay)? {
        report.rows += 1;
        told(Progress::Rows(report.rows));
        if let Err(what) = replay.row(&row) {
            report.problem(format!("journal lane {} row {}", row.lane, row.sequence), what);
        }
    }
    report.payments = replay.payments();
    report.checkpoints = checkpoints.len() as u64;
    report.system_key = replay.system_key().map(|key| hex(&key)).unwrap_or_default();
    if let Some(pinned) = trust.public() {
        match replay.system_key() {
            Some(key) if key == pinned => {}
            Some(_) => report.problem("journal", "another server made it than the one whose key was given"),
            None => report.problem("journal", "it does not name the server whose key was given"),
        }
    }
    for (at_us, what) in replay.unmet_checkpoints() {
        if what == replay::GIVEN_UP {
            report.given_up += 1;
        } else {
            report.problem(format!("checkpoint of {at_us}"), what);
        }
    }
    told(Progress::Tables);
    books::compare(&mut look, &replay, trust.integrity(), &mut report)?;
    Ok(report)
}
