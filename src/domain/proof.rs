//! What was found out about a factor before the decision. Only `crypto` makes a proof (tests/tidy.rs
//! checks), only `decide` reads one, and it does so after the attempt is spent.

/// A step of RFC 6238: Unix time divided by 30 s.
pub type Step = i64;

/// Which factor a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// A code of the authenticator.
    Totp,
    /// A code of the authenticator that is to replace it.
    NewTotp,
    /// A code that was sent to a contact.
    ContactCode,
    /// The saved recovery code.
    SavedCode,
    /// The passphrase.
    Passphrase,
}

/// The result of comparing a factor, for the decision to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    factor: Factor,
    credential_version: i64,
    matched: Option<Step>,
}

impl Proof {
    /// `credential_version` is the version of the document or row that was compared with;
    /// `matched` the step whose code it was (0 for a contact code), or nothing.
    pub(crate) fn new(factor: Factor, credential_version: i64, matched: Option<Step>) -> Self {
        Self { factor, credential_version, matched }
    }

    /// Which factor it is about.
    pub fn factor(&self) -> Factor {
        self.factor
    }

    /// The version of what it was compared with.
    pub fn credential_version(&self) -> i64 {
        self.credential_version
    }

    /// The step it matched, if it matched.
    pub fn matched(&self) -> Option<Step> {
        self.matched
    }
}
