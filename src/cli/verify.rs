//! `saifu verify`: re-derives everything from the journal, also while servers run on it. `saifu adopt`: signs
//! and tags a database as it is.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Failure, config};
use crate::config::{KeysAt, StoreAt};
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::integrity::Integrity;
use crate::crypto::keyring::Keyring;
use crate::domain::id::unhex;
use crate::domain::policy::Policy;
use crate::env::entropy::bytes16;
use crate::server::Settings;
use crate::store::postgres::settings::Settings as Remote;
use crate::store::{postgres, sqlite};
use crate::tasks::checkpoint::CHECKPOINT_FILE;
use crate::verify::{Database, Report, Subject, Trust, trust_in, verify_now};

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
    trust: Trust,
}

impl PlaceArguments {
    fn read(self) -> Result<Place, Failure> {
        match self.config {
            None => Ok(Place {
                database: Database::Embedded(self.data_dir.clone()),
                checkpoints: self.data_dir.join(CHECKPOINT_FILE),
                policy: Policy::standard(),
                trust: trust_in(&self.data_dir.join("keys")),
            }),
            Some(path) => of(config::load(&path)?),
        }
    }
}

fn of(settings: Settings) -> Result<Place, Failure> {
    Ok(Place {
        database: match &settings.store {
            StoreAt::Sqlite(directory) => Database::Embedded(directory.clone()),
            StoreAt::Postgres(url, ca_file) => {
                Database::Remote(Box::new(Remote::parse(url.url.expose(), ca_file.as_deref())?))
            }
        },
        checkpoints: settings.data_dir.join(CHECKPOINT_FILE),
        policy: settings.policy,
        trust: match &settings.keys {
            KeysAt::Directory { path, .. } => trust_in(path),
            KeysAt::Files(files) => Trust::Keys(Keyring::load(files)?.integrity),
        },
    })
}

pub(super) fn verify(arguments: VerifyArguments) -> Result<ExitCode, Failure> {
    let Place { database, checkpoints, policy, trust } = arguments.place.read()?;
    let trust = pinned(trust, arguments.system_key.as_deref())?;
    let subject = Subject { database, checkpoints: arguments.checkpoints.unwrap_or(checkpoints), trust };
    let report = verify_now(&subject, policy)?;
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
    println!("nothing is wrong, but this is weaker than it could be");
    Ok(ExitCode::from(WEAKER))
}

/// The server's own keys say more than its public key alone; where both are given they are the same.
fn pinned(trust: Trust, system_key: Option<&str>) -> Result<Trust, Failure> {
    let Some(text) = system_key else { return Ok(trust) };
    let public = unhex(text).ok_or("--system-key is 64 hexadecimal digits, as `saifu verify` prints them")?;
    match trust {
        Trust::Keys(integrity) if integrity.public() != public => {
            Err("--system-key is another server's than the keys beside the database".into())
        }
        Trust::Keys(integrity) => Ok(Trust::Keys(integrity)),
        Trust::PublicKey(_) | Trust::Nothing => Ok(Trust::PublicKey(public)),
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
    for problem in &report.problems {
        println!("{problem}");
    }
}

pub(super) fn adopt(arguments: AdoptArguments) -> Result<(), Failure> {
    let Place { database, checkpoints, policy, trust } = arguments.place.read()?;
    let Trust::Keys(integrity) = trust else {
        return Err(
            "the server's keys cannot be read, and rows are signed with them: name its --config, or run \
                    this as the server's own user"
                .into(),
        );
    };
    // Tags are what is made here, so all else must hold without them.
    let trust = Trust::PublicKey(integrity.public());
    let subject = Subject { database, checkpoints, trust };
    let report = verify_now(&subject, policy)?;
    if !report.is_unsigned() {
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
