//! Merchants are paid: a day's lines are settled once, fees and cash are taken off, and what is left is
//! ordered of the bank. What the lines amount to was added up outside, from rows of times gone by; whether
//! it is their turn, and what there is to pay, is decided here.

use std::collections::BTreeMap;

use super::Traceless;
use super::ruling::Ruling;
use crate::domain::command::{PayoutEnd, SettlementDraft};
use crate::domain::fee::BasisPoints;
use crate::domain::id::{LedgerAccountId, MerchantId, ProposalId};
use crate::domain::ledger::{BANK, FEES, PAYOUTS, Postings, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal, SettlementOutcome};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{CashDesk, FeeRule, LedgerAccount, Merchant, Payable, Settlement};
use crate::domain::settlement::{PayoutState, Span, payout_minor};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Transfers of one command, and what they add to accounts that are only added to.
#[derive(Default)]
struct Moves {
    transfers: Vec<Transfer>,
    writes: Vec<Write>,
}

impl Moves {
    /// Nothing, for no amount; no transfer at all for one that cannot be.
    fn transfer(&mut self, debit: LedgerAccountId, credit: LedgerAccountId, minor: i64) -> Option<()> {
        if minor == 0 {
            return Some(());
        }
        let amount = Amount::new(minor)?;
        self.transfers.push(Transfer { debit, credit, asset: Asset::PrepaidJpy, amount });
        self.writes.extend([
            Write::Credit { ledger_account_id: debit, debits_minor: minor, credits_minor: 0 },
            Write::Credit { ledger_account_id: credit, debits_minor: 0, credits_minor: minor },
        ]);
        Some(())
    }

    fn ruling(self, writes: Vec<Write>, outcome: Outcome) -> Ruling {
        let writes = writes.into_iter().chain(self.writes).collect();
        Ruling { postings: Postings(self.transfers), ..Ruling::plain(writes, outcome) }
    }
}

/// Whether it is this day's turn: it begins where the one before it ended, ends with a day, and that day is
/// over for long enough.
fn is_its_turn(draft: &SettlementDraft, before: &Payable, now: Timestamp, policy: &Policy) -> bool {
    let rules = &policy.settlement;
    let until = rules.end_of(draft.day);
    let span = Span::after(before.settled_until, before.cash_until, until, policy.staff.cash_back_us);
    draft.span == span
        && draft.day > before.day
        && until > before.settled_until
        && now >= until.plus_us(rules.after_us)
}

/// Settles a day of a merchant's.
pub(super) fn settle(draft: &SettlementDraft, view: &View, policy: &Policy) -> Result<Ruling, Traceless> {
    let nothing = Traceless::NothingToDo;
    let merchant = view.get::<Merchant>((draft.merchant_id,)).ok_or(nothing)?;
    let own = merchant.ledger_account_id;
    let owed = view.get::<LedgerAccount>((own,)).ok_or(nothing)?;
    let known = view.get::<Payable>((draft.merchant_id,));
    let before = known.cloned().unwrap_or_else(|| Payable::unsettled(draft.merchant_id));
    let now = view.now();
    if !is_its_turn(draft, &before, now, policy) {
        return Err(nothing);
    }
    let sums = &draft.sums;
    let cash_minor = sums.cash_minor();
    let mut moves = Moves::default();
    moves.transfer(own, FEES, sums.fee_minor.max(0)).ok_or(nothing)?;
    moves.transfer(FEES, own, (-sums.fee_minor).max(0)).ok_or(nothing)?;
    let mut writes = Vec::new();
    for (store_id, minor) in &sums.cash {
        let desk = view.get::<CashDesk>((*store_id,)).filter(|desk| desk.held_minor >= *minor);
        let desk = desk.ok_or(nothing)?;
        moves.transfer(own, desk.ledger_account_id, *minor).ok_or(nothing)?;
        let desk = CashDesk { held_minor: desk.held_minor - minor, ..desk.clone() };
        writes.push(Write::Update(desk.into_row()));
    }
    let there_minor =
        owed.credits_posted_minor - owed.debits_posted_minor - sums.fee_minor.saturating_add(cash_minor);
    let owed_minor = before.carried_minor.saturating_add(sums.net_minor());
    let payout_minor = payout_minor(owed_minor, there_minor, merchant.takes_part());
    if !sums.has_lines() && payout_minor == 0 {
        return Err(nothing);
    }
    moves.transfer(own, PAYOUTS, payout_minor).ok_or(nothing)?;
    let Span { lines_from, lines_until, cash_from, cash_until } = draft.span;
    let settlement = Settlement {
        merchant_id: draft.merchant_id,
        day: draft.day,
        tenant_id: merchant.tenant_id,
        lines_from,
        lines_until,
        cash_from,
        cash_until,
        captures: sums.captures,
        captured_minor: sums.captured_minor,
        refunds: sums.refunds,
        refunded_minor: sums.refunded_minor,
        fee_minor: sums.fee_minor,
        cash_minor,
        carried_minor: before.carried_minor,
        payout_minor,
        state: if payout_minor > 0 { PayoutState::Ordered } else { PayoutState::Nothing },
        settled_at: now,
        closed_at: None,
    };
    let carried_minor = owed_minor - payout_minor;
    let after = Payable { day: draft.day, settled_until: lines_until, cash_until, carried_minor, ..before };
    let after = after.into_row();
    writes.push(if known.is_some() { Write::Update(after) } else { Write::Insert(after) });
    writes.push(Write::Insert(settlement.into_row()));
    let outcome = SettlementOutcome::Settled {
        merchant_id: draft.merchant_id,
        day: draft.day,
        payout_minor,
        carried_minor,
    };
    Ok(moves.ruling(writes, Outcome::Settlement(outcome)))
}

/// Whether a refund leaves the merchant owing no more than it may.
pub(super) fn within_floor(
    merchant: &Merchant,
    refunded_minor: i64,
    view: &View,
    policy: &Policy,
) -> Result<(), Refusal> {
    above(policy.settlement.payable_floor_minor, merchant, refunded_minor, view)
}

/// Whether a reversal does. What it undoes raised what is owed minutes ago, so it never fails by itself: only
/// where refunds of older sales took that out meanwhile, and both cannot be given back. What the merchant
/// owed when it was settled last is nothing that a reversal did.
pub(super) fn within_reach(
    merchant: &Merchant,
    refunded_minor: i64,
    view: &View,
    policy: &Policy,
) -> Result<(), Refusal> {
    if refunded_minor == 0 {
        return Ok(());
    }
    let carried_minor = view.get::<Payable>((merchant.merchant_id,)).map_or(0, |row| row.carried_minor);
    above(policy.settlement.payable_floor_minor.min(carried_minor), merchant, refunded_minor, view)
}

fn above(floor_minor: i64, merchant: &Merchant, refunded_minor: i64, view: &View) -> Result<(), Refusal> {
    let after_minor = there_minor(merchant, view)? - refunded_minor;
    if after_minor < floor_minor { Err(Refusal::PayableFloor) } else { Ok(()) }
}

/// What is there for a merchant: less than nothing when it owes us.
fn there_minor(merchant: &Merchant, view: &View) -> Result<i64, Refusal> {
    let owed = view.get::<LedgerAccount>((merchant.ledger_account_id,)).ok_or(Refusal::NotFound)?;
    Ok(owed.credits_posted_minor - owed.debits_posted_minor)
}

/// What a merchant owes us: what was taken off a payout and was not there for it, or what it gave back today
/// and did not take. What came in today pays for no debt of earlier days before it is settled: until then it
/// may still go back.
pub(super) fn debt_minor(merchant: &Merchant, view: &View) -> Result<i64, Refusal> {
    let settled_minor = view.get::<Payable>((merchant.merchant_id,)).map_or(0, Payable::debt_minor);
    Ok(settled_minor.max(-there_minor(merchant, view)?))
}

/// Another version of a merchant's fees, for payments made from now on.
pub(super) fn set_fee(
    proposal_id: ProposalId,
    merchant_id: MerchantId,
    basis_points: BasisPoints,
    view: &View,
) -> Result<Ruling, Refusal> {
    let merchant = view.get::<Merchant>((merchant_id,)).ok_or(Refusal::NotFound)?;
    let known = match merchant.fee_rule_version {
        0 => BasisPoints::NONE,
        version => view.get::<FeeRule>((merchant_id, version)).ok_or(Refusal::NotFound)?.basis_points,
    };
    if known == basis_points {
        return Err(Refusal::FeeUnchanged);
    }
    let version = merchant.fee_rule_version + 1;
    let rule =
        FeeRule { merchant_id, version, tenant_id: merchant.tenant_id, basis_points, since: view.now() };
    let writes = vec![
        Write::Insert(rule.into_row()),
        Write::Update(Merchant { fee_rule_version: version, ..merchant.clone() }.into_row()),
    ];
    let outcome = SettlementOutcome::FeeSet { proposal_id, merchant_id, version };
    Ok(Ruling::plain(writes, Outcome::Settlement(outcome)))
}

/// What became of a day's payouts: all that are named, or none.
pub(super) fn close_payouts(
    proposal_id: ProposalId,
    day: i64,
    ends: &BTreeMap<MerchantId, PayoutEnd>,
    view: &View,
) -> Result<Ruling, Refusal> {
    let (mut moves, mut writes) = (Moves::default(), Vec::new());
    let (mut paid_minor, mut returned_minor) = (0_i64, 0_i64);
    for (merchant_id, end) in ends {
        let row = view.get::<Settlement>((*merchant_id, day)).ok_or(Refusal::NotFound)?;
        // Banks give back what they said was paid, days later.
        let from = match (row.state, end) {
            (PayoutState::Ordered, _) => PAYOUTS,
            (PayoutState::Paid, PayoutEnd::Returned) => BANK,
            (PayoutState::Paid, PayoutEnd::Paid) | (PayoutState::Nothing | PayoutState::Returned, _) => {
                return Err(Refusal::PayoutOver);
            }
        };
        let (into, state) = match end {
            PayoutEnd::Paid => {
                paid_minor = paid_minor.saturating_add(row.payout_minor);
                (BANK, PayoutState::Paid)
            }
            PayoutEnd::Returned => {
                returned_minor = returned_minor.saturating_add(row.payout_minor);
                let merchant = view.get::<Merchant>((*merchant_id,)).ok_or(Refusal::NotFound)?;
                let payable = view.get::<Payable>((*merchant_id,)).ok_or(Refusal::NotFound)?;
                let carried_minor = payable.carried_minor.saturating_add(row.payout_minor);
                writes.push(Write::Update(Payable { carried_minor, ..payable.clone() }.into_row()));
                (merchant.ledger_account_id, PayoutState::Returned)
            }
        };
        moves.transfer(from, into, row.payout_minor).ok_or(Refusal::NotFound)?;
        let closed_at = Some(view.now());
        writes.push(Write::Update(Settlement { state, closed_at, ..row.clone() }.into_row()));
    }
    let outcome = SettlementOutcome::PayoutsClosed { proposal_id, day, paid_minor, returned_minor };
    Ok(moves.ruling(writes, Outcome::Settlement(outcome)))
}
