//! `saifu verify`: re-derives everything from the journal, also while servers run on it.

use std::path::{Path, PathBuf};

use super::{Failure, config};
use crate::config::StoreAt;
use crate::domain::policy::Policy;
use crate::store::postgres::settings::Settings;
use crate::verify::{Database, Subject, verify_now};

pub(super) fn run(data_dir: PathBuf, config: Option<&Path>) -> Result<(), Failure> {
    let (subject, policy) = match config.map(config::load).transpose()? {
        None => (Subject { database: Database::Embedded(data_dir.clone()), data_dir }, Policy::standard()),
        Some(settings) => {
            let database = database(&settings.store)?;
            (Subject { database, data_dir: settings.data_dir }, settings.policy)
        }
    };
    let report = verify_now(&subject, policy)?;
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
    if report.holds() {
        println!("verified: everything follows from the journal");
        return Ok(());
    }
    for problem in &report.problems {
        println!("{problem}");
    }
    Err("it does not hold: the first line above is the cause of most others".into())
}

fn database(at: &StoreAt) -> Result<Database, Failure> {
    Ok(match at {
        StoreAt::Sqlite(directory) => Database::Embedded(directory.clone()),
        StoreAt::Postgres(url, ca_file) => {
            Database::Remote(Box::new(Settings::parse(url.url.expose(), ca_file.as_deref())?))
        }
    })
}
