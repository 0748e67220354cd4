//! `saifu restore`: goes on with a database that is older than its checkpoints.

use std::path::PathBuf;

use super::{Failure, config, log_to_stderr};
use crate::domain::time::SECOND_US;
use crate::server::{Server, Settings};

/// What `saifu restore` takes.
#[derive(Debug, clap::Args)]
pub struct RestoreArguments {
    /// The server's data directory.
    #[arg(long, default_value = "saifu-data")]
    data_dir: PathBuf,
    /// The server's configuration instead, which names the database and the keys.
    #[arg(long, value_name = "PATH", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// Takes the database as it is: what was answered after it is forgotten for good.
    #[arg(long)]
    accept: bool,
}

pub(super) fn run(arguments: RestoreArguments) -> Result<(), Failure> {
    if !arguments.accept {
        return Err("nothing was changed: what was answered after this database was written would be \
                    forgotten for good. Look for a newer one first; to go on with this one, say --accept"
            .into());
    }
    log_to_stderr("warn")?;
    let settings = match arguments.config {
        Some(path) => config::load(&path)?,
        None => Settings::sandbox(arguments.data_dir, ([127, 0, 0, 1], 0).into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let settled_at = runtime.block_on(Server::restore(settings))?;
    println!(
        "taken as it is: the journal says so. Until {} s since the epoch a server on it reads, and stops \
         what is to be stopped, and changes nothing else; then every device's first payment wants a new \
         code.\n\
         Now run `saifu verify`, and start the servers.",
        settled_at.0 / SECOND_US
    );
    Ok(())
}
