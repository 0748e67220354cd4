//! Where the database is, and how it is reached. What would weaken the connection is refused here,
//! with a sentence that says what to write instead.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;

/// A host that does not answer within this is passed over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is probed after this, and given up when that is not answered either.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// A database and the way to it. Holds a password: it is never printed.
#[derive(Clone)]
pub struct Settings {
    pub(super) config: Config,
    /// None: without TLS, to this machine alone.
    pub(super) tls: Option<MakeRustlsConnect>,
    /// How long waiting for a row's lock may take. Above PostgreSQL's `deadlock_timeout` of a second,
    /// so that a deadlock is found as one.
    pub lock_timeout: Duration,
    /// How long one statement may take, waiting included.
    pub statement_timeout: Duration,
    /// What is acknowledged must be on a standby as well: a server that waits for none is not used.
    pub is_replicated: bool,
}

/// Why a database's address cannot be used.
#[derive(Debug)]
pub enum SettingsError {
    /// Not an address.
    Malformed,
    /// An address without a host.
    NoHost,
    /// A TLS mode that does not verify.
    Mode(String),
    /// No TLS, to another machine.
    Plaintext(String),
    /// Not for reading and writing.
    Session(String),
    /// The authorities' file cannot be read.
    Authorities(PathBuf, std::io::Error),
    /// The authorities' file holds no usable certificate.
    NotAuthorities(PathBuf),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Its own words are not repeated: they may hold the password.
            Self::Malformed => f.write_str(
                "the database's address cannot be read; write postgresql://user:password@host:5432/database, \
                 several hosts with commas between them",
            ),
            Self::NoHost => f.write_str(
                "the database's address names no host; write postgresql://user:password@host/database",
            ),
            Self::Mode(mode) => write!(
                f,
                "sslmode={mode} does not say who the database is; write sslmode=verify-full, or leave it \
                 out, which means the same"
            ),
            Self::Plaintext(host) => write!(
                f,
                "sslmode=disable would send everything to {host} unencrypted; write sslmode=verify-full, and \
                 name the file of the authority that signed the database's certificate"
            ),
            Self::Session(wanted) => write!(
                f,
                "target_session_attrs={wanted} may find a database that cannot be written; write \
                 target_session_attrs=read-write, or leave it out, which means the same"
            ),
            Self::Authorities(path, error) => {
                write!(f, "the file of authorities {} cannot be read: {error}", path.display())
            }
            Self::NotAuthorities(path) => write!(
                f,
                "{} holds no certificate of an authority; write the file that the database's certificate \
                 was signed with, as PEM",
                path.display()
            ),
        }
    }
}

impl std::error::Error for SettingsError {}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl Settings {
    /// From `postgresql://user:password@host1:5432,host2:5432/database`. Chain and host name are
    /// verified against the authorities in `ca_file`, or the public ones where there is none.
    pub fn parse(url: &str, ca_file: Option<&Path>) -> Result<Self, SettingsError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        if !["postgresql://", "postgres://"].iter().any(|scheme| address.starts_with(scheme)) {
            return Err(SettingsError::Malformed);
        }
        let (mut mode, mut kept) = (None, Vec::new());
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value),
                Some(("target_session_attrs", "read-write")) => {}
                Some(("target_session_attrs", value)) => {
                    return Err(SettingsError::Session(value.to_owned()));
                }
                Some(_) => kept.push(parameter),
                None => return Err(SettingsError::Malformed),
            }
        }
        let config = format!("{address}?{}", kept.join("&"));
        let config: Config = config.parse().map_err(|_| SettingsError::Malformed)?;
        let is_encrypted = is_encrypted(mode, &config)?;
        let tls = is_encrypted.then(|| tls::connector(ca_file)).transpose()?;
        Ok(Self {
            config: completed(config, is_encrypted),
            tls,
            lock_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            is_replicated: false,
        })
    }

    /// Hosts and database, for people.
    pub fn place(&self) -> String {
        let hosts: Vec<String> = self.config.get_hosts().iter().map(host_text).collect();
        format!("{} at {}", self.config.get_dbname().unwrap_or("the default database"), hosts.join(", "))
    }
}

fn completed(mut config: Config, is_encrypted: bool) -> Config {
    config
        .ssl_mode(if is_encrypted { SslMode::Require } else { SslMode::Disable })
        .target_session_attrs(TargetSessionAttrs::ReadWrite)
        .keepalives_idle(KEEPALIVE)
        .keepalives_interval(KEEPALIVE)
        .keepalives_retries(2)
        .tcp_user_timeout(KEEPALIVE);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name("saifu");
    }
    config
}

/// Always, but to this machine when that is asked for, or when it is a socket's file.
fn is_encrypted(mode: Option<&str>, config: &Config) -> Result<bool, SettingsError> {
    if config.get_hosts().is_empty() {
        return Err(SettingsError::NoHost);
    }
    match mode {
        Some("disable") => match config.get_hosts().iter().find(|host| !is_here(host)) {
            Some(host) => Err(SettingsError::Plaintext(host_text(host))),
            // An address beside the name is where it really goes.
            None => match config.get_hostaddrs().iter().find(|address| !address.is_loopback()) {
                Some(address) => Err(SettingsError::Plaintext(address.to_string())),
                None => Ok(false),
            },
        },
        Some("require" | "verify-ca" | "verify-full") => Ok(true),
        None => Ok(!config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)))),
        Some(mode) => Err(SettingsError::Mode(mode.to_owned())),
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
    }
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}
