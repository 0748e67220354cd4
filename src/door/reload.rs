//! Certificates that are replaced while the server runs.
//!
//! The files are looked at by their content, at an interval: Kubernetes swaps a link above them, which
//! no notification of the files tells. What cannot be used leaves the certificate in use where it is:
//! a server with yesterday's certificate serves, one without any does not. Connections that stand
//! don't notice; the next handshake sees the new certificate.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::time::{MissedTickBehavior, interval};

use crate::door::certificate::Identity;
use crate::door::tls::{TlsError, certified};

/// So often the files are looked at.
pub const RELOAD_INTERVAL: Duration = Duration::from_mins(1);

/// The certificate in use; every handshake asks for it.
#[derive(Debug)]
pub struct Certificates {
    current: ArcSwap<CertifiedKey>,
}

impl Certificates {
    /// Begins with this one, if it can be used.
    pub fn new(identity: &Identity) -> Result<Self, TlsError> {
        Ok(Self { current: ArcSwap::from_pointee(certified(identity)?) })
    }

    /// Uses this one from the next handshake on; one that cannot be used changes nothing.
    pub fn replace(&self, identity: &Identity) -> Result<(), TlsError> {
        self.current.store(Arc::new(certified(identity)?));
        Ok(())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// Where the certificate and its key lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The chain, PEM.
    pub chain: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Looks at the files again and again.
pub struct Reloader {
    certificates: Arc<Certificates>,
    files: Files,
    served: Identity,
    complaint: Option<String>,
}

/// What a look at the files came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// They are what is in use.
    Same,
    /// They are in use from now on.
    Replaced,
    /// They cannot be used, which was not so the last time; it is in the log.
    Refused,
    /// They still cannot be used, for the same reason.
    StillRefused,
}

impl Reloader {
    /// Over the files that `served` was read from.
    pub fn new(certificates: Arc<Certificates>, files: Files, served: Identity) -> Self {
        Self { certificates, files, served, complaint: None }
    }

    /// Looks once at every interval, for as long as it is polled.
    pub async fn run(mut self, every: Duration) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Reading may wait for a disk or a network.
            let looked = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match looked.await {
                Ok(reloader) => self = reloader,
                Err(error) => {
                    tracing::error!(%error, "the certificate is not looked after any more");
                    return;
                }
            }
        }
    }

    /// Looks once.
    pub fn look(&mut self) -> Look {
        let found = match Identity::from_files(&self.files.chain, &self.files.key) {
            Ok(found) => found,
            Err(error) => return self.complain(error.to_string()),
        };
        if (&found.chain_pem, &found.key_pem) == (&self.served.chain_pem, &self.served.key_pem) {
            self.complaint = None;
            return Look::Same;
        }
        if let Err(error) = self.certificates.replace(&found) {
            return self.complain(error.to_string());
        }
        tracing::info!("a new certificate is in use");
        (self.served, self.complaint) = (found, None);
        Look::Replaced
    }

    fn complain(&mut self, complaint: String) -> Look {
        if self.complaint.as_ref() == Some(&complaint) {
            return Look::StillRefused;
        }
        tracing::error!("the certificate in use stays: {complaint}");
        self.complaint = Some(complaint);
        Look::Refused
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::door::certificate::Sandbox;

    #[test]
    fn only_a_certificate_that_can_be_used_is_taken_and_a_complaint_is_made_once() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = Sandbox::load_or_create(dir.path()).unwrap();
        let new = Sandbox::load_or_create(other.path()).unwrap();
        let files = made.files.clone();
        let certificates = Arc::new(Certificates::new(&made).unwrap());
        let of = |identity: &Identity| certified(identity).unwrap().cert;
        let in_use = || certificates.current.load_full().cert.clone();
        let (old_chain, new_chain) = (of(&made), of(&new));
        let mut reloader = Reloader::new(Arc::clone(&certificates), files.clone(), made);

        assert_eq!(reloader.look(), Look::Same);
        fs::write(&files.chain, "rubbish").unwrap();
        assert_eq!([reloader.look(), reloader.look()], [Look::Refused, Look::StillRefused]);
        // The chain before its key: not yet usable, and not for long.
        fs::write(&files.chain, &new.chain_pem).unwrap();
        assert_eq!([reloader.look(), reloader.look()], [Look::Refused, Look::StillRefused]);
        fs::remove_file(&files.key).unwrap();
        assert_eq!([reloader.look(), reloader.look()], [Look::Refused, Look::StillRefused]);
        assert_eq!(in_use(), old_chain);
        fs::write(&files.key, &*new.key_pem).unwrap();
        assert_eq!([reloader.look(), reloader.look()], [Look::Replaced, Look::Same]);
        assert_eq!(in_use(), new_chain);
        fs::write(&files.chain, "rubbish").unwrap();
        assert_eq!(reloader.look(), Look::Refused, "a complaint is new again after a good one");
    }
}
