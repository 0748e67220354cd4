//! TLS 1.3 with HTTP/2 and nothing else, for both ends.
//!
//! The provider is named here rather than installed for the process: what a connection is protected
//! with doesn't depend on who was first to install one.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, NoKeyLog, RootCertStore, ServerConfig};

use crate::door::certificate::Identity;
use crate::door::reload::Certificates;

/// The ALPN identifier of HTTP/2 over TLS (RFC 9113, 3.1).
pub(crate) const ALPN_H2: &[u8] = b"h2";

/// What the server accepts: TLS 1.3, ALPN h2, no early data (it can be replayed), no client
/// certificate. It proves itself with the certificate then in use.
pub fn server_config(certificates: Arc<Certificates>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Rejected)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.max_early_data_size = 0;
    config.key_log = Arc::new(NoKeyLog);
    Ok(Arc::new(config))
}

/// The same with one certificate for good.
pub fn fixed_server_config(identity: &Identity) -> Result<Arc<ServerConfig>, TlsError> {
    server_config(Arc::new(Certificates::new(identity)?))
}

/// Chain and key, which belong together.
pub(super) fn certified(identity: &Identity) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&identity.chain_pem)?;
    let key = PrivateKeyDer::pem_slice_iter(&identity.key_pem)
        .next()
        .ok_or(TlsError::NoKey)?
        .map_err(TlsError::Pem)?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(TlsError::Rejected)
}

/// What a client offers: TLS 1.3, ALPN h2, no early data, and trust in these authorities alone.
pub fn client_config(ca_pem: &[u8]) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca_pem)? {
        roots.add(certificate).map_err(TlsError::Rejected)?;
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(TlsError::Rejected)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.enable_early_data = false;
    config.key_log = Arc::new(NoKeyLog);
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(TlsError::Pem)?;
    if found.is_empty() { Err(TlsError::NoCertificate) } else { Ok(found) }
}

/// Why certificates and keys cannot be used.
#[derive(Debug)]
pub enum TlsError {
    /// No certificate where one must be.
    NoCertificate,
    /// No private key where one must be.
    NoKey,
    /// Not PEM.
    Pem(pem::Error),
    /// The certificate or the key is unsuitable, or they don't belong together.
    Rejected(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => {
                f.write_str("the certificate file holds no certificate: name a PEM file that does")
            }
            Self::NoKey => f.write_str("the key file holds no private key: name a PEM file that does"),
            Self::Pem(error) => {
                write!(f, "a certificate or key file is damaged ({error}): it must be PEM")
            }
            Self::Rejected(error) => write!(
                f,
                "the certificate and the key cannot be used ({error}): name a chain and the key of its first \
                 certificate"
            ),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Pem(error) => Some(error),
            Self::Rejected(error) => Some(error),
            Self::NoCertificate | Self::NoKey => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use zeroize::Zeroizing;

    use super::*;
    use crate::door::certificate::Sandbox;
    use crate::door::reload::Files;

    fn identity(chain_pem: &[u8], key_pem: &[u8]) -> Identity {
        Identity {
            ca_path: PathBuf::new(),
            files: Files { chain: PathBuf::new(), key: PathBuf::new() },
            chain_pem: chain_pem.to_vec(),
            key_pem: Zeroizing::new(key_pem.to_vec()),
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused_at_the_start() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = Sandbox::load_or_create(one.path()).unwrap();
        let other = Sandbox::load_or_create(other.path()).unwrap();
        assert!(fixed_server_config(&one).is_ok());
        let mixed = identity(&one.chain_pem, &other.key_pem);
        assert!(matches!(fixed_server_config(&mixed), Err(TlsError::Rejected(_))));
    }

    #[test]
    fn empty_and_damaged_files_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let good = Sandbox::load_or_create(dir.path()).unwrap();
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA";
        assert!(matches!(fixed_server_config(&identity(b"", &good.key_pem)), Err(TlsError::NoCertificate)));
        assert!(matches!(fixed_server_config(&identity(&good.chain_pem, b"")), Err(TlsError::NoKey)));
        assert!(matches!(fixed_server_config(&identity(damaged, &good.key_pem)), Err(TlsError::Pem(_))));
        assert!(matches!(client_config(b"nothing"), Err(TlsError::NoCertificate)));
    }

    #[test]
    fn there_is_no_early_data_and_no_protocol_but_http_2() {
        let dir = tempfile::tempdir().unwrap();
        let config = fixed_server_config(&Sandbox::load_or_create(dir.path()).unwrap()).unwrap();
        assert_eq!(config.max_early_data_size, 0);
        assert_eq!(config.alpn_protocols, [b"h2".to_vec()]);
    }
}
