//! One part of a provider's list beside the top-ups of the same time. The list only says where to look:
//! before anything is stored about a charge, the provider is asked for it by its name.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::crypto::hash::sha256;
use crate::domain::command::{Chore, Comparison, ReconciliationChore};
use crate::domain::id::{ReconciliationItemId, TopUpId};
use crate::domain::reconciliation::{difference, second};
use crate::domain::rows::{ReconciliationItem, RowKey, TopUp};
use crate::domain::time::Timestamp;
use crate::funding::{Found, Listed, Page};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Query, ReconciliationScan, Scan};

/// As many of our top-ups are kept in memory at a time: a part with more of them is cut short.
const TOP_UPS: usize = 1_000;

/// How far it came.
pub(super) enum Compared {
    /// All charges that were created before then were compared.
    Until(Timestamp),
    /// The provider does not answer.
    Silent,
    /// It keeps no list.
    NoList,
}

/// Compares what was created in this time, there and here.
pub(super) async fn range(gate: &Gate, made: Range<Timestamp>) -> Result<Compared, StoreError> {
    let provider = &gate.tools().provider;
    let (mut unlisted, until) = credited(gate, made.clone()).await?;
    let mut after = None::<String>;
    loop {
        match provider.list(made.start..until, after.as_deref()).await {
            Page::Charges { charges, after: more } => {
                for charge in &charges {
                    unlisted.remove(&charge.reference);
                }
                if !page(gate, &charges).await? {
                    return Ok(Compared::Silent);
                }
                if more.is_none() {
                    break;
                }
                after = more;
            }
            Page::Silent => return Ok(Compared::Silent),
            Page::NoList => return Ok(Compared::NoList),
        }
    }
    // Another time there than here is no difference, so each is asked for before it is one.
    for reference in unlisted {
        if !one(gate, &reference, None).await? {
            return Ok(Compared::Silent);
        }
    }
    Ok(Compared::Until(until))
}

/// The charges that we credited top-ups for which were asked for in this time, and up to when they are all
/// of them.
async fn credited(gate: &Gate, made: Range<Timestamp>) -> Result<(BTreeSet<String>, Timestamp), StoreError> {
    let provider = gate.tools().provider.number();
    let mut rows: Vec<TopUp> = Vec::new();
    loop {
        let after = rows.last().map(|row| (row.requested_at, row.top_up_id));
        let limit = i64::try_from(TOP_UPS).unwrap_or(i64::MAX);
        let (from, until) = (made.start, made.end);
        let scan = ReconciliationScan::Credited { provider, from, until, after, limit };
        let fetched = gate.fetch(Query::scan(Scan::Reconciliation(scan))).await?;
        let found = fetched.scanned::<TopUp>().count();
        rows.extend(fetched.scanned::<TopUp>().cloned());
        let cut = match rows.last() {
            Some(last) if found == TOP_UPS => second(last.requested_at),
            Some(_) | None => until,
        };
        // The first second of it is never cut.
        if cut > from {
            let kept = rows.into_iter().filter(|row| row.requested_at < cut);
            return Ok((kept.filter_map(|row| row.provider_reference).collect(), cut));
        }
    }
}

/// A page of the list. False when the provider falls silent.
async fn page(gate: &Gate, charges: &[Listed]) -> Result<bool, StoreError> {
    let provider = gate.tools().provider.number();
    let mut rows: Vec<RowKey> = charges
        .iter()
        .flat_map(|charge| {
            let item = RowKey::ReconciliationItem(item_id(provider, &charge.reference));
            [Some(item), charge.top_up_id.map(RowKey::TopUp)]
        })
        .flatten()
        .collect();
    rows.sort_unstable();
    rows.dedup();
    let fetched = gate.fetch(Query { rows, ..Query::default() }).await?;
    for charge in charges {
        let row = charge.top_up_id.and_then(|id| fetched.by_key::<TopUp>((id,)));
        let item = fetched.by_key::<ReconciliationItem>((item_id(provider, &charge.reference),));
        let is_open = item.is_some_and(|item| item.state.is_open());
        let differs = difference(row, &charge.reference, Some(&charge.theirs)).is_some();
        if (differs || is_open) && !one(gate, &charge.reference, charge.top_up_id).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One charge by its name, beside its top-up. False when the provider is silent.
pub(super) async fn one(gate: &Gate, reference: &str, named: Option<TopUpId>) -> Result<bool, StoreError> {
    let provider = &gate.tools().provider;
    // Read before the provider is asked: what changes here meanwhile has another turn by then.
    let row = top_up(gate, reference, named).await?;
    let theirs = match provider.find(reference).await {
        Found::Charge(charge) => Some(charge.theirs),
        Found::Absent => None,
        Found::Silent => return Ok(false),
    };
    let found = difference(row.as_ref(), reference, theirs.as_ref());
    let compare = ReconciliationChore::Compare(Comparison {
        item_id: item_id(provider.number(), reference),
        provider: provider.number(),
        reference: reference.to_owned(),
        seen: row.as_ref().map(|row| (row.top_up_id, row.turn)),
        theirs,
    });
    gate.chore(Chore::Reconciliation(compare)).await?;
    if let Some(row) = row.filter(|row| found.is_some_and(|found| found.is_mendable(row))) {
        gate.chore(Chore::HintTopUp(row.top_up_id)).await?;
    }
    Ok(true)
}

/// The top-up that has this charge, or else the one that the charge names.
async fn top_up(gate: &Gate, reference: &str, named: Option<TopUpId>) -> Result<Option<TopUp>, StoreError> {
    let rows = named.map(RowKey::TopUp).into_iter().collect();
    let scan = Some(Scan::TopUpOfReference(reference.to_owned()));
    let fetched = gate.fetch(Query { rows, scan, ..Query::default() }).await?;
    let own = fetched.scanned::<TopUp>().next();
    Ok(own.or(fetched.get::<TopUp>()).cloned())
}

fn item_id(provider: i64, reference: &str) -> ReconciliationItemId {
    ReconciliationItemId::of(provider, reference, |named| sha256(&[named]))
}
