//! `saifu migrate` and `saifu check-config`: what is done with a configuration besides serving on it.

use std::path::Path;
use std::sync::Arc;

use super::Failure;
use crate::config::{Config, Mode};
use crate::domain::policy::Policy;
use crate::env::clock::SystemClock;
use crate::env::environment::Environment;
use crate::server::{self, Server, Settings};

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

pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let settings = load(path)?;
    Server::check(&settings)?;
    let mode = match settings.mode {
        Mode::Sandbox => "a sandbox",
        Mode::Production => "production",
    };
    println!("ok: {mode} for {}, listening on {}", settings.audience, settings.listen);
    Ok(())
}
