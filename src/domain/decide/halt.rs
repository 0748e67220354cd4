//! The operators' own freeze: any of them stops an account's outflow, since that only takes away; two of them
//! let it go on. Its owner, and whoever recovers it, lifts neither.

use super::ruling::Ruling;
use crate::domain::command::HaltSubject;
use crate::domain::id::{AccountId, CommandId, EventId, ProposalId};
use crate::domain::journal::{Versions, side_id};
use crate::domain::outcome::{HaltOutcome, Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, AccountState, Event, EventKind, HaltReason, TopUp};
use crate::domain::view::View;
use crate::domain::write::Write;

/// One operator stops the account, named itself or by one of its top-ups.
pub(super) fn stop(command_id: CommandId, subject: HaltSubject, view: &View) -> Result<Ruling, Refusal> {
    let account_id = match subject {
        HaltSubject::Account(account_id) => account_id,
        HaltSubject::TopUp(top_up_id) => view.get::<TopUp>((top_up_id,)).ok_or(Refusal::NotFound)?.account_id,
    };
    let mut account = stepped(account_id, view)?;
    let now = account.last_at;
    let was_halted = account.halted_at.is_some();
    account.halt(now, HaltReason::Operator);
    let outcome = HaltOutcome::Halted {
        account_id,
        halted_at: account.halted_at.unwrap_or(now),
        reason: account.halt_reason.unwrap_or(HaltReason::Operator),
    };
    let told = (!was_halted).then_some(EventKind::AccountHalted);
    Ok(ruled(command_id, account, told, outcome))
}

/// Two operators let it go on.
pub(super) fn lift(
    command_id: CommandId,
    proposal_id: ProposalId,
    account_id: AccountId,
    view: &View,
) -> Result<Ruling, Refusal> {
    let account = stepped(account_id, view)?;
    if account.halted_at.is_none() {
        return Err(Refusal::AccountNotHalted);
    }
    let account = Account { halted_at: None, halt_reason: None, ..account };
    let outcome = HaltOutcome::Resumed { proposal_id, account_id };
    Ok(ruled(command_id, account, Some(EventKind::AccountResumed), outcome))
}

fn stepped(account_id: AccountId, view: &View) -> Result<Account, Refusal> {
    let account = view.get::<Account>((account_id,)).ok_or(Refusal::NotFound)?;
    if account.state == AccountState::Closed {
        return Err(Refusal::AccountClosed);
    }
    let now = view.now().max(account.last_at);
    Ok(Account { last_at: now, version: account.version + 1, ..account.clone() })
}

fn ruled(command_id: CommandId, account: Account, told: Option<EventKind>, outcome: HaltOutcome) -> Ruling {
    let (account_id, now) = (account.account_id, account.last_at);
    let versions = Versions { accounts: vec![(account_id, account.version)], keys: Vec::new() };
    let told = told.map(|kind| Event {
        account_id,
        event_id: EventId(side_id(command_id, 1)),
        at: now,
        kind,
        device_id: None,
        reason: None,
        subject_id: None,
    });
    let told = told.map(|event| Write::Insert(event.into_row()));
    let writes = told.into_iter().chain([Write::Update(account.into_row())]).collect();
    Ruling { versions, ..Ruling::plain(writes, Outcome::Halt(outcome)) }
}
