//! A case begins, behind a contact that may be nobody's.

use super::event;
use crate::domain::command::CandidateCall;
use crate::domain::decide::candidate::owner;
use crate::domain::decide::ruling::Ruling;
use crate::domain::id::{CaseId, CodeTag, CommandId, ContactIndex, TargetId};
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::recovery::begun::Begin;
use crate::domain::rows::{Account, EventKind, RecoveryCase, RecoveryTarget};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// What a candidate begins a case with.
pub(in crate::domain::decide) struct Start<'a> {
    pub case_id: CaseId,
    pub contact_index: ContactIndex,
    pub with_proofing: bool,
    pub cancel_tag: CodeTag,
    pub sealed: &'a [u8],
}

/// A case begins. Whether there is an account behind the contact is decided here, and told to nobody.
pub(in crate::domain::decide) fn start(
    command_id: CommandId,
    call: &CandidateCall,
    start: &Start<'_>,
    view: &View,
    policy: &Policy,
) -> Ruling {
    let Named { account, target, is_new, now } = named(view, start.contact_index, policy);
    let begin = Begin {
        case_id: start.case_id,
        key_id: call.signed.key_id,
        target_id: target.target_id,
        contact_index: start.contact_index,
        account: account.map(|account| (account.account_id, account.epoch)),
        with_proofing: start.with_proofing,
        cancel_tag: start.cancel_tag,
        sealed: start.sealed.to_vec(),
    };
    let case = RecoveryCase::begun(begin, &policy.recovery, now);
    let (account_id, expires_at) = (case.account_id, case.due_at.unwrap_or(now));
    let mut writes = vec![written(target, is_new), Write::Insert(case.into_row())];
    if let Some(account_id) = account_id {
        writes.push(event(account_id, command_id, 1, EventKind::RecoveryBegun, start.case_id.0, now));
    }
    Ruling::plain(writes, Outcome::RecoveryStarted { case_id: start.case_id, account_id, expires_at })
}

/// What a contact names: an account, or the shadow of one that does not exist.
pub(in crate::domain::decide) struct Named<'a> {
    pub account: Option<&'a Account>,
    pub target: RecoveryTarget,
    pub is_new: bool,
    pub now: Timestamp,
}

/// Of a contact, now that something is asked of what it names.
pub(in crate::domain::decide) fn named<'a>(
    view: &'a View,
    contact_index: ContactIndex,
    policy: &Policy,
) -> Named<'a> {
    let account = owner(view, contact_index, policy).filter(|account| account.activated_at.is_some());
    let now = account.map_or(view.now(), |account| view.now().max(account.last_at));
    let account_id = account.map(|account| account.account_id);
    let target_id = account_id.map_or(TargetId::of_shadow(contact_index), TargetId::of_account);
    let known = view.get::<RecoveryTarget>((target_id,)).cloned();
    let is_new = known.is_none();
    let mut target = known.unwrap_or_else(|| RecoveryTarget::begun(target_id, account_id, now));
    target.touch(now);
    Named { account, target, is_new, now }
}

/// The target's row.
pub(in crate::domain::decide) fn written(target: RecoveryTarget, is_new: bool) -> Write {
    if is_new { Write::Insert(target.into_row()) } else { Write::Update(target.into_row()) }
}
