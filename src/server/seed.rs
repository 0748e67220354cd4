//! The sandbox's merchants and stores, from a TOML file. They become part of the ledger by system
//! commands, like everything else.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::crypto::hash::sha256;
use crate::domain::command::SystemAction;
use crate::domain::id::{LedgerAccountId, MerchantId, StoreId};
use crate::emvco::{self, MerchantCode};
use crate::label;
use crate::pb;

const DEFAULT: &str = include_str!("seed.toml");

/// The file's content.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    #[serde(default)]
    merchant: Vec<Merchant>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Merchant {
    name: String,
    #[serde(default)]
    store: Vec<Store>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    name: String,
    city: String,
    time_zone: String,
}

/// Why a seed file cannot be used.
#[derive(Debug)]
pub enum SeedError {
    /// It cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// A name in it that could look like another.
    Name(PathBuf, String),
    /// It is not what it must be.
    Malformed(PathBuf, Box<toml::de::Error>),
}

impl std::fmt::Display for SeedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(path, error) => {
                write!(f, "the seed file {} cannot be read: {error}", path.display())
            }
            Self::Name(path, name) => write!(
                f,
                "the seed file {} has a name that is not plainly written in one writing system: {name:?}",
                path.display()
            ),
            Self::Malformed(path, error) => write!(
                f,
                "the seed file {} is not a list of [[merchant]] with [[merchant.store]] \
                 (name, city, time_zone): {}",
                path.display(),
                error.message()
            ),
        }
    }
}

impl std::error::Error for SeedError {}

fn id(kind: &str, names: &[&str]) -> [u8; 16] {
    let mut parts = vec![kind.as_bytes()];
    for name in names {
        parts.push(b"\0");
        parts.push(name.as_bytes());
    }
    let hash = sha256(&parts);
    std::array::from_fn(|at| hash[at])
}

impl Seed {
    /// Of a file, or the one that comes with the program.
    pub fn load(path: Option<&Path>) -> Result<Self, SeedError> {
        let (text, path) = match path {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| SeedError::Unreadable(path.to_owned(), error))?;
                (text, path)
            }
            None => (DEFAULT.to_owned(), Path::new("seed.toml")),
        };
        let seed: Self =
            toml::from_str(&text).map_err(|error| SeedError::Malformed(path.to_owned(), Box::new(error)))?;
        let names = seed.stores().flat_map(|(merchant, store)| [&merchant.name, &store.name, &store.city]);
        let bad = names.into_iter().find(|name| !label::is_name(name)).cloned();
        bad.map_or(Ok(seed), |name| Err(SeedError::Name(path.to_owned(), name)))
    }

    fn stores(&self) -> impl Iterator<Item = (&Merchant, &Store)> {
        self.merchant.iter().flat_map(|merchant| merchant.store.iter().map(move |store| (merchant, store)))
    }

    /// The commands that register the stores.
    pub fn commands(&self) -> Vec<SystemAction> {
        self.stores()
            .map(|(merchant, store)| SystemAction::RegisterStore {
                merchant_id: MerchantId(id("merchant", &[&merchant.name])),
                ledger_account_id: LedgerAccountId(id("payable", &[&merchant.name])),
                store_id: StoreId(id("store", &[&merchant.name, &store.name])),
                name: store.name.clone(),
                city: store.city.clone(),
                time_zone: store.time_zone.clone(),
            })
            .collect()
    }

    /// The stores with their static codes, for the sandbox's list.
    pub fn shops(&self) -> Vec<pb::SandboxShop> {
        self.stores()
            .map(|(merchant, store)| {
                let store_id = id("store", &[&merchant.name, &store.name]);
                let code = MerchantCode {
                    store_id,
                    amount_minor: None,
                    order_id: None,
                    name: store.name.clone(),
                    city: store.city.clone(),
                };
                pb::SandboxShop {
                    store_id: store_id.to_vec(),
                    name: store.name.clone(),
                    static_qr: emvco::make(&code),
                }
            })
            .collect()
    }
}
