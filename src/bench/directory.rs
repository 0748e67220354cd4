//! A directory of this measurement's own, gone when it is over.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::bench::BenchError;

/// The directory. Dropped, it removes itself with everything in it.
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes a new one inside `parent`, or where temporary files go.
    pub(super) fn new(parent: Option<&Path>) -> Result<Self, BenchError> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        let path = parent.join(format!("saifu-bench-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(BenchError::io("make a directory for the measurement"))?;
        Ok(Self { path })
    }

    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            eprintln!("saifu: {} remains: {error}", self.path.display());
        }
    }
}
