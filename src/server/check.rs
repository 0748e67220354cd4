//! What is wrong with a configuration, all of it at once: with the files that it names, and, when that is
//! asked for, with those whom a server on it would call.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::backends::postgres_settings;
use super::{StartError, funding, messages, settings};
use crate::config::funding::{Funding, StripeAt};
use crate::config::notify::{EmailAt, WebhookAt};
use crate::config::url::PostgresUrl;
use crate::config::{Buckets, CertificateAt, Config, KeysAt, Mode, OperatorsAt, Standby, StoreAt};
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::keyring::Keyring;
use crate::door;
use crate::door::certificate::Identity;
use crate::env::clock::{Clock as _, SystemClock};
use crate::outbound::reach::reach;
use crate::ratelimit::redis::Redis;
use crate::store::postgres;
use crate::store::sqlite::OpenError;
use crate::store::sqlite::snapshot::Snapshot;

/// A receiver of connections has so long.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
/// Whoever is called has so long in all.
const WITHIN: Duration = Duration::from_secs(20);

/// Somebody whom a server would call, and what came of calling them.
pub struct Tried {
    /// Who, by the configuration's keys.
    pub whom: &'static str,
    /// What was found, or why not.
    pub came_to: Result<String, String>,
}

/// Looks at everything that a start reads, and changes nothing.
pub fn problems(config: &Config) -> Vec<StartError> {
    let mut found = Vec::new();
    let mut note = |looked: Result<(), StartError>| found.extend(looked.err());
    if let StoreAt::Postgres(url, ca_file, standby) = &config.store {
        note(postgres_settings(url, ca_file.as_deref(), *standby).map(drop));
    }
    note(settings::redis(&config.buckets, config.mode).map(drop));
    if let Some(at) = &config.notify.email {
        note(messages::email(at).map(drop).map_err(StartError::from));
    }
    if let Some(at) = &config.notify.webhook {
        note(messages::webhook(at).map(drop).map_err(StartError::from));
    }
    note(funding::provider(&config.funding).map(drop));
    note(funding::webhook(&config.funding).map(drop));
    note(certificate(&config.certificate));
    note(keys(&config.keys));
    if let OperatorsAt::Files(_) = &config.operators {
        note(config.operators.keys().map(drop).map_err(StartError::from));
    }
    found
}

fn certificate(at: &CertificateAt) -> Result<(), StartError> {
    if let CertificateAt::Files(files) = at {
        let identity = Identity::from_files(&files.chain, &files.key)?;
        door::tls::fixed_server_config(&identity)?;
    }
    Ok(())
}

fn keys(at: &KeysAt) -> Result<(), StartError> {
    match at {
        KeysAt::Files(files) => drop(Keyring::load(files)?),
        KeysAt::Directory { path, may_create } if path.exists() || !may_create => {
            drop(Keyring::load_or_create(path, &SystemEntropy::new(), false)?);
        }
        KeysAt::Directory { .. } => {}
    }
    Ok(())
}

/// Calls everybody whom a server would call, all at once: the store, whose schema must be this program's,
/// Redis, the mail relay, which must let us in, and whoever takes messages and charges cards, of whom
/// nothing is asked. What cannot be called at all is among [`problems`].
pub async fn connect(config: &Config) -> Vec<Tried> {
    let (store, redis, email, webhook, stripe) = tokio::join!(
        in_time(store(&config.store)),
        in_time(redis(&config.buckets, config.mode)),
        in_time(email(config.notify.email.as_ref())),
        in_time(webhook(config.notify.webhook.as_ref())),
        in_time(stripe(&config.funding)),
    );
    let named = [
        ("[store]", store),
        ("[limits] redis", redis),
        ("[notify.email]", email),
        ("[notify.webhook]", webhook),
        ("[funding.stripe]", stripe),
    ];
    let tried = |(whom, came_to): (_, Option<_>)| came_to.map(|came_to| Tried { whom, came_to });
    named.into_iter().filter_map(tried).collect()
}

type Came = Option<Result<String, String>>;

async fn in_time(calling: impl Future<Output = Came>) -> Came {
    timeout(WITHIN, calling).await.unwrap_or_else(|_elapsed| Some(Err("no answer in time".to_owned())))
}

async fn store(at: &StoreAt) -> Came {
    match at {
        StoreAt::Sqlite(directory) => {
            let directory = directory.clone();
            let looked = tokio::task::spawn_blocking(move || embedded(&directory)).await;
            Some(looked.unwrap_or_else(|_panic| Err("looking at it broke off".to_owned())))
        }
        StoreAt::Postgres(url, ca_file, standby) => remote(url, ca_file.as_deref(), *standby).await,
    }
}

/// A start makes it where it is missing, and brings it up to date where it is older.
fn embedded(directory: &Path) -> Result<String, String> {
    match Snapshot::open(directory) {
        Ok(_) => Ok("the database is there, and its schema is this program's".to_owned()),
        Err(OpenError::Absent(_)) => Ok("there is no database yet: a first start makes it".to_owned()),
        Err(OpenError::OldSchema(_)) => Ok("a start brings the database's schema up to date".to_owned()),
        Err(
            error @ (OpenError::Directory(..)
            | OpenError::InUse(_)
            | OpenError::Corrupt(_)
            | OpenError::FutureSchema(_)
            | OpenError::DiskFull(_)
            | OpenError::Sqlite(..)
            | OpenError::Migration(..)
            | OpenError::Clock(_)),
        ) => Err(error.to_string()),
    }
}

async fn remote(url: &PostgresUrl, ca_file: Option<&Path>, standby: Standby) -> Came {
    let settings = postgres_settings(url, ca_file, standby).ok()?;
    let probed = postgres::probe(&settings).await.map_err(|error| error.to_string());
    Some(probed.map(|()| "the database answers, and its schema is this program's".to_owned()))
}

async fn redis(buckets: &Buckets, mode: Mode) -> Came {
    let settings = settings::redis(buckets, mode).ok()??;
    let probed = Redis::new(&settings).probe(SystemClock.now_us()).await;
    Some(match probed {
        Ok(()) => Ok("Redis answers, and counts".to_owned()),
        Err(why) => Err(format!("Redis cannot be used: {why}")),
    })
}

async fn email(at: Option<&EmailAt>) -> Came {
    let relay = messages::email(at?).ok()?;
    Some(match relay.probe().await {
        Ok(()) => Ok("the mail relay lets us in".to_owned()),
        Err(step) => Err(format!("the mail relay does not let us in: {step}")),
    })
}

async fn webhook(at: Option<&WebhookAt>) -> Came {
    let at = at?;
    reached("the receiver of messages", at.url.url.expose(), at.ca_file.as_deref()).await
}

async fn stripe(at: &Funding) -> Came {
    let Funding::Stripe(at) = at else { return None };
    let StripeAt { base_url, ca_file, .. } = at.as_ref();
    reached("Stripe", base_url, ca_file.as_deref()).await
}

async fn reached(who: &str, url: &str, ca_file: Option<&Path>) -> Came {
    // A file that cannot be read is said where everything that is read is looked at.
    let ca_pem = ca_file.map(std::fs::read).transpose().ok()?;
    Some(match reach(url, ca_pem.as_deref(), REACHED_WITHIN).await {
        Ok(()) => Ok(format!("{who} can be reached; nothing was asked")),
        Err(why) => Err(format!("{who} cannot be reached: {why}")),
    })
}
