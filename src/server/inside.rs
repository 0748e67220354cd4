//! What a server is without its doors: store, keys and gate, looked at before anything is answered.

use std::path::Path;
use std::sync::Arc;

use super::backends::Opened;
use super::rollback::{self, Behind};
use super::{Playground, Settings, StartError, funding, messages};
use crate::config::{KeysAt, Mode};
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::hash::MacKey;
use crate::crypto::integrity::IntegritySlot;
use crate::crypto::keyring::Keyring;
use crate::domain::command::SystemAction;
use crate::domain::outcome::Outcome;
use crate::domain::rows::{Finished, Lane, RowKey, Table};
use crate::domain::time::Timestamp;
use crate::env::clock::{Clock, SystemClock};
use crate::env::entropy::Entropy;
use crate::gate::limit::{Limits, Sources};
use crate::gate::settled::{Restoration, settles_us};
use crate::gate::system::system_key_id;
use crate::gate::tools::{Given, Tools};
use crate::gate::{Gate, Parts};
use crate::notify::{Channel, Notifier};
use crate::outbound::guard::Reach;
use crate::ratelimit::redis::Redis;
use crate::store::heads::is_signed_by;
use crate::store::query::{Query, Scan};
use crate::store::sqlite::{Options, make_directory};
use crate::store::{Answer, Store, StoreError};
use crate::tasks::checkpoint::Checkpoint;

/// Store, keys and gate.
pub(super) struct Inside {
    pub opened: Opened,
    pub gate: Arc<Gate>,
    pub notifier: Arc<dyn Notifier>,
    /// So often an older database was taken as it is.
    restored: i64,
}

impl Inside {
    pub(super) async fn open(
        settings: &Settings,
        sandbox: Option<&Playground>,
        behind: Behind,
    ) -> Result<Self, StartError> {
        let policy = Arc::new(settings.policy.clone());
        let clock = clock(sandbox);
        let integrity = IntegritySlot::default();
        let mut options = Options::new(Arc::clone(&policy), Arc::clone(&clock), integrity.clone());
        options.clocks = settings.clocks;
        let entropy = Arc::new(SystemEntropy::new());
        let opened = Opened::open(&settings.store, options, settings.batch_bound, entropy.as_ref()).await?;
        let store = opened.store();
        let keys = keys(&settings.keys, entropy.as_ref(), &store).await?;
        integrity.fill(Arc::clone(&keys.integrity));
        make_directory(&settings.data_dir)?;
        let is_begun = is_begun(&store, settings, &keys).await?;
        let (restored, restored_at) = rollback::restorations(&store, &keys).await?;
        let given_up = restored_at.unwrap_or(Timestamp(i64::MIN));
        let (places, public) = (settings.places(), keys.system.public());
        rollback::check(&store, &rollback::newest(&places, &public)?, given_up, behind).await?;
        let revoked = rollback::revoked_keys(&places, &public)?;
        let restoration = Restoration { at: restored_at, revoked };

        let folder = sandbox.map(|sandbox| &sandbox.folder);
        let notifier: Arc<dyn Notifier> = Arc::new(messages::completed(&settings.channels, folder));
        let given = Given {
            clock,
            entropy,
            policy,
            provider: funding::provider(&settings.funding)?,
            audience: settings.audience.clone(),
            reaches_push: notifier.reaches(Channel::Push),
            private_webhooks: settings.merchant_webhooks.reach == Reach::Private,
            explains: settings.mode == Mode::Sandbox,
        };
        let tools = Arc::new(Tools::new(keys, given, opened.store()));
        let limits = limits(settings, &tools);
        let gate = Arc::new(Gate::new(Parts { store: opened.store(), tools, limits, restoration }));
        if !is_begun {
            begin(&gate, &settings.data_dir).await?;
        }
        heads(&gate, &store).await?;
        Ok(Self { opened, gate, notifier, restored })
    }

    /// Says in the journal that the lanes go on from here. Until when nothing is changed.
    pub(super) async fn restore(self, settings: &Settings) -> Result<Timestamp, StartError> {
        let tools = self.gate.tools();
        let given_up = rollback::newest(&settings.places(), &tools.keys.system.public())?;
        let given_up = given_up.iter().max_by_key(|checkpoint| checkpoint.at_us);
        let action = SystemAction::Restore {
            number: self.restored + 1,
            given_up_at: Timestamp(given_up.map_or(0, |checkpoint| checkpoint.at_us)),
            given_up_root: given_up.map_or([0; 32], Checkpoint::root),
        };
        let answer = self.gate.system(action).await;
        let settles_us = settles_us(&tools.policy);
        drop(self.gate);
        self.opened.close().await;
        match answer? {
            Answer::Final(Outcome::Restored { at }) => Ok(at.plus_us(settles_us)),
            Answer::Final(_) | Answer::Open(_) | Answer::Kept | Answer::Stale(_) | Answer::Nothing(_) => {
                Err(StartError::Write(StoreError::Defect))
            }
        }
    }
}

fn clock(sandbox: Option<&Playground>) -> Arc<dyn Clock> {
    match sandbox {
        Some(sandbox) => Arc::clone(&sandbox.clock) as Arc<_>,
        None => Arc::new(SystemClock),
    }
}

/// Limits and marks of reads: in Redis for all processes, or in this one for itself.
fn limits(settings: &Settings, tools: &Tools) -> Limits {
    let redis = settings.redis.as_ref().map(|redis| Arc::new(Redis::new(redis)));
    if let Some(redis) = redis.clone() {
        tokio::spawn(said_if_away(redis, Arc::clone(&tools.clock)));
    }
    let sources = Sources::new(redis);
    // A key of its own, made from the requests': none more has to be kept.
    let origin_tags = MacKey::new(tools.keys.request.tag(&[b"origins in the log"]));
    Limits::new(settings.limits.clone(), sources, origin_tags)
}

/// A Redis that is away is no reason not to start, and is said before anybody calls.
async fn said_if_away(redis: Arc<Redis>, clock: Arc<dyn Clock>) {
    if let Err(why) = redis.probe(clock.now_us()).await {
        tracing::warn!(why, "Redis is away at the start: what needs it is UNAVAILABLE until it is there");
    }
}

/// A database that was used must not be given new keys; a first start that was cut short may.
async fn keys(at: &KeysAt, entropy: &dyn Entropy, store: &Store) -> Result<Keyring, StartError> {
    match at {
        KeysAt::Files(files) => Ok(Keyring::load(files)?),
        KeysAt::Directory { path, may_create } => {
            let may_create = *may_create && !was_used(store).await?;
            Ok(Keyring::load_or_create(path, entropy, may_create)?)
        }
    }
}

/// Whether there is any row in the journal.
async fn was_used(store: &Store) -> Result<bool, StartError> {
    let scan = Scan::All { table: Table::Journal, after: None, limit: 1 };
    Ok(!store.fetch(Query::scan(scan)).await?.scanned.is_empty())
}

/// Every lane ends where a server of this deployment left it.
async fn heads(gate: &Gate, store: &Store) -> Result<(), StartError> {
    let public = gate.tools().keys.system.public();
    let scan = Scan::All { table: Table::Lane, after: None, limit: i64::MAX };
    let fetched = store.fetch(Query::scan(scan)).await?;
    match fetched.scanned::<Lane>().find(|lane| !is_signed_by(lane, &public)) {
        Some(lane) => Err(StartError::ForeignHead(lane.lane)),
        None => Ok(()),
    }
}

/// What the journal's first row is to say.
fn first_row(keys: &Keyring, audience: &str) -> (SystemAction, Outcome) {
    let (system_key, audience) = (keys.system.public(), audience.to_owned());
    let outcome = Outcome::Genesis { system_key, audience: audience.clone() };
    (SystemAction::Genesis { system_key, audience }, outcome)
}

/// The journal names deployment and key before anything else; a server with another key must not go
/// on. Whether there is a journal yet.
async fn is_begun(store: &Store, settings: &Settings, keys: &Keyring) -> Result<bool, StartError> {
    let (action, expected) = first_row(keys, &settings.audience);
    let own = RowKey::Finished(action.request_id(), system_key_id(&keys.system.public()));
    let known = store.fetch(Query::row(own)).await?;
    match known.get::<Finished>() {
        Some(row) if row.outcome == expected.encode() => Ok(true),
        None if !was_used(store).await? => Ok(false),
        Some(_) | None => Err(StartError::ForeignKeys(settings.data_dir.clone())),
    }
}

/// Of two that start at once on an empty database, one writes the first row and the other finds it.
async fn begin(gate: &Gate, data_dir: &Path) -> Result<(), StartError> {
    let tools = gate.tools();
    let (action, expected) = first_row(&tools.keys, &tools.audience);
    match gate.system(action).await? {
        Answer::Final(outcome) if outcome == expected => Ok(()),
        Answer::Final(_) | Answer::Open(_) | Answer::Kept | Answer::Stale(_) | Answer::Nothing(_) => {
            Err(StartError::ForeignKeys(data_dir.to_owned()))
        }
    }
}
