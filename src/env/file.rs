//! Small files: replaced so that a crash leaves the old content or the new one, never half of it, and
//! asked whether anybody else can read them.
//!
//! Keys and the sandbox's clock are kept in such files. When [`replace`] returns, content and name
//! are on the disk.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Only the owner reads or writes what is written here.
const OWNER_ONLY: u32 = 0o600;
/// Everybody may read it, where the directory lets them.
const READ_BY_ALL: u32 = 0o644;

/// Gives `path` this content, readable by its owner alone, durably.
///
/// Two processes must not replace the same file at once: they would share the temporary name.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, content, OWNER_ONLY)
}

/// The same for what is no secret: everybody may read it.
pub(crate) fn replace_public(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, content, READ_BY_ALL)
}

fn replace_with(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let temporary = temporary_name(path);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // create_new: whoever planted a link under this name must not have us write through it.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, path)?;
    sync_directory(directory_of(path))
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The directory that holds `path`; a bare file name lies in the current one.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// Whether a secret may lie in this file: its owner alone reads it. Where somebody else owns it and it
/// is ours to read by our group alone, as Kubernetes mounts secrets, the group may read.
pub(crate) fn is_private(metadata: &fs::Metadata) -> bool {
    // Without /proc nobody is known to be the owner, and only the owner's alone is private.
    let own = fs::metadata("/proc/self").map_or(metadata.uid(), |own| own.uid());
    is_private_to(own, metadata.uid(), metadata.mode())
}

fn is_private_to(user: u32, owner: u32, mode: u32) -> bool {
    const NOT_THE_OWNERS: u32 = 0o077;
    const READ_BY_GROUP: u32 = 0o040;
    let others = mode & NOT_THE_OWNERS;
    others == 0 || (others == READ_BY_GROUP && owner != user)
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_new_content_takes_the_place_of_the_old_and_belongs_to_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("value");
        fs::write(&path, "old and longer").unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_secret_is_its_owners_or_ours_by_our_group_alone() {
        for mode in [0o600, 0o400, 0o700] {
            assert!(is_private_to(10_001, 10_001, mode) && is_private_to(10_001, 0, mode), "{mode:o}");
        }
        assert!(is_private_to(10_001, 0, 0o440), "root's, and our group reads it");
        assert!(!is_private_to(10_001, 10_001, 0o440), "ours, and others of the group read it");
        for mode in [0o460, 0o450, 0o444, 0o404, 0o402, 0o441] {
            assert!(!is_private_to(10_001, 0, mode), "{mode:o}");
        }
    }

    #[test]
    fn a_leftover_of_a_crash_is_neither_written_through_nor_in_the_way() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("value");
        let elsewhere = directory.path().join("elsewhere");
        fs::write(&elsewhere, "untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, temporary_name(&path)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"untouched");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }
}
