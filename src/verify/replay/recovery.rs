//! Recoveries, from the journal: who began a case, what it was said to have proved, when its delay began and
//! ended; and that nobody got an account otherwise.

use super::calls::stored;
use super::{Checked, Entry, KeyReplay, OwnerReplay, Replay, nothing_moved, nothing_posted};
use crate::domain::command::SystemAction;
use crate::domain::id::{AccountId, AdditionId, CaseId, DeviceId, KeyId};
use crate::domain::journal::Kind;
use crate::domain::outcome::{Outcome, RecoveryStep};
use crate::domain::recovery::CaseState;
use crate::domain::recovery::delay::base_us;
use crate::domain::recovery::factor::{Kind as Factor, suffices};
use crate::domain::rows::{KeyForm, KeyState};
use crate::domain::time::Timestamp;
use crate::pb;
use crate::verify::evidence;

/// What a case must be.
#[derive(Clone)]
pub(in crate::verify) struct CaseReplay {
    pub key_id: KeyId,
    pub account_id: Option<AccountId>,
    pub state: CaseState,
    proved: Vec<Factor>,
    proved_at: Timestamp,
    cooling_at: Option<Timestamp>,
    pub ready_at: Option<Timestamp>,
}

impl Replay {
    /// A candidate's row about a recovery, or about joining an account.
    pub(super) fn recovery(&mut self, entry: &Entry<'_>) -> Checked {
        let key = evidence::candidate_key(entry.row)?;
        let call = evidence::signed_call(entry.row, &key, &self.audience)?;
        nothing_posted(entry)?;
        match (entry.kind, &entry.outcome) {
            (Kind::StartRecovery, Outcome::RecoveryStarted { case_id, account_id, .. }) => {
                let case = CaseReplay {
                    key_id: entry.row.key_id,
                    account_id: *account_id,
                    state: CaseState::Requested,
                    proved: Vec::new(),
                    proved_at: entry.row.at,
                    cooling_at: None,
                    ready_at: None,
                };
                if self.cases.insert(*case_id, case).is_some() {
                    return Err("it begins a recovery that there is already");
                }
                nothing_moved(entry)
            }
            (Kind::RequestAddition, Outcome::AdditionAsked { addition_id, .. }) => {
                if self.additions.insert(*addition_id, entry.row.key_id).is_some() {
                    return Err("a phone's wish to join has the name of another one");
                }
                nothing_moved(entry)
            }
            (Kind::CancelByNotice, Outcome::CancellationHeard(None)) | (_, Outcome::Refused { .. }) => {
                nothing_moved(entry)
            }
            (Kind::CancelByNotice, Outcome::CancellationHeard(Some(step))) => self.stepped(entry, step),
            (
                Kind::SendRecoveryCode
                | Kind::ProveRecovery
                | Kind::FreezeInRecovery
                | Kind::ReportLostInRecovery,
                Outcome::RecoveryStepped(step),
            ) => {
                self.own_case(entry, step.case_id)?;
                let proves = entry.kind == Kind::ProveRecovery;
                let signed = if proves { signed_factor(&call)? } else { None };
                if step.proved.is_some() && step.proved != signed {
                    return Err("it proves another factor than was signed for");
                }
                self.stepped(entry, step)
            }
            (Kind::CompleteRecovery, Outcome::Recovered { step, device_id, epoch, point, form }) => {
                if key.point() != point || stored(key.form()) != *form {
                    return Err("the new device's key is not the one that signed");
                }
                let device = KeyReplay {
                    key,
                    form: *form,
                    owner: OwnerReplay::Device {
                        account_id: step.account.ok_or("it recovers no account")?.account_id,
                        device_id: *device_id,
                    },
                    state: KeyState::Active,
                    version: 1,
                };
                self.recovered(entry, step, *epoch, device)
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    fn own_case(&self, entry: &Entry<'_>, case_id: CaseId) -> Checked {
        let case = self.cases.get(&case_id).ok_or("its recovery was never begun")?;
        if case.key_id == entry.row.key_id { Ok(()) } else { Err("another key began its recovery") }
    }

    /// A step of a case by anybody but a device: the account's version steps with it.
    pub(super) fn stepped(&mut self, entry: &Entry<'_>, step: &RecoveryStep) -> Checked {
        if let Some(account) = &step.account {
            self.step_account(entry, account.account_id)?;
        }
        self.step_case(entry, step)
    }

    /// Where a case goes, and what its account's standing is by it.
    pub(super) fn step_case(&mut self, entry: &Entry<'_>, step: &RecoveryStep) -> Checked {
        let figures = self.policy.as_ref().ok_or("there are no rules")?.recovery.clone();
        let at = entry.row.at;
        let case = self.cases.get_mut(&step.case_id).ok_or("its recovery was never begun")?;
        if case.account_id != step.account.map(|account| account.account_id) {
            return Err("its recovery is another account's");
        }
        if let Some(factor) = step.proved {
            if (factor == Factor::Proofing) != (entry.kind == Kind::Approve) {
                return Err("a person is seen by two operators, and nothing else is proved so");
            }
            case.proved.push(factor);
            case.proved_at = at;
        }
        let before = std::mem::replace(&mut case.state, step.state);
        match (before, step.state) {
            (same, other) if same == other => {}
            (_, CaseState::Proven) if !suffices(case.proved.iter().copied()) => {
                return Err("a recovery stands on less than two factors");
            }
            (CaseState::Proven, CaseState::Cooling) => {
                let told = entry.kind == Kind::AnswerNotice;
                let least = at.plus_us(base_us(&figures, case.proved.iter().copied()));
                // A decision's time may be a little later than its row's.
                if !told || step.ready_at.is_none_or(|ready_at| ready_at < least) {
                    return Err("a recovery cools without a notice, or for too short a time");
                }
                case.cooling_at = Some(at);
                case.ready_at = step.ready_at;
            }
            (_, CaseState::Cooling) => return Err("a recovery cools that did not stand"),
            (CaseState::Cooling, CaseState::Ready) => {
                if case.ready_at.is_none_or(|ready_at| at < ready_at) {
                    return Err("a recovery is ready before its delay is over");
                }
            }
            (_, CaseState::Ready) => return Err("a recovery is ready that did not cool"),
            (_, _) => {}
        }
        let proofed = case.proved.contains(&Factor::Proofing);
        let over = step.state.is_over();
        let Some(standing) = &step.account else { return Ok(()) };
        let account = self.account_mut(standing.account_id)?;
        if account.frozen_at.is_some() && account.frozen_until.is_none() && standing.frozen_at.is_none() {
            return Err("a recovery lifts a freeze");
        }
        if account.contested && standing.contested_at.is_none() && !(proofed && over) {
            return Err("a recovery ends a contest that nobody was seen for");
        }
        account.frozen_at = standing.frozen_at;
        account.frozen_until = standing.frozen_until;
        account.restricted = standing.restricted_at.is_some();
        account.contested = standing.contested_at.is_some();
        Ok(())
    }

    /// An account changes hands: after its delay, by the key that began the case, and everything before is
    /// dead.
    fn recovered(
        &mut self,
        entry: &Entry<'_>,
        step: &RecoveryStep,
        epoch: i64,
        device: KeyReplay,
    ) -> Checked {
        self.own_case(entry, step.case_id)?;
        let figures = self.policy.as_ref().ok_or("there are no rules")?.recovery.clone();
        let case = self.cases.get(&step.case_id).ok_or("its recovery was never begun")?;
        let again_us = entry.row.at.since_us(case.proved_at);
        if case.state != CaseState::Ready || step.state != CaseState::Completed {
            return Err("it completes a recovery that was not ready");
        }
        if !suffices(case.proved.iter().copied()) || case.cooling_at.is_none() {
            return Err("it completes a recovery on less than two factors, or that nobody was told of");
        }
        if again_us > figures.again_us && !case.proved.contains(&Factor::Proofing) {
            return Err("it completes a recovery without a factor proved again");
        }
        self.stepped(entry, step)?;
        let account_id = step.account.ok_or("it recovers no account")?.account_id;
        let (own, old): (Vec<_>, Vec<_>) =
            entry.versions.keys.iter().partition(|(key_id, _)| *key_id == entry.row.key_id);
        if own != [&(entry.row.key_id, 1)] || self.keys.contains_key(&entry.row.key_id) {
            return Err("it enrols a key that there is already");
        }
        for (key_id, version) in old.into_iter().copied().collect::<Vec<_>>() {
            self.revoke(key_id, account_id, version)?;
        }
        if self.keys.values().any(|key| is_active_of(key, account_id)) {
            return Err("an old device outlives a recovery");
        }
        let OwnerReplay::Device { device_id, .. } = device.owner else { return Err("it enrols no device") };
        self.keys.insert(entry.row.key_id, device);
        self.joined(account_id, device_id, entry.row.key_id)?;
        let account = self.account_mut(account_id)?;
        account.counted.recovered();
        account.epoch += 1;
        account.active_devices = 1;
        account.live_codes.clear();
        if account.epoch == epoch { Ok(()) } else { Err("the account's epoch is not the next one") }
    }

    /// What the server does about a recovery.
    pub(super) fn system_recovery(&mut self, entry: &Entry<'_>, action: &SystemAction) -> Checked {
        let Outcome::RecoveryStepped(step) = &entry.outcome else {
            return Err("its outcome is not what was signed");
        };
        let (SystemAction::AnswerNotice { case, .. } | SystemAction::AdvanceRecovery { case, .. }) = action
        else {
            return Err("its outcome is not what was signed");
        };
        if case.case_id != step.case_id {
            return Err("it is about another recovery than was signed for");
        }
        nothing_posted(entry)?;
        self.stepped(entry, step)
    }

    /// A device lets another one join.
    pub(super) fn device_added(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
        device_id: DeviceId,
        (key_id, point, form): (KeyId, &[u8; 65], KeyForm),
    ) -> Checked {
        if entry.versions.keys != [(key_id, 1)] || self.keys.contains_key(&key_id) {
            return Err("it enrols a key that there is already");
        }
        let body: pb::DeviceApproveAddRequest = evidence::body(call)?;
        let addition_id =
            AdditionId::from_slice(&body.addition_id).ok_or("the signed wish to join is none")?;
        if self.additions.remove(&addition_id) != Some(key_id) {
            return Err("it enrols another key than the one that asked to join");
        }
        let key = evidence::stored_key(point, form);
        if key.key_id() != key_id.0 {
            return Err("the new device's key is not the one it names");
        }
        let owner = OwnerReplay::Device { account_id, device_id };
        self.keys.insert(key_id, KeyReplay { key, form, owner, state: KeyState::Active, version: 1 });
        self.account_mut(account_id)?.active_devices += 1;
        self.joined(account_id, device_id, key_id)?;
        nothing_posted(entry)
    }
}

fn is_active_of(key: &KeyReplay, account: AccountId) -> bool {
    key.state == KeyState::Active
        && matches!(key.owner, OwnerReplay::Device { account_id, .. } if account_id == account)
}

fn signed_factor(call: &pb::Call) -> Result<Option<Factor>, &'static str> {
    let body: pb::RecoveryProveRequest = evidence::body(call)?;
    Ok(match body.factor() {
        pb::RecoveryFactor::Totp => Some(Factor::Totp),
        pb::RecoveryFactor::SavedCode => Some(Factor::SavedCode),
        pb::RecoveryFactor::Passphrase => Some(Factor::Passphrase),
        pb::RecoveryFactor::EmailCode => Some(Factor::EmailCode),
        pb::RecoveryFactor::PhoneCode => Some(Factor::PhoneCode),
        pb::RecoveryFactor::Unspecified => None,
    })
}
