//! `saifu migrate` and `saifu check-config`: what is done with a configuration besides serving on it.

use std::path::Path;
use std::sync::Arc;

use super::{CheckArguments, Failure};
use crate::config::{Config, Mode};
use crate::domain::policy::Policy;
use crate::env::clock::SystemClock;
use crate::env::environment::Environment;
use crate::server::{self, Settings, check};

/// The file's settings; its secrets' files may also be named by the environment.
pub(super) fn load(path: &Path) -> Result<Settings, Failure> {
    Ok(Config::load(path, &Environment::of_the_process())?.try_into()?)
}

pub(super) fn migrate(path: &Path) -> Result<(), Failure> {
    let settings = load(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let policy = Arc::new(Policy::standard());
    runtime.block_on(server::migrate(&settings.store, policy, Arc::new(SystemClock)))?;
    println!("the schema is up to date");
    Ok(())
}

/// Tells all that is wrong, a line each.
pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.config, &Environment::of_the_process())?;
    let mut problems: Vec<String> = check::problems(&config).iter().map(ToString::to_string).collect();
    if arguments.connect {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        for tried in runtime.block_on(check::connect(&config)) {
            match tried.came_to {
                Ok(found) => println!("{}: {found}", tried.whom),
                Err(why) => problems.push(format!("{}: {why}", tried.whom)),
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems.join("\n").into());
    }
    let mode = match config.mode {
        Mode::Sandbox => "a sandbox",
        Mode::Production => "production",
    };
    println!("ok: {mode} for {}, listening on {}", config.audience, config.listen);
    Ok(())
}
