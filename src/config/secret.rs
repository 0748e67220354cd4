//! Secrets and where they come from: a file, named in the configuration or by a variable.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Because;
use super::refusal::ConfigError;
use crate::env::environment::Environment;
use crate::env::file;

/// No URL is longer.
const SECRET_BYTES: u64 = 4_096;

/// Every secret by the variable that would hold its value, which none may.
const VALUES: [&str; 15] = [
    "SAIFU_STORE_URL",
    "SAIFU_LIMITS_REDIS_URL",
    "SAIFU_TLS_KEY",
    "SAIFU_KEYS_KEK",
    "SAIFU_KEYS_INDEX",
    "SAIFU_KEYS_PEPPER",
    "SAIFU_KEYS_REQUEST",
    "SAIFU_KEYS_CODE",
    "SAIFU_KEYS_PAGE",
    "SAIFU_KEYS_SYSTEM",
    "SAIFU_NOTIFY_EMAIL_PASSWORD",
    "SAIFU_NOTIFY_WEBHOOK_SECRET",
    "SAIFU_NOTIFY_WEBHOOK_SECOND_SECRET",
    "SAIFU_FUNDING_STRIPE_SECRET_KEY",
    "SAIFU_FUNDING_STRIPE_WEBHOOK_SECRET",
];

/// A text that is told to nobody; wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// For whoever must have it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A text that was named, and how.
pub(super) struct Text {
    pub secret: Secret,
    pub is_inline: bool,
}

/// Where names lead to.
pub(super) struct Source<'a> {
    base: &'a Path,
    environment: &'a Environment,
}

impl<'a> Source<'a> {
    pub(super) fn new(base: &'a Path, environment: &'a Environment) -> Result<Self, ConfigError> {
        let by_value = VALUES.into_iter().filter(|name| environment.get(name).is_some());
        let found: Vec<_> = by_value.map(Because::ByValue).collect();
        if found.is_empty() { Ok(Self { base, environment }) } else { Err(ConfigError::Refused(found)) }
    }

    /// Relative paths are relative to the configuration file.
    pub(super) fn path(&self, written: &Path) -> PathBuf {
        self.base.join(written)
    }

    /// A file's name, from the configuration or from a variable.
    pub(super) fn one_path(
        &self,
        written: Option<&Path>,
        key: &'static str,
        variable: &'static str,
    ) -> Result<Option<PathBuf>, Because> {
        match (written, self.environment.get(variable)) {
            (Some(_), Some(_)) => Err(Because::Twice(key, variable)),
            (Some(written), None) => Ok(Some(self.path(written))),
            // A variable is read where the process was started.
            (None, Some(named)) => Ok(Some(PathBuf::from(named))),
            (None, None) => Ok(None),
        }
    }

    /// A text: inline, or what a file holds.
    pub(super) fn text(
        &self,
        (inline, inline_key): (Option<&str>, &'static str),
        (written, key, variable): (Option<&Path>, &'static str, &'static str),
    ) -> Result<Option<Text>, Because> {
        match (inline, self.one_path(written, key, variable)?) {
            (Some(_), Some(_)) => Err(Because::Twice(inline_key, key)),
            (Some(text), None) => Ok(Some(Text { secret: Secret::new(text.to_owned()), is_inline: true })),
            (None, Some(path)) => Ok(Some(Text { secret: read(key, &path)?, is_inline: false })),
            (None, None) => Ok(None),
        }
    }
}

fn read(key: &'static str, path: &Path) -> Result<Secret, Because> {
    let file = check_private(key, path)?;
    let mut text = Zeroizing::new(String::new());
    let unreadable = |source| Because::File(key, path.to_owned(), source);
    file.take(SECRET_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    let line = text.trim_end_matches(['\r', '\n']);
    if line.is_empty() || text.len() as u64 > SECRET_BYTES || line.contains(char::is_control) {
        return Err(Because::Content(key, path.to_owned()));
    }
    Ok(Secret::new(line.to_owned()))
}

/// A secret's file, opened, if it is the server's user's alone.
pub(super) fn check_private(key: &'static str, path: &Path) -> Result<File, Because> {
    let unreadable = |source| Because::File(key, path.to_owned(), source);
    let file = File::open(path).map_err(unreadable)?;
    if file::is_private(&file.metadata().map_err(unreadable)?) {
        Ok(file)
    } else {
        Err(Because::Exposed(key, path.to_owned()))
    }
}
