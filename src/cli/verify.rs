//! `saifu verify`: re-derives a data directory from its journal, also while a server runs on it.

use std::path::Path;

use super::Failure;
use crate::domain::policy::Policy;
use crate::verify::verify_now;

pub(super) fn run(data_dir: &Path) -> Result<(), Failure> {
    let report = verify_now(data_dir, Policy::standard())?;
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
