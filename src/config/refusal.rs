//! Why a configuration is refused: one sentence each, with the key and what to write instead, and all of them
//! at once.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not TOML, or holds what is not known, or not what must be there.
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1.
        line: usize,
        /// The parser's words, which quote keys and no values.
        words: Box<str>,
    },
    /// It can be read, and not be started with: everything that is wrong with it, as far as it can be told
    /// without the rest.
    Refused(Vec<Because>),
}

/// What is wrong with what a file says. A key is followed by what to write.
#[derive(Debug)]
pub enum Because {
    /// Production needs it.
    Missing(&'static str, &'static str),
    /// Production does not run on it.
    OfTheSandbox(&'static str, &'static str),
    /// One of them only.
    Twice(&'static str, &'static str),
    /// Not a value that it may have.
    OutOfRange(&'static str, &'static str),
    /// Weaker than what is documented, which production must not be.
    Weaker {
        /// The key.
        key: &'static str,
        /// The documented figure, in the key's unit.
        documented: i64,
        /// Which way is stricter: "more" or "less".
        or: &'static str,
    },
    /// A password in the configuration file: the key that names a file instead.
    PasswordInline(&'static str, &'static str),
    /// Without TLS.
    Unprotected(&'static str, &'static str),
    /// A file that is named here cannot be read.
    File(&'static str, PathBuf, io::Error),
    /// … holds nothing, or too much.
    Content(&'static str, PathBuf),
    /// … can be read by others.
    Exposed(&'static str, PathBuf),
    /// There are no keys in this directory.
    NoKeys(PathBuf),
    /// A secret's value in a variable of this name.
    ByValue(&'static str),
}

/// What is wrong, as it is found.
#[derive(Default)]
pub(super) struct Findings(Vec<Because>);

impl Findings {
    /// What was read, or nothing and why. What several keys stumble over is said once.
    pub(super) fn kept<T>(&mut self, read: Result<T, Because>) -> Option<T> {
        read.map_err(|because| {
            if self.0.iter().all(|found| found.to_string() != because.to_string()) {
                self.0.push(because);
            }
        })
        .ok()
    }

    /// What was put together of what was read, if nothing was wrong.
    pub(super) fn judge<T>(self, whole: Option<T>) -> Result<T, ConfigError> {
        match whole {
            Some(whole) if self.0.is_empty() => Ok(whole),
            Some(_) | None => Err(ConfigError::Refused(self.0)),
        }
    }
}

/// What was given, where it may be; nothing where nothing was.
pub(super) fn within(
    given: Option<i64>,
    range: RangeInclusive<i64>,
    because: Because,
) -> Result<Option<i64>, Because> {
    match given {
        Some(number) if !range.contains(&number) => Err(because),
        given => Ok(given),
    }
}

impl ConfigError {
    pub(super) fn malformed(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let begin = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.get(..begin).unwrap_or(text).matches('\n').count() + 1;
        let mut words = error.message().replace('\n', " ");
        if words.contains("socket address") {
            words.push_str(": write an address and a port, such as 127.0.0.1:8443");
        }
        let words = words.into_boxed_str();
        Self::Malformed { path: path.to_owned(), line, words }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(
                f,
                "the configuration {} cannot be read ({source}): name a file that this user may read with \
                 --config",
                path.display()
            ),
            Self::Malformed { path, line, words } => write!(
                f,
                "the configuration {}, line {line}: {words}; config/saifu.example.toml shows every key",
                path.display()
            ),
            Self::Refused(becauses) => {
                for (at, because) in becauses.iter().enumerate() {
                    let between = if at == 0 { "" } else { "\n" };
                    write!(f, "{between}{because}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(key, write) => write!(f, "{key} is missing: write {write}"),
            Self::OfTheSandbox(key, write) => {
                write!(f, "{key} is the sandbox's, and this is production: write {write}")
            }
            Self::Twice(one, other) => write!(f, "{one} and {other} say the same thing twice: keep one"),
            Self::OutOfRange(key, must) => write!(f, "{key} must be {must}"),
            Self::Weaker { key, documented, or } => write!(
                f,
                "{key} is weaker than the documented figure, and this is production: write {documented} or \
                 {or}, or leave it out"
            ),
            Self::PasswordInline(key, instead) => write!(
                f,
                "{key} holds a password: put the URL into a file that only the server's user can read, and \
                 name it by {instead}"
            ),
            Self::Unprotected(key, write) => {
                write!(f, "{key} goes over the network unprotected: write {write}")
            }
            Self::File(key, path, source) => {
                write!(f, "{key} names {}, which cannot be read: {source}", path.display())
            }
            Self::Content(key, path) => {
                write!(f, "{key} names {}, which must hold one line of at most 4096 bytes", path.display())
            }
            Self::Exposed(key, path) => write!(
                f,
                "{key} names {path}, which other users of this machine can read: run `chmod 600 {path}`, and \
                 replace the secret if anybody may have read it",
                path = path.display()
            ),
            Self::NoKeys(path) => write!(
                f,
                "[keys] dir names {}, where there are no keys: production makes none by itself; put a set \
                 there (a sandbox's keys/ is one)",
                path.display()
            ),
            Self::ByValue(variable) => write!(
                f,
                "the variable {variable} would hold a secret's value: put it into a file, and name the file \
                 by {variable}_FILE"
            ),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::Malformed { .. } | Self::Refused(_) => None,
        }
    }
}
