//! A till's business day: what it moved is counted in the day it is in, and a day that is closed stays as
//! it is. Its totals are what its rows amount to, so nothing is counted here.

use super::ruling::Ruling;
use crate::domain::day::parts;
use crate::domain::id::{CommandId, FIRST_TENANT, MovementId};
use crate::domain::journal::side_id;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::Moved;
use crate::domain::record::Record as _;
use crate::domain::rows::{ClosedDay, Movement, MovementKind, Payment, Terminal};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Which call moves something, and by which till; its merchant's server's, or time's, is no till's.
pub(super) struct By<'a> {
    pub command_id: CommandId,
    pub terminal: Option<&'a Terminal>,
}

/// Closes the day that the till is in, and no other.
pub(super) fn close(terminal: &Terminal, business_day: i64, view: &View) -> Result<Ruling, Refusal> {
    if business_day != terminal.business_day {
        return Err(Refusal::DayClosed);
    }
    let closed_at = view.now();
    let closed =
        ClosedDay { terminal_id: terminal.terminal_id, business_day, tenant_id: FIRST_TENANT, closed_at };
    let next = Terminal { business_day: business_day + 1, cash_today_minor: 0, ..terminal.clone() };
    let writes = vec![Write::Insert(closed.into_row()), Write::Update(next.into_row())];
    Ok(Ruling::plain(writes, Outcome::DayClosed { business_day, closed_at }))
}

/// Whether what a payment took belongs to a day of its till that is closed.
pub(super) fn is_closed(payment: &Payment, terminal: &Terminal) -> bool {
    payment.authorised_at.is_some() && payment.business_day.is_some_and(|day| day < terminal.business_day)
}

/// What a step of a payment that is there moved between customer and shop.
pub(super) fn movements(by: &By<'_>, payment: &Payment, moved: &Moved, at: Timestamp) -> Vec<Write> {
    let mut net_after_minor = payment.captured_minor - payment.refunded_minor;
    parts(moved)
        .map(|(kind, amount_minor, number)| {
            net_after_minor += match kind {
                MovementKind::Capture => amount_minor,
                MovementKind::Refund | MovementKind::Reversal => -amount_minor,
            };
            let movement = Movement {
                movement_id: MovementId(side_id(by.command_id, number)),
                tenant_id: FIRST_TENANT,
                payment_id: payment.payment_id,
                merchant_id: payment.merchant_id,
                store_id: payment.store_id,
                order_id: payment.order_id.clone(),
                terminal_id: by.terminal.map(|terminal| terminal.terminal_id),
                business_day: by.terminal.map(|terminal| terminal.business_day),
                kind,
                asset: payment.asset,
                amount_minor,
                at,
                fee_rule_version: payment.fee_rule_version,
                net_after_minor,
            };
            Write::Insert(movement.into_row())
        })
        .collect()
}
