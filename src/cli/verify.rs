//! `saifu verify`: re-derives everything from the journal, also while servers run on it. `saifu adopt`: signs
//! and tags a database as it is.

mod progress;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use progress::Line;

use super::{Failure, config};
use crate::config::{KeysAt, StoreAt};
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::integrity::Integrity;
use crate::crypto::keyring::{Keyring, KeyringError};
use crate::domain::id::unhex;
use crate::domain::policy::Policy;
use crate::env::entropy::bytes16;
use crate::server::Settings;
use crate::store::postgres::settings::Settings as Remote;
use crate::store::{postgres, sqlite};
use crate::tasks::checkpoint::CHECKPOINT_FILE;
use crate::verify::{Database, Report, Subject, Trust, keys_in, verify_now, verify_telling};

/// Everything holds, but less was looked at than can be.
const WEAKER: u8 = 3;

/// What is looked at.
#[derive(Debug, clap::Args)]
pub struct PlaceArguments {
    /// The server's data directory.
    #[arg(long, default_value = "saifu-data")]
    data_dir: PathBuf,
    /// The server's configuration instead, which names the database and the keys.
    #[arg(long, value_name = "PATH", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
}

/// What `saifu verify` takes.
#[derive(Debug, clap::Args)]
pub struct VerifyArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// The server's public key, 64 hexadecimal digits, as you noted it elsewhere. The server's own keys say
    /// it too, where they can be read.
    #[arg(long, value_name = "HEX")]
    system_key: Option<String>,
    /// The file of checkpoints, when it is not the data directory's own.
    #[arg(long, value_name = "PATH")]
    checkpoints: Option<PathBuf>,
}

/// What `saifu adopt` takes.
#[derive(Debug, clap::Args)]
pub struct AdoptArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Also where `saifu verify` finds that something does not hold.
    #[arg(long)]
    accept: bool,
}

/// A database, what it is judged by, and where the checkpoints are.
struct Place {
    database: Database,
    checkpoints: PathBuf,
    policy: Policy,
    keys: Result<Arc<Integrity>, KeyringError>,
}

impl PlaceArguments {
    fn read(self) -> Result<Place, Failure> {
        match self.config {
            None => Ok(Place {
                database: Database::Embedded(self.data_dir.clone()),
                checkpoints: self.data_dir.join(CHECKPOINT_FILE),
                policy: Policy::standard(),
                keys: keys_in(&self.data_dir.join("keys")),
            }),
            Some(path) => of(config::load(&path)?),
        }
    }
}

fn of(settings: Settings) -> Result<Place, Failure> {
    Ok(Place {
        database: match &settings.store {
            StoreAt::Sqlite(directory) => Database::Embedded(directory.clone()),
            StoreAt::Postgres(url, ca_file, _reading_waits_for_none) => {
                Database::Remote(Box::new(Remote::parse(url.url.expose(), ca_file.as_deref())?))
            }
        },
        checkpoints: settings.data_dir.join(CHECKPOINT_FILE),
        policy: settings.policy,
        keys: match &settings.keys {
            KeysAt::Directory { path, .. } => keys_in(path),
            KeysAt::Files(files) => Keyring::load(files).map(|keyring| keyring.integrity),
        },
    })
}

pub(super) fn verify(arguments: VerifyArguments) -> Result<ExitCode, Failure> {
    let Place { database, checkpoints, policy, keys } = arguments.place.read()?;
    let unreadable = keys.as_ref().err().map(ToString::to_string);
    let trust = pinned(keys.ok(), arguments.system_key.as_deref())?;
    let subject = Subject { database, checkpoints: arguments.checkpoints.unwrap_or(checkpoints), trust };
    let mut line = Line::new(std::io::stderr(), std::io::stderr().is_terminal());
    let verified = verify_telling(&subject, policy, |progress| line.tell(progress));
    line.clear();
    let report = verified?;
    told(&report);
    if !report.holds() {
        return Err("it does not hold: the first line above is the cause of most others".into());
    }
    if report.is_proof() {
        println!("verified: everything follows from the journal");
        return Ok(ExitCode::SUCCESS);
    }
    for weakness in &report.weaknesses {
        println!("weaker: {weakness}");
    }
    if let Some(why) = unreadable {
        println!("the server's keys were not read: {why}");
    }
    println!("nothing is wrong, but this is weaker than it could be");
    Ok(ExitCode::from(WEAKER))
}

/// The server's own keys say more than its public key alone; where both are given they are the same.
fn pinned(keys: Option<Arc<Integrity>>, system_key: Option<&str>) -> Result<Trust, Failure> {
    let not_a_key = "--system-key is 64 hexadecimal digits, as `saifu verify` prints them";
    let public = system_key.map(|text| unhex(text).ok_or(not_a_key)).transpose()?;
    match (keys, public) {
        (Some(integrity), Some(public)) if integrity.public() != public => {
            Err("--system-key is another server's than the keys beside the database".into())
        }
        (Some(integrity), _) => Ok(Trust::Keys(integrity)),
        (None, Some(public)) => Ok(Trust::PublicKey(public)),
        (None, None) => Ok(Trust::Nothing),
    }
}

fn told(report: &Report) {
    println!(
        "{rows} journal rows, {payments} payments, {accounts} accounts, {checkpoints} checkpoints, \
         sum {sum}\n\
         signed by the system key {key}",
        rows = report.rows,
        payments = report.payments,
        accounts = report.accounts,
        checkpoints = report.checkpoints,
        sum = report.sum_minor,
        key = report.system_key,
    );
    if report.given_up > 0 {
        println!(
            "{} heads of lanes in checkpoints were given up when an older database was taken as it is",
            report.given_up
        );
    }
    for problem in &report.problems {
        println!("{problem}");
    }
}

pub(super) fn adopt(arguments: AdoptArguments) -> Result<(), Failure> {
    let Place { database, checkpoints, policy, keys } = arguments.place.read()?;
    let integrity = keys.map_err(|why| format!("rows are signed with the server's keys: {why}"))?;
    let subject = Subject { database, checkpoints, trust: Trust::Keys(Arc::clone(&integrity)) };
    let report = verify_now(&subject, policy)?;
    if !report.holds() && !report.is_from_before_signing() {
        told(&report);
        if !arguments.accept {
            return Err(
                "it does not hold, and nothing was changed: mend it, or take it as it is with --accept"
                    .into(),
            );
        }
    }
    let rows = taken(&subject.database, integrity)?;
    println!("{rows} rows are signed and tagged as they are");
    Ok(())
}

fn taken(database: &Database, integrity: Arc<Integrity>) -> Result<u64, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(match database {
        Database::Embedded(directory) => runtime.block_on(sqlite::adopt(directory, integrity))?,
        Database::Remote(settings) => {
            let holder = bytes16(&SystemEntropy::new());
            runtime.block_on(postgres::adopt(settings.as_ref().clone(), integrity, holder))?
        }
    })
}
