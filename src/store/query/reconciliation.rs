//! What comparing with a funding provider's list reads, and the operators who look after differences.

use super::merchant::{Condition, time};
use super::{Sql, bytes};
use crate::domain::id::{ReconciliationItemId, TopUpId};
use crate::domain::reconciliation::ItemState;
use crate::domain::record::Value;
use crate::domain::rows::Table;
use crate::domain::time::Timestamp;

/// Top-ups and differences.
#[derive(Clone, Debug)]
pub enum ReconciliationScan {
    /// Credited top-ups of a provider's, by when they were asked for.
    Credited {
        /// Which provider.
        provider: i64,
        /// From then on.
        from: Timestamp,
        /// Before then.
        until: Timestamp,
        /// After this moment and top-up; from the first when absent.
        after: Option<(Timestamp, TopUpId)>,
        /// At most.
        limit: i64,
    },
    /// Open differences of a provider's that were not seen since, for longest first.
    OpenItems {
        /// Which provider.
        provider: i64,
        /// Last seen before then.
        seen_before: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Differences, newest first.
    Items {
        /// Those in this state alone.
        state: Option<ItemState>,
        /// Before this moment and difference; from the end when absent.
        before: Option<(Timestamp, ReconciliationItemId)>,
        /// At most.
        limit: i64,
    },
}

impl ReconciliationScan {
    pub(super) fn sql(&self) -> Sql {
        match self {
            Self::Credited { provider, from, until, after, limit } => {
                let mut condition = Condition::new(Table::TopUp)
                    .and("state = 2 AND requested_at >= ? AND requested_at < ?", [time(*from), time(*until)])
                    .and(OF_PROVIDER, [Value::Int(*provider)]);
                if let Some((at, top_up_id)) = after {
                    let place = [time(*at), bytes(&top_up_id.0)];
                    condition = condition.and("(requested_at, top_up_id) > (?, ?)", place);
                }
                condition.ordered("requested_at, top_up_id", *limit)
            }
            Self::OpenItems { provider, seen_before, limit } => Condition::new(Table::ReconciliationItem)
                .and("provider = ? AND state IN (1, 2)", [Value::Int(*provider)])
                .and("last_seen_at < ?", [time(*seen_before)])
                .ordered("last_seen_at, item_id", *limit),
            Self::Items { state, before, limit } => {
                let (at, id) = before.unwrap_or((Timestamp(i64::MAX), ReconciliationItemId([0xff; 16])));
                Condition::new(Table::ReconciliationItem)
                    .and("(first_seen_at, item_id) < (?, ?)", [time(at), bytes(&id.0)])
                    .and_if(*state, "state = ?", |state| Value::Int(state.number()))
                    .ordered("first_seen_at DESC, item_id DESC", *limit)
            }
        }
    }
}

const OF_PROVIDER: &str = "EXISTS (SELECT 1 FROM funding WHERE funding.funding_id = top_up.funding_id \
     AND funding.provider = ?)";
