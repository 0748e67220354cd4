//! A case begins, behind a contact that may be nobody's.

use super::{SHADOW_KEPT_US, event};
use crate::domain::command::CandidateCall;
use crate::domain::decide::candidate::owner;
use crate::domain::decide::ruling::Ruling;
use crate::domain::id::{CaseId, CodeTag, CommandId, ContactIndex, FIRST_TENANT, TargetId};
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::recovery::CaseState;
use crate::domain::recovery::addition::Additions;
use crate::domain::recovery::factor::Channels;
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
    let account = owner(view, start.contact_index, policy).filter(|account| account.activated_at.is_some());
    let (target_id, mut writes) = target(view, account, start.contact_index);
    let now = account.map_or(view.now(), |account| view.now().max(account.last_at));
    let span_us =
        if start.with_proofing { policy.recovery.proofing_us } else { policy.recovery.requested_us };
    let expires_at = now.plus_us(span_us);
    let account_id = account.map(|account| account.account_id);
    let case = begun(call, start, target_id, account, now, expires_at);
    writes.push(Write::Insert(case.into_row()));
    if let Some(account_id) = account_id {
        writes.push(event(account_id, command_id, 1, EventKind::RecoveryBegun, start.case_id.0, now));
    }
    Ruling::plain(writes, Outcome::RecoveryStarted { case_id: start.case_id, account_id, expires_at })
}

fn begun(
    call: &CandidateCall,
    start: &Start<'_>,
    target_id: TargetId,
    account: Option<&Account>,
    now: Timestamp,
    due_at: Timestamp,
) -> RecoveryCase {
    RecoveryCase {
        case_id: start.case_id,
        tenant_id: FIRST_TENANT,
        key_id: call.signed.key_id,
        target_id,
        account_id: account.map(|account| account.account_id),
        state: CaseState::Requested,
        with_proofing: start.with_proofing,
        started_at: now,
        epoch: account.map_or(0, |account| account.epoch),
        factors_version: 0,
        attempts: 0,
        totp_at: None,
        saved_code_at: None,
        passphrase_at: None,
        email_code_at: None,
        phone_code_at: None,
        proofed_at: None,
        proved_last_at: None,
        proved_again_at: None,
        issued_tag: None,
        issued_channel: None,
        issued_until: Timestamp(0),
        wanted: Channels::default(),
        accepted: Channels::default(),
        refused: Channels::default(),
        proven_at: None,
        cooling_at: None,
        ready_at: None,
        reminders: 0,
        cancel_tag: start.cancel_tag,
        sealed: start.sealed.to_vec(),
        devices_lost: false,
        cancel_asked_at: None,
        cancel_asked_by: None,
        due_at: Some(due_at),
        ended_at: None,
        expires_at: Timestamp(i64::MAX),
    }
}

/// The target of an account, or of the shadow behind a contact; made when it is needed first.
pub(in crate::domain::decide) fn target(
    view: &View,
    account: Option<&Account>,
    contact_index: ContactIndex,
) -> (TargetId, Vec<Write>) {
    let target_id = account
        .map_or(TargetId::of_shadow(contact_index), |account| TargetId::of_account(account.account_id));
    if view.get::<RecoveryTarget>((target_id,)).is_some() {
        return (target_id, Vec::new());
    }
    let row = new_target(target_id, account, view.now());
    (target_id, vec![Write::Insert(row.into_row())])
}

/// A target that nothing was asked of yet.
pub(in crate::domain::decide) fn new_target(
    target_id: TargetId,
    account: Option<&Account>,
    now: Timestamp,
) -> RecoveryTarget {
    RecoveryTarget {
        target_id,
        tenant_id: FIRST_TENANT,
        account_id: account.map(|account| account.account_id),
        day: now.day(),
        attempts_today: 0,
        messages_today: 0,
        reserve_attempts_today: 0,
        reserve_messages_today: 0,
        claim: None,
        contested_at: None,
        last_cancelled_at: None,
        issued_freeze_at: None,
        additions: Additions::default(),
        expires_at: match account {
            Some(_) => Timestamp(i64::MAX),
            None => now.plus_us(SHADOW_KEPT_US),
        },
    }
}
