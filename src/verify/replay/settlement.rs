//! Merchants' settlements: each day's lines are added up anew from the payments themselves, and what was
//! taken off and paid must follow.

use std::ops::RangeInclusive;

use super::{Checked, Entry, Replay, nothing_moved};
use crate::domain::command::SettlementDraft;
use crate::domain::day::LineKind;
use crate::domain::fee::BasisPoints;
use crate::domain::id::{CashTopUpId, FIRST_TENANT, LedgerAccountId, MerchantId, PaymentId, StoreId};
use crate::domain::ledger::{BANK, FEES, PAYOUTS, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, SettlementOutcome};
use crate::domain::payment::Moved;
use crate::domain::rows::{FeeRule, Payable, Settlement, Standing};
use crate::domain::settlement::{FeeRules, Line, PayoutState, Span, Sums, payout_minor};
use crate::domain::time::{DAY_US, MINUTE_US, Timestamp, day_of};
use crate::pb;

/// A day ends so many minutes after midnight UTC, wherever it is.
const END_MINUTES: RangeInclusive<i64> = -840..=720;

/// Whether a calendar day ends then, in some time zone.
pub(super) fn is_end_of_day(at: Timestamp) -> bool {
    at.0 % MINUTE_US == 0
}

/// What a merchant is owed, as far as it is not settled.
pub struct OwedReplay {
    rules: FeeRules,
    pub version: i64,
    lines: Vec<Line>,
    cash: Vec<CashTopUpId>,
    pub payable: Payable,
}

impl OwedReplay {
    pub(super) fn nothing(merchant_id: MerchantId) -> Self {
        let (rules, payable) = (FeeRules::default(), Payable::unsettled(merchant_id));
        Self { rules, version: 0, lines: Vec::new(), cash: Vec::new(), payable }
    }

    /// Whether any day of it was settled.
    pub fn is_settled(&self) -> bool {
        self.payable.settled_until > Timestamp(0)
    }

    pub(super) fn took_cash(&mut self, cash_top_up_id: CashTopUpId) {
        self.cash.push(cash_top_up_id);
    }
}

/// When a payment's step was decided.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other outcome moves no merchant's money")]
fn moment(outcome: &Outcome) -> Result<Timestamp, &'static str> {
    match outcome {
        Outcome::Paid { at, .. }
        | Outcome::Charged { at, .. }
        | Outcome::Authorized { at, .. }
        | Outcome::PaymentStepped { at, .. }
        | Outcome::Reversed { at, .. } => Ok(*at),
        _ => Err("its outcome does not fit its kind"),
    }
}

/// An amount from one account to another; none for nothing.
fn transfer(
    transfers: &mut Vec<Transfer>,
    debit: LedgerAccountId,
    credit: LedgerAccountId,
    minor: i64,
) -> Checked {
    if minor != 0 {
        let amount = Amount::new(minor).ok_or("it moves an amount that is none")?;
        transfers.push(Transfer { debit, credit, asset: Asset::PrepaidJpy, amount });
    }
    Ok(())
}

impl Replay {
    /// What a step brought its merchant, or took back, with the fee that it bears.
    pub(super) fn lined(&mut self, entry: &Entry<'_>, payment_id: PaymentId, moved: &Moved) -> Checked {
        let at = moment(&entry.outcome)?;
        let payment = self.paid.get(&payment_id).ok_or("it is about no payment")?;
        let merchant = self.merchants.get_mut(&payment.merchant_id).ok_or("its merchant has no account")?;
        let owed = &mut merchant.owed;
        let share = owed.rules.of(payment.fee_rule_version).map_err(|_| "its fee rule was never set")?;
        let after_minor = payment.sums.captured_minor - payment.sums.refunded_minor;
        let between_minor = after_minor + moved.refunded_minor;
        let before_minor = between_minor - moved.captured_minor;
        for (kind, amount_minor, from_minor, to_minor) in [
            (LineKind::Sale, moved.captured_minor, before_minor, between_minor),
            (LineKind::Refund, moved.refunded_minor, between_minor, after_minor),
        ] {
            if amount_minor == 0 {
                continue;
            }
            if at < owed.payable.settled_until {
                return Err("it changes a day of its merchant's that was settled");
            }
            owed.lines.push(Line {
                at,
                row_id: payment_id.0,
                payment_id: Some(payment_id.0),
                store_id: payment.store_id,
                order_id: None,
                kind,
                amount_minor,
                fee_minor: share.of_line(from_minor, to_minor),
            });
        }
        Ok(())
    }

    /// A merchant's day, settled in its turn, of its lines, and paid by what follows from them.
    pub(super) fn settled(&mut self, entry: &Entry<'_>, draft: &SettlementDraft) -> Checked {
        let Outcome::Settlement(SettlementOutcome::Settled { merchant_id, day, .. }) = &entry.outcome else {
            return Err("its outcome is not what was signed");
        };
        if (*merchant_id, *day) != (draft.merchant_id, draft.day) {
            return Err("its outcome is not what was signed");
        }
        let before = self.merchants.get(merchant_id).ok_or("it settles no merchant")?.owed.payable.clone();
        let policy = self.policy.as_ref().ok_or("there are no rules")?;
        // The time zone may have been another then; a day's end is one of its date in some zone.
        let until = draft.span.lines_until;
        let ends_it = (END_MINUTES.contains(&(until.since_us(Timestamp((*day + 1) * DAY_US)) / MINUTE_US)))
            && until.0 % MINUTE_US == 0;
        // So may the time within which cash goes back; it was a day once, and never more.
        let cash_back_us = until.since_us(draft.span.cash_until).clamp(0, DAY_US);
        let span = Span::after(before.settled_until, before.cash_until, until, cash_back_us);
        let is_over = entry.row.at >= until.plus_us(policy.settlement.after_us);
        if draft.span != span || *day <= before.day || until <= before.settled_until || !is_over || !ends_it {
            return Err("it settles another time than is next, or too early");
        }
        if self.settled_sums(*merchant_id, &span)? != draft.sums {
            return Err("its lines amount to something else");
        }
        self.paid_out(entry, draft, &before)
    }

    /// The lines of a span, added up; they are settled now.
    fn settled_sums(&mut self, merchant_id: MerchantId, span: &Span) -> Result<Sums, &'static str> {
        let owed = &mut self.merchants.get_mut(&merchant_id).ok_or("it settles no merchant")?.owed;
        let mut sums = Sums::default();
        for line in owed.lines.extract_if(.., |line| line.at < span.lines_until) {
            sums.add(&line);
        }
        let cash = &self.cash;
        let is_settled = |id: &mut CashTopUpId| {
            cash.get(id).is_none_or(|cash| cash.credited_at < span.cash_until || cash.reversed)
        };
        for cash in owed.cash.extract_if(.., is_settled).filter_map(|id| cash.get(&id)) {
            if !cash.reversed {
                *sums.cash.entry(cash.store_id).or_default() += cash.amount_minor;
            }
        }
        Ok(sums)
    }

    fn paid_out(&mut self, entry: &Entry<'_>, draft: &SettlementDraft, before: &Payable) -> Checked {
        let sums = &draft.sums;
        let merchant = self.merchants.get(&draft.merchant_id).ok_or("it settles no merchant")?;
        let is_active = merchant.standing == Standing::Active && merchant.barred_at.is_none();
        let own = merchant.ledger_account_id;
        let mut transfers = Vec::new();
        transfer(&mut transfers, own, FEES, sums.fee_minor.max(0))?;
        transfer(&mut transfers, FEES, own, (-sums.fee_minor).max(0))?;
        for (store_id, minor) in &sums.cash {
            let desk = self.desks.get_mut(store_id).ok_or("nobody allowed its store to take cash")?;
            desk.held_minor -= minor;
            transfer(&mut transfers, own, desk.ledger_account_id, *minor)?;
        }
        let there_minor = self.balance(own) - sums.fee_minor - sums.cash_minor();
        let owed_minor = before.carried_minor + sums.net_minor();
        let payout_minor = payout_minor(owed_minor, there_minor, is_active);
        if !sums.has_lines() && payout_minor == 0 {
            return Err("it settles nothing");
        }
        transfer(&mut transfers, own, PAYOUTS, payout_minor)?;
        let carried_minor = owed_minor - payout_minor;
        let (merchant_id, day) = (draft.merchant_id, draft.day);
        let told = SettlementOutcome::Settled { merchant_id, day, payout_minor, carried_minor };
        if entry.outcome != Outcome::Settlement(told) || entry.postings.0 != transfers {
            return Err("what was paid is not what its lines make it");
        }
        self.post_all(entry, &transfers)?;
        let Span { lines_from, lines_until, cash_from, cash_until } = draft.span;
        let row = Settlement {
            merchant_id,
            day,
            tenant_id: FIRST_TENANT,
            lines_from,
            lines_until,
            cash_from,
            cash_until,
            captures: sums.captures,
            captured_minor: sums.captured_minor,
            refunds: sums.refunds,
            refunded_minor: sums.refunded_minor,
            fee_minor: sums.fee_minor,
            cash_minor: sums.cash_minor(),
            carried_minor: before.carried_minor,
            payout_minor,
            state: if payout_minor > 0 { PayoutState::Ordered } else { PayoutState::Nothing },
            settled_at: entry.row.at,
            closed_at: None,
        };
        self.settlements.insert((merchant_id, day), row);
        let merchant = self.merchants.get_mut(&merchant_id).ok_or("it settles no merchant")?;
        merchant.owed.payable =
            Payable { day, settled_until: lines_until, cash_until, carried_minor, ..before.clone() };
        Ok(())
    }

    fn post_all(&mut self, entry: &Entry<'_>, transfers: &[Transfer]) -> Checked {
        if entry.row.entry_account_id.is_some() || !entry.versions.accounts.is_empty() {
            return Err("it touches a customer's account");
        }
        transfers.iter().try_for_each(|transfer| self.post(transfer))
    }

    /// Two operators set another share.
    pub(super) fn fee_set(
        &mut self,
        entry: &Entry<'_>,
        proposed: &pb::SetFee,
        (merchant_id, version): (MerchantId, i64),
    ) -> Checked {
        nothing_moved(entry)?;
        let merchant = self.merchants.get_mut(&merchant_id).ok_or("it is about no merchant")?;
        let basis_points = BasisPoints::new(i64::from(proposed.basis_points));
        let basis_points = basis_points.ok_or("the signed share is none")?;
        if proposed.merchant_id != merchant_id.0 || version != merchant.owed.version + 1 {
            return Err("its merchant or version is not the proposed one");
        }
        merchant.owed.version = version;
        merchant.owed.rules.add(version, basis_points);
        let since = entry.row.at;
        let rule = FeeRule { merchant_id, version, tenant_id: FIRST_TENANT, basis_points, since };
        self.fee_rules.insert((merchant_id, version), rule);
        Ok(())
    }

    /// Two operators said what became of payouts.
    pub(super) fn payouts_closed(&mut self, entry: &Entry<'_>, proposed: &pb::ClosePayouts) -> Checked {
        let Outcome::Settlement(SettlementOutcome::PayoutsClosed { day, paid_minor, returned_minor, .. }) =
            &entry.outcome
        else {
            return Err("its outcome is not what was proposed");
        };
        if day_of(&proposed.day) != Some(*day) {
            return Err("it closes payouts of another day than was proposed");
        }
        let named = |ids: &[Vec<u8>], is_paid| -> Option<Vec<(MerchantId, bool)>> {
            ids.iter().map(|id| MerchantId::from_slice(id).map(|id| (id, is_paid))).collect()
        };
        let paid = named(&proposed.paid_merchant_ids, true).ok_or("a signed merchant is none")?;
        let returned = named(&proposed.returned_merchant_ids, false).ok_or("a signed merchant is none")?;
        let mut ends: Vec<(MerchantId, bool)> = paid.into_iter().chain(returned).collect();
        ends.sort_unstable();
        let (mut transfers, mut sums) = (Vec::new(), (0, 0));
        for (merchant_id, is_paid) in ends {
            let row = self.settlements.get_mut(&(merchant_id, *day)).ok_or("it closes no payout")?;
            let from = match (row.state, is_paid) {
                (PayoutState::Ordered, _) => PAYOUTS,
                (PayoutState::Paid, false) => BANK,
                (PayoutState::Paid, true) | (PayoutState::Nothing | PayoutState::Returned, _) => {
                    return Err("it closes a payout that was over");
                }
            };
            row.closed_at = Some(entry.row.at);
            let merchant = self.merchants.get_mut(&merchant_id).ok_or("it pays no merchant")?;
            let into = if is_paid {
                row.state = PayoutState::Paid;
                sums.0 += row.payout_minor;
                BANK
            } else {
                row.state = PayoutState::Returned;
                sums.1 += row.payout_minor;
                merchant.owed.payable.carried_minor += row.payout_minor;
                merchant.ledger_account_id
            };
            transfer(&mut transfers, from, into, row.payout_minor)?;
        }
        if (*paid_minor, *returned_minor) != sums || entry.postings.0 != transfers {
            return Err("what was posted is not what was proposed");
        }
        self.post_all(entry, &transfers)
    }

    /// Cash that a merchant's store owes us from now on.
    pub(super) fn cash_owed(&mut self, store_id: StoreId, cash_top_up_id: CashTopUpId) -> Checked {
        let store = self.stores.get(&store_id).ok_or("its store was never registered")?;
        let merchant = self.merchants.get_mut(&store.merchant_id).ok_or("its merchant has no account")?;
        merchant.owed.took_cash(cash_top_up_id);
        Ok(())
    }
}
