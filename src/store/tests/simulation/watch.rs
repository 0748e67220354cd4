//! What must hold after every batch, and what at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::id::{KeyId, RequestId};
use crate::domain::outcome::Outcome;
use crate::domain::record::Record as _;
use crate::domain::rows::{Journal, Row, RowKey, Table};
use crate::domain::tests::fixture::Ledger;
use crate::store::Store;
use crate::store::query::Query;
use crate::store::tests::rig::table_rows;

/// What was seen so far.
pub(super) struct Watch {
    accounts: Vec<RowKey>,
    outcomes: HashMap<(RequestId, KeyId), Outcome>,
    kinds: BTreeMap<String, u64>,
}

impl Watch {
    pub(super) fn new(model: &Ledger) -> Self {
        let has_money = |key: &RowKey| matches!(key.table(), Table::Account | Table::LedgerAccount);
        let accounts = model.rows().map(Row::key).filter(has_money).collect();
        Self { accounts, outcomes: HashMap::new(), kinds: BTreeMap::new() }
    }

    /// One request id, one outcome.
    pub(super) fn answered(&mut self, request: (RequestId, KeyId), outcome: &Outcome) {
        if let Some(before) = self.outcomes.insert(request, outcome.clone()) {
            assert_eq!(before, *outcome, "a request was answered in two ways");
            return;
        }
        let kind = if let Outcome::Refused { refusal, .. } = outcome {
            format!("{refusal:?}")
        } else {
            format!("{outcome:?}").split(' ').next().expect("a name").to_owned()
        };
        *self.kinds.entry(kind).or_default() += 1;
    }

    /// What the requests came to.
    pub(super) fn kinds(&self) -> String {
        format!("outcomes {:?}", self.kinds)
    }

    /// By the store's own rows: nothing is made, nothing is lost, nobody owes.
    pub(super) async fn money(&self, store: &Store) {
        let query = Query { rows: self.accounts.clone(), ..Query::default() };
        let rows = store.fetch(query).await.expect("the accounts read").rows;
        assert_eq!(rows.len(), self.accounts.len());
        let mut sum_minor = 0;
        for row in &rows {
            if let Row::Account(account) = row {
                assert!(account.available_minor() >= 0, "below zero: {account:?}");
                sum_minor += account.credits_posted_minor - account.debits_posted_minor;
            } else if let Row::LedgerAccount(account) = row {
                let balance_minor = account.credits_posted_minor - account.debits_posted_minor;
                assert!(balance_minor >= 0 || account.may_be_negative, "below zero: {account:?}");
                sum_minor += balance_minor;
            } else {
                panic!("no account: {row:?}");
            }
        }
        assert_eq!(sum_minor, 0, "the sum over all accounts");
    }
}

/// All rows, by table and key. What is finished is the journal by its other key.
pub(super) async fn rows(store: &Store) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in Table::ALL.iter().filter(|table| **table != Table::Finished) {
        let mut of_table = table_rows(store, *table).await;
        of_table.sort_by_key(Row::key);
        rows.extend(of_table);
    }
    rows
}

/// Every row is what the model says, and the journal is the model's, one row a request id.
pub(super) fn are_the_models(rows: &[Row], model: &Ledger) {
    let mut told: Vec<Row> =
        model.rows().filter(|row| row.table() != Table::Finished).map(|row| posted(row, model)).collect();
    told.sort_by_key(Row::key);
    let is_state = |row: &&Row| !matches!(row.table(), Table::Journal | Table::Lane);
    let stored: Vec<Row> = rows.iter().filter(is_state).cloned().collect();
    same("the store's", &stored, "the model's", &told);
    let journal: Vec<&Journal> = rows.iter().filter_map(Journal::of).collect();
    assert_eq!(journal.len(), model.entries.len());
    let mut requests = BTreeSet::new();
    for (row, entry) in journal.into_iter().zip(&model.entries) {
        assert!(requests.insert((row.request_id, row.key_id)), "two effects of one request: {row:?}");
        assert_eq!(row.kind, entry.kind.number());
        assert_eq!(row.outcome, entry.outcome.encode());
        assert_eq!(row.postings, entry.postings.encode());
        assert_eq!(row.versions, entry.versions.encode());
        assert_eq!(row.entry_account_id, entry.entry_account_id);
        assert_eq!(row.accepted_step, entry.accepted_step);
    }
}

/// The model keeps what is only added to beside its rows.
fn posted(row: &Row, model: &Ledger) -> Row {
    let mut row = row.clone();
    if let Row::LedgerAccount(account) = &mut row {
        let sums = model.credits[&account.ledger_account_id];
        (account.debits_posted_minor, account.credits_posted_minor) = sums;
    }
    row
}

/// Names the first difference.
pub(super) fn same(one: &str, rows: &[Row], other: &str, others: &[Row]) {
    let by_key = |rows: &[Row]| rows.iter().map(|row| (row.key(), row.clone())).collect::<BTreeMap<_, _>>();
    let (rows, others) = (by_key(rows), by_key(others));
    for key in rows.keys().chain(others.keys()) {
        assert_eq!(rows.get(key), others.get(key), "{one} row is not {other}: {key:?}");
    }
}
