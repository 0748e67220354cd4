//! Why a server does not start.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::operators::OperatorsError;
use super::rollback::RollbackError;
use super::seed::SeedError;
use crate::crypto::keyring::KeyringError;
use crate::door;
use crate::door::certificate::CertificateError;
use crate::env::clock::ClockFileError;
use crate::funding::stripe::StripeError;
use crate::notify::smtp::SmtpError;
use crate::notify::webhook::WebhookError;
use crate::outbound::Unusable;
use crate::ratelimit::redis::settings::RedisUrlError;
use crate::store::StoreError;
use crate::store::postgres;
use crate::store::postgres::settings::SettingsError;
use crate::store::sqlite::OpenError;

/// Why a server does not start. Each is one sentence that says what to do.
#[derive(Debug)]
pub enum StartError {
    /// The data directory.
    Store(OpenError),
    /// The server's keys.
    Keys(KeyringError),
    /// The certificate.
    Certificate(CertificateError),
    /// The sandbox clock's file.
    Clock(ClockFileError),
    /// The seed file.
    Seed(SeedError),
    /// The first operators.
    Operators(OperatorsError),
    /// The address of Redis.
    Redis(RedisUrlError),
    /// The mail relay.
    Email(SmtpError),
    /// The webhook.
    Webhook(WebhookError),
    /// No TLS can be spoken with merchants' webhooks.
    MerchantWebhooks(Unusable),
    /// The funding provider.
    Stripe(StripeError),
    /// The address of the funding provider's webhooks.
    News(SocketAddr, std::io::Error),
    /// TLS or the listening address.
    Door(door::BindError),
    /// TLS.
    Tls(door::tls::TlsError),
    /// The keys are not those that this database was made with.
    ForeignKeys(PathBuf),
    /// A lane's head is not one that this server signed.
    ForeignHead(i64),
    /// The database is older than its checkpoints, or its end does not hold together.
    Rollback(RollbackError),
    /// A server works on the database.
    InUse,
    /// The database could not be written at start.
    Write(StoreError),
    /// The PostgreSQL database.
    Remote(postgres::OpenError),
    /// The PostgreSQL database's address.
    RemoteAddress(SettingsError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Keys(error) => error.fmt(f),
            Self::Certificate(error) => error.fmt(f),
            Self::Clock(error) => error.fmt(f),
            Self::Seed(error) => error.fmt(f),
            Self::Operators(error) => error.fmt(f),
            Self::Redis(error) => error.fmt(f),
            Self::Email(error) => error.fmt(f),
            Self::Webhook(error) => error.fmt(f),
            Self::MerchantWebhooks(_) => f.write_str(
                "no TLS can be spoken with merchants' webhooks: the authorities named for them are none",
            ),
            Self::Stripe(error) => error.fmt(f),
            Self::News(address, error) => write!(
                f,
                "[funding.stripe] webhook_listen cannot be {address} ({error}): name another, or end what \
                 listens there"
            ),
            Self::Door(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::ForeignKeys(path) => write!(
                f,
                "the keys in {} are not those that its database was made with, or the audience is another; \
                 nothing was changed: put the right ones back",
                path.display()
            ),
            Self::ForeignHead(lane) => write!(
                f,
                "the journal's lane {lane} does not end where a server with these keys left it; nothing was \
                 changed. If no saifu that signs its journal ever ran on this database, sign it once with \
                 `saifu adopt`. If one did, something else wrote to it: run `saifu verify`, and restore it \
                 from a backup"
            ),
            Self::Rollback(error) => error.fmt(f),
            Self::InUse => f.write_str("a server works on this database; nothing was changed: stop it first"),
            Self::Remote(error) => error.fmt(f),
            Self::RemoteAddress(error) => error.fmt(f),
            Self::Write(_) => f.write_str(
                "the database cannot be written; nothing was changed: look for a full or read-only disk, \
                 and start again",
            ),
        }
    }
}

impl std::error::Error for StartError {}

macro_rules! from {
    ($($variant:ident($error:ty)),+) => {
        $(impl From<$error> for StartError {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from!(
    Store(OpenError),
    Keys(KeyringError),
    Certificate(CertificateError),
    Clock(ClockFileError),
    Seed(SeedError),
    Operators(OperatorsError),
    Redis(RedisUrlError),
    Email(SmtpError),
    Webhook(WebhookError),
    MerchantWebhooks(Unusable),
    Stripe(StripeError),
    Door(door::BindError),
    Tls(door::tls::TlsError),
    Remote(postgres::OpenError),
    RemoteAddress(SettingsError),
    Rollback(RollbackError),
    Write(StoreError)
);
