//! What is done about differences between a funding provider's list and ours.

use crate::domain::id::{ReconciliationItemId, TopUpId};
use crate::domain::journal::Kind;
use crate::domain::reconciliation::Theirs;
use crate::domain::rows::{Reconciliation, RowKey};

/// What was found by comparing. What a provider says is no journal's, so none of it is journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconciliationChore {
    /// A charge, or that there is none of this name, beside its top-up.
    Compare(Comparison),
    /// A part of a provider's list was compared.
    Advance {
        /// As it was before; another one by now means that somebody else did it.
        before: Option<Reconciliation>,
        /// As it is now.
        after: Reconciliation,
    },
}

/// A charge beside its top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The difference's name, if there is one.
    pub item_id: ReconciliationItemId,
    /// Whose charge.
    pub provider: i64,
    /// The provider's name for it.
    pub reference: String,
    /// The top-up, and its `turn` before the provider was asked: with another one by now the two were never
    /// true at the same time.
    pub seen: Option<(TopUpId, i64)>,
    /// What the provider said; nothing when it knows no such charge.
    pub theirs: Option<Theirs>,
}

/// What an operator may do about a difference. He names the version that he saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReconciliationAction {
    /// He looks after it.
    Take {
        /// Which.
        item_id: ReconciliationItemId,
        /// As he saw it.
        version: i64,
    },
    /// It is dealt with.
    Resolve {
        /// Which.
        item_id: ReconciliationItemId,
        /// As he saw it.
        version: i64,
        /// What became of it.
        note: String,
    },
}

impl ReconciliationAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Take { .. } => Kind::TakeReconciliationItem,
            Self::Resolve { .. } => Kind::ResolveReconciliationItem,
        }
    }

    /// Which difference it is about.
    pub fn item_id(&self) -> ReconciliationItemId {
        match self {
            Self::Take { item_id, .. } | Self::Resolve { item_id, .. } => *item_id,
        }
    }

    /// As its operator saw it.
    pub fn version(&self) -> i64 {
        match self {
            Self::Take { version, .. } | Self::Resolve { version, .. } => *version,
        }
    }
}

impl ReconciliationChore {
    /// The rows that its decision looks at.
    pub(super) fn keys(&self) -> Vec<RowKey> {
        match self {
            Self::Compare(Comparison { item_id, seen, .. }) => {
                let mut keys = vec![RowKey::ReconciliationItem(*item_id)];
                keys.extend(seen.map(|(top_up_id, _)| RowKey::TopUp(top_up_id)));
                keys
            }
            Self::Advance { after, .. } => vec![RowKey::Reconciliation(after.provider)],
        }
    }
}
