//! Cash over the counter: a till takes it for the account behind a customer's code, and owes it to us. Off
//! until two operators allow it for a store, with a ceiling for the store and one for each till's day.

use super::day::with_entry;
use super::inflow::{Inflow, Place, booked};
use super::reverse::Subject;
use super::ruling::Ruling;
use super::settlement;
use crate::domain::command::CashDraft;
use crate::domain::id::{FIRST_TENANT, LotId};
use crate::domain::journal::Versions;
use crate::domain::ledger::{Postings, Transfer};
use crate::domain::limits;
use crate::domain::lots::Lot;
use crate::domain::money::Amount;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Account, AccountState, CashDesk, CashTopUp, Device, Merchant, OrderSlot, Standing, Terminal,
};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Whether a till may take so much more: its desk, and its own row after it. What its merchant owes counts in
/// each of its stores, and a till's day is the calendar's, however often it closes its business day.
pub(super) fn ceilings<'a>(
    terminal: &Terminal,
    merchant: &Merchant,
    amount: Amount,
    view: &'a View,
) -> Result<(&'a CashDesk, Terminal), Refusal> {
    let desk = view
        .get::<CashDesk>((terminal.store_id,))
        .filter(|desk| desk.ceiling_minor > 0)
        .ok_or(Refusal::CashNotAllowed)?;
    let owed_minor = settlement::debt_minor(merchant, view)?;
    let held_minor = desk.held_minor.saturating_add(owed_minor).saturating_add(amount.minor());
    let cash_day = view.now().day();
    let before_minor = if terminal.cash_day == cash_day { terminal.cash_today_minor } else { 0 };
    let cash_today_minor = before_minor.saturating_add(amount.minor());
    if held_minor > desk.ceiling_minor || cash_today_minor > desk.till_day_minor {
        return Err(Refusal::CashCeiling);
    }
    Ok((desk, Terminal { cash_day, cash_today_minor, ..terminal.clone() }))
}

/// Whose cash it is, and where it was taken.
pub(super) struct Deposit<'a> {
    pub wanted: &'a CashDraft,
    pub device: &'a Device,
    pub desk: &'a CashDesk,
    pub terminal: &'a Terminal,
    pub now: Timestamp,
}

/// Credits what was taken, within the customer's limits. The account's row itself, the till's and the
/// order's are their caller's to write.
pub(super) fn credit(
    deposit: &Deposit<'_>,
    account: &mut Account,
    policy: &Policy,
) -> Result<(Postings, Vec<Write>), Refusal> {
    let Deposit { wanted, device, desk, terminal, now } = deposit;
    let amount = wanted.amount;
    limits::check_top_up(policy, account, device, amount, *now).map_err(|no| no.refusal)?;
    account.last_top_up_at = Some(*now);
    account.top_ups.add(*now, amount.minor());
    let lot_id = LotId(wanted.cash_top_up_id.0);
    let lot = Lot { lot_id, remaining_minor: amount.minor(), expires_at: None };
    let inflow = Inflow::default().credit(account, desk.ledger_account_id, amount, &Place::New(lot));
    let (transfers, settled) = inflow.settle(account);
    let row = CashTopUp {
        cash_top_up_id: wanted.cash_top_up_id,
        tenant_id: FIRST_TENANT,
        account_id: account.account_id,
        device_id: device.device_id,
        merchant_id: terminal.merchant_id,
        store_id: terminal.store_id,
        terminal_id: terminal.terminal_id,
        order_id: wanted.order_id.clone(),
        asset: account.asset,
        amount_minor: amount.minor(),
        business_day: terminal.business_day,
        credited_at: *now,
        reversed_at: None,
    };
    let desk_after = CashDesk { held_minor: desk.held_minor + amount.minor(), ..(*desk).clone() };
    let mut writes = vec![Write::Insert(row.into_row()), Write::Update(desk_after.into_row())];
    writes.extend(settled);
    Ok((Postings(transfers), writes))
}

/// Whether cash may still go back over the counter.
fn may_go_back(
    subject: &Subject<'_>,
    row: &CashTopUp,
    now: Timestamp,
    policy: &Policy,
) -> Result<(), Refusal> {
    if !subject.by_till {
        Err(Refusal::CashBackByTill)
    } else if subject.merchant.standing != Standing::Active {
        Err(Refusal::MerchantSuspended)
    } else if row.business_day != subject.terminal.business_day {
        Err(Refusal::DayClosed)
    } else if now.since_us(row.credited_at) > policy.staff.cash_back_us {
        Err(Refusal::ReversalTooLate)
    } else {
        Ok(())
    }
}

/// Takes back what was credited, as long as all of it is there: a slip of the clerk's hand, undone while the
/// customer stands at the counter. They sign nothing for it, so it is only the till that took the cash, on
/// its business day, within minutes, and while its merchant takes part.
pub(super) fn reverse(
    subject: &Subject<'_>,
    slot: &OrderSlot,
    reversed: Write,
    view: &View,
    policy: &Policy,
) -> Result<Ruling, Refusal> {
    let (Some(cash_top_up_id), Some(account_id)) = (slot.cash_top_up_id, slot.account_id) else {
        return Err(Refusal::NotFound);
    };
    let row = view.get::<CashTopUp>((cash_top_up_id,)).ok_or(Refusal::NotFound)?;
    let account = view.get::<Account>((account_id,)).ok_or(Refusal::NotFound)?;
    let desk = view.get::<CashDesk>((row.store_id,)).ok_or(Refusal::NotFound)?;
    let amount = Amount::new(row.amount_minor).ok_or(Refusal::NotFound)?;
    let now = view.now().max(account.last_at);
    may_go_back(subject, row, now, policy)?;
    let mut account = Account { last_at: now, version: account.version + 1, ..account.clone() };
    if account.state == AccountState::Closed || account.available_minor() < amount.minor() {
        return Err(Refusal::AlreadySpent);
    }
    account.lots.take(amount.minor()).ok_or(Refusal::AlreadySpent)?;
    account.debits_posted_minor += amount.minor();
    account.top_ups.give_back(row.credited_at, amount.minor());
    let mut till = with_entry(subject.terminal, now);
    if till.cash_day == row.credited_at.day() {
        till.cash_today_minor = (till.cash_today_minor - amount.minor()).max(0);
    }
    let transfer = Transfer {
        debit: account.ledger_account_id,
        credit: desk.ledger_account_id,
        asset: account.asset,
        amount,
    };
    let desk_after = CashDesk { held_minor: desk.held_minor - amount.minor(), ..desk.clone() };
    let outcome = Outcome::CashReversed {
        cash_top_up_id,
        at: now,
        amount_minor: amount.minor(),
        available_after_minor: account.available_minor(),
    };
    let versions = Versions { accounts: vec![(account_id, account.version)], keys: Vec::new() };
    let writes = vec![
        reversed,
        Write::Update(CashTopUp { reversed_at: Some(now), ..row.clone() }.into_row()),
        Write::Update(desk_after.into_row()),
        Write::Update(till.into_row()),
        booked(desk.ledger_account_id, 0, amount.minor()),
        Write::Update(account.into_row()),
    ];
    Ok(Ruling {
        entry_account_id: Some(account_id),
        postings: Postings(vec![transfer]),
        versions,
        ..Ruling::plain(writes, outcome)
    })
}
