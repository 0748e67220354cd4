//! What both channels ask of TLS: who may vouch for the other end, and whether it was TLS that failed.

use std::error::Error;
use std::io;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The authorities in a PEM file: one at least and nothing broken, since no authority at all would only
/// show when nothing connects.
pub(super) fn authorities(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

/// Whether this came of a handshake or a certificate; the libraries tell it as any failed connection.
pub(super) fn is_to_blame(error: &dyn Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        // What an I/O error was made of is not its source.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if inner.is_some() || error.is::<rustls::Error>() {
            return true;
        }
        cause = error.source();
    }
    false
}
