//! The server's own keys, each in a file of its own that nobody but its user can read.
//!
//! A set is complete or it is refused: a server that made a missing key anew would find sealed
//! secrets that don't open, contacts it cannot find and passphrases that never match, and would take
//! each of them for an attack. So a key is made only with the whole set and only when the caller says
//! that this is a first start. Every error names the file and what to do.

use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::crypto::blind_index::BlindIndexKey;
use crate::crypto::hash::MacKey;
use crate::crypto::integrity::Integrity;
use crate::crypto::seal::RootKey;
use crate::crypto::system_key::SystemKey;
use crate::env::{Entropy, file};

const KEY_BYTES: usize = 32;
/// 64 hexadecimal digits and a newline.
const FILE_BYTES: usize = 2 * KEY_BYTES + 1;
const DIRECTORY_MODE: u32 = 0o700;
const OTHERS: u32 = 0o077;

/// The files of a set.
const NAMES: [&str; 7] =
    ["kek.key", "index.key", "pepper.key", "request.key", "code.key", "page.key", "system.key"];

/// The keys of a server. No two uses share a key.
pub struct Keyring {
    /// Seals secrets at rest.
    pub kek: RootKey,
    /// Finds contacts.
    pub index: BlindIndexKey,
    /// Goes into every passphrase hash.
    pub pepper: Zeroizing<[u8; 32]>,
    /// Tags the bodies of requests, for exactly-once.
    pub request: MacKey,
    /// Tags the codes that people carry.
    pub code: MacKey,
    /// Tags page tokens.
    pub page: MacKey,
    /// Signs for the server.
    pub system: SystemKey,
    /// Makes rows tell-tale that others write.
    pub integrity: Arc<Integrity>,
}

/// Where each key of a set lies, if not in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    in_order: Vec<PathBuf>,
}

impl KeyFiles {
    /// Seven, in the order of the names: kek, index, pepper, request, code, page, system.
    pub fn in_order(in_order: Vec<PathBuf>) -> Self {
        assert_eq!(in_order.len(), NAMES.len(), "a set is complete");
        Self { in_order }
    }
}

type KeyBytes = Zeroizing<[u8; KEY_BYTES]>;

impl Keyring {
    /// Reads the set in `dir`. If there is none and `may_create` says that this is a first start, a
    /// new one is made, durably, before this returns.
    pub fn load_or_create(dir: &Path, entropy: &dyn Entropy, may_create: bool) -> Result<Self, KeyringError> {
        let missing = missing_names(dir)?;
        if missing.len() == NAMES.len() {
            if !may_create {
                return Err(KeyringError::Absent { dir: dir.to_owned() });
            }
            create(dir, entropy)?;
        } else if let Some(name) = missing.first() {
            return Err(KeyringError::Incomplete { file: dir.join(name) });
        }
        refuse_others(dir, &fs::metadata(dir).map_err(|source| unreadable(dir, source))?)?;
        Self::of(NAMES.map(|name| read(&dir.join(name), is_owners)))
    }

    /// Reads a set whose keys lie in files of their own, as a secret's mount has them.
    pub fn load(files: &KeyFiles) -> Result<Self, KeyringError> {
        let keys: Vec<_> = files.in_order.iter().map(|path| read(path, file::is_private)).collect();
        Self::of(keys.try_into().map_err(|_| ()).expect("a set is complete"))
    }

    fn of(keys: [Result<KeyBytes, KeyringError>; NAMES.len()]) -> Result<Self, KeyringError> {
        let [kek, index, pepper, request, code, page, system] = keys;
        let system = system?;
        Ok(Self {
            kek: RootKey::new(*kek?),
            index: BlindIndexKey::new(*index?),
            pepper: pepper?,
            request: MacKey::new(*request?),
            code: MacKey::new(*code?),
            page: MacKey::new(*page?),
            integrity: Arc::new(Integrity::of(&system)),
            system: SystemKey::from_seed(&system),
        })
    }
}

fn missing_names(dir: &Path) -> Result<Vec<&'static str>, KeyringError> {
    let mut missing = Vec::new();
    for name in NAMES {
        let path = dir.join(name);
        // A link that leads nowhere is there and will be unreadable; it is not a missing file.
        match fs::symlink_metadata(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(name),
            Err(source) => return Err(unreadable(&path, source)),
        }
    }
    Ok(missing)
}

fn create(dir: &Path, entropy: &dyn Entropy) -> Result<(), KeyringError> {
    let unwritable = |path: &Path, source| KeyringError::Unwritable { path: path.to_owned(), source };
    DirBuilder::new()
        .recursive(true)
        .mode(DIRECTORY_MODE)
        .create(dir)
        .and_then(|()| file::sync_directory(file::directory_of(dir)))
        .map_err(|source| unwritable(dir, source))?;
    // Before a secret is in it, not after.
    refuse_others(dir, &fs::metadata(dir).map_err(|source| unreadable(dir, source))?)?;
    for name in NAMES {
        let path = dir.join(name);
        let mut key = KeyBytes::default();
        entropy.fill(key.as_mut_slice());
        file::replace(&path, &*hex(&key)).map_err(|source| unwritable(&path, source))?;
    }
    Ok(())
}

fn read(path: &Path, is_private: fn(&fs::Metadata) -> bool) -> Result<KeyBytes, KeyringError> {
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    // Of the opened file, not of the name: it could mean another one by now.
    if !is_private(&file.metadata().map_err(|source| unreadable(path, source))?) {
        return Err(KeyringError::Exposed { path: path.to_owned(), directory: false });
    }
    let mut content = Zeroizing::new(Vec::with_capacity(FILE_BYTES + 1));
    file.take(FILE_BYTES as u64 + 1).read_to_end(&mut content).map_err(|source| unreadable(path, source))?;
    unhex(&content).ok_or_else(|| KeyringError::Malformed { file: path.to_owned() })
}

fn refuse_others(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyringError> {
    if is_owners(metadata) {
        Ok(())
    } else {
        Err(KeyringError::Exposed { path: path.to_owned(), directory: metadata.is_dir() })
    }
}

fn is_owners(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode() & OTHERS == 0
}

fn unreadable(path: &Path, source: io::Error) -> KeyringError {
    KeyringError::Unreadable { path: path.to_owned(), source }
}

fn hex(key: &KeyBytes) -> Zeroizing<[u8; FILE_BYTES]> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new([b'\n'; FILE_BYTES]);
    for (digits, byte) in text.chunks_exact_mut(2).zip(key.iter()) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    text
}

fn unhex(content: &[u8]) -> Option<KeyBytes> {
    if content.len() != FILE_BYTES {
        return None;
    }
    let digits = content.strip_suffix(b"\n")?;
    let mut key = KeyBytes::default();
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

/// Why a server has no keys.
#[derive(Debug)]
pub enum KeyringError {
    /// There is no set, and none may be made.
    Absent {
        /// Where it should be.
        dir: PathBuf,
    },
    /// Some of the set is there and some isn't.
    Incomplete {
        /// The first that is missing.
        file: PathBuf,
    },
    /// A file holds something else than a key.
    Malformed {
        /// The file.
        file: PathBuf,
    },
    /// Others than the owner can reach it.
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// It is a directory.
        directory: bool,
    },
    /// The system doesn't let us read it.
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system doesn't let us write it.
    Unwritable {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for KeyringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { dir } => write!(
                f,
                "there are no keys in {}: restore them from their backup, since data that exist already \
                 are lost without them",
                dir.display()
            ),
            Self::Incomplete { file } => write!(
                f,
                "the key {} is missing while others of its set are there: restore it from its backup, or, \
                 if a first start was interrupted and there are no data yet, remove the other keys and start \
                 again",
                file.display()
            ),
            Self::Malformed { file } => write!(
                f,
                "the key {} is damaged, it should be 64 lower-case hexadecimal digits and a newline: \
                 restore it from its backup",
                file.display()
            ),
            Self::Exposed { path, directory } => write!(
                f,
                "{} can be reached by other users of this machine: run `chmod {} {}`, and replace the keys \
                 if anybody may have read them",
                path.display(),
                if *directory { "700" } else { "600" },
                path.display()
            ),
            Self::Unreadable { path, source } => {
                write!(f, "{} cannot be read ({source}): let the server's user own it", path.display())
            }
            Self::Unwritable { path, source } => {
                write!(
                    f,
                    "{} cannot be written ({source}): let the server's user own its directory",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for KeyringError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } | Self::Unwritable { source, .. } => Some(source),
            Self::Absent { .. } | Self::Incomplete { .. } | Self::Malformed { .. } | Self::Exposed { .. } => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SeededEntropy;
    use crate::crypto::seal::Aad;

    struct Set {
        _root: tempfile::TempDir,
        dir: PathBuf,
    }

    impl Set {
        fn none() -> Self {
            let root = tempfile::tempdir().unwrap();
            Self { dir: root.path().join("data").join("keys"), _root: root }
        }

        fn fresh() -> Self {
            let set = Self::none();
            set.load(true).expect("a first start makes the keys");
            set
        }

        fn load(&self, may_create: bool) -> Result<Keyring, KeyringError> {
            Keyring::load_or_create(&self.dir, &SeededEntropy::new(1), may_create)
        }

        fn error(&self) -> KeyringError {
            self.load(true).err().expect("the set is refused")
        }

        fn file(&self, name: &str) -> PathBuf {
            self.dir.join(name)
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_first_start_makes_a_set_and_the_next_one_reads_it() {
        let set = Set::none();
        let made = set.load(true).unwrap();
        let read = set.load(false).unwrap();
        assert_eq!(made.pepper, read.pepper);
        assert_eq!(made.system.public(), read.system.public());
        assert_eq!(made.request.tag(&[]), read.request.tag(&[]));
        let aad = Aad::new("test", &[], 1, 1);
        let sealed = made.kek.seal(&SeededEntropy::new(2), &aad, b"secret");
        assert_eq!(read.kek.open(&aad, &sealed).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn only_the_owner_reads_the_keys_and_no_two_are_alike() {
        let set = Set::fresh();
        assert_eq!(mode(&set.dir), 0o700);
        let mut contents: Vec<_> = NAMES.iter().map(|name| fs::read(set.file(name)).unwrap()).collect();
        assert!(NAMES.iter().all(|name| mode(&set.file(name)) == 0o600));
        assert!(contents.iter().all(|content| content.len() == 65));
        contents.sort();
        contents.dedup();
        assert_eq!(contents.len(), NAMES.len());
        assert_eq!(fs::read_dir(&set.dir).unwrap().count(), NAMES.len());
    }

    #[test]
    fn without_leave_no_set_is_made() {
        let set = Set::none();
        assert!(matches!(set.load(false), Err(KeyringError::Absent { .. })));
        assert!(!set.dir.exists());
    }

    #[test]
    fn a_set_with_a_key_missing_is_refused_and_left_as_it_is() {
        for name in NAMES {
            let set = Set::fresh();
            fs::remove_file(set.file(name)).unwrap();
            let error = set.error();
            assert!(
                matches!(&error, KeyringError::Incomplete { file } if *file == set.file(name)),
                "{error}"
            );
            assert!(error.to_string().contains(name));
            assert!(!set.file(name).exists());
        }
    }

    #[test]
    fn a_damaged_key_is_refused() {
        let good = "0123456789abcdef".repeat(4);
        for content in [
            String::new(),
            good.clone(),
            format!("{good}0\n"),
            format!("{good}\n\n"),
            format!("{}\n", &good[..63]),
            format!("{}\n", &good[..62]),
            format!("{}g\n", &good[..63]),
            format!("{}\n", good.to_uppercase()),
        ] {
            let set = Set::fresh();
            fs::write(set.file("code.key"), &content).unwrap();
            let error = set.error();
            assert!(matches!(&error, KeyringError::Malformed { .. }), "{content:?}: {error}");
            assert!(error.to_string().contains("code.key"));
        }
    }

    #[test]
    fn a_key_that_others_can_reach_is_refused() {
        for others in [0o640, 0o604, 0o660, 0o610] {
            let set = Set::fresh();
            fs::set_permissions(set.file("kek.key"), fs::Permissions::from_mode(others)).unwrap();
            let error = set.error();
            assert!(matches!(&error, KeyringError::Exposed { directory: false, .. }), "{error}");
            assert!(error.to_string().contains("chmod 600"), "{error}");
        }
        let set = Set::fresh();
        fs::set_permissions(&set.dir, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(set.error(), KeyringError::Exposed { directory: true, .. }));
    }

    #[test]
    fn no_key_is_put_into_a_directory_that_others_can_reach() {
        let set = Set::none();
        fs::create_dir_all(&set.dir).unwrap();
        fs::set_permissions(&set.dir, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(set.error(), KeyringError::Exposed { directory: true, .. }));
        assert_eq!(fs::read_dir(&set.dir).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_readable_file_is_an_error_that_names_it() {
        let set = Set::fresh();
        fs::remove_file(set.file("page.key")).unwrap();
        std::os::unix::fs::symlink("nowhere", set.file("page.key")).unwrap();
        let error = set.error();
        assert!(matches!(&error, KeyringError::Unreadable { .. }), "{error}");
        assert!(error.to_string().contains("page.key"));
    }
}
