//! A till's folder: its key, whom it calls, what it is, its journal; and one process at a time.

use crate::client::connection::is_authority;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::TillError;
use super::journal::Journal;
use super::order::RequestId;
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::{SignatureForm, key_id_text};
use crate::env::file;

const LOCK: &str = "lock";
const KEY: &str = "key.p8";
const IDENTITY: &str = "till.json";
const AUTHORITY: &str = "ca.pem";
const JOURNAL: &str = "journal";

/// The only format of the identity so far.
const FORMAT: u32 = 1;

/// Whom a till calls, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The file's format.
    pub saifu_till: u32,
    /// Where the server listens.
    pub address: SocketAddr,
    /// The deployment's name.
    pub audience: String,
    /// The request id of the activation, until it has a final answer.
    pub activation: RequestId,
    /// What the activation told; nothing before.
    pub enrolled: Option<Enrolled>,
}

/// Who a till is, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The till.
    pub terminal_id: String,
    /// Its merchant.
    pub merchant_id: String,
    /// The only store it charges for.
    pub store_id: String,
}

impl Identity {
    /// A till that is about to be activated.
    pub fn new(address: SocketAddr, audience: &str, activation: RequestId) -> Self {
        Self { saifu_till: FORMAT, address, audience: audience.to_owned(), activation, enrolled: None }
    }
}

/// A till's folder, locked.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes it where it is missing, and locks it.
    pub fn create(path: &Path) -> Result<Self, TillError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| TillError::Unwritable(path.to_owned(), error))?;
        Self::lock(path)
    }

    /// Locks one that holds a till.
    pub fn open(path: &Path) -> Result<Self, TillError> {
        if !path.join(IDENTITY).exists() {
            return Err(TillError::NoTill(path.to_owned()));
        }
        Self::lock(path)
    }

    fn lock(path: &Path) -> Result<Self, TillError> {
        let lock = path.join(LOCK);
        let failed = |error| TillError::Unwritable(lock.clone(), error);
        let mut options = OpenOptions::new();
        let file =
            options.write(true).create(true).truncate(false).mode(0o600).open(&lock).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(TillError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whom it calls, and what it is; nothing when it is new.
    pub fn identity(&self) -> Result<Option<Identity>, TillError> {
        let path = self.path.join(IDENTITY);
        let Some(content) = read(&path)? else { return Ok(None) };
        let identity: Option<Identity> = serde_json::from_slice(&content).ok();
        let identity = identity.filter(|identity| identity.saifu_till == FORMAT);
        identity.map(Some).ok_or(TillError::Damaged(path, "it is not what saifu till activate wrote"))
    }

    /// Keeps it.
    pub fn set_identity(&self, identity: &Identity) -> Result<(), TillError> {
        let content = serde_json::to_vec_pretty(identity).expect("names make JSON");
        self.write(IDENTITY, &content)
    }

    /// The certificate of the authority that the server's is signed by.
    pub fn authority(&self) -> Result<Vec<u8>, TillError> {
        let path = self.path.join(AUTHORITY);
        let pem = read(&path)?.ok_or_else(|| missing(path.clone()))?;
        if is_authority(&pem) { Ok(pem) } else { Err(TillError::Authority(path)) }
    }

    /// Keeps it.
    pub fn set_authority(&self, pem: &[u8]) -> Result<(), TillError> {
        if !is_authority(pem) {
            return Err(TillError::Authority(self.path.join(AUTHORITY)));
        }
        self.write(AUTHORITY, pem)
    }

    /// The till's key, made on first use with an empty journal of its own.
    pub fn key_or_new(&self) -> Result<DeviceKey, TillError> {
        if !self.path.join(KEY).exists() {
            let key = DeviceKey::generate(SignatureForm::Fixed);
            Journal::create(&self.path.join(JOURNAL), &key_id_text(&key.public().key_id()))?;
            self.write(KEY, key.pkcs8())?;
        }
        self.key()
    }

    /// The till's key.
    pub fn key(&self) -> Result<DeviceKey, TillError> {
        let path = self.path.join(KEY);
        let Some(pkcs8) = read(&path)? else { return Err(missing(path)) };
        let pkcs8 = zeroize::Zeroizing::new(pkcs8);
        let metadata = fs::metadata(&path).map_err(|error| TillError::Unreadable(path.clone(), error))?;
        if !file::is_private(&metadata) {
            return Err(TillError::Exposed(path));
        }
        DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Fixed)
            .map_err(|_malformed| TillError::Damaged(path, "it is not a P-256 private key in PKCS#8"))
    }

    /// The till's journal.
    pub fn journal(&self) -> Result<Journal, TillError> {
        let key_id = key_id_text(&self.key()?.public().key_id());
        Journal::open(&self.path.join(JOURNAL), &key_id)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), TillError> {
        let path = self.path.join(name);
        file::replace(&path, content).map_err(|error| TillError::Unwritable(path, error))
    }
}

fn missing(path: PathBuf) -> TillError {
    TillError::Unreadable(path, io::ErrorKind::NotFound.into())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, TillError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(TillError::Unreadable(path.to_owned(), error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn identity() -> Identity {
        Identity::new("127.0.0.1:8443".parse().unwrap(), "sandbox.saifu.invalid", RequestId([7; 16]))
    }

    fn made() -> (tempfile::TempDir, Folder) {
        let directory = tempfile::tempdir().unwrap();
        let folder = Folder::create(&directory.path().join("till")).unwrap();
        folder.key_or_new().unwrap();
        folder.set_identity(&identity()).unwrap();
        (directory, folder)
    }

    #[test]
    fn a_folder_keeps_one_key_for_its_owner_alone() {
        let (_directory, folder) = made();
        let key = folder.key().unwrap();
        assert_eq!(folder.key_or_new().unwrap().public(), key.public());
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode(KEY), mode(JOURNAL)), (0o700, 0o600, 0o600));
        assert_eq!(folder.identity().unwrap(), Some(identity()));
        fs::set_permissions(folder.path().join(KEY), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(folder.key().err(), Some(TillError::Exposed(_))));
    }

    #[test]
    fn one_process_at_a_time() {
        let (_directory, folder) = made();
        let path = folder.path().to_owned();
        assert!(matches!(Folder::open(&path).unwrap_err(), TillError::InUse(_)));
        drop(folder);
        Folder::open(&path).unwrap();
    }

    #[test]
    fn what_is_missing_damaged_or_foreign_is_said_and_not_made_anew() {
        let (_directory, folder) = made();
        let nothing = tempfile::tempdir().unwrap();
        assert!(matches!(Folder::open(nothing.path()).unwrap_err(), TillError::NoTill(_)));
        fs::write(folder.path().join(IDENTITY), "{\"saifu_till\":2}").unwrap();
        assert!(matches!(folder.identity().unwrap_err(), TillError::Damaged(..)));
        fs::remove_file(folder.path().join(JOURNAL)).unwrap();
        assert!(matches!(folder.journal().unwrap_err(), TillError::NoJournal(_)));
        fs::write(folder.path().join(KEY), "cats").unwrap();
        assert!(matches!(folder.key().err(), Some(TillError::Damaged(..))));
        fs::remove_file(folder.path().join(KEY)).unwrap();
        assert!(matches!(folder.key().err(), Some(TillError::Unreadable(..))));
        assert!(matches!(folder.authority().unwrap_err(), TillError::Unreadable(..)));
    }
}
