//! What may be read: named rows, and a handful of scans. All of one query is one snapshot.
//!
//! A caller's key, device and epoch are checked in that same snapshot, so a read after a revocation
//! is refused wherever it is made.

use crate::domain::id::{AccountId, CodeTag, MerchantId, TerminalId, WorkerId};
use crate::domain::journal::Kind;
use crate::domain::record::{Record, Value};
use crate::domain::rows::{Row, RowKey, Table};
use crate::domain::time::Timestamp;

mod caller;
mod merchant;
mod reconciliation;
mod settlement;

pub use caller::{Caller, Principal, Standing};
pub use merchant::{DeliveryPlace, MerchantScan, PaymentScan};
pub use reconciliation::ReconciliationScan;
pub use settlement::{LinesOf, SettlementScan};

/// Several rows, found by an index.
#[derive(Clone, Debug)]
pub enum Scan {
    /// An account's devices: those that may sign first, then the newest of the others.
    Devices(AccountId),
    /// An account's contacts.
    Contacts(AccountId),
    /// An account's linked funding sources, oldest first.
    FundingSources(AccountId),
    /// An account's journal rows in which money moved, newest first.
    Entries {
        /// Whose.
        account_id: AccountId,
        /// Before this moment, lane and sequence; from the end when absent.
        before: Option<(Timestamp, i64, i64)>,
        /// At most.
        limit: i64,
    },
    /// An account's security events, newest first.
    Events {
        /// Whose.
        account_id: AccountId,
        /// Before this moment and id; from the end when absent.
        before: Option<(Timestamp, crate::domain::id::EventId)>,
        /// At most.
        limit: i64,
    },
    /// The payment of a merchant's order.
    PaymentOfOrder {
        /// Whose.
        merchant_id: MerchantId,
        /// Which order.
        order_id: String,
    },
    /// Rows of a till's business day, by id.
    OfDay {
        /// Which.
        of: OfDay,
        /// The till.
        terminal_id: TerminalId,
        /// The day.
        business_day: i64,
        /// After this id; from the first when absent.
        after: Option<[u8; 16]>,
        /// At most.
        limit: i64,
    },
    /// Proposals that wait for another operator, oldest first.
    OpenProposals {
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// The recovery that a notice's secret cancels.
    CaseByCancel(CodeTag),
    /// Recoveries whose time has come.
    DueRecoveries {
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// An account's payments that its owner is asked for, oldest first.
    AskedPayments(AccountId),
    /// Payments whose customer did not answer, and holds, whose time is over.
    DuePayments {
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Tills whose business day began before a moment and is still open, longest open first.
    OpenDays {
        /// Before this.
        before: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Messages to be sent by now.
    DueMessages {
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Top-ups whose provider is to be asked by now and that no other worker asks about, longest due first.
    DueTopUps {
        /// Now.
        now: Timestamp,
        /// Who is about to ask.
        worker_id: WorkerId,
        /// Those that were asked about before, or those that were not.
        asked_before: bool,
        /// At most.
        limit: i64,
    },
    /// The top-up that a provider calls so.
    TopUpOfReference(String),
    /// Accounts that were enrolled before this and never activated.
    Unactivated {
        /// Before this.
        before: Timestamp,
        /// At most.
        limit: i64,
    },
    /// Rows of a table that end by themselves, and are over by now.
    Expired {
        /// Enrolments, secrets or open requests.
        table: Table,
        /// Now.
        now: Timestamp,
        /// At most.
        limit: i64,
    },
    /// A lane's rows of the kinds that revoke keys.
    RevokingRows {
        /// Which lane.
        lane: i64,
        /// After this row.
        after: i64,
        /// Up to this one.
        until: i64,
        /// At most.
        limit: i64,
    },
    /// What merchants and their webhooks read.
    Merchant(MerchantScan),
    /// What settling merchants reads.
    Settlement(SettlementScan),
    /// What comparing with a funding provider's list reads.
    Reconciliation(ReconciliationScan),
    /// All rows of a table whose key is greater, by key: for verification.
    All {
        /// Which table.
        table: Table,
        /// After this key.
        after: Option<RowKey>,
        /// At most.
        limit: i64,
    },
}

/// What a business day has rows of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfDay {
    /// What was taken in it.
    Payments,
    /// What was captured of holds, or given back, in it.
    Movements,
    /// Cash.
    Cash,
}

/// A question to the store.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Who reads; checked in the same snapshot. Absent for the system's own reads.
    pub caller: Option<Caller>,
    /// Rows by key.
    pub rows: Vec<RowKey>,
    /// Rows by an index.
    pub scan: Option<Scan>,
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Who read.
    pub caller: Standing,
    /// The named rows that exist, and the caller's own.
    pub rows: Vec<Row>,
    /// The scanned rows.
    pub scanned: Vec<Row>,
}

impl Query {
    /// One row, for the system.
    pub fn row(key: RowKey) -> Self {
        Self { caller: None, rows: vec![key], scan: None }
    }

    /// A scan, for the system.
    pub fn scan(scan: Scan) -> Self {
        Self { caller: None, rows: Vec::new(), scan: Some(scan) }
    }
}

impl Fetched {
    /// The named row of this type.
    pub fn get<R: Record>(&self) -> Option<&R> {
        self.rows.iter().find_map(R::of)
    }

    /// The named row of this type and key, where several of a type were read.
    pub fn by_key<R: Record>(&self, key: R::Key) -> Option<&R> {
        let key = R::row_key(key);
        self.rows.iter().find(|row| row.key() == key).and_then(R::of)
    }

    /// The scanned rows of this type.
    pub fn scanned<R: Record>(&self) -> impl Iterator<Item = &R> {
        self.scanned.iter().filter_map(R::of)
    }
}

impl Scan {
    /// The table, what follows `WHERE`, and the parameters `?1`, `?2`, … of it.
    pub(super) fn sql(&self) -> (Table, String, Vec<Value<'static>>) {
        match self {
            Self::Devices(account_id) => (
                Table::Device,
                "account_id = ?1 ORDER BY state, enrolled_at DESC, device_id LIMIT 20".into(),
                vec![bytes(&account_id.0)],
            ),
            Self::Contacts(account_id) => {
                (Table::Contact, "account_id = ?1 LIMIT 20".into(), vec![bytes(&account_id.0)])
            }
            Self::FundingSources(account_id) => (
                Table::Funding,
                "account_id = ?1 AND ended_at IS NULL ORDER BY linked_at, funding_id LIMIT 20".into(),
                vec![bytes(&account_id.0)],
            ),
            Self::Entries { account_id, before, limit } => entries(*account_id, *before, *limit),
            Self::Events { account_id, before, limit } => events(*account_id, *before, *limit),
            Self::PaymentOfOrder { merchant_id, order_id } => (
                Table::Payment,
                "merchant_id = ?1 AND order_id = ?2".into(),
                vec![bytes(&merchant_id.0), Value::Text(order_id.clone().into())],
            ),
            Self::OfDay { of, terminal_id, business_day, after, limit } => {
                of_day(*of, *terminal_id, *business_day, *after, *limit)
            }
            Self::OpenProposals { now, limit } => (
                Table::Proposal,
                "state = 0 AND expires_at > ?1 ORDER BY created_at LIMIT ?2".into(),
                vec![Value::Int(now.0), Value::Int(*limit)],
            ),
            Self::CaseByCancel(cancel_tag) => {
                (Table::RecoveryCase, "cancel_tag = ?1".into(), vec![bytes(&cancel_tag.0)])
            }
            Self::DueRecoveries { now, limit } => due(Table::RecoveryCase, *now, *limit),
            Self::AskedPayments(account_id) => asked_payments(*account_id),
            Self::DuePayments { now, limit } => due(Table::Payment, *now, *limit),
            Self::OpenDays { before, limit } => open_days(*before, *limit),
            Self::DueMessages { now, limit } => (
                Table::Message,
                "state = 0 AND due_at <= ?1 ORDER BY due_at LIMIT ?2".into(),
                vec![Value::Int(now.0), Value::Int(*limit)],
            ),
            Self::DueTopUps { now, worker_id, asked_before, limit } => {
                due_top_ups(*now, *worker_id, *asked_before, *limit)
            }
            Self::TopUpOfReference(reference) => {
                (Table::TopUp, "provider_reference = ?1".into(), vec![Value::Text(reference.clone().into())])
            }
            Self::Unactivated { before, limit } => (
                Table::Account,
                "state = 0 AND created_at <= ?1 ORDER BY created_at LIMIT ?2".into(),
                vec![Value::Int(before.0), Value::Int(*limit)],
            ),
            Self::Expired { table, now, limit } => (
                *table,
                "expires_at <= ?1 ORDER BY expires_at LIMIT ?2".into(),
                vec![Value::Int(now.0), Value::Int(*limit)],
            ),
            Self::RevokingRows { lane, after, until, limit } => {
                revoking_rows([*lane, *after, *until, *limit])
            }
            Self::Merchant(scan) => scan.sql(),
            Self::Settlement(scan) => scan.sql(),
            Self::Reconciliation(scan) => scan.sql(),
            Self::All { table, after, limit } => all(*table, after.as_ref(), *limit),
        }
    }
}

type Sql = (Table, String, Vec<Value<'static>>);

fn bytes(bytes: &[u8]) -> Value<'static> {
    Value::Bytes(bytes.to_vec().into())
}

fn due(table: Table, now: Timestamp, limit: i64) -> Sql {
    (table, "due_at <= ?1 ORDER BY due_at LIMIT ?2".into(), vec![Value::Int(now.0), Value::Int(limit)])
}

fn open_days(before: Timestamp, limit: i64) -> Sql {
    let condition = "day_began_at < ?1 ORDER BY day_began_at LIMIT ?2".into();
    (Table::Terminal, condition, vec![Value::Int(before.0), Value::Int(limit)])
}

fn asked_payments(account_id: AccountId) -> Sql {
    (
        Table::Payment,
        "account_id = ?1 AND due_at IS NOT NULL AND authorised_at IS NULL \
         ORDER BY created_at, payment_id LIMIT 20"
            .into(),
        vec![bytes(&account_id.0)],
    )
}

fn entries(account_id: AccountId, before: Option<(Timestamp, i64, i64)>, limit: i64) -> Sql {
    let (at, lane, sequence) = before.unwrap_or((Timestamp(i64::MAX), i64::MAX, i64::MAX));
    (
        Table::Journal,
        "entry_account_id = ?1 AND (at, lane, sequence) < (?2, ?3, ?4) \
         ORDER BY at DESC, lane DESC, sequence DESC LIMIT ?5"
            .into(),
        vec![
            bytes(&account_id.0),
            Value::Int(at.0),
            Value::Int(lane),
            Value::Int(sequence),
            Value::Int(limit),
        ],
    )
}

fn due_top_ups(now: Timestamp, worker_id: WorkerId, asked_before: bool, limit: i64) -> Sql {
    let asked = if asked_before { "attempts > 0" } else { "attempts = 0" };
    (
        Table::TopUp,
        format!(
            "due_at <= ?1 AND (claimed_until <= ?1 OR claimed_by = ?2) AND {asked} \
             ORDER BY due_at, top_up_id LIMIT ?3"
        ),
        vec![Value::Int(now.0), bytes(&worker_id.0), Value::Int(limit)],
    )
}

fn of_day(of: OfDay, terminal_id: TerminalId, business_day: i64, after: Option<[u8; 16]>, limit: i64) -> Sql {
    let (table, id) = match of {
        OfDay::Payments => (Table::Payment, "payment_id"),
        OfDay::Movements => (Table::Movement, "movement_id"),
        OfDay::Cash => (Table::CashTopUp, "cash_top_up_id"),
    };
    let after = after.as_ref().map_or(&[][..], |id| &id[..]);
    (
        table,
        format!("terminal_id = ?1 AND business_day = ?2 AND {id} > ?3 ORDER BY {id} LIMIT ?4"),
        vec![bytes(&terminal_id.0), Value::Int(business_day), bytes(after), Value::Int(limit)],
    )
}

fn events(
    account_id: AccountId,
    before: Option<(Timestamp, crate::domain::id::EventId)>,
    limit: i64,
) -> (Table, String, Vec<Value<'static>>) {
    let (at, id) = before.map_or((i64::MAX, bytes(&[0xff; 16])), |(at, event_id)| (at.0, bytes(&event_id.0)));
    (
        Table::Event,
        "account_id = ?1 AND (at, event_id) < (?2, ?3) ORDER BY at DESC, event_id DESC LIMIT ?4".into(),
        vec![bytes(&account_id.0), Value::Int(at), id, Value::Int(limit)],
    )
}

fn revoking_rows(parameters: [i64; 4]) -> Sql {
    let kinds: Vec<String> = Kind::REVOKING.iter().map(|kind| kind.number().to_string()).collect();
    let condition = format!(
        "lane = ?1 AND sequence > ?2 AND sequence <= ?3 AND kind IN ({}) ORDER BY sequence LIMIT ?4",
        kinds.join(", ")
    );
    (Table::Journal, condition, parameters.map(Value::Int).to_vec())
}

fn all(table: Table, after: Option<&RowKey>, limit: i64) -> (Table, String, Vec<Value<'static>>) {
    let columns = table.key_columns().join(", ");
    let Some(after) = after else {
        return (table, format!("true ORDER BY {columns} LIMIT ?1"), vec![Value::Int(limit)]);
    };
    let mut values: Vec<Value<'static>> = vec![Value::Int(limit)];
    values.extend(after.values().into_iter().map(|value| match value {
        Value::Int(int) => Value::Int(int),
        Value::Bytes(bytes) => Value::Bytes(bytes.into_owned().into()),
        Value::Text(text) => Value::Text(text.into_owned().into()),
        Value::Null => Value::Null,
    }));
    let places: Vec<String> = (2..=values.len()).map(|place| format!("?{place}")).collect();
    (table, format!("({columns}) > ({}) ORDER BY {columns} LIMIT ?1", places.join(", ")), values)
}
