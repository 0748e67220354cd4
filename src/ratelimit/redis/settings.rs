//! Where Redis is, and how long it is waited for.
//!
//! The address may hold a password: it is in no log, no error and no debug output. In plain text it may
//! only name this machine.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use redis::{Client, ConnectionAddr, IntoConnectionInfo as _, TlsCertificates};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::ratelimit::breaker::Terms;

/// Whose clock the limits go by. There is no default: each is wrong in the other's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBase {
    /// Redis' own: one clock for any number of servers. For production.
    Redis,
    /// The caller's: for a sandbox or a test whose clock is moved by hand. Never with several servers.
    Callers,
}

/// How long Redis is waited for, and what happens when that was in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// A call has its answer, or does without, after this.
    pub call: Duration,
    /// A connection is there, or given up, after this. Calls don't wait for it longer than for all else.
    pub connect: Duration,
    /// When nobody asks any more, and for how long.
    pub breaker: Terms,
}

impl Pace {
    /// 50 ms a call; after 5 calls in vain one a second asks.
    pub const fn standard() -> Self {
        Self {
            call: Duration::from_millis(50),
            connect: Duration::from_secs(2),
            breaker: Terms { failures: 5, pause_us: 1_000_000 },
        }
    }
}

/// A Redis, as it is configured.
#[derive(Clone)]
pub struct RedisSettings {
    pub(super) client: Client,
    /// Whose clock the limits go by.
    pub time: TimeBase,
    /// How long it is waited for.
    pub pace: Pace,
}

impl RedisSettings {
    /// From `rediss://user:password@host:port/database`, or `redis://…` for this machine's loopback.
    /// The certificate authority, as PEM, is the one its certificate must be from; without, one of the
    /// system's. Nothing is connected here.
    pub fn new(url: &str, ca_pem: Option<&[u8]>, time: TimeBase) -> Result<Self, RedisUrlError> {
        if ca_pem.is_some_and(|pem| !holds_certificates(pem)) {
            return Err(RedisUrlError::Authority);
        }
        let info = url.into_connection_info().map_err(|_| RedisUrlError::Unreadable)?;
        let client = match info.addr() {
            ConnectionAddr::Tcp(host, _) if is_loopback(host) => {
                Client::open(info).map_err(|_| RedisUrlError::Unreadable)?
            }
            ConnectionAddr::Tcp(..) => return Err(RedisUrlError::Plaintext),
            ConnectionAddr::TcpTls { insecure: true, .. } => return Err(RedisUrlError::Unverified),
            ConnectionAddr::TcpTls { .. } => {
                let certificates =
                    TlsCertificates { client_tls: None, root_cert: ca_pem.map(<[u8]>::to_vec) };
                Client::build_with_tls(info, certificates).map_err(|_| RedisUrlError::Authority)?
            }
            // The crate may add a kind of address.
            ConnectionAddr::Unix(_) | _ => return Err(RedisUrlError::Unreadable),
        };
        Ok(Self { client, time, pace: Pace::standard() })
    }
}

// One at least, and nothing broken: no authority at all would only show when nothing connects.
fn holds_certificates(pem: &[u8]) -> bool {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    read.is_ok_and(|certificates| !certificates.is_empty())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client holds the password.
        f.debug_struct("RedisSettings")
            .field("time", &self.time)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a Redis' address. It never repeats it: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisUrlError {
    /// Not an address of this kind.
    Unreadable,
    /// Not encrypted, and not this machine.
    Plaintext,
    /// Encrypted, for whoever answers.
    Unverified,
    /// The certificate authority's file.
    Authority,
}

impl fmt::Display for RedisUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => {
                "the address of Redis cannot be read: write rediss://user:password@host:port/database"
            }
            Self::Plaintext => {
                "the address of Redis is in plain text and not this machine's: write rediss:// instead of \
                 redis://"
            }
            Self::Unverified => {
                "the address of Redis turns the check of its certificate off: leave #insecure out, and name \
                 its certificate authority"
            }
            Self::Authority => {
                "the certificate authority of Redis cannot be read: name a file with one certificate as PEM"
            }
        })
    }
}

impl std::error::Error for RedisUrlError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(url: &str) -> Result<RedisSettings, RedisUrlError> {
        RedisSettings::new(url, None, TimeBase::Redis)
    }

    #[test]
    fn plain_text_reaches_this_machine_only() {
        for (url, expected) in [
            ("redis://127.0.0.1:6379", None),
            ("redis://127.8.0.1", None),
            ("redis://[::1]:7000/1", None),
            ("redis://localhost", None),
            ("rediss://redis.example:6380/2", None),
            ("rediss://user:word@10.0.0.7", None),
            ("redis://10.0.0.7", Some(RedisUrlError::Plaintext)),
            ("redis://localhost.example", Some(RedisUrlError::Plaintext)),
            ("redis://user:word@redis.example", Some(RedisUrlError::Plaintext)),
            ("rediss://redis.example/#insecure", Some(RedisUrlError::Unverified)),
            ("unix:///run/redis.sock", Some(RedisUrlError::Unreadable)),
            ("http://127.0.0.1", Some(RedisUrlError::Unreadable)),
            ("", Some(RedisUrlError::Unreadable)),
        ] {
            assert_eq!(made(url).err(), expected, "{url}");
        }
    }

    #[test]
    fn a_call_waits_as_long_as_the_documentation_says() {
        let pace = made("redis://localhost").unwrap().pace;
        assert_eq!(pace.call, Duration::from_millis(50));
        assert_eq!(pace.breaker, Terms { failures: 5, pause_us: 1_000_000 });
    }

    #[test]
    fn an_authority_that_is_none_is_refused_at_once() {
        let settings = RedisSettings::new("rediss://redis.example", Some(b"no PEM"), TimeBase::Redis);
        assert_eq!(settings.err(), Some(RedisUrlError::Authority));
    }

    #[test]
    fn neither_output_nor_an_error_holds_the_password() {
        let settings = made("rediss://user:pass%2Dcanary@redis.example").unwrap();
        assert!(!format!("{settings:?}").contains("canary"));
        for url in ["redis://user:canary@redis.example", "redis://:canary@redis.example:port", "canary"] {
            let error = made(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}");
        }
    }
}
