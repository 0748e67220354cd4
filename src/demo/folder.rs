//! A folder that is gone when the demonstration is, however it ends.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::crypto::entropy::SystemEntropy;
use crate::domain::id::hex;
use crate::env::bytes16;

/// Keys lie in it: nobody else looks inside.
const OWNER_ONLY: u32 = 0o700;

/// A new folder among the machine's temporary ones.
#[derive(Debug)]
pub struct TemporaryFolder {
    path: PathBuf,
}

impl TemporaryFolder {
    /// Makes it, under a name that nobody can foresee.
    pub fn create() -> io::Result<Self> {
        let name = format!("saifu-demo-{}", hex(&bytes16(&SystemEntropy::new())));
        let path = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(OWNER_ONLY).create(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::error!(path = %self.path.display(), %error, "the demo's folder was not removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_everything_in_it() {
        let folder = TemporaryFolder::create().unwrap();
        let path = folder.path().to_owned();
        fs::create_dir(path.join("data")).unwrap();
        fs::write(path.join("data").join("file"), "content").unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
