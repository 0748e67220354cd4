//! Top-ups: what a device signed for, what the provider said of it, and what was booked by that. The
//! balances are derived here anew; that an answer may do what it did, the one table of top-ups says.

use super::{Checked, Entry, Replay, nothing_posted};
use crate::domain::command::SystemAction;
use crate::domain::id::{AccountId, CardTag, FundingId, TopUpId};
use crate::domain::journal::Kind;
use crate::domain::ledger::{LOSSES, PROVIDER_CLEARING, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Aftermath, Outcome};
use crate::domain::rows::{HaltReason, TopUpState};
use crate::domain::time::Timestamp;
use crate::domain::top_up::{Answer, Step, step};
use crate::pb;
use crate::verify::evidence;

/// What a top-up must be.
pub(in crate::verify) struct TopUpReplay {
    pub account_id: AccountId,
    pub funding_id: FundingId,
    pub card_tag: Option<CardTag>,
    pub amount_minor: i64,
    pub requested_at: Timestamp,
    pub wants_challenge: bool,
    pub state: TopUpState,
    pub turn: i64,
    pub reference: Option<String>,
}

/// What a row says that the provider said.
struct Said<'a> {
    top_up_id: TopUpId,
    answer: Answer,
    turn: Option<i64>,
    reference: Option<&'a str>,
    challenged: bool,
}

impl Replay {
    /// A source linked or unlinked, or a top-up from one.
    pub(super) fn funding_by_device(
        &mut self,
        entry: &Entry<'_>,
        call: &pb::Call,
        account_id: AccountId,
    ) -> Checked {
        nothing_posted(entry)?;
        match (entry.kind, &entry.outcome) {
            (Kind::RequestTopUp, Outcome::TopUpRequested { top_up_id, wants_challenge }) => {
                let body: pb::TopUpRequest = evidence::body(call)?;
                self.top_up_requested(account_id, (*top_up_id, *wants_challenge), &body)
            }
            (Kind::LinkFunding, Outcome::FundingLinked { funding_id, card_tag }) => {
                self.linked(account_id, *funding_id, *card_tag)
            }
            (Kind::UnlinkFunding, Outcome::FundingUnlinked { funding_id }) => {
                self.unlinked(call, account_id, *funding_id)
            }
            (_, _) => Err("its outcome does not fit its kind"),
        }
    }

    /// A device signed for it.
    fn top_up_requested(
        &mut self,
        account_id: AccountId,
        (top_up_id, wants_challenge): (TopUpId, bool),
        body: &pb::TopUpRequest,
    ) -> Checked {
        let amount_minor = body.amount_minor;
        let amount = Amount::new(amount_minor).ok_or("the signed amount is no amount")?;
        let funding_id = FundingId::from_slice(&body.funding_id).ok_or("the signed source is none")?;
        // Before it counts itself.
        let charged = self.source_charged(account_id, (funding_id, wants_challenge), amount);
        let account = self.account_mut(account_id)?;
        account.incoming_minor += amount_minor;
        let requested_at = account.counted.topped_up(amount_minor);
        let top_up = TopUpReplay {
            account_id,
            funding_id,
            card_tag: self.cards.sources.get(&funding_id).and_then(|source| source.card_tag),
            amount_minor,
            requested_at,
            wants_challenge,
            state: TopUpState::Requested,
            turn: 0,
            reference: None,
        };
        if self.top_ups.insert(top_up_id, top_up).is_some() {
            return Err("a top-up's id is used a second time");
        }
        charged
    }

    /// The provider's answer, as the server signed it.
    pub(super) fn top_up_answered(&mut self, entry: &Entry<'_>, action: &SystemAction) -> Checked {
        let said = said(action)?;
        let top_up = self.top_ups.get_mut(&said.top_up_id).ok_or("it is about a top-up nobody asked for")?;
        let from = top_up.state;
        if said.turn.is_some_and(|turn| turn != top_up.turn) {
            return Err("it answers an earlier question");
        }
        let (known, heard) = (top_up.reference.clone(), said.reference);
        if heard.is_some_and(|heard| known.as_deref().is_some_and(|known| known != heard)) {
            return Err("it is about another charge than the top-up's");
        }
        top_up.turn += 1;
        top_up.reference = known.clone().or_else(|| heard.map(str::to_owned));
        let (account_id, named) = (top_up.account_id, top_up.reference.is_some());
        let is_unchallenged = top_up.wants_challenge && !said.challenged;
        let amount = Amount::new(top_up.amount_minor).ok_or("a top-up's amount is no amount")?;
        self.step_account(entry, account_id)?;
        let state = match step(from, said.answer) {
            Step::Pass if from.is_open() && known.is_none() && heard.is_some() => {
                waits(entry, said.top_up_id, from)?
            }
            Step::Pass => return Err("it moves a top-up on that was past it"),
            Step::Wait(state) => waits(entry, said.top_up_id, state)?,
            Step::Credit if is_unchallenged => {
                return Err("it credits what its owner did no 3-D Secure for");
            }
            Step::Credit if !named => return Err("it credits what no provider has a name for"),
            Step::Credit => self.top_up_settled(entry, &said, account_id, (amount, true))?,
            Step::Fail => self.top_up_settled(entry, &said, account_id, (amount, false))?,
            Step::TakeBack(state) => {
                self.top_up_taken_back(entry, said.top_up_id, (account_id, amount), state)?;
                state
            }
        };
        self.top_ups.get_mut(&said.top_up_id).ok_or("it is about a top-up nobody asked for")?.state = state;
        Ok(())
    }

    fn top_up_settled(
        &mut self,
        entry: &Entry<'_>,
        said: &Said<'_>,
        account_id: AccountId,
        (amount, succeeded): (Amount, bool),
    ) -> Result<TopUpState, &'static str> {
        let Outcome::TopUpSettled { top_up_id, credited_minor, available_after_minor } = entry.outcome else {
            return Err("its outcome is not what was signed");
        };
        let requested_at = self.top_ups.get(&said.top_up_id).map(|top_up| top_up.requested_at);
        let account = self.account_mut(account_id)?;
        account.incoming_minor -= amount.minor();
        if let Some(then) = requested_at.filter(|_| !succeeded) {
            account.counted.not_topped_up(then, amount.minor());
        }
        let ledger_account_id = account.ledger_account_id;
        let transfer = Transfer {
            debit: PROVIDER_CLEARING,
            credit: ledger_account_id,
            asset: Asset::PrepaidJpy,
            amount,
        };
        let expected_credit = if succeeded { amount.minor() } else { 0 };
        if top_up_id != said.top_up_id || credited_minor != expected_credit {
            return Err("it credits another amount than was asked for");
        }
        self.posted(entry, account_id, succeeded.then_some(transfer))?;
        self.charge_ended(said.top_up_id, succeeded, entry.row.at)?;
        Self::entry_of(entry, account_id)?;
        if self.available(account_id)? != available_after_minor {
            return Err("the balance after it is another");
        }
        Ok(if succeeded { TopUpState::Succeeded } else { TopUpState::Failed })
    }

    /// What its owner had is taken from him, the rest is lost and owed, and a charge-back stops outflow.
    fn top_up_taken_back(
        &mut self,
        entry: &Entry<'_>,
        id: TopUpId,
        (account_id, amount): (AccountId, Amount),
        expected_state: TopUpState,
    ) -> Checked {
        let Outcome::TopUpTakenBack {
            top_up_id,
            state,
            taken_minor,
            lost_minor,
            available_after_minor,
            aftermath,
        } = entry.outcome
        else {
            return Err("its outcome is not what was signed");
        };
        if top_up_id != id || state != expected_state {
            return Err("its outcome is not what was signed");
        }
        let ledger_account_id = self.account(account_id)?.ledger_account_id;
        // What is held for a shop is the shop's to capture, and not there to be taken.
        let taken = self.available(account_id)?.clamp(0, amount.minor());
        if (taken_minor, lost_minor) != (taken, amount.minor() - taken) {
            return Err("it takes back another amount than there was, or loses more than it must");
        }
        let transfer = |debit, minor| {
            let amount = Amount::new(minor)?;
            Some(Transfer { debit, credit: PROVIDER_CLEARING, asset: Asset::PrepaidJpy, amount })
        };
        let parts = [transfer(ledger_account_id, taken_minor), transfer(LOSSES, lost_minor)];
        self.posted(entry, account_id, parts.into_iter().flatten())?;
        Self::entry_of(entry, account_id)?;
        self.taken_back_leaves(account_id, aftermath, lost_minor, state == TopUpState::ChargedBack)?;
        if self.available(account_id)? == available_after_minor {
            Ok(())
        } else {
            Err("the balance after it is another")
        }
    }
}

impl Replay {
    /// What is lost is owed from then on; rows from before debts were kept forgave it.
    fn taken_back_leaves(
        &mut self,
        account_id: AccountId,
        aftermath: Aftermath,
        lost_minor: i64,
        charged_back: bool,
    ) -> Checked {
        match aftermath {
            Aftermath::Forgiven { .. } if self.debts_are_kept => Err("it forgives what is owed"),
            Aftermath::Forgiven { frozen_at } => {
                if frozen_at.is_some() != charged_back {
                    return Err("a charge-back freezes its account, and nothing else of this does");
                }
                let account = self.account_mut(account_id)?;
                if frozen_at.is_some() {
                    account.frozen_at = account.frozen_at.or(frozen_at);
                    account.frozen_until = None;
                    account.live_codes.clear();
                }
                Ok(())
            }
            Aftermath::Owed { debt_minor, halted_at } => {
                self.debts_are_kept = true;
                let account = self.account_mut(account_id)?;
                account.debt_minor += lost_minor;
                if debt_minor != account.debt_minor {
                    return Err("what its owner owes after it is another amount");
                }
                match halted_at {
                    Some(halted_at) if charged_back => {
                        self.halted(account_id, halted_at, HaltReason::ChargeBack)
                    }
                    None if !charged_back => Ok(()),
                    Some(_) | None => {
                        Err("a charge-back stops its account's outflow, and nothing else of this does")
                    }
                }
            }
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other action is not about a top-up")]
fn said(action: &SystemAction) -> Result<Said<'_>, &'static str> {
    let (top_up_id, answer, turn, reference) = match action {
        SystemAction::AwaitTopUp { top_up_id, turn, requires_action, provider_reference, .. } => {
            let answer = if *requires_action { Answer::RequiresAction } else { Answer::Unknown };
            (top_up_id, answer, Some(*turn), provider_reference.as_deref())
        }
        SystemAction::SettleTopUp { top_up_id, succeeded, provider_reference, .. } => {
            let answer = if *succeeded { Answer::Succeeded } else { Answer::Failed };
            (top_up_id, answer, None, Some(provider_reference.as_str()).filter(|text| !text.is_empty()))
        }
        SystemAction::TakeBackTopUp { top_up_id, charged_back } => {
            let answer = if *charged_back { Answer::ChargedBack } else { Answer::Refunded };
            (top_up_id, answer, None, None)
        }
        _ => return Err("its outcome is not what was signed"),
    };
    let challenged = matches!(action, SystemAction::SettleTopUp { challenged: true, .. });
    Ok(Said { top_up_id: *top_up_id, answer, turn, reference, challenged })
}

fn waits(entry: &Entry<'_>, id: TopUpId, expected: TopUpState) -> Result<TopUpState, &'static str> {
    let Outcome::TopUpWaits { top_up_id, state } = entry.outcome else {
        return Err("its outcome is not what was signed");
    };
    nothing_posted(entry)?;
    if top_up_id == id && state == expected { Ok(state) } else { Err("its outcome is not what was signed") }
}
