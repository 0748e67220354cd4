//! The process's environment, taken once. Only variables of ours are looked at.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

const OURS: &str = "SAIFU_";

/// Variables whose name begins with `SAIFU_`.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

impl Environment {
    /// The process's own.
    pub fn of_the_process() -> Self {
        let ours = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self::of(std::env::vars_os().filter_map(ours))
    }

    /// These.
    pub fn of(variables: impl IntoIterator<Item = (String, OsString)>) -> Self {
        Self { variables: variables.into_iter().filter(|(name, _)| name.starts_with(OURS)).collect() }
    }

    /// A variable's value.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str)
    }
}
