//! Differences between a funding provider's list and ours: found, gone again, taken by an operator and
//! resolved by him. The top-up is looked at as it is in this commit, and nothing about money is written.

use super::ruling::Ruling;
use crate::domain::command::{Comparison, OperatorCall, ReconciliationAction, ReconciliationChore};
use crate::domain::id::FIRST_TENANT;
use crate::domain::outcome::{Outcome, ReconciliationOutcome, Refusal};
use crate::domain::reconciliation::{Difference, ItemState, difference};
use crate::domain::record::Record as _;
use crate::domain::rows::{Reconciliation, ReconciliationItem, TopUp};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides a chore. Each finds out anew whether it is still to be done.
pub(super) fn chore(chore: &ReconciliationChore, view: &View) -> Vec<Write> {
    match chore {
        ReconciliationChore::Compare(comparison) => compare(comparison, view).into_iter().collect(),
        ReconciliationChore::Advance { before, after } => {
            advance(before.as_ref(), after, view).into_iter().collect()
        }
    }
}

/// As far as it was compared before, and never back.
fn advance(before: Option<&Reconciliation>, after: &Reconciliation, view: &View) -> Option<Write> {
    let known = view.get::<Reconciliation>((after.provider,));
    let goes_on = known.is_none_or(|known| after.compared_until >= known.compared_until);
    if known != before || !goes_on || after.swept_until > after.compared_until {
        return None;
    }
    let row = after.clone().into_row();
    Some(if known.is_some() { Write::Update(row) } else { Write::Insert(row) })
}

fn compare(comparison: &Comparison, view: &View) -> Option<Write> {
    let Comparison { item_id, provider, reference, seen, theirs } = comparison;
    let row = seen.and_then(|(top_up_id, _)| view.get::<TopUp>((top_up_id,)));
    if seen.is_some_and(|(_, turn)| row.is_none_or(|row| row.turn != turn)) {
        return None;
    }
    let known = view.get::<ReconciliationItem>((*item_id,));
    let Some(difference) = difference(row, reference, theirs.as_ref()) else {
        // What the provider had once does not vanish: it is another's key that does not know it.
        let has_vanished = theirs.is_none() && known.is_some_and(|known| known.theirs_minor.is_some());
        return known.filter(|_| !has_vanished).and_then(cleared).map(|item| Write::Update(item.into_row()));
    };
    // What is not the top-up's own charge is compared with no amount of ours.
    let ours = row.filter(|_| difference != Difference::UnknownHere);
    let now = view.now();
    let found = ReconciliationItem {
        item_id: *item_id,
        tenant_id: FIRST_TENANT,
        provider: *provider,
        reference: reference.clone(),
        difference,
        top_up_id: row.map(|row| row.top_up_id),
        ours_minor: ours.map(|row| row.amount_minor),
        theirs_minor: theirs.as_ref().map(|theirs| theirs.amount_minor),
        theirs_currency: theirs.as_ref().map(|theirs| theirs.currency.clone()),
        version: 1,
        first_seen_at: now,
        last_seen_at: now,
        state: ItemState::Open,
        owner_id: None,
        note: None,
    };
    Some(match known {
        None => Write::Insert(found.into_row()),
        Some(known) => Write::Update(seen_again(known, found, now).into_row()),
    })
}

/// Whoever looks after it may stop; what he said about a resolved one stays said.
fn cleared(known: &ReconciliationItem) -> Option<ReconciliationItem> {
    known.state.is_open().then(|| ReconciliationItem { state: ItemState::Cleared, ..known.clone() })
}

/// The same difference is left to whoever has it. With other figures it is another version, and open again if
/// it was resolved: nobody has said anything about that one.
fn seen_again(known: &ReconciliationItem, found: ReconciliationItem, now: Timestamp) -> ReconciliationItem {
    let last_seen_at = now.max(known.last_seen_at);
    let figures = |item: &ReconciliationItem| {
        (item.difference, item.top_up_id, item.ours_minor, item.theirs_minor, item.theirs_currency.clone())
    };
    let is_same = figures(known) == figures(&found);
    let is_anew = match known.state {
        ItemState::Open | ItemState::Taken => false,
        ItemState::Resolved => !is_same,
        ItemState::Cleared => true,
    };
    if is_same && !is_anew {
        return ReconciliationItem { last_seen_at, ..known.clone() };
    }
    ReconciliationItem {
        version: known.version + 1,
        first_seen_at: known.first_seen_at,
        last_seen_at,
        state: if is_anew { ItemState::Open } else { known.state },
        owner_id: known.owner_id.filter(|_| !is_anew),
        ..found
    }
}

/// Decides what an operator does about a difference.
pub(super) fn act(
    call: &OperatorCall,
    action: &ReconciliationAction,
    view: &View,
) -> Result<Ruling, Refusal> {
    let item_id = action.item_id();
    let item = view.get::<ReconciliationItem>((item_id,)).ok_or(Refusal::NotFound)?;
    if !item.state.is_open() {
        return Err(Refusal::ReconciliationItemOver);
    }
    let owner_id = Some(call.operator_id);
    let (state, note) = match action {
        ReconciliationAction::Take { .. } => (ItemState::Taken, None),
        ReconciliationAction::Resolve { note, .. } if item.owner_id == owner_id => {
            (ItemState::Resolved, Some(note.clone()))
        }
        ReconciliationAction::Resolve { .. } => return Err(Refusal::ReconciliationItemNotYours),
    };
    // He has not seen what it is by now.
    let version = action.version();
    if item.version != version {
        return Err(Refusal::ReconciliationItemChanged);
    }
    let outcome = match action {
        ReconciliationAction::Take { .. } => ReconciliationOutcome::Taken { item_id, version },
        ReconciliationAction::Resolve { .. } => ReconciliationOutcome::Resolved { item_id, version },
    };
    let item = ReconciliationItem { state, owner_id, note, ..item.clone() };
    Ok(Ruling::plain(vec![Write::Update(item.into_row())], Outcome::Reconciliation(outcome)))
}
