//! URLs of a database and of Redis: looked at here for what the configuration must know, and handed on
//! whole. A URL is a secret whether it holds a password or not: one rule is easier to keep than two.

use std::net::IpAddr;

use super::{Because, Secret};

/// A `postgresql://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The whole URL.
    pub url: Secret,
    /// Host and port as written, one or several.
    pub hosts: Vec<String>,
    /// The database's name.
    pub database: String,
    password: bool,
    sslmode: Option<String>,
}

/// A `redis://` or `rediss://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// The whole URL.
    pub url: Secret,
    /// Host and port as written.
    pub host: String,
    password: bool,
    tls: bool,
}

/// An `https://` URL, or an `http://` one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl {
    /// The whole URL.
    pub url: Secret,
    host: String,
    tls: bool,
}

struct Parts<'a> {
    password: bool,
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
}

fn parts<'a>(text: &'a str, schemes: &[&str]) -> Option<Parts<'a>> {
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme))?;
    if rest.contains(|sign: char| sign.is_whitespace() || sign.is_control()) {
        return None;
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let inline = user.split_once(':').is_some_and(|(_, password)| !password.is_empty());
    let named = query.split('&').any(|pair| pair.starts_with("password="));
    Some(Parts { password: inline || named, hosts, path, query })
}

impl PostgresUrl {
    /// Refuses what is no such URL, without telling what it is.
    pub fn parse(url: Secret) -> Result<Self, Because> {
        const MUST: Because = Because::OutOfRange(
            "[store] url",
            "postgresql://user@host:5432/database, hosts with commas between",
        );
        let parts = parts(url.expose(), &["postgresql://", "postgres://"]).ok_or(MUST)?;
        let hosts: Vec<String> = parts.hosts.split(',').map(str::to_owned).collect();
        if hosts.iter().any(|host| !is_host(host)) || parts.path.is_empty() || parts.path.contains('/') {
            return Err(MUST);
        }
        let sslmode =
            parts.query.split('&').find_map(|pair| pair.strip_prefix("sslmode=")).map(str::to_owned);
        let (database, password) = (parts.path.to_owned(), parts.password);
        Ok(Self { url, hosts, database, password, sslmode })
    }

    /// Whether a password stands in it.
    pub fn has_password(&self) -> bool {
        self.password
    }

    /// Whether it says that TLS may be left out.
    pub fn is_without_tls(&self) -> bool {
        matches!(self.sslmode.as_deref(), Some("disable" | "allow" | "prefer"))
    }
}

impl RedisUrl {
    /// Refuses what is no such URL, without telling what it is.
    pub fn parse(url: Secret) -> Result<Self, Because> {
        const MUST: Because = Because::OutOfRange("[limits] redis_url", "rediss://user:password@host:6379/0");
        let parts = parts(url.expose(), &["redis://", "rediss://"]).ok_or(MUST)?;
        if !is_host(parts.hosts) || !parts.path.chars().all(|sign| sign.is_ascii_digit()) {
            return Err(MUST);
        }
        let (host, password) = (parts.hosts.to_owned(), parts.password);
        let tls = url.expose().starts_with("rediss://");
        Ok(Self { url, host, password, tls })
    }

    /// Whether a password stands in it.
    pub fn has_password(&self) -> bool {
        self.password
    }

    /// Whether it is spoken to over TLS.
    pub fn has_tls(&self) -> bool {
        self.tls
    }
}

impl WebhookUrl {
    /// Refuses what is no such URL, without telling what it is.
    pub fn parse(url: Secret) -> Result<Self, Because> {
        const MUST: Because = Because::OutOfRange(
            "[notify.webhook] url",
            "https://host/path, without a name, a password and a #fragment",
        );
        let parts = parts(url.expose(), &["https://", "http://"]).ok_or(MUST)?;
        if !is_host(parts.hosts) || url.expose().contains(['@', '#']) {
            return Err(MUST);
        }
        let (host, tls) = (parts.hosts.to_owned(), url.expose().starts_with("https://"));
        Ok(Self { url, host, tls })
    }

    /// Whether it is spoken to over TLS.
    pub fn is_protected(&self) -> bool {
        self.tls
    }

    /// Whether it is this machine's own, by an address or by its own name for itself.
    pub fn is_here(&self) -> bool {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            Some(_) | None => &self.host,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// A name or an address, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let is_name = |sign: char| sign.is_ascii_alphanumeric() || "-._[]:".contains(sign);
    !host.is_empty() && host.chars().all(is_name) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}
