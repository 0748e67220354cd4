//! The sandbox's channel: every message is a file in a folder.
//!
//! `<folder>/<channel>/<SHA-256 of the address, 16 hex>/<time>-<message id>.txt`, the text whole.
//! The folder's names hold no address, but the texts hold codes: it is for the sandbox alone.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{Channel, NotAccepted, Notifier};
use crate::crypto::hash::sha256;
use crate::domain::id::{MessageId, hex};
use crate::gate::message::Letter;
use crate::store::Later;

/// As many messages to one address are told at most.
const NEWEST: usize = 20;

/// A folder of messages.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// A message in the folder.
#[derive(Debug)]
pub struct Kept {
    /// When it was delivered, microseconds since the epoch.
    pub at_us: i64,
    /// Its id, which is ordered by when it was written.
    pub id: String,
    /// A channel's name.
    pub channel: String,
    /// The whole text.
    pub text: String,
}

impl Folder {
    /// At a path; made when the first message comes.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn of(&self, channel: Channel, address: &str) -> PathBuf {
        let name = hex(&sha256(&[address.as_bytes()])[..8]);
        self.root.join(channel.name()).join(name)
    }

    fn write(&self, channel: Channel, message_id: MessageId, at_us: i64, letter: &Letter) -> io::Result<()> {
        let folder = self.of(channel, &letter.destination);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let id = hex(&message_id.0);
        let path = folder.join(format!("{at_us:020}-{id}.txt"));
        // A reader sees a message whole or not at all.
        let unfinished = path.with_extension("part");
        fs::write(&unfinished, letter.text.trim_end())?;
        fs::rename(&unfinished, &path)
    }

    /// The newest messages to an address, newest first.
    pub fn read(&self, address: &str) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for channel in Channel::ALL {
            let folder = self.of(channel, address);
            if folder.exists() {
                read_folder(&folder, channel, &mut kept)?;
            }
        }
        // Several may have been delivered at once.
        kept.sort_by(|one, other| (other.at_us, &other.id).cmp(&(one.at_us, &one.id)));
        kept.truncate(NEWEST);
        Ok(kept)
    }
}

fn read_folder(folder: &Path, channel: Channel, kept: &mut Vec<Kept>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        let Some((at, id)) = name.strip_suffix(".txt").and_then(|name| name.split_once('-')) else {
            continue;
        };
        let Ok(at_us) = at.parse() else { continue };
        let (id, channel) = (id.to_owned(), channel.name().into());
        kept.push(Kept { at_us, id, channel, text: fs::read_to_string(&path)? });
    }
    Ok(())
}

impl Notifier for Folder {
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>> {
        let written = match Channel::of(&letter.channel) {
            Some(channel) => self.write(channel, message_id, at_us, letter).map_err(|error| {
                tracing::warn!(%error, "the message folder cannot be written");
                NotAccepted::ForNow
            }),
            None => Err(NotAccepted::ForGood),
        };
        Box::pin(std::future::ready(written))
    }

    fn reaches(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Sms | Channel::Push => true,
        }
    }
}
