//! A till's business day: what it moved is counted in the day it is in, and a day that is closed stays as
//! it is. Its totals are what its rows amount to, so nothing is counted here.

use super::Traceless;
use super::ruling::Ruling;
use crate::domain::day::parts;
use crate::domain::id::{CommandId, FIRST_TENANT, MovementId, TerminalId};
use crate::domain::journal::side_id;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::payment::Moved;
use crate::domain::policy::Policy;
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

/// A till whose business day has an entry of this moment.
pub(super) fn with_entry(terminal: &Terminal, at: Timestamp) -> Terminal {
    let began_at = terminal.day_began_at.map_or(at, |began_at| began_at.min(at));
    Terminal { day_began_at: Some(began_at), ..terminal.clone() }
}

/// The same, written when that is news.
pub(super) fn entered(terminal: &Terminal, at: Timestamp) -> Option<Write> {
    let after = with_entry(terminal, at);
    (after != *terminal).then(|| Write::Update(after.into_row()))
}

/// Closes the day that the till is in, and no other. Of one that was closed for it, the till is told so: it
/// may go on with the next.
pub(super) fn close(terminal: &Terminal, business_day: i64, view: &View) -> Result<Ruling, Refusal> {
    let before = view.get::<ClosedDay>((terminal.terminal_id, business_day));
    if let Some(closed) = before.filter(|closed| closed.by_system) {
        let outcome = Outcome::DayWasClosed { business_day, closed_at: closed.closed_at };
        return Ok(Ruling::plain(Vec::new(), outcome));
    }
    if business_day != terminal.business_day {
        return Err(Refusal::DayClosed);
    }
    Ok(closed(terminal, false, view.now()))
}

/// Closes a day that its till left open, a suspended one's as well. By now it may not be so.
pub(super) fn close_by_time(
    terminal_id: TerminalId,
    (business_day, ended_at): (i64, Timestamp),
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Traceless> {
    let terminal = view
        .get::<Terminal>((terminal_id,))
        .filter(|terminal| terminal.business_day == business_day)
        .ok_or(Traceless::NothingToDo)?;
    let began_at = terminal.day_began_at.ok_or(Traceless::NothingToDo)?;
    let rules = &policy.settlement;
    let is_over = ended_at == rules.end_of(rules.day(began_at))
        && view.now() >= ended_at.plus_us(policy.staff.close_day_us);
    if is_over { Ok(closed(terminal, true, view.now())) } else { Err(Traceless::NothingToDo) }
}

fn closed(terminal: &Terminal, by_system: bool, closed_at: Timestamp) -> Ruling {
    let Terminal { terminal_id, business_day, .. } = *terminal;
    let row = ClosedDay { terminal_id, business_day, tenant_id: FIRST_TENANT, closed_at, by_system };
    let next = Terminal { business_day: business_day + 1, day_began_at: None, ..terminal.clone() };
    let writes = vec![Write::Insert(row.into_row()), Write::Update(next.into_row())];
    Ruling::plain(writes, Outcome::DayClosed { business_day, closed_at })
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
