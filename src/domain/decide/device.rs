//! A device's call: who may, in which state, with which factor; then the action itself.

use super::{Decision, Stale, code, factor, forget_open, funding, pay, remember_open, top_up};
use crate::domain::command::{DeviceAction, DeviceCall, DocumentWrite};
use crate::domain::id::{CommandId, DeviceId, EventId, KeyId};
use crate::domain::journal::{Entry, Versions, side_id};
use crate::domain::ledger::Postings;
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::proof::Factor;
use crate::domain::record::Record as _;
use crate::domain::recovery::factor::Kind as FactorKind;
use crate::domain::rows::{
    Account, AccountState, CodePurpose, Device, Document, Event, EventKind, Factors, KeyState, Row,
    SecretReply, SigningKey,
};
use crate::domain::second_factor::{self, Verdict};
use crate::domain::step_up::{self, Demand, SinceCode};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

mod standing;

/// Why a call ends before its action.
pub(super) enum Halt {
    Refuse { refusal: Refusal, retry_at: Timestamp },
    Reject(OpenAnswer),
    Stale(Stale),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse { refusal, retry_at: Timestamp(0) }
    }
}

/// What an action did, besides changing account and device.
pub(super) struct Done {
    pub outcome: Outcome,
    pub postings: Postings,
    pub keys: Vec<(KeyId, i64)>,
}

impl Done {
    pub(super) fn plain(outcome: Outcome) -> Self {
        Self { outcome, postings: Postings::default(), keys: Vec::new() }
    }
}

/// One call under decision: copies of the caller's rows, and the writes so far.
pub(super) struct Turn<'a> {
    pub call: &'a DeviceCall,
    pub view: &'a View,
    pub policy: &'a Policy,
    pub now: Timestamp,
    pub account: Account,
    pub device: Device,
    pub writes: Vec<Write>,
    pub command_id: CommandId,
    code_accepted: bool,
    device_changed: bool,
    side_rows: u8,
}

/// Decides a device's call whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    call: &DeviceCall,
    action: &DeviceAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let Some((account, device)) = caller(call, view) else {
        return Decision::Stale(Stale::Key);
    };
    let now = view.now().max(account.last_at);
    let (account, device) = (account.clone(), device.clone());
    let mut turn = Turn {
        call,
        view,
        policy,
        now,
        account,
        device,
        writes: Vec::with_capacity(4),
        command_id,
        code_accepted: false,
        device_changed: false,
        side_rows: 0,
    };
    let result = turn.standing(action).map_err(Halt::from).and_then(|()| {
        let is_new = matches!(action, DeviceAction::ConfirmTotp { .. });
        let wanted = if is_new { Factor::NewTotp } else { Factor::Totp };
        turn.second_factor(demand(&turn, action), wanted)?;
        turn.act(action)
    });
    turn.finish(action, result)
}

/// The caller's rows, when key, device and epoch are still what the gate saw.
fn caller<'a>(call: &DeviceCall, view: &'a View) -> Option<(&'a Account, &'a Device)> {
    let key = view.get::<SigningKey>((call.signed.key_id,))?;
    let device = view.get::<Device>((call.device_id,))?;
    let account = view.get::<Account>((call.account_id,))?;
    let good = key.state == KeyState::Active
        && key.account_id == Some(call.account_id)
        && device.state == KeyState::Active
        && device.key_id == call.signed.key_id
        && device.account_id == call.account_id
        && account.epoch == call.epoch;
    good.then_some((account, device))
}

/// Which factor an action wants: one row an action, no default.
fn demand(turn: &Turn<'_>, action: &DeviceAction) -> Demand {
    let rules = &turn.policy.step_up;
    match action {
        DeviceAction::Activate { .. }
        | DeviceAction::VerifySecondFactor
        | DeviceAction::Unfreeze
        | DeviceAction::ReportLost { .. }
        | DeviceAction::ApproveAddition { .. }
        | DeviceAction::BeginTotp { .. }
        | DeviceAction::ConfirmTotp { .. }
        | DeviceAction::ReplaceSavedCode { .. }
        | DeviceAction::ChangePassphrase { .. }
        | DeviceAction::AddContact { .. }
        | DeviceAction::ConfirmContact { .. }
        | DeviceAction::RemoveContact { .. } => Demand::Code,
        DeviceAction::RevokeDevice { target_id } => turn.demand_of_revoking(*target_id),
        DeviceAction::Freeze | DeviceAction::CancelRecovery { .. } | DeviceAction::DeclinePayment { .. } => {
            Demand::Nothing
        }
        DeviceAction::LinkFunding { .. } | DeviceAction::UnlinkFunding { .. } => Demand::Fresh,
        DeviceAction::RequestTopUp { amount, .. } => step_up::for_top_up(rules, *amount),
        DeviceAction::Pay { amount, .. } | DeviceAction::ConfirmPayment { amount, .. } => {
            step_up::for_payment(rules, turn.since_code(None), *amount)
        }
        DeviceAction::IssueCode { purpose: CodePurpose::Pay, cap, .. } => {
            step_up::for_payment(rules, turn.since_code(Some(turn.device.device_id)), *cap)
        }
        DeviceAction::IssueCode { purpose: CodePurpose::TopUp, cap, .. } => step_up::for_top_up(rules, *cap),
    }
}

impl<'a> Turn<'a> {
    /// A new code kills its own device's: that one is not counted beside it.
    fn since_code(&self, replaced_by: Option<DeviceId>) -> SinceCode {
        let outstanding = self.account.live_codes.outstanding(self.now, replaced_by);
        SinceCode::of(&self.account, &self.device, outstanding)
    }

    fn second_factor(&mut self, demand: Demand, wanted: Factor) -> Result<(), Halt> {
        let Some(proof) = &self.call.proof else {
            return if demand.is_met_without_code(&self.policy.step_up, self.device.last_code_at, self.now) {
                Ok(())
            } else {
                Err(Halt::Reject(self.code_needed()))
            };
        };
        if proof.credential_version() != self.account.document_version {
            return Err(Halt::Stale(Stale::Document));
        }
        let counters = (&mut self.account, &mut self.device);
        match second_factor::judge(&self.policy.codes, counters, proof, wanted, self.now) {
            Verdict::Accepted => {
                self.code_accepted = true;
                self.device.last_code_at = Some(self.now);
                Ok(())
            }
            Verdict::Wrong { blocks } => {
                self.device_changed = true;
                self.event(EventKind::CodeWrong, None);
                if blocks {
                    self.event(EventKind::CodeBlocked, None);
                }
                Err(Halt::Reject(OpenAnswer::CodeWrong))
            }
            Verdict::NotJudged(answer) => Err(Halt::Reject(answer)),
        }
    }

    /// Whoever needs a code while codes are blocked is told so at once.
    fn code_needed(&self) -> OpenAnswer {
        self.codes_stopped().unwrap_or(OpenAnswer::CodeNeeded)
    }

    fn codes_stopped(&self) -> Option<OpenAnswer> {
        second_factor::stopped(&self.policy.codes, &self.account, &self.device, self.now)
    }

    /// While its codes are not looked at, a device revokes one that guessed more than it did: that only takes
    /// away. Whoever guesses on purpose cannot throw out whoever did not.
    fn demand_of_revoking(&self, target_id: DeviceId) -> Demand {
        let target = self
            .view
            .get::<Device>((target_id,))
            .filter(|target| target.account_id == self.account.account_id)
            .filter(|target| target.device_id != self.device.device_id);
        let guessed_more =
            target.is_some_and(|target| target.code_failures_ever > self.device.code_failures_ever);
        if guessed_more && self.device.lost_at.is_none() && self.codes_stopped().is_some() {
            Demand::Nothing
        } else {
            Demand::Code
        }
    }

    fn act(&mut self, action: &DeviceAction) -> Result<Done, Halt> {
        match action {
            DeviceAction::Activate { document, secret } => self.activate(document, secret),
            DeviceAction::VerifySecondFactor => {
                self.event(EventKind::CodeAccepted, Some(self.device.device_id));
                let fresh_until = self.now.plus_us(self.policy.step_up.fresh_us);
                Ok(Done::plain(Outcome::CodeAccepted { fresh_until }))
            }
            DeviceAction::Freeze => Ok(self.freeze()),
            DeviceAction::Unfreeze => Ok(self.unfreeze()),
            DeviceAction::RevokeDevice { target_id } => self.revoke(*target_id),
            DeviceAction::LinkFunding { funding_id, provider, card_tag, document, sources } => {
                funding::link(self, (*funding_id, *provider, *card_tag), document, *sources)
            }
            DeviceAction::UnlinkFunding { funding_id, document } => {
                funding::unlink(self, *funding_id, document)
            }
            DeviceAction::RequestTopUp { top_up_id, funding_id, amount, currency } => {
                top_up::request(self, *top_up_id, *funding_id, *amount, currency)
            }
            DeviceAction::Pay { payment_id, store_id, payee_name, amount, currency, order } => {
                let payee = pay::Payee { store_id: *store_id, name: payee_name, currency };
                pay::post(self, *payment_id, &payee, *amount, order.as_ref())
            }
            DeviceAction::IssueCode { code_id, code_tag, purpose, cap, currency, secret } => {
                let wanted = code::Wanted {
                    code_id: *code_id,
                    code_tag: *code_tag,
                    purpose: *purpose,
                    cap: *cap,
                    currency,
                    secret,
                };
                code::issue(self, &wanted)
            }
            DeviceAction::ConfirmPayment { payment_id, payee_name, amount, currency } => {
                let asked = pay::Asked { payment_id: *payment_id, payee_name, amount: *amount, currency };
                pay::confirm(self, &asked)
            }
            DeviceAction::DeclinePayment { payment_id } => pay::decline(self, *payment_id),
            DeviceAction::CancelRecovery { case, notices } => factor::cancel_recovery(self, case, notices),
            DeviceAction::ReportLost { target_id } => factor::report_lost(self, *target_id),
            DeviceAction::ApproveAddition { .. } => factor::approve_addition(self, action),
            DeviceAction::BeginTotp { document, secret } => {
                self.rewrite_document(document)?;
                self.keep_secret(secret);
                Ok(Done::plain(Outcome::TotpBegun))
            }
            DeviceAction::ConfirmTotp { document, messages } => {
                let document = document.as_ref().ok_or(Refusal::TotpNotBegun)?;
                factor::replace(self, document, messages, FactorKind::Totp)
            }
            DeviceAction::ReplaceSavedCode { document, secret, messages } => {
                self.keep_secret(secret);
                factor::replace(self, document, messages, FactorKind::SavedCode)
            }
            DeviceAction::ChangePassphrase { document, messages } => {
                factor::replace(self, document, messages, FactorKind::Passphrase)
            }
            DeviceAction::AddContact { pending_contact_id, contact } => {
                factor::add_contact(self, *pending_contact_id, contact)
            }
            DeviceAction::ConfirmContact { .. } => factor::confirm_contact(self, action),
            DeviceAction::RemoveContact { contact_index, document, messages } => {
                factor::remove_contact(self, *contact_index, document, messages)
            }
        }
    }

    fn activate(&mut self, document: &DocumentWrite, secret: &[u8]) -> Result<Done, Halt> {
        self.rewrite_document(document)?;
        let factors = self.factors()?;
        let bound = Factors {
            version: factors.version + 1,
            totp_bound_at: Some(self.now),
            saved_code_bound_at: Some(self.now),
            saved_code_case: None,
            ..factors.clone()
        };
        self.writes.push(Write::Update(bound.into_row()));
        self.account.state = AccountState::Active;
        self.account.activated_at = self.account.activated_at.or(Some(self.now));
        self.account.renewal_due = false;
        self.keep_secret(secret);
        self.event(EventKind::AccountActivated, Some(self.device.device_id));
        Ok(Done::plain(Outcome::Activated))
    }

    /// When the account's factors were bound.
    pub(super) fn factors(&self) -> Result<&'a Factors, Halt> {
        Ok(self.view.get::<Factors>((self.account.account_id,)).ok_or(Refusal::NotFound)?)
    }

    /// A secret of the reply.
    pub(super) fn keep_secret(&mut self, sealed: &[u8]) {
        let secret = SecretReply {
            request_id: self.call.signed.request_id,
            key_id: self.call.signed.key_id,
            sealed: sealed.to_vec(),
            expires_at: self.now.plus_us(self.policy.secret_us),
        };
        self.writes.push(Write::Insert(secret.into_row()));
    }

    /// Freezing what is frozen changes nothing, and is no error: whoever is in a hurry is not
    /// bothered with states.
    fn freeze(&mut self) -> Done {
        self.account.live_codes.clear();
        let frozen_at = self.account.frozen_at.filter(|_| self.account.is_frozen(self.now));
        if frozen_at.is_none() {
            self.event(EventKind::Frozen, Some(self.device.device_id));
        }
        let frozen_at = frozen_at.unwrap_or(self.now);
        self.account.frozen_at = Some(frozen_at);
        // The owner's own freeze does not end by itself.
        self.account.frozen_until = None;
        Done::plain(Outcome::Frozen { frozen_at })
    }

    fn unfreeze(&mut self) -> Done {
        self.account.frozen_at = None;
        self.account.frozen_until = None;
        self.event(EventKind::Unfrozen, Some(self.device.device_id));
        Done::plain(Outcome::Unfrozen)
    }

    /// The last device's revocation freezes the account: nobody could stop anything any more.
    fn revoke(&mut self, target_id: DeviceId) -> Result<Done, Halt> {
        let target = self
            .view
            .get::<Device>((target_id,))
            .filter(|target| target.account_id == self.account.account_id)
            .ok_or(Refusal::NotFound)?;
        if target.state == KeyState::Revoked {
            return Err(Refusal::DeviceAlreadyRevoked.into());
        }
        let key = self.view.get::<SigningKey>((target.key_id,)).ok_or(Refusal::NotFound)?;
        let revoked = SigningKey { state: KeyState::Revoked, version: key.version + 1, ..key.clone() };
        let versions = vec![(revoked.key_id, revoked.version)];
        self.writes.push(Write::Update(revoked.into_row()));
        if target_id == self.device.device_id {
            self.device.state = KeyState::Revoked;
            self.device.revoked_at = Some(self.now);
            self.device_changed = true;
        } else {
            let gone = Device { state: KeyState::Revoked, revoked_at: Some(self.now), ..target.clone() };
            self.writes.push(Write::Update(gone.into_row()));
        }
        self.account.active_devices -= 1;
        self.account.live_codes.remove_device(target_id);
        self.event(EventKind::DeviceRevoked, Some(target_id));
        let account_frozen = self.account.active_devices == 0;
        if account_frozen {
            self.freeze();
        }
        let outcome = Outcome::DeviceRevoked { device_id: target_id, account_frozen };
        Ok(Done { outcome, postings: Postings::default(), keys: versions })
    }

    pub(super) fn rewrite_document(&mut self, document: &DocumentWrite) -> Result<(), Halt> {
        if document.expected_version != self.account.document_version {
            return Err(Halt::Stale(Stale::Document));
        }
        self.account.document_version += 1;
        let row = Document {
            account_id: self.account.account_id,
            version: self.account.document_version,
            sealed: document.sealed.clone(),
        };
        self.writes.push(Write::Update(row.into_row()));
        Ok(())
    }

    pub(super) fn event(&mut self, kind: EventKind, device_id: Option<DeviceId>) {
        self.side_rows += 1;
        let event = Event {
            account_id: self.account.account_id,
            event_id: EventId(side_id(self.command_id, self.side_rows)),
            at: self.now,
            kind,
            device_id: device_id.or(Some(self.device.device_id)),
            reason: None,
            subject_id: None,
        };
        self.writes.push(Write::Insert(event.into_row()));
    }

    /// Puts the caller's rows and the answer's own behind the action's writes.
    fn finish(mut self, action: &DeviceAction, result: Result<Done, Halt>) -> Decision {
        self.account.last_at = self.now;
        self.account.active_at = self.now;
        let (done, refused) = match result {
            Ok(done) => (done, false),
            Err(Halt::Refuse { refusal, retry_at }) => {
                (Done::plain(Outcome::Refused { refusal, retry_at }), true)
            }
            Err(Halt::Reject(answer)) => return self.reject(answer),
            Err(Halt::Stale(stale)) => return Decision::Stale(stale),
        };
        self.account.version += 1;
        if self.code_accepted {
            // What this code paid for does not count against the next one.
            self.device.spent_at_code_minor = self.account.spent_total_minor;
            self.device.payments_at_code = self.account.payments_total;
        }
        if self.code_accepted || self.device_changed {
            self.writes.push(Write::Update(Row::Device(Box::new(self.device))));
        }
        self.writes.extend(forget_open(&self.call.signed, self.view));
        let entry = Box::new(Entry {
            kind: action.kind(),
            entry_account_id: done.outcome.is_entry().then_some(self.account.account_id),
            outcome: done.outcome,
            postings: done.postings,
            versions: Versions {
                accounts: vec![(self.account.account_id, self.account.version)],
                keys: done.keys,
            },
            accepted_step: self.code_accepted.then_some(self.account.totp_last_step),
        });
        self.writes.push(Write::Update(Row::Account(Box::new(self.account))));
        if refused {
            Decision::Refuse { writes: self.writes, entry }
        } else {
            Decision::Commit { writes: self.writes, entry }
        }
    }

    fn reject(mut self, answer: OpenAnswer) -> Decision {
        let expires_at = self.now.plus_us(self.policy.open_request_us);
        self.writes.push(remember_open(&self.call.signed, answer, expires_at, self.view));
        if self.device_changed {
            self.writes.push(Write::Update(Row::Device(Box::new(self.device))));
        }
        self.writes.push(Write::Update(Row::Account(Box::new(self.account))));
        Decision::Reject { writes: self.writes, answer }
    }
}
