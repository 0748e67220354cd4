//! Whether it was TLS that failed: for both channels.

use std::error::Error;
use std::io;

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
