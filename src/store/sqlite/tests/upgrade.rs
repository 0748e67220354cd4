//! A database from before merchants were settled is brought up to date, and loses nothing.

use std::sync::Arc;

use refinery::Target;
use rusqlite::{Connection, params_from_iter};
use tempfile::TempDir;

use super::rig::count;
use crate::crypto::integrity::Integrity;
use crate::domain::id::{
    FIRST_TENANT, KeyId, LedgerAccountId, MovementId, OwnerId, PaymentId, TargetId, TopUpId,
};
use crate::domain::ledger::{BANK, PAYOUTS};
use crate::domain::record::{Record as _, Value};
use crate::domain::rows::{
    Device, Funding, KeyForm, KeyState, LedgerAccount, Merchant, Movement, MovementKind, Operator, Payment,
    Principal, Proposal, RecoveryTarget, Row, RowKey, SigningKey, TopUp, TopUpState,
};
use crate::domain::tests::fixture::{Ledger, NOW, account_id, funding_id, ledger_account_id, merchant_id};
use crate::store::heads::is_signed_by;
use crate::store::sqlite::connection::Parameter;
use crate::store::sqlite::snapshot::Snapshot;
use crate::store::sqlite::{
    APPLICATION_ID, DATABASE_FILE, OpenError, adopt, connection, migrate, migrations, read,
};
use crate::store::tagged;
use crate::store::tests::examples::{further_rows, payment, top_up};
use crate::store::tests::rig::integrity;

/// The schema before settlement.
const BEFORE: i32 = 7;
/// The first one whose rows have tags.
const TAGGED: i32 = 15;

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

/// Sources, each with what became of its top-ups, and when.
fn top_ups() -> Vec<Row> {
    let ledger = Ledger::parse("alice 500 jpy card");
    let hers = ledger.get::<Funding>((funding_id("alice"),));
    let others = ["bob", "carol", "dave"];
    let others = others
        .map(|name| Funding { funding_id: funding_id(name), card_tag: None, ..hers.clone() }.into_row());
    let of = |number: u8, name, state, after_us| TopUp {
        top_up_id: TopUpId([number; 16]),
        funding_id: funding_id(name),
        state,
        settled_at: Some(NOW.plus_us(after_us)),
        provider_reference: Some(format!("provider {number}")),
        due_at: None,
        ..top_up()
    };
    let top_ups = [
        of(2, "alice", TopUpState::Failed, 0),
        of(3, "alice", TopUpState::Succeeded, 9),
        of(4, "bob", TopUpState::Refunded, 5),
        of(5, "carol", TopUpState::ChargedBack, 4),
        of(6, "dave", TopUpState::Failed, 3),
    ];
    others.into_iter().chain(top_ups.map(TopUp::into_row)).collect()
}

/// As it was before: the data directory and its one connection.
fn older() -> (TempDir, Connection) {
    let directory = TempDir::new().expect("a temporary directory");
    let mut connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    connection.pragma_update(None, "application_id", APPLICATION_ID).expect("it is ours");
    let runner = migrations::migrations::runner().set_target(Target::Version(BEFORE));
    runner.run(&mut connection).expect("the schema as it was");
    let at_once = Payment { payment_id: PaymentId([2; 16]), order_id: None, hold_until: None, ..payment() };
    let ledger = Ledger::parse("alice 500 jpy fresh card | bob 0 jpy | bakery");
    connection.pragma_update(None, "foreign_keys", false).expect("rows come in any order");
    let (movements, top_ups) = (movements(), top_ups());
    let further = further_rows();
    for row in ledger.rows().chain(&further).chain(&[at_once.into_row()]).chain(&movements).chain(&top_ups) {
        insert(&connection, row);
    }
    connection
        .execute("UPDATE ledger_account SET may_be_negative = 0 WHERE kind = 2", [])
        .expect("as it was");
    connection.pragma_update(None, "foreign_keys", true).expect("on again");
    (directory, connection)
}

/// A row, as far as its table was there.
fn insert(connection: &Connection, row: &Row) {
    insert_values(connection, row, row.table().columns(), row.values());
}

fn insert_values(connection: &Connection, row: &Row, columns: &[&'static str], values: Vec<Value<'_>>) {
    let table = row.table();
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").expect("it compiles");
    let known: Vec<String> =
        statement.query_map([table.name()], |row| row.get(0)).expect("it lists").flatten().collect();
    if known.is_empty() {
        return;
    }
    // As it was called then.
    let then = |column: &&'static str| if *column == "misses_until" { "code_misses" } else { *column };
    let columns = columns.iter().map(then).zip(values);
    let (columns, values): (Vec<&str>, Vec<_>) =
        columns.filter(|(column, _)| known.iter().any(|name| name == column)).unzip();
    let places = vec!["?"; columns.len()].join(", ");
    let text = format!("INSERT INTO {} ({}) VALUES ({places})", table.name(), columns.join(", "));
    let values = params_from_iter(values.into_iter().map(Parameter));
    assert_eq!(connection.execute(&text, values), Ok(1), "{row:?}");
}

fn ledger_account(connection: &Connection, id: LedgerAccountId) -> Option<LedgerAccount> {
    let row = read::row(connection, &RowKey::LedgerAccount(id), integrity().get()).expect("it reads");
    row.as_ref().and_then(LedgerAccount::of).cloned()
}

#[test]
fn a_database_from_before_settlement_keeps_its_rows_and_learns_what_payments_brought() {
    let (directory, mut connection) = older();
    let looked = Snapshot::open(directory.path()).err();
    assert!(matches!(looked, Some(OpenError::OldSchema(_))), "{looked:?}");
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
    // And when something was captured first, and its till's open day began.
    let moments = |sql: &str| -> Vec<Option<i64>> {
        let mut statement = connection.prepare(sql).expect("it compiles");
        let told = statement.query_map([], |row| row.get(0)).expect("it lists");
        told.collect::<Result<_, _>>().expect("it reads")
    };
    let captured = moments("SELECT captured_at FROM payment ORDER BY payment_id");
    let at_once = moments("SELECT authorised_at FROM payment ORDER BY payment_id");
    assert_eq!(captured, [Some(NOW.plus_us(-2).0), at_once[1]]);
    assert_eq!(moments("SELECT day_began_at FROM terminal"), [at_once[1].min(Some(NOW.0))]);
    assert_eq!(moments("SELECT cash_day FROM terminal"), [Some(NOW.day())]);
    // A source has proved itself since its first top-up that was credited, whatever became of that later.
    let topped_up = moments("SELECT topped_up_at FROM funding ORDER BY funding_id");
    let after = |us| Some(NOW.plus_us(us).0);
    assert_eq!(topped_up, [after(1), after(5), after(4), None]);
    let are_kept: bool = connection.query_row("PRAGMA foreign_keys", [], |row| row.get(0)).expect("it says");
    assert!(are_kept);
    let dangling = connection.execute("DELETE FROM ledger_account WHERE kind = 2", []);
    assert!(dangling.is_err(), "a merchant's account is referred to as before");
}

#[tokio::test]
async fn rows_from_before_there_were_tags_are_read_once_somebody_vouches_for_them() {
    let (directory, mut connection) = older();
    migrate(&mut connection, &directory.path().join(DATABASE_FILE)).expect("it is brought up to date");
    let lane = RowKey::Lane(0);
    connection.execute("UPDATE lane SET sequence = 3, hash = zeroblob(32)", []).expect("rows of a journal");
    let merchant = RowKey::Merchant(merchant_id("bakery"));
    let read = |key: &RowKey| read::row(&connection, key, integrity().get());
    read(&merchant).expect_err("nobody vouches for it");
    let keys = Arc::new(Integrity::of(&[9; 32]));
    let rows = adopt(directory.path(), Arc::clone(&keys)).await.expect("taken as it is");
    assert!(rows > 20, "{rows}");
    assert!(matches!(read(&merchant), Ok(Some(Row::Merchant(_)))));
    let Ok(Some(Row::Lane(head))) = read(&lane) else { panic!("no head") };
    assert!(is_signed_by(&head, &keys.public()));
}

#[test]
fn what_a_server_tagged_before_columns_came_is_read_as_its_own_and_goes_on_being_counted() {
    let directory = TempDir::new().expect("a temporary directory");
    let mut connection = connection::writer(&directory.path().join(DATABASE_FILE)).expect("it opens");
    connection.pragma_update(None, "application_id", APPLICATION_ID).expect("it is ours");
    let runner = migrations::migrations::runner().set_target(Target::Version(TAGGED));
    runner.run(&mut connection).expect("the schema as it was");
    let ledger = Ledger::parse("alice 0 jpy");
    let before = Device { code_failures_day: 0, ..ledger.device_of("alice").clone() };
    let target_id = TargetId::of_account(account_id("alice"));
    let target = RecoveryTarget::begun(target_id, None, NOW);
    let rows =
        [ledger.account_of("alice").clone().into_row(), before.clone().into_row(), target.clone().into_row()];
    connection.pragma_update(None, "foreign_keys", false).expect("rows come in any order");
    for row in &rows {
        let values = tagged::values(row, integrity().get()).expect("there are keys");
        insert_values(&connection, row, tagged::columns(row.table()), values);
    }
    runner_to_the_end(&mut connection);
    for row in &rows {
        let now = read::row(&connection, &row.key(), integrity().get()).expect("a server wrote it");
        assert_eq!(now.as_ref(), Some(row));
    }
    // What somebody else counts down is not read.
    connection.execute("UPDATE device SET code_failures_ever = 1", []).expect("it is written");
    read::row(&connection, &rows[1].key(), integrity().get()).expect_err("no server wrote it");
}

fn runner_to_the_end(connection: &mut Connection) {
    migrations::migrations::runner().run(connection).expect("it is brought up to date");
}

#[tokio::test]
async fn a_database_from_before_keys_were_rotated_learns_which_key_is_whose() {
    let (directory, mut connection) = older();
    let merchants = SigningKey {
        key_id: KeyId([7; 32]),
        tenant_id: FIRST_TENANT,
        principal: Principal::Merchant,
        owner_id: OwnerId(merchant_id("bakery").0),
        account_id: None,
        point: vec![4; 65],
        form: KeyForm::Der,
        state: KeyState::Active,
        version: 1,
    };
    insert(&connection, &merchants.into_row());
    migrate(&mut connection, &directory.path().join(DATABASE_FILE)).expect("it is brought up to date");
    adopt(directory.path(), Arc::new(Integrity::of(&[9; 32]))).await.expect("taken as it is");
    let key = |key| read::row(&connection, &key, integrity().get()).expect("it reads").expect("it is there");
    let merchant = key(RowKey::Merchant(merchant_id("bakery")));
    assert_eq!(Merchant::of(&merchant).expect("a merchant").key_id, Some(KeyId([7; 32])));
    let rows = further_rows();
    let example = rows.iter().find_map(Proposal::of).expect("there is an example of each table");
    let proposal = key(RowKey::Proposal(example.proposal_id));
    let proposer = key(RowKey::Operator(example.proposer_id));
    let proposer = Operator::of(&proposer).expect("an operator").key_id;
    assert_eq!(Proposal::of(&proposal).expect("a proposal").key_id, proposer);
}

#[test]
fn a_database_whose_rows_refer_to_nothing_is_not_taken_over() {
    let (directory, mut connection) = older();
    connection.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM merchant").expect("it is gone");
    // Also when it is started again.
    for _ in 0..2 {
        let refused = migrate(&mut connection, &directory.path().join(DATABASE_FILE));
        assert!(matches!(refused, Err(OpenError::Corrupt(_))), "{refused:?}");
    }
}
