//! Money in: the request reserves the limit, the provider's answers book it exactly once, or take it back.

use super::Traceless;
use super::device::{Done, Halt, Turn};
use super::funding;
use super::inflow::{Inflow, Place, booked};
use super::recovery::event;
use super::ruling::Ruling;
use crate::domain::card;
use crate::domain::command::SystemAction;
use crate::domain::id::{CommandId, FundingId, LedgerAccountId, LotId, TopUpId};
use crate::domain::journal::Versions;
use crate::domain::ledger::{LOSSES, PROVIDER_CLEARING, Postings, Transfer};
use crate::domain::limits;
use crate::domain::lots::Lot;
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Aftermath, Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, Card, EventKind, Funding, HaltReason, TopUp, TopUpState};
use crate::domain::time::{DAY_US, Timestamp};
use crate::domain::top_up::{Answer, Step, step};
use crate::domain::view::View;
use crate::domain::write::Write;

/// A provider is first asked again after this whether what was credited is still ours.
const WATCH_US: i64 = DAY_US;

/// Records a top-up and reserves its limit; the provider is asked after the commit.
pub(super) fn request(
    turn: &mut Turn<'_>,
    top_up_id: TopUpId,
    funding_id: FundingId,
    amount: Amount,
    currency: &str,
) -> Result<Done, Halt> {
    let source = funding::chargeable(turn.view, &turn.account, funding_id)?;
    if Asset::of_code(currency) != Some(turn.account.asset) {
        return Err(Refusal::WrongCurrency.into());
    }
    limits::check_top_up(turn.policy, &turn.account, &turn.device, amount, turn.now)
        .map_err(|no| Halt::Refuse { refusal: no.refusal, retry_at: no.retry_at })?;
    let rules = &turn.policy.cards;
    card::check_new_source(rules, &turn.account.top_ups, source, amount, turn.now)?;
    // Sources from before cards were known are of none.
    if let Some(card_tag) = source.card_tag {
        let mut card = turn.view.get::<Card>((card_tag,)).ok_or(Refusal::FundingNotLinked)?.clone();
        card.charge(rules, turn.account.account_id, amount, turn.now)?;
        turn.writes.push(Write::Update(card.into_row()));
    }
    let wants_challenge = card::wants_challenge(rules, source, amount);

    turn.account.incoming_minor += amount.minor();
    turn.account.last_top_up_at = Some(turn.now);
    turn.account.top_ups.add(turn.now, amount.minor());
    let top_up = TopUp {
        top_up_id,
        tenant_id: turn.account.tenant_id,
        account_id: turn.account.account_id,
        funding_id,
        asset: turn.account.asset,
        amount_minor: amount.minor(),
        state: TopUpState::Requested,
        requested_at: turn.now,
        settled_at: None,
        provider_reference: None,
        turn: 0,
        attempts: 0,
        due_at: Some(turn.now),
        claimed_until: Timestamp(0),
        claimed_by: None,
        sealed_action: None,
        card_tag: source.card_tag,
        wants_challenge,
    };
    turn.writes.push(Write::Insert(top_up.into_row()));
    Ok(Done::plain(Outcome::TopUpRequested { top_up_id, wants_challenge }))
}

/// What a provider said, as it is booked.
struct Heard<'a> {
    top_up_id: TopUpId,
    answer: Answer,
    /// The turn that it answers, where that counts.
    turn: Option<i64>,
    reference: Option<&'a str>,
    sealed_action: Option<&'a Vec<u8>>,
    /// Its owner did 3-D Secure for it.
    challenged: bool,
}

impl<'a> Heard<'a> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other action is not about a top-up")]
    fn of(action: &'a SystemAction) -> Option<Self> {
        let (top_up_id, answer, turn, reference, sealed_action) = match action {
            SystemAction::AwaitTopUp {
                top_up_id,
                turn,
                requires_action,
                provider_reference,
                sealed_action,
            } => {
                let answer = if *requires_action { Answer::RequiresAction } else { Answer::Unknown };
                (top_up_id, answer, Some(*turn), provider_reference.as_deref(), sealed_action.as_ref())
            }
            SystemAction::SettleTopUp { top_up_id, succeeded, provider_reference, .. } => {
                let answer = if *succeeded { Answer::Succeeded } else { Answer::Failed };
                let reference = Some(provider_reference.as_str()).filter(|reference| !reference.is_empty());
                (top_up_id, answer, None, reference, None)
            }
            SystemAction::TakeBackTopUp { top_up_id, charged_back } => {
                let answer = if *charged_back { Answer::ChargedBack } else { Answer::Refunded };
                (top_up_id, answer, None, None, None)
            }
            _ => return None,
        };
        let challenged = matches!(action, SystemAction::SettleTopUp { challenged: true, .. });
        Some(Self { top_up_id: *top_up_id, answer, turn, reference, sealed_action, challenged })
    }
}

/// Books what a provider said. What was heard before, answers an earlier question or names another charge
/// changes nothing.
pub(super) fn answered(
    command_id: CommandId,
    action: &SystemAction,
    view: &View,
) -> Result<Ruling, Traceless> {
    let heard = Heard::of(action).ok_or(Traceless::NothingToDo)?;
    let row = view.get::<TopUp>((heard.top_up_id,)).ok_or(Traceless::NothingToDo)?;
    let account = view.get::<Account>((row.account_id,)).ok_or(Traceless::NothingToDo)?;
    let amount = Amount::new(row.amount_minor).ok_or(Traceless::NothingToDo)?;
    let known = row.provider_reference.as_deref();
    if heard.turn.is_some_and(|turn| turn != row.turn)
        || heard.reference.is_some_and(|heard| known.is_some_and(|known| known != heard))
    {
        return Err(Traceless::NothingToDo);
    }
    // Money that came from nowhere is not credited.
    if heard.answer == Answer::Succeeded && known.or(heard.reference).is_none() {
        return Err(Traceless::NothingToDo);
    }
    // Nor is what its owner should have proved himself for, and did not.
    if heard.answer == Answer::Succeeded && row.wants_challenge && !heard.challenged {
        return Err(Traceless::NothingToDo);
    }
    let now = view.now().max(account.last_at);
    let mut account = Account { version: account.version + 1, last_at: now, ..account.clone() };
    let top_up = TopUp {
        turn: row.turn + 1,
        provider_reference: known.or(heard.reference).map(str::to_owned),
        sealed_action: None,
        ..row.clone()
    };
    let mut done = match step(row.state, heard.answer) {
        Step::Pass if row.state.is_open() && known.is_none() && heard.reference.is_some() => {
            waits(row.state, top_up, &heard)
        }
        Step::Pass => return Err(Traceless::NothingToDo),
        Step::Wait(state) => waits(state, top_up, &heard),
        Step::Credit => credited(top_up, &mut account, amount, now, view),
        Step::Fail => failed(top_up, &mut account, amount, now, view),
        Step::TakeBack(state) => taken_back(state, top_up, &mut account, amount, now, command_id),
    };
    done.versions = Versions { accounts: vec![(account.account_id, account.version)], keys: Vec::new() };
    done.writes.push(Write::Update(account.into_row()));
    Ok(done)
}

fn waits(state: TopUpState, top_up: TopUp, heard: &Heard<'_>) -> Ruling {
    let outcome = Outcome::TopUpWaits { top_up_id: top_up.top_up_id, state };
    let sealed_action = heard.sealed_action.filter(|_| state == TopUpState::RequiresAction).cloned();
    let top_up = TopUp { state, sealed_action, ..top_up };
    Ruling::plain(vec![Write::Update(top_up.into_row())], outcome)
}

fn credited(top_up: TopUp, account: &mut Account, amount: Amount, now: Timestamp, view: &View) -> Ruling {
    let top_up_id = top_up.top_up_id;
    account.incoming_minor -= amount.minor();
    let lot = Lot { lot_id: LotId(top_up_id.0), remaining_minor: amount.minor(), expires_at: None };
    let inflow = Inflow::default().credit(account, PROVIDER_CLEARING, amount, &Place::New(lot));
    let (transfers, mut writes) = inflow.settle(account);
    let outcome = Outcome::TopUpSettled {
        top_up_id,
        credited_minor: amount.minor(),
        available_after_minor: account.available_minor(),
    };
    let due_at = Some(now.plus_us(WATCH_US));
    let top_up = TopUp { state: TopUpState::Succeeded, settled_at: Some(now), attempts: 0, due_at, ..top_up };
    // From now on it is known to be its owner's.
    let source = view.get::<Funding>((top_up.funding_id,)).filter(|source| source.topped_up_at.is_none());
    writes.extend(
        source.map(|source| Write::Update(Funding { topped_up_at: Some(now), ..source.clone() }.into_row())),
    );
    writes.push(Write::Update(top_up.into_row()));
    Ruling {
        entry_account_id: Some(account.account_id),
        postings: Postings(transfers),
        ..Ruling::plain(writes, outcome)
    }
}

fn failed(top_up: TopUp, account: &mut Account, amount: Amount, now: Timestamp, view: &View) -> Ruling {
    account.incoming_minor -= amount.minor();
    account.top_ups.give_back(top_up.requested_at, amount.minor());
    let card = top_up.card_tag.and_then(|card_tag| view.get::<Card>((card_tag,))).cloned();
    let card = card.map(|mut card| {
        card.top_ups.give_back(top_up.requested_at, amount.minor());
        Write::Update(card.into_row())
    });
    let outcome = Outcome::TopUpSettled {
        top_up_id: top_up.top_up_id,
        credited_minor: 0,
        available_after_minor: account.available_minor(),
    };
    let top_up =
        TopUp { state: TopUpState::Failed, settled_at: Some(now), attempts: 0, due_at: None, ..top_up };
    let writes = card.into_iter().chain([Write::Update(top_up.into_row())]).collect();
    Ruling::plain(writes, outcome)
}

/// What its owner still has is taken from him, and what he has no more is our loss, which he owes from then
/// on: nobody's balance falls below zero. What is held for a shop stays the shop's to capture. A charge-back
/// stops all outflow besides, since whoever disputes one may dispute the next, and he does not lift that.
fn taken_back(
    state: TopUpState,
    top_up: TopUp,
    account: &mut Account,
    amount: Amount,
    now: Timestamp,
    command_id: CommandId,
) -> Ruling {
    let taken_minor = account.available_minor().clamp(0, amount.minor());
    let lost_minor = amount.minor() - taken_minor;
    // What is available is part of the lots, so they hold as much.
    account.lots.take(taken_minor);
    account.debits_posted_minor += taken_minor;
    account.debt_minor += lost_minor;
    let of = |kind, number| event(account.account_id, command_id, number, kind, top_up.top_up_id.0, now);
    let mut writes = if state == TopUpState::ChargedBack {
        vec![of(EventKind::TopUpChargedBack, 1)]
    } else {
        vec![of(EventKind::TopUpRefunded, 1)]
    };
    if state == TopUpState::ChargedBack {
        // Of an account that is stopped already it is no news.
        writes.extend(account.halted_at.is_none().then(|| of(EventKind::AccountHalted, 2)));
        account.halt(now, HaltReason::ChargeBack);
    }
    let halted_at = account.halted_at.filter(|_| state == TopUpState::ChargedBack);
    let outcome = Outcome::TopUpTakenBack {
        top_up_id: top_up.top_up_id,
        state,
        taken_minor,
        lost_minor,
        available_after_minor: account.available_minor(),
        aftermath: Aftermath::Owed { debt_minor: account.debt_minor, halted_at },
    };
    let parts = [(account.ledger_account_id, taken_minor), (LOSSES, lost_minor)];
    let postings = parts
        .into_iter()
        .filter_map(|(debit, minor)| {
            Some(moved(debit, PROVIDER_CLEARING, account.asset, Amount::new(minor)?))
        })
        .collect();
    let top_up = TopUp { state, due_at: None, ..top_up };
    writes.extend([Write::Update(top_up.into_row()), booked(PROVIDER_CLEARING, 0, amount.minor())]);
    if lost_minor > 0 {
        writes.push(booked(LOSSES, lost_minor, 0));
    }
    Ruling {
        // Whoever had nothing left sees no movement.
        entry_account_id: (taken_minor > 0).then_some(account.account_id),
        postings: Postings(postings),
        ..Ruling::plain(writes, outcome)
    }
}

fn moved(debit: LedgerAccountId, credit: LedgerAccountId, asset: Asset, amount: Amount) -> Transfer {
    Transfer { debit, credit, asset, amount }
}
