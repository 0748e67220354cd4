//! What one payment costs the database: rows, index entries and reads, counted at the backend's
//! seam and in SQLite's own programs.

use rusqlite::Connection;

use super::rig::{Embeddable, reader};
use crate::domain::rows::{Row, RowKey, Table};
use crate::domain::tests::fixture::{Attempt, Ledger, STEP, ledger_account_id};
use crate::store::backend::{Change, Net};
use crate::store::sqlite::connection;
use crate::store::tests::rig::Rig;

const TEXT: &str = "alice 500 jpy fresh | bob 500 jpy fresh | bakery";

/// A running store that has seen one payment of each customer.
async fn warm(ledger: &mut Ledger) -> Rig<Embeddable> {
    let rig = Rig::running(&Embeddable, ledger).await;
    for customer in ["alice", "bob"] {
        let payment = ledger.pay(&format!("{customer} → bakery 1"));
        rig.all([payment.command]).await;
    }
    rig.clear_log();
    rig
}

/// `+` inserted, `~` updated, `-` deleted, in the order of writing.
fn said(net: &Net) -> Vec<String> {
    net.changes
        .iter()
        .map(|change| match change {
            Change::Insert(row) => format!("+{}", row.table().name()),
            Change::Update(row) => format!("~{}", row.table().name()),
            Change::Delete(key) => format!("-{}", key.table().name()),
        })
        .collect()
}

fn request_key(attempt: &mut Attempt) -> RowKey {
    let signed = attempt.signed();
    RowKey::Finished(signed.request_id, signed.key_id)
}

#[tokio::test]
async fn a_warm_payment_writes_five_rows_and_reads_nothing_but_the_request_index() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = warm(&mut ledger).await;
    let mut payment = ledger.pay("alice → bakery 10");
    rig.all([payment.command.clone()]).await;
    let log = rig.log();
    assert_eq!(log.loads, [vec![request_key(&mut payment)]]);
    assert_eq!(log.scans, []);
    let [net] = log.nets.as_slice() else { panic!("one batch") };
    assert_eq!(said(net), ["~account", "+payment", "+journal", "~lane"]);
    assert_eq!(net.credits, [(ledger_account_id("bakery"), 0, 10)]);
    assert_eq!(log.commits, 1);
}

#[tokio::test]
async fn a_code_in_the_call_costs_one_more_update_the_devices() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = warm(&mut ledger).await;
    let payment = ledger.pay("alice → bakery 10").code(STEP);
    rig.all([payment.command]).await;
    let log = rig.log();
    assert_eq!(said(&log.nets[0]), ["~account", "~device", "+payment", "+journal", "~lane"]);
    assert_eq!(log.loads.len(), 1);
}

#[tokio::test]
async fn a_batch_updates_lane_merchant_and_each_payer_once() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = warm(&mut ledger).await;
    let batch =
        [ledger.pay("alice → bakery 10"), ledger.pay("bob → bakery 20"), ledger.pay("alice → bakery 40")];
    rig.all(batch.map(|attempt| attempt.command)).await;
    let log = rig.log();
    let [net] = log.nets.as_slice() else { panic!("one batch") };
    let expected = [
        "~account", "~account", "+payment", "+payment", "+payment", "+journal", "+journal", "+journal",
        "~lane",
    ];
    assert_eq!(said(net), expected);
    assert_eq!(net.credits, [(ledger_account_id("bakery"), 0, 70)]);
    let [loaded] = log.loads.as_slice() else { panic!("one round of reads") };
    assert!(loaded.iter().all(|key| matches!(key, RowKey::Finished(..))), "{loaded:?}");
    assert_eq!(loaded.len(), 3);
}

#[tokio::test]
async fn a_call_without_effect_writes_nothing_at_all() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = warm(&mut ledger).await;
    let payment = ledger.pay("alice → bakery 10");
    rig.all([payment.command.clone()]).await;
    rig.clear_log();
    let mut stale = ledger.pay("alice → bakery 10");
    stale.epoch(9);
    rig.all([payment.command.clone(), payment.other_body(1).command, stale.command]).await;
    assert!(rig.log().nets.is_empty());
    assert_eq!(rig.log().commits, 0);
}

/// Which trees SQLite's program for this statement puts an entry into, by their names. Entries of a
/// partial index are skipped at run time for rows outside of it.
fn trees_written(connection: &Connection, text: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN {text}")).expect("the statement compiles");
    let parameters = vec![rusqlite::types::Null; statement.parameter_count()];
    let operations: Vec<(String, i64, i64)> = statement
        .query_map(rusqlite::params_from_iter(parameters), |row| Ok((row.get(1)?, row.get(2)?, row.get(3)?)))
        .expect("the program lists")
        .collect::<Result<_, _>>()
        .expect("the program reads");
    let name_of = |root: i64| -> String {
        connection
            .query_row("SELECT name FROM sqlite_master WHERE rootpage = ?1", [root], |row| row.get(0))
            .expect("every tree has a name")
    };
    let mut cursors = std::collections::HashMap::new();
    let mut written = Vec::new();
    for (operation, cursor, root) in operations {
        match operation.as_str() {
            "OpenWrite" => {
                cursors.insert(cursor, name_of(root));
            }
            // Cursors that were not opened on a tree of the file are the program's own scratch space.
            "Insert" | "IdxInsert" => written.extend(cursors.get(&cursor).cloned()),
            _ => {}
        }
    }
    written.sort();
    written.dedup();
    written
}

#[tokio::test]
async fn a_payment_makes_at_most_two_index_entries_with_random_keys() {
    let mut ledger = Ledger::parse(TEXT);
    let rig = warm(&mut ledger).await;
    let connection = reader(&rig.place);
    let of = |text: &str| trees_written(&connection, text);
    // In the order of (lane, sequence), and by request and by account, both random.
    assert_eq!(
        of(&connection::of(Table::Journal).insert),
        ["journal", "journal_entry", "journal_request", "sqlite_autoindex_journal_1"]
    );
    // In the order of time, in one of them by merchant; `payment_order` and `payment_till` have entries of
    // tills' orders only, the two others of payments whose customer is asked, and of holds.
    assert_eq!(
        of(&connection::of(Table::Payment).insert),
        ["payment", "payment_due", "payment_merchant", "payment_open", "payment_order", "payment_till"]
    );
    // No index but the row itself; `account_unactivated` has entries of pending accounts only.
    assert_eq!(of(&connection::of(Table::Account).update), ["account", "account_unactivated"]);
    assert_eq!(of(&connection::of(Table::Device).update), ["device"]);
    assert_eq!(of(&connection::of(Table::Lane).update), ["lane"]);
    let credit = "UPDATE ledger_account SET credits_posted_minor = 1 WHERE ledger_account_id = ?1";
    assert_eq!(of(credit), ["ledger_account"]);
    for (index, condition) in [
        ("payment_order", "order_id IS NOT NULL"),
        ("payment_till", "terminal_id IS NOT NULL"),
        ("payment_due", "due_at IS NOT NULL"),
        ("payment_open", "due_at IS NOT NULL"),
        ("account_unactivated", "state = 0"),
    ] {
        let text: String = connection
            .query_row("SELECT sql FROM sqlite_master WHERE name = ?1", [index], |row| row.get(0))
            .expect("the index is there");
        assert!(text.ends_with(&format!("WHERE {condition}")), "{text}");
    }
    let payment = ledger.pay("alice → bakery 10");
    rig.all([payment.command]).await;
    let log = rig.log();
    for change in &log.nets[0].changes {
        match change {
            Change::Insert(Row::Payment(payment)) => {
                assert_eq!((&payment.order_id, payment.due_at), (&None, None));
            }
            Change::Update(Row::Account(account)) => {
                assert_ne!(account.state, crate::domain::rows::AccountState::Pending);
            }
            Change::Insert(_) | Change::Update(_) | Change::Delete(_) => {}
        }
    }
}

#[tokio::test]
async fn the_one_read_is_a_probe_of_the_request_index() {
    let ledger = Ledger::parse(TEXT);
    let rig = Rig::running(&Embeddable, &ledger).await;
    let connection = reader(&rig.place);
    let text = format!("EXPLAIN QUERY PLAN {}", connection::of(Table::Finished).select);
    let plan: String = connection
        .query_row(&text, [[0_u8; 16].as_slice(), [0_u8; 32].as_slice()], |row| row.get(3))
        .expect("a plan");
    assert_eq!(plan, "SEARCH journal USING INDEX journal_request (request_id=? AND key_id=?)");
}
