//! HTTP to others: TLS by named or public authorities, no proxy, no redirect, no repetition of its own, and
//! nothing unprotected but to this machine.

pub mod guard;
pub mod reach;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, NoKeyLog, RootCertStore};

/// What cannot be used. It never repeats what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Not a URL, of another kind, with a name and password in it, or unprotected.
    Url,
    /// The authorities' PEM.
    Authority,
    /// No TLS can be made of these.
    Client,
}

/// A URL of `https`, or of `http` on this machine; without a name and a password.
pub fn url(text: &str) -> Result<Url, Unusable> {
    let url = Url::parse(text).map_err(|_| Unusable::Url)?;
    let is_anonymous = url.username().is_empty() && url.password().is_none();
    let is_protected = url.scheme() == "https" || (url.scheme() == "http" && is_here(&url));
    if is_anonymous && is_protected { Ok(url) } else { Err(Unusable::Url) }
}

/// On this machine, by an address or by its own name for itself.
fn is_here(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("");
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The authorities in a PEM file: one at least and nothing broken, since no authority at all would only
/// show when nothing connects.
pub fn authorities(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

/// A client that waits so long at the most, from the connection to the answer. Whoever uses it tries again at
/// a pace of his own. The public authorities, where none are named.
pub fn client(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<Client, Unusable> {
    builder(ca_pem, timeout)?.build().map_err(|_| Unusable::Client)
}

fn tls(ca_pem: Option<&[u8]>) -> Result<ClientConfig, Unusable> {
    let roots = match ca_pem {
        Some(pem) => authorities(pem).ok_or(Unusable::Authority)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::DEFAULT_VERSIONS)
        .map_err(|_| Unusable::Client)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.key_log = Arc::new(NoKeyLog);
    Ok(config)
}

fn builder(ca_pem: Option<&[u8]>, timeout: Duration) -> Result<ClientBuilder, Unusable> {
    Ok(Client::builder()
        .tls_backend_preconfigured(tls(ca_pem)?)
        .redirect(Policy::none())
        .no_proxy()
        .retry(reqwest::retry::never())
        .referer(false)
        .timeout(timeout))
}
