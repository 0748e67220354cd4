//! Reversals: what they found must follow from the order's history, and what they undid was captured minutes
//! before.

use super::payments::PaymentReplay;
use super::{Checked, Entry, OrderReplay, Replay, nothing_moved};
use crate::domain::id::{PaymentId, TerminalId};
use crate::domain::journal::Kind;
use crate::domain::outcome::{Late, Outcome};
use crate::domain::payment::{Verb, Wanted};
use crate::domain::policy::StaffRules;
use crate::domain::time::{SECOND_US, Timestamp};

impl Replay {
    pub(super) fn reversed(
        &mut self,
        entry: &Entry<'_>,
        terminal_id: TerminalId,
        order_id: String,
    ) -> Checked {
        let terminal = self.terminals.get(&terminal_id).ok_or("its till was never registered")?;
        let (merchant_id, today) = (terminal.merchant_id, terminal.business_day);
        let known = self.orders.get(&(merchant_id, order_id.clone())).copied();
        if known.is_some_and(|order| order.terminal_id != terminal_id) {
            return Err("it reverses another till's order");
        }
        let order = known.unwrap_or(OrderReplay::of(terminal_id));
        if let Some(payment_id) = order.payment_id.filter(|_| !order.reversed) {
            let payment = self.paid.get(&payment_id).ok_or("it reverses no payment")?;
            if late(payment, payment_id, today, entry)? {
                return nothing_moved(entry);
            }
        }
        self.orders.insert((merchant_id, order_id), OrderReplay { reversed: true, ..order });
        if let Some(cash_top_up_id) = order.cash_top_up_id.filter(|_| !order.reversed) {
            return self.cash_reversed(entry, cash_top_up_id);
        }
        match (&entry.outcome, order.payment_id) {
            (Outcome::AlreadyReversed, _) if order.reversed => nothing_moved(entry),
            (Outcome::NothingFound, None) if !order.reversed => nothing_moved(entry),
            (Outcome::Reversed { payment_id, .. }, Some(own)) if !order.reversed && *payment_id == own => {
                // Its merchant's server moves nothing in a till's day.
                let by_till = (entry.kind == Kind::Reverse).then_some(terminal_id);
                self.undone(entry, own, by_till)
            }
            (_, _) => Err("its outcome is not what its order's history makes it"),
        }
    }

    fn undone(&mut self, entry: &Entry<'_>, payment_id: PaymentId, by_till: Option<TerminalId>) -> Checked {
        let Outcome::Reversed { at, refunded_minor, released_minor, available_after_minor, .. } =
            entry.outcome
        else {
            return Err("its outcome does not fit its kind");
        };
        let payment = self.paid.get_mut(&payment_id).ok_or("it reverses no payment")?;
        let Ok(moved) = payment.sums.step(Verb::Reverse, &Wanted::all(at)) else {
            return Err("its payment was in no state for it");
        };
        if (moved.refunded_minor, moved.released_minor) != (refunded_minor, released_minor) {
            return Err("it gives back another amount than was paid");
        }
        payment.sums = moved.after;
        let account_id = payment.account_id;
        self.step_account(entry, account_id)?;
        self.moved(at, entry, payment_id, &moved, by_till);
        self.booked(entry, payment_id, &moved, available_after_minor)
    }
}

/// Whether a reversal says that it came too late, as it must once it did. How long it may take, each
/// deployment says, and no longer than an hour.
fn late(
    payment: &PaymentReplay,
    payment_id: PaymentId,
    today: i64,
    entry: &Entry<'_>,
) -> Result<bool, &'static str> {
    let captured_at = payment.captured_at;
    let is_closed = captured_at.is_some() && payment.business_day.is_some_and(|day| day < today);
    let since_us = |at: Timestamp| captured_at.map_or(0, |captured_at| at.since_us(captured_at));
    if let Outcome::ReversedTooLate { payment_id: told, sums, why } = &entry.outcome {
        let is_late = match why {
            Late::DayClosed => is_closed,
            Late::WindowOver => {
                !is_closed && since_us(entry.row.at) + SECOND_US > StaffRules::REVERSAL_SHORTEST_US
            }
        };
        return if is_late && (*told, *sums) == (payment_id, payment.sums) {
            Ok(true)
        } else {
            Err("it was not too late, or it tells another payment")
        };
    }
    if is_closed {
        return Err("it changes a business day that is closed");
    }
    if let Outcome::Reversed { at, .. } = entry.outcome
        && since_us(at) > StaffRules::REVERSAL_LONGEST_US
    {
        return Err("it undoes what was captured longer ago than any reversal may");
    }
    Ok(false)
}
