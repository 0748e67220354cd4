//! Where checkpoints and revoked keys are kept: in the data directory, and in a copy elsewhere where one is
//! configured. Files of whole lines, appended and synced.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::line::Checkpoint;

/// The file of checkpoints.
pub const CHECKPOINT_FILE: &str = "checkpoints";
/// The file of keys that were revoked.
pub const REVOKED_FILE: &str = "revoked-keys";

/// One directory that they are kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(PathBuf);

impl Place {
    /// This directory.
    pub fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Its file of checkpoints.
    pub fn checkpoints(&self) -> PathBuf {
        self.0.join(CHECKPOINT_FILE)
    }

    /// Its lock, unless another process writes here right now, and says what this one would.
    pub(super) fn lock(&self) -> io::Result<Option<File>> {
        let file = File::options().create(true).append(true).open(self.checkpoints())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Its file of revoked keys.
    pub fn revoked(&self) -> PathBuf {
        self.0.join(REVOKED_FILE)
    }
}

/// The data directory, and the copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places(Vec<Place>);

impl Places {
    /// Beside the data, and in another directory where there is one.
    pub fn new(data_dir: PathBuf, copy_dir: Option<PathBuf>) -> Self {
        Self([Some(data_dir), copy_dir].into_iter().flatten().map(Place).collect())
    }

    /// Each of them.
    pub fn each(&self) -> &[Place] {
        &self.0
    }
}

/// All checkpoints of a file, oldest first; an unfinished last line is left out, any other line
/// that is not a checkpoint is an error.
pub fn read(path: &Path) -> io::Result<Vec<Checkpoint>> {
    let checkpoint =
        |line: &str| Checkpoint::parse(line).ok_or_else(|| io::Error::other("a line is not a checkpoint"));
    lines(path)?.lines().map(checkpoint).collect()
}

/// The whole lines of a file; none where it is absent.
pub(super) fn lines(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(mut text) => {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
            Ok(text)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// A line that a crash left unfinished is cut off first.
pub(super) fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    file.write_all(lines.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_writes_in_a_place() {
        let directory = tempfile::TempDir::new().expect("a temporary directory");
        let place = Place::new(directory.path().to_owned());
        let held = place.lock().expect("a file").expect("nobody else has it");
        assert!(place.lock().expect("a file").is_none());
        drop(held);
        assert!(place.lock().expect("a file").is_some());
    }
}
