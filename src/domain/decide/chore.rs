//! Keeping house. A chore re-checks what it was started for: by now it may not be so.

use super::{Decision, reconciliation, webhook};
use crate::domain::command::Chore;
use crate::domain::id::{MessageId, TerminalId, TopUpId, WorkerId};
use crate::domain::record::Record as _;
use crate::domain::rows::{Lease, Message, MessageState, Row, RowKey, Terminal, TopUp, TopUpState};
use crate::domain::time::Timestamp;
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides a chore.
pub(super) fn decide(chore: &Chore, view: &View) -> Decision {
    let writes = match chore {
        Chore::Expire(keys) => {
            keys.iter().filter(|key| is_over(key, view)).cloned().map(Write::Delete).collect()
        }
        // What was sent holds an address and a code: nothing of it is kept.
        Chore::MessageDelivered(id) => {
            due(*id, view).map(|_| Write::Delete(RowKey::Message(*id))).into_iter().collect()
        }
        Chore::MessageDelayed(id, due_at) => message(*id, view, |message| message.due_at = *due_at),
        Chore::ClaimTopUp { top_up_id, worker_id, until } => {
            top_up(*top_up_id, view, |row, now| claimed(row, now, *worker_id, *until))
        }
        Chore::DelayTopUp { top_up_id, worker_id, seen_due_at, due_at } => {
            top_up(*top_up_id, view, |row, _| delayed(row, *worker_id, *seen_due_at, *due_at))
        }
        Chore::HintTopUp(top_up_id) => top_up(*top_up_id, view, |row, now| {
            // Taken back it is over for good.
            let is_over = matches!(row.state, TopUpState::Refunded | TopUpState::ChargedBack);
            // Never the moment that whoever asks just now saw: he would take the news for his own question.
            let due_at = if row.due_at == Some(now) { now.plus_us(-1) } else { now };
            (!is_over).then(|| TopUp { due_at: Some(due_at), ..row.clone() })
        }),
        Chore::AlarmTerminal(terminal_id) => alarmed(*terminal_id, view),
        Chore::Lease { name, worker_id, until } => lease(name, *worker_id, *until, view),
        Chore::Webhook(chore) => webhook::chore(chore, view),
        Chore::Reconciliation(chore) => reconciliation::chore(chore, view),
        Chore::MessageFailed(id) => message(*id, view, |message| {
            message.state = MessageState::Failed;
            message.sealed.clear();
        }),
    };
    Decision::Keep { writes }
}

fn due(id: MessageId, view: &View) -> Option<&Message> {
    view.get::<Message>((id,)).filter(|message| message.state == MessageState::Due)
}

fn message(id: MessageId, view: &View, change: impl Fn(&mut Message)) -> Vec<Write> {
    due(id, view)
        .map(|message| {
            let mut message = Message { attempts: message.attempts + 1, ..message.clone() };
            change(&mut message);
            Write::Update(message.into_row())
        })
        .into_iter()
        .collect()
}

fn top_up(id: TopUpId, view: &View, change: impl Fn(&TopUp, Timestamp) -> Option<TopUp>) -> Vec<Write> {
    let changed = view.get::<TopUp>((id,)).and_then(|row| change(row, view.now()));
    changed.map(|row| Write::Update(row.into_row())).into_iter().collect()
}

/// A due top-up is its claimant's alone. Counted before its provider is asked: whoever finds it later knows
/// that it may have been.
fn claimed(row: &TopUp, now: Timestamp, worker_id: WorkerId, until: Timestamp) -> Option<TopUp> {
    let is_due = row.due_at.is_some_and(|due_at| due_at <= now);
    let is_free = now >= row.claimed_until || row.claimed_by == Some(worker_id);
    (is_due && is_free).then(|| TopUp {
        attempts: row.attempts + 1,
        claimed_until: until,
        claimed_by: Some(worker_id),
        ..row.clone()
    })
}

/// Only its claimant lets it go, and what became due while he asked stays due.
fn delayed(row: &TopUp, worker_id: WorkerId, seen: Timestamp, due_at: Option<Timestamp>) -> Option<TopUp> {
    (row.claimed_by == Some(worker_id)).then(|| TopUp {
        due_at: if row.due_at == Some(seen) { due_at } else { row.due_at },
        claimed_until: Timestamp(0),
        claimed_by: None,
        ..row.clone()
    })
}

/// Told to its merchant with its tills; nothing that the till may do depends on it.
fn alarmed(terminal_id: TerminalId, view: &View) -> Vec<Write> {
    let terminal = view.get::<Terminal>((terminal_id,));
    let alarmed = terminal.map(|terminal| Terminal {
        alarmed_at: Some(view.now()),
        alarms: terminal.alarms + 1,
        ..terminal.clone()
    });
    alarmed.map(|terminal| Write::Update(terminal.into_row())).into_iter().collect()
}

/// A turn is taken when nobody has it, kept by whoever has it, and by nobody else before its time is over.
fn lease(name: &'static str, worker_id: WorkerId, until: Timestamp, view: &View) -> Vec<Write> {
    let lease = Lease { name: name.to_owned(), worker_id, held_until: until };
    match view.get::<Lease>((name.to_owned(),)) {
        None => vec![Write::Insert(lease.into_row())],
        Some(held) if held.worker_id == worker_id || view.now() >= held.held_until => {
            vec![Write::Update(lease.into_row())]
        }
        Some(_) => Vec::new(),
    }
}

/// Only rows that end by themselves may be deleted.
fn is_over(key: &RowKey, view: &View) -> bool {
    let Some(row) = view.row(key) else { return false };
    let expires_at: Option<Timestamp> = match row {
        Row::Enrolment(row) => Some(row.expires_at),
        Row::SecretReply(row) => Some(row.expires_at),
        Row::OpenRequest(row) => Some(row.expires_at),
        Row::PaymentCode(row) => Some(row.expires_at),
        Row::Activation(row) => Some(row.expires_at),
        Row::Addition(row) => Some(row.expires_at),
        Row::PendingContact(row) => Some(row.expires_at),
        Row::RecoveryCase(row) => Some(row.expires_at),
        Row::RecoveryTarget(row) => Some(row.expires_at),
        Row::WebhookDelivery(row) => Some(row.expires_at),
        Row::Account(_)
        | Row::Device(_)
        | Row::SigningKey(_)
        | Row::DataKey(_)
        | Row::Document(_)
        | Row::Contact(_)
        | Row::Merchant(_)
        | Row::Store(_)
        | Row::CashDesk(_)
        | Row::LedgerAccount(_)
        | Row::Terminal(_)
        | Row::OrderSlot(_)
        | Row::Operator(_)
        | Row::Proposal(_)
        | Row::Card(_)
        | Row::Funding(_)
        | Row::TopUp(_)
        | Row::Payment(_)
        | Row::Movement(_)
        | Row::CashTopUp(_)
        | Row::ClosedDay(_)
        | Row::FeeRule(_)
        | Row::Payable(_)
        | Row::Settlement(_)
        | Row::Event(_)
        | Row::Message(_)
        | Row::Factors(_)
        | Row::Lease(_)
        | Row::MerchantDataKey(_)
        | Row::MerchantDocument(_)
        | Row::WebhookEndpoint(_)
        | Row::WebhookCursor(_)
        | Row::Reconciliation(_)
        | Row::ReconciliationItem(_)
        | Row::Journal(_)
        | Row::Finished(_)
        | Row::Lane(_) => None,
    };
    expires_at.is_some_and(|at| view.now() >= at)
}
