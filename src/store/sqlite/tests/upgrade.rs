//! A database from before merchants were settled is brought up to date, and loses nothing.

use rusqlite::Connection;
use tempfile::TempDir;

use super::rig::{count, insert, seed};
use crate::domain::id::{LedgerAccountId, MovementId, PaymentId};
use crate::domain::ledger::{BANK, PAYOUTS};
use crate::domain::record::Record as _;
use crate::domain::rows::{LedgerAccount, Movement, MovementKind, Payment, Row, RowKey};
use crate::domain::tests::fixture::{Ledger, NOW, ledger_account_id};
use crate::store::sqlite::{DATABASE_FILE, OpenError, connection, migrate, read};
use crate::store::tests::examples::{further_rows, payment};

/// What the last migrations made, undone: a schema as it was before them, with rows that stay.
const BEFORE: &str = "PRAGMA foreign_keys = OFF;
    DROP TABLE settlement; DROP TABLE payable; DROP TABLE fee_rule;
    DROP TABLE reconciliation; DROP TABLE reconciliation_item;
    DROP INDEX movement_merchant; DROP INDEX cash_top_up_merchant; DROP INDEX top_up_credited;
    ALTER TABLE movement DROP COLUMN fee_rule_version;
    ALTER TABLE movement DROP COLUMN net_after_minor;
    DROP INDEX funding_card;
    ALTER TABLE funding DROP COLUMN card_tag; ALTER TABLE funding DROP COLUMN topped_up_at;
    ALTER TABLE top_up DROP COLUMN card_tag; ALTER TABLE top_up DROP COLUMN wants_challenge;
    DROP TABLE card;
    ALTER TABLE account DROP COLUMN debt_minor;
    ALTER TABLE account DROP COLUMN halt_reason; ALTER TABLE account DROP COLUMN halted_at;
    DELETE FROM refinery_schema_history WHERE version > 7;
    UPDATE ledger_account SET may_be_negative = 0 WHERE kind = 2;";

/// A payment that was captured in two parts and given back in part, and one that was captured at once.
fn movements() -> Vec<Row> {
    let of = |number: u8, payment: u8, kind, amount_minor, after_us| Movement {
        movement_id: MovementId([number; 16]),
        payment_id: PaymentId([payment; 16]),
        kind,
        amount_minor,
        at: NOW.plus_us(after_us),
        fee_rule_version: 0,
        net_after_minor: 0,
        ..example()
    };
    vec![
        of(9, 1, MovementKind::Capture, 35, -2).into_row(),
        of(8, 1, MovementKind::Capture, 25, -1).into_row(),
        of(7, 2, MovementKind::Refund, 30, 0).into_row(),
        of(6, 2, MovementKind::Reversal, 70, 0).into_row(),
    ]
}

fn example() -> Movement {
    let rows = further_rows();
    rows.iter().find_map(Movement::of).expect("there is an example of each table").clone()
}

/// As it was before: the data directory and its one connection.
fn older() -> (TempDir, Connection) {
    let directory = TempDir::new().expect("a temporary directory");
    seed(directory.path(), &Ledger::parse("alice 500 jpy fresh card | bob 0 jpy | bakery"));
    let connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    let at_once = Payment { payment_id: PaymentId([2; 16]), order_id: None, hold_until: None, ..payment() };
    for row in further_rows().iter().chain(&[at_once.into_row()]).chain(&movements()) {
        assert_eq!(insert(&connection, row), Ok(1));
    }
    connection.execute_batch(BEFORE).expect("it is as it was");
    (directory, connection)
}

fn ledger_account(connection: &Connection, id: LedgerAccountId) -> Option<LedgerAccount> {
    let row = read::row(connection, &RowKey::LedgerAccount(id)).expect("it reads");
    row.as_ref().and_then(LedgerAccount::of).cloned()
}

#[test]
fn a_database_from_before_settlement_keeps_its_rows_and_learns_what_payments_brought() {
    let (directory, mut connection) = older();
    let before = count(&connection, "ledger_account");
    migrate(&mut connection, &directory.path().join(DATABASE_FILE)).expect("it is brought up to date");
    assert_eq!(count(&connection, "ledger_account"), before + 2);
    assert_eq!(count(&connection, "merchant"), 1);
    for id in [PAYOUTS, BANK] {
        let account = ledger_account(&connection, id).expect("it is there");
        assert!(!account.may_be_negative && account.credits_posted_minor == 0, "{account:?}");
    }
    let payable = ledger_account(&connection, ledger_account_id("bakery")).expect("it is there");
    assert!(payable.may_be_negative);
    let mut statement = connection
        .prepare("SELECT movement_id, net_after_minor FROM movement ORDER BY payment_id, at, movement_id")
        .expect("it compiles");
    let told: Vec<(Vec<u8>, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("it lists")
        .collect::<Result<_, _>>()
        .expect("it reads");
    let told: Vec<(u8, i64)> = told.iter().map(|(id, minor)| (id[0], *minor)).collect();
    // Held and captured in parts, 20 of it given back; captured at once, and all of it given back.
    assert_eq!(told, [(9, 35), (8, 60), (1, 40), (6, 30), (7, 0)]);
    let are_kept: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).expect("it says");
    assert!(are_kept);
    let dangling = connection.execute("DELETE FROM ledger_account WHERE kind = 2", []);
    assert!(dangling.is_err(), "a merchant's account is referred to as before");
}

#[test]
fn a_database_whose_rows_refer_to_nothing_is_not_taken_over() {
    let (directory, mut connection) = older();
    connection.execute_batch("DELETE FROM merchant").expect("it is gone");
    // Also when it is started again.
    for _ in 0..2 {
        let refused = migrate(&mut connection, &directory.path().join(DATABASE_FILE));
        assert!(matches!(refused, Err(OpenError::Corrupt(_))), "{refused:?}");
    }
}
