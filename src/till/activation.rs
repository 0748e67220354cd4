//! How a till comes to be: a key, a one-time code from its merchant's server, and one request id until that
//! has an answer.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::error::TillError;
use super::folder::{Enrolled, Folder, Identity};
use super::line::{Ends, Heard, Line};
use super::next::{PAUSE, SENDS};
use crate::domain::id::hex;
use crate::env::pause;

/// Whom a new till calls.
#[derive(Debug)]
pub struct Server<'a> {
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate of its authority.
    pub authority: &'a [u8],
    /// The deployment's name.
    pub audience: &'a str,
}

/// Makes a till in this folder. Called again after a lost answer, with the same code, it finds out.
pub async fn activate(
    path: &Path,
    server: &Server<'_>,
    code: &str,
    timeout: Duration,
) -> Result<Enrolled, TillError> {
    let folder = Folder::create(path)?;
    let before = folder.identity()?;
    if before.as_ref().is_some_and(|identity| identity.enrolled.is_some()) {
        return Err(TillError::ActiveAlready(path.to_owned()));
    }
    let key = folder.key_or_new()?;
    let Server { address, authority, audience } = *server;
    let ends = Ends { server: address, authority: authority.to_vec(), audience: audience.to_owned(), key };
    let mut line = Line::new(ends, timeout);
    let id = before.map_or_else(|| line.new_request_id(), |identity| identity.activation);
    let mut identity = Identity::new(address, audience, id);
    folder.set_authority(authority)?;
    // The request id is on the disk before the call leaves: a lost answer is fetched under it.
    folder.set_identity(&identity)?;
    let mut silence = String::new();
    for attempt in 0..SENDS {
        pause(PAUSE * attempt).await;
        match line.activate(code, id).await {
            Heard::Reply(reply) => {
                let enrolled = Enrolled {
                    terminal_id: hex(&reply.terminal_id),
                    merchant_id: hex(&reply.merchant_id),
                    store_id: hex(&reply.store_id),
                };
                identity.enrolled = Some(enrolled.clone());
                folder.set_identity(&identity)?;
                return Ok(enrolled);
            }
            Heard::Refused(reason, refused) => {
                if refused.is_final() == Some(true) {
                    // Its answer stands for good: the next code wants a request id of its own.
                    identity.activation = line.new_request_id();
                    folder.set_identity(&identity)?;
                }
                // An attempt that was turned away says nothing about one that got no answer.
                if refused.is_final() != Some(true) && !silence.is_empty() {
                    return Err(TillError::ActivationUnknown(silence));
                }
                return Err(TillError::NotActivated(reason.as_str_name(), refused.message().to_owned()));
            }
            Heard::Silence(why) => silence = why,
        }
    }
    Err(TillError::ActivationUnknown(silence))
}
