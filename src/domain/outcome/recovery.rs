//! Where a step leaves a recovery and its account: what the journal says of it, for good.

use crate::domain::id::{AccountId, CaseId};
use crate::domain::recovery::CaseState;
use crate::domain::recovery::factor::Kind;
use crate::domain::time::Timestamp;

/// Where a recovery and its account stand after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecoveryStep {
    /// Which recovery.
    pub case_id: CaseId,
    /// Where it is.
    pub state: CaseState,
    /// Whether two contend.
    pub contested: bool,
    /// What was proved in this step.
    pub proved: Option<Kind>,
    /// When its delay is over.
    pub ready_at: Option<Timestamp>,
    /// The account, after it; none behind a shadow.
    pub account: Option<AccountStanding>,
}

/// What of an account a recovery changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountStanding {
    /// Which.
    pub account_id: AccountId,
    /// Since when outflow is stopped.
    pub frozen_at: Option<Timestamp>,
    /// When that ends by itself.
    pub frozen_until: Option<Timestamp>,
    /// Since when a recovery cools.
    pub restricted_at: Option<Timestamp>,
    /// Since when two contend for it.
    pub contested_at: Option<Timestamp>,
}
