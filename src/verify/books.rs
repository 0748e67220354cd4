//! The tables, against what the journal says they must be.

mod cards;
mod contacts;
mod signed;

use std::collections::HashSet;

use super::look::Look;
use super::replay::{DayReplay, KeyReplay, OwnerReplay, Replay};
use super::{Report, VerifyError};
use crate::crypto::hash::sha256;
use crate::crypto::integrity::Integrity;
use crate::domain::id::{
    DeviceId, LedgerAccountId, MerchantId, OperatorId, ReconciliationItemId, TerminalId, hex,
};
use crate::domain::ledger::SYSTEM_ACCOUNTS;
use crate::domain::reconciliation::ItemState;
use crate::domain::recovery::CaseState;
use crate::domain::rows::{
    Account, CashDesk, CashTopUp, ClosedDay, Device, FeeRule, KeyState, LedgerAccount, Merchant, Movement,
    Operator, OrderSlot, Payable, Payment, Principal, Proposal, ProposalState, ReconciliationItem,
    RecoveryCase, Row, Settlement, SigningKey, Store, Table, Terminal, TopUp, WebhookEndpoint,
};
pub(super) use signed::UNSIGNED;

/// Reports every row that is not what the journal says, every one that is missing, and every one that no
/// server wrote.
pub(super) fn compare(
    look: &mut Look,
    replay: &Replay,
    integrity: Option<&Integrity>,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut customers = HashSet::new();
    let mut contacts = contacts::Contacts::default();
    for table in Table::ALL {
        // The journal itself was replayed.
        if matches!(table, Table::Journal | Table::Finished) {
            continue;
        }
        let mut rows = 0;
        look.each(*table, |row, tag| {
            rows += usize::from(is_made(row, replay));
            contacts.tell(row);
            let written = signed::row(row, tag, integrity, report);
            if let Err(what) = one(row, replay, report, &mut customers).and(written) {
                report.problem(format!("table {} key {}", table.name(), key_text(row)), what);
            }
        })?;
        let expected = expected_rows(*table, replay);
        if rows < expected {
            report.problem(format!("table {}", table.name()), "a row that the journal made is missing");
        }
    }
    contacts.compare(replay, report);
    signed::told(report);
    if report.sum_minor != 0 {
        report.problem("all balances", "they do not sum up to zero");
    }
    Ok(())
}

fn key_text(row: &Row) -> String {
    row.key()
        .values()
        .iter()
        .map(|value| match value {
            crate::domain::record::Value::Int(int) => int.to_string(),
            crate::domain::record::Value::Bytes(bytes) => hex(bytes),
            crate::domain::record::Value::Text(text) => text.to_string(),
            crate::domain::record::Value::Null => "null".into(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only the compared tables have rows that the journal makes"
)]
fn expected_rows(table: Table, replay: &Replay) -> usize {
    match table {
        Table::Account | Table::Document | Table::Factors => replay.accounts.len(),
        Table::Lane => replay.lanes(),
        Table::Device => replay.keys.values().filter(|key| is_device(key)).count(),
        Table::SigningKey => replay.keys.len(),
        Table::Terminal => replay.terminals.len(),
        Table::OrderSlot => replay.orders.len(),
        Table::CashDesk => replay.desks.len(),
        Table::CashTopUp => replay.cash.len(),
        Table::Movement => replay.movements.len(),
        Table::ClosedDay => replay.closed_days.len(),
        Table::FeeRule => replay.fee_rules.len(),
        Table::Payable => replay.merchants.values().filter(|merchant| merchant.owed.is_settled()).count(),
        Table::Settlement => replay.settlements.len(),
        Table::Operator => replay.operators.len(),
        Table::Proposal => replay.proposals.len(),
        Table::WebhookEndpoint => replay.webhooks.len(),
        Table::ReconciliationItem => replay.reconciled.len(),
        Table::Merchant => replay.merchants.len(),
        Table::Store => replay.stores.len(),
        Table::LedgerAccount if replay.system_key().is_some() => {
            replay.merchants.len() + replay.desks.len() + SYSTEM_ACCOUNTS.len()
        }
        Table::Card => replay.cards.cards.len(),
        Table::Funding => replay.cards.sources.len(),
        Table::TopUp => replay.top_ups.len(),
        Table::Payment => replay.paid.len(),
        _ => 0,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only the compared tables are read")]
fn one(
    row: &Row,
    replay: &Replay,
    report: &mut Report,
    customers: &mut HashSet<LedgerAccountId>,
) -> Result<(), &'static str> {
    match row {
        Row::Account(row) => {
            report.accounts += 1;
            report.sum_minor += row.credits_posted_minor - row.debits_posted_minor;
            customers.insert(row.ledger_account_id);
            account(row, replay)
        }
        Row::Device(row) => device(row, replay),
        Row::SigningKey(row) => signing_key(row, replay),
        Row::Document(row) => replay.knows_document(row),
        Row::Factors(row) => replay.knows_factors(row),
        Row::Merchant(row) => merchant(row, replay),
        Row::Store(row) => store(row, replay),
        Row::LedgerAccount(row) => {
            report.sum_minor += row.credits_posted_minor - row.debits_posted_minor;
            if customers.contains(&row.ledger_account_id) {
                return Err("it is a customer's account a second time");
            }
            ledger_account(row, replay)
        }
        Row::Card(row) => cards::card(row, replay),
        Row::Funding(row) => cards::source(row, replay),
        Row::TopUp(row) => top_up(row, replay),
        Row::Payment(row) => payment(row, replay),
        Row::Terminal(row) => terminal(row, replay),
        Row::OrderSlot(row) => order(row, replay),
        Row::CashDesk(row) => cash_desk(row, replay),
        Row::CashTopUp(row) => cash_top_up(row, replay),
        Row::Movement(row) => movement(row, replay),
        Row::ClosedDay(row) => closed_day(row, replay),
        Row::FeeRule(row) => fee_rule(row, replay),
        Row::Payable(row) => payable(row, replay),
        Row::Settlement(row) => settlement(row, replay),
        Row::Operator(row) => operator(row, replay),
        Row::Proposal(row) => proposal(row, replay),
        Row::RecoveryCase(row) => recovery_case(row, replay),
        Row::WebhookEndpoint(row) => webhook_endpoint(row, replay),
        Row::ReconciliationItem(row) => reconciliation_item(row, replay),
        Row::Lane(row) => signed::head(row, replay, report),
        _ => Ok(()),
    }
}

/// Whether the journal says that there is such a row. Differences that nobody took are no journal's, nor are
/// lanes without a row.
#[expect(clippy::wildcard_enum_match_arm, reason = "every other row that is compared is the journal's")]
fn is_made(row: &Row, replay: &Replay) -> bool {
    match row {
        Row::ReconciliationItem(item) => replay.reconciled.contains_key(&item.item_id),
        Row::Lane(lane) => replay.head(lane.lane).0 > 0,
        _ => true,
    }
}

/// What a provider said is no journal's; who looks after it, and what he said, is. A version that nobody did
/// anything about is the provider's.
fn reconciliation_item(row: &ReconciliationItem, replay: &Replay) -> Result<(), &'static str> {
    let id = ReconciliationItemId::of(row.provider, &row.reference, |named| sha256(&[named]));
    if id != row.item_id {
        return Err("it is of another charge than its own");
    }
    let done = replay.reconciled.get(&row.item_id);
    let owner_id = done.map(|done| done.owner_id);
    let note = done.and_then(|done| done.note.as_deref());
    let is_newer = done.is_none_or(|done| done.version < row.version);
    // Taken once it stays so with other figures; resolved it does not, nor once it was gone.
    let same = match row.state {
        ItemState::Open => is_newer && row.owner_id.is_none(),
        ItemState::Taken => done.is_some() && note.is_none() && row.owner_id == owner_id,
        ItemState::Resolved => {
            !is_newer && note.is_some() && (row.owner_id, row.note.as_deref()) == (owner_id, note)
        }
        ItemState::Cleared => match row.owner_id {
            None => is_newer,
            Some(_) => note.is_none() && row.owner_id == owner_id,
        },
    };
    let is_said = row.state == ItemState::Resolved || row.note.is_none();
    let is_reached = done.is_none_or(|done| done.version <= row.version);
    if same && is_said && is_reached { Ok(()) } else { Err("its owner or resolution is not the journal's") }
}

/// What a receiver said of itself, and what is being sent again, are no journal's.
fn webhook_endpoint(row: &WebhookEndpoint, replay: &Replay) -> Result<(), &'static str> {
    let expected =
        replay.webhooks.get(&row.endpoint_id).ok_or("no merchant in the journal made this endpoint")?;
    if (row.merchant_id, row.rotated_until) != (expected.merchant_id, expected.rotated_until) {
        return Err("its merchant, or the end of its older secret, is not the journal's");
    }
    Ok(())
}

fn account(row: &Account, replay: &Replay) -> Result<(), &'static str> {
    let expected =
        replay.accounts.get(&row.account_id).ok_or("no enrolment in the journal made this account")?;
    let sums = replay.ledger.get(&expected.ledger_account_id).copied().unwrap_or_default();
    if (row.debits_posted_minor, row.credits_posted_minor) != sums
        || row.ledger_account_id != expected.ledger_account_id
    {
        return Err("its balance is not the sum of the journal's postings");
    }
    if row.debits_pending_minor != expected.held_minor {
        return Err("what it holds is not what the journal holds");
    }
    if row.lots.total_minor() != row.available_minor() {
        return Err("its lots do not sum up to what can be spent");
    }
    if row.incoming_minor != expected.incoming_minor {
        return Err("its money on the way is not that of the top-ups under way");
    }
    if (row.spent_total_minor, row.payments_total) != (expected.spent_total_minor, expected.payments_total) {
        return Err("its spending is not the journal's");
    }
    if row.state != expected.state
        || row.frozen_at.is_some() != expected.frozen_at.is_some()
        || row.frozen_until != expected.frozen_until
        || row.restricted_at.is_some() != expected.restricted
        || row.contested_at.is_some() != expected.contested
        || row.active_devices != expected.active_devices
    {
        return Err("its state is not the journal's");
    }
    if row.debt_minor != expected.debt_minor {
        return Err("what its owner owes is not what the journal took back and was not there");
    }
    if row.halted_at.zip(row.halt_reason) != expected.halted {
        return Err("what the operators stopped, or let go on, is not the journal's");
    }
    if (row.version, row.epoch) != (expected.version, expected.epoch) {
        return Err("its version or epoch is not the journal's");
    }
    expected.counts(row)
}

fn device(row: &Device, replay: &Replay) -> Result<(), &'static str> {
    let key = replay.keys.get(&row.key_id).ok_or("no enrolment in the journal made this device")?;
    let owner = OwnerReplay::Device { account_id: row.account_id, device_id: row.device_id };
    let same = key.owner == owner && key.state == row.state;
    if same { replay.knows_device(row) } else { Err("its account, key or state is not the journal's") }
}

fn signing_key(row: &SigningKey, replay: &Replay) -> Result<(), &'static str> {
    let key =
        replay.keys.get(&row.key_id).ok_or("no enrolment in the journal made this key: it is forged")?;
    let same =
        key.key.point()[..] == row.point[..] && key.form == row.form && Some(key.owner) == owner_of(row);
    if !same {
        return Err("its point, form or owner is not the journal's: it is forged");
    }
    if key.state != row.state || key.version != row.version {
        return Err(if row.state == KeyState::Active {
            "it was revoked in the journal and is active here"
        } else {
            "its state or version is not the journal's"
        });
    }
    Ok(())
}

/// Wrong proofs are not journalled, and so not that they ended a case.
fn recovery_case(row: &RecoveryCase, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.cases.get(&row.case_id).ok_or("nobody began this recovery in the journal")?;
    let spent = row.state == CaseState::Rejected
        && matches!(expected.state, CaseState::Requested | CaseState::Proving);
    let same = expected.key_id == row.key_id
        && expected.account_id == row.account_id
        && expected.ready_at == row.ready_at
        && (expected.state == row.state || spent);
    if same { Ok(()) } else { Err("its key, account, state or delay is not the journal's") }
}

fn merchant(row: &Merchant, replay: &Replay) -> Result<(), &'static str> {
    let expected =
        replay.merchants.get(&row.merchant_id).ok_or("no registration in the journal made this merchant")?;
    let same = expected.ledger_account_id == row.ledger_account_id
        && (expected.standing, expected.owed.version) == (row.standing, row.fee_rule_version)
        && (expected.key_id, expected.barred_at) == (row.key_id, row.barred_at);
    if same { Ok(()) } else { Err("its account or standing, or its key or fee, is not the journal's") }
}

fn store(row: &Store, replay: &Replay) -> Result<(), &'static str> {
    let expected =
        replay.stores.get(&row.store_id).ok_or("no registration in the journal made this store")?;
    let same = (expected.merchant_id, &expected.name) == (row.merchant_id, &row.name)
        && expected.barred_at == row.barred_at;
    if same { Ok(()) } else { Err("its merchant, name or bar is not the journal's") }
}

fn ledger_account(row: &LedgerAccount, replay: &Replay) -> Result<(), &'static str> {
    let system = SYSTEM_ACCOUNTS.iter().any(|(id, ..)| *id == row.ledger_account_id);
    let is_cash = replay.desks.values().any(|desk| desk.ledger_account_id == row.ledger_account_id);
    if !system && !is_cash && !replay.payables.contains(&row.ledger_account_id) {
        return Err("nothing in the journal made this account");
    }
    let sums = replay.ledger.get(&row.ledger_account_id).copied().unwrap_or_default();
    if (row.debits_posted_minor, row.credits_posted_minor) == sums {
        Ok(())
    } else {
        Err("its balance is not the sum of the journal's postings")
    }
}

fn top_up(row: &TopUp, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.top_ups.get(&row.top_up_id).ok_or("nobody signed for this top-up")?;
    let same = expected.account_id == row.account_id
        && expected.amount_minor == row.amount_minor
        && expected.state == row.state
        && expected.turn == row.turn
        && (expected.card_tag, expected.wants_challenge) == (row.card_tag, row.wants_challenge)
        && expected.reference == row.provider_reference;
    if same { Ok(()) } else { Err("its account, amount, state or reference is not the journal's") }
}

fn payment(row: &Payment, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.paid.get(&row.payment_id).ok_or("nobody signed for this payment")?;
    let same = expected.account_id == row.account_id
        && expected.store_id == row.store_id
        && expected.merchant_id == row.merchant_id
        && expected.sums == row.sums()
        && (expected.terminal_id, expected.business_day) == (row.terminal_id, row.business_day)
        && (expected.fee_rule_version, expected.captured_at) == (row.fee_rule_version, row.captured_at);
    if same { Ok(()) } else { Err("its account, store, day or amounts, or its fee, are not the journal's") }
}

fn is_device(key: &KeyReplay) -> bool {
    matches!(key.owner, OwnerReplay::Device { .. })
}

fn owner_of(row: &SigningKey) -> Option<OwnerReplay> {
    let id = row.owner_id.0;
    match (row.principal, row.account_id) {
        (Principal::Device, Some(account_id)) => {
            Some(OwnerReplay::Device { account_id, device_id: DeviceId(id) })
        }
        (Principal::Terminal, None) => Some(OwnerReplay::Terminal(TerminalId(id))),
        (Principal::Merchant, None) => Some(OwnerReplay::Merchant(MerchantId(id))),
        (Principal::Operator, None) => Some(OwnerReplay::Operator(OperatorId(id))),
        (Principal::Device, None)
        | (Principal::Terminal | Principal::Merchant | Principal::Operator, Some(_)) => None,
    }
}

fn terminal(row: &Terminal, replay: &Replay) -> Result<(), &'static str> {
    let expected =
        replay.terminals.get(&row.terminal_id).ok_or("no registration in the journal made this till")?;
    let same = expected.merchant_id == row.merchant_id
        && expected.store_id == row.store_id
        && expected.key_id == row.key_id
        && (expected.state, expected.barred_at) == (row.state, row.barred_at)
        && (expected.business_day, expected.day_began_at) == (row.business_day, row.day_began_at)
        && (expected.cash_day, expected.cash_today_minor) == (row.cash_day, row.cash_today_minor)
        && (expected.refund_day, expected.refunded_today_minor) == (row.refund_day, row.refunded_today_minor);
    if same { Ok(()) } else { Err("its merchant, store, key, refunds, day or state is not the journal's") }
}

/// An order that was only named, by a charge that was refused, is no row of the journal's making.
fn order(row: &OrderSlot, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.orders.get(&(row.merchant_id, row.order_id.clone()));
    let same = match expected {
        Some(expected) => {
            expected.terminal_id == row.terminal_id
                && expected.payment_id == row.payment_id
                && expected.cash_top_up_id == row.cash_top_up_id
                && expected.asked == row.asked_minor.zip(row.payable_until)
                && expected.reversed == row.reversed_at.is_some()
        }
        None => row.account_id.is_none() && row.reversed_at.is_none() && row.asked_minor.is_none(),
    };
    if same { Ok(()) } else { Err("its till, payment or reversal is not the journal's") }
}

fn cash_desk(row: &CashDesk, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.desks.get(&row.store_id).ok_or("nobody allowed this store to take cash")?;
    let same = (expected.ledger_account_id, expected.held_minor) == (row.ledger_account_id, row.held_minor)
        && (expected.ceiling_minor, expected.till_day_minor) == (row.ceiling_minor, row.till_day_minor);
    if same { Ok(()) } else { Err("its account, ceilings or cash is not the journal's") }
}

fn cash_top_up(row: &CashTopUp, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.cash.get(&row.cash_top_up_id).ok_or("nobody signed for this cash")?;
    let same = (expected.account_id, expected.terminal_id, expected.store_id)
        == (row.account_id, row.terminal_id, row.store_id)
        && (expected.amount_minor, expected.business_day) == (row.amount_minor, row.business_day)
        && expected.reversed == row.reversed_at.is_some();
    if same { Ok(()) } else { Err("its account, till, amount or day is not the journal's") }
}

fn movement(row: &Movement, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.movements.get(&row.movement_id).ok_or("no step in the journal moved this")?;
    let payment = replay.paid.get(&row.payment_id).ok_or("it is of no payment")?;
    let same = (expected.payment_id, expected.kind) == (row.payment_id, row.kind)
        && (expected.amount_minor, expected.till)
            == (row.amount_minor, row.terminal_id.zip(row.business_day))
        && (payment.merchant_id, payment.store_id) == (row.merchant_id, row.store_id)
        && (payment.fee_rule_version, expected.at, expected.net_after_minor)
            == (row.fee_rule_version, row.at, row.net_after_minor);
    if same {
        Ok(())
    } else {
        Err("its payment, kind, amount, till or day, or its fee, is not the journal's")
    }
}

fn closed_day(row: &ClosedDay, replay: &Replay) -> Result<(), &'static str> {
    let told = DayReplay { closed_at: row.closed_at, by_system: row.by_system };
    let is_closed = replay.closed_days.get(&(row.terminal_id, row.business_day)) == Some(&told);
    if is_closed { Ok(()) } else { Err("nobody closed this day so in the journal") }
}

fn fee_rule(row: &FeeRule, replay: &Replay) -> Result<(), &'static str> {
    let is_set = replay.fee_rules.get(&(row.merchant_id, row.version)) == Some(row);
    if is_set { Ok(()) } else { Err("no two operators in the journal set this fee") }
}

fn payable(row: &Payable, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.merchants.get(&row.merchant_id).map(|merchant| &merchant.owed.payable);
    if expected == Some(row) { Ok(()) } else { Err("what is settled and owed is not the journal's") }
}

fn settlement(row: &Settlement, replay: &Replay) -> Result<(), &'static str> {
    let is_settled = replay.settlements.get(&(row.merchant_id, row.day)) == Some(row);
    if is_settled { Ok(()) } else { Err("its sums, payout or state are not the journal's") }
}

fn operator(row: &Operator, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.operators.get(&row.operator_id).ok_or("nobody approved this operator")?;
    let same = (expected.key_id, expected.state) == (row.key_id, row.state);
    if same { Ok(()) } else { Err("their key or state is not the journal's") }
}

fn proposal(row: &Proposal, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.proposals.get(&row.proposal_id).ok_or("nobody signed for this proposal")?;
    let same = (expected.proposer_id, expected.key_id) == (row.proposer_id, row.key_id)
        && expected.payload == row.payload
        && expected.approved == (row.state == ProposalState::Approved);
    if same { Ok(()) } else { Err("its proposer, payload or state is not the journal's") }
}
