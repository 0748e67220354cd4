//! What a person with the database in his hands can do, and that `verify` finds it.

mod differences;
mod keys;
mod recovered;
mod shop_changes;
mod webhooks;

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use saifu::domain::record::Record as _;
use saifu::domain::rows::{Journal, Table};
use saifu::store::sqlite::DATABASE_FILE;
use saifu::verify::{Report, verify};

use self::shop_changes::SHOP_CHANGES;
use crate::support::shop::{asking, digits, hold, order, payable, secret};
use crate::support::{World, bakery};

/// A stopped server's data: two wallets, some payments, a refused one, a revoked device.
async fn books() -> (World, PathBuf) {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let bob = world.funded("bob", 3_000).await;
    for amount_minor in [100, 250, 300] {
        alice.pay(bakery(&alice, amount_minor).await, None, None).await.expect("a payment");
        bob.pay(bakery(&bob, amount_minor).await, None, None).await.expect("a payment");
    }
    bob.pay(bakery(&bob, 4_999).await, None, None).await.expect_err("an overdraft");
    bob.freeze().await.expect("frozen");
    let data = world.dir.path().join("data");
    (world, data)
}

pub async fn report(data: &Path) -> Report {
    verify(data).await.expect("the database can be read")
}

/// Changes the stopped server's database behind its back.
pub fn tamper(data: &Path, sql: &str) {
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    connection.pragma_update(None, "foreign_keys", false).expect("off");
    connection.pragma_update(None, "ignore_check_constraints", true).expect("on");
    connection.execute_batch(sql).expect("the change is made");
    assert!(connection.changes() > 0, "{sql}");
}

#[tokio::test]
async fn untouched_books_verify_also_while_the_server_runs() {
    let (world, data) = books().await;
    let running = report(&data).await;
    assert_eq!(running.problems, []);
    assert_eq!((running.payments, running.accounts, running.sum_minor), (6, 2, 0));
    world.server.stop().await;
    let stopped = report(&data).await;
    assert_eq!(stopped.problems, []);
    assert!(stopped.checkpoints > 0, "stopping writes a checkpoint");
}

/// What is done to the journal, by which statements, and what the verifier says.
fn journal_cases(pay: i64) -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("an edited row", format!("UPDATE journal SET at = at + 1 WHERE sequence = {pay}"), "its hash"),
        (
            "an edited outcome",
            format!("UPDATE journal SET outcome = x'05' WHERE sequence = {pay}"),
            "its hash",
        ),
        (
            "an edited payload",
            format!(
                "UPDATE journal SET payload = zeroblob(length(payload)) \
                 WHERE sequence = {pay}"
            ),
            "its hash",
        ),
        (
            "a deleted row",
            format!("DELETE FROM journal WHERE sequence = {pay}"),
            "a row before it is missing",
        ),
        (
            "an inserted row",
            format!(
                "UPDATE journal SET sequence = sequence + 0x7fff WHERE sequence > {pay}; \
                 INSERT INTO journal SELECT lane, sequence + 1, tenant_id, command_id, kind, at, \
                 entry_account_id, randomblob(16), key_id, digest, outcome, postings, versions, method, \
                 payload, signature, candidate_key, hash, accepted_step FROM journal WHERE sequence = {pay}; \
                 UPDATE journal SET sequence = sequence - 0x7ffe WHERE sequence > 0x7fff"
            ),
            "its hash",
        ),
        (
            "reordered rows",
            format!(
                "UPDATE journal SET sequence = 0x7fff WHERE sequence = {pay}; \
                 UPDATE journal SET sequence = {pay} WHERE sequence = {pay} + 1; \
                 UPDATE journal SET sequence = {pay} + 1 WHERE sequence = 0x7fff"
            ),
            "its hash",
        ),
    ]
}

/// What is done to what limits and recoveries count with.
fn count_cases() -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "another spending",
            "UPDATE account SET spending = top_ups".to_owned(),
            "what it spent or topped up of its limits",
        ),
        (
            "other top-ups",
            "UPDATE account SET top_ups = spending".to_owned(),
            "what it spent or topped up of its limits",
        ),
        (
            "a recovery that never was",
            "UPDATE account SET recovered_at = 1".to_owned(),
            "when it was recovered",
        ),
        ("factors that are due", "UPDATE account SET renewal_due = 1".to_owned(), "that its factors are due"),
        (
            "a code that is new again",
            "UPDATE account SET totp_last_step = totp_last_step - 1".to_owned(),
            "a code that was used counts as a new one",
        ),
        (
            "a document that was made before",
            "UPDATE account SET document_version = document_version - 1".to_owned(),
            "its document's version",
        ),
        (
            "an older device",
            "UPDATE device SET enrolled_at = enrolled_at - 43200000000".to_owned(),
            "when it joined, or was lost",
        ),
        (
            "a lost device",
            "UPDATE device SET lost_at = enrolled_at".to_owned(),
            "when it joined, or was lost",
        ),
        (
            "an older document",
            "UPDATE document SET version = version - 1".to_owned(),
            "it is not the version that the journal made last",
        ),
        (
            "older factors",
            "UPDATE factors SET version = version - 1".to_owned(),
            "they are not the version that the journal made last",
        ),
        (
            "a mailbox that finds another wallet",
            "UPDATE contact SET account_id = (SELECT max(account_id) FROM account)".to_owned(),
            "it is no contact of its account's",
        ),
        ("a mailbox that finds nobody", "DELETE FROM contact".to_owned(), "its account is not found by it"),
    ]
}

/// What is done to the other tables, and to the journal's end.
fn table_cases() -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "a wrong balance",
            "UPDATE account SET credits_posted_minor = credits_posted_minor + 1000".to_owned(),
            "its balance is not the sum",
        ),
        (
            "a merchant's wrong balance",
            "UPDATE ledger_account SET credits_posted_minor = credits_posted_minor + 1 \
             WHERE kind = 2"
                .to_owned(),
            "its balance is not the sum",
        ),
        (
            "a forged key",
            "UPDATE signing_key SET point = CAST(x'04' || randomblob(64) AS BLOB) \
             WHERE key_id = (SELECT min(key_id) FROM signing_key)"
                .to_owned(),
            "it is forged",
        ),
        (
            "an inserted key",
            "INSERT INTO signing_key SELECT randomblob(32), tenant_id, principal, owner_id, account_id, \
             point, form, state, version, tag FROM signing_key LIMIT 1"
                .to_owned(),
            "it is forged",
        ),
        (
            "an unfrozen account",
            "UPDATE account SET frozen_at = NULL WHERE frozen_at IS NOT NULL".to_owned(),
            "its state",
        ),
        (
            "a deleted payment",
            "DELETE FROM payment WHERE captured_minor = 100".to_owned(),
            "a row that the journal made",
        ),
        (
            "a changed payment",
            "UPDATE payment SET captured_minor = 1, released_minor = 1".to_owned(),
            "not the journal's",
        ),
        (
            "a tail cut off",
            "DELETE FROM journal WHERE sequence = (SELECT max(sequence) FROM journal)".to_owned(),
            "its tail was cut off",
        ),
        ("a head taken away", "DELETE FROM lane".to_owned(), "a row that the journal made"),
        ("factors taken away", "DELETE FROM factors".to_owned(), "a row that the journal made"),
        ("a document taken away", "DELETE FROM document".to_owned(), "a row that the journal made"),
        (
            "a renamed store",
            "UPDATE store SET name = 'Kanda Bakery 2' WHERE name = 'Kanda Bakery'".to_owned(),
            "name",
        ),
    ]
}

/// Each of these changes, made to a copy, is found.
pub async fn all_are_found(data: &Path, cases: Vec<(&'static str, String, &'static str)>) {
    for (case, sql, expected) in cases {
        let copy = tempfile::TempDir::new().expect("a temporary directory");
        for file in ["saifu.db", "checkpoints"] {
            std::fs::copy(data.join(file), copy.path().join(file)).expect("a copy");
        }
        tamper(copy.path(), &sql);
        let found = report(copy.path()).await.problems;
        assert!(
            found.iter().any(|problem| problem.what.contains(expected)),
            "{case}: expected {expected:?}, found {found:?}"
        );
    }
}

#[tokio::test]
async fn whatever_is_changed_in_the_database_is_found() {
    let (world, data) = books().await;
    world.server.stop().await;
    let pay: i64 = Connection::open(data.join(DATABASE_FILE))
        .and_then(|db| {
            db.query_row("SELECT min(sequence) FROM journal WHERE kind = 15", [], |row| row.get(0))
        })
        .expect("there is a payment");
    all_are_found(&data, [journal_cases(pay), table_cases(), count_cases()].concat()).await;
}

/// A stopped server's data with a shop's: a charge, one reversed, a tombstone, a suspended till, a
/// merchant suspended and resumed.
async fn shop_books() -> PathBuf {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    for (order_id, amount_minor) in [("kept", 300), ("undone", 200)] {
        let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
        shop.till.charge(&order(order_id, amount_minor), &digits).await.expect("a charge");
    }
    shop.till.refund("kept", 40).await.expect("a refund");
    let asked = shop.till.charge(&asking("asked", 150), &digits(&alice, 100).await).await.expect("asked");
    let asked = alice.get_payment(asked.payment_id).await.expect("hers").payment.expect("a status");
    alice.confirm_payment(&asked, None).await.expect("a yes");
    shop.till.authorize(&hold("held", 400), &digits(&alice, 500).await).await.expect("a hold");
    shop.till.capture("held", 100, true).await.expect("a part");
    shop.till.reverse("undone").await.expect("a reversal");
    shop.till.reverse("never").await.expect("a tombstone");
    shop.till.create_order(&payable("made", 60)).await.expect("an order");
    world.allow_cash(&shop.store_id, 900, 800).await;
    let bob = world.wallet("bob").await;
    let code = secret(bob.issue_cash_code(70, None).await.expect("a code").payment_code);
    shop.till.cash_top_up("cash", 70, &code).await.expect("cash");
    let (_, terminal_id) = world.till(&shop.merchant, shop.store_id.clone()).await;
    shop.merchant.suspend_terminal(terminal_id).await.expect("suspended");
    let data = world.stopped().await;
    assert_eq!(report(&data).await.problems, []);
    data
}

#[tokio::test]
async fn whatever_is_changed_on_the_shops_side_is_found() {
    let data = Box::pin(shop_books()).await;
    let cases = SHOP_CHANGES.iter().map(|(case, sql, found)| (*case, (*sql).to_owned(), *found)).collect();
    all_are_found(&data, cases).await;
    std::fs::remove_dir_all(data.parent().expect("its directory")).expect("removed");
}

/// Without the checkpoint and with the chain made anew, the second factor is still asked for.
#[tokio::test]
async fn a_payment_without_the_code_that_it_needed_is_found() {
    let world = World::start().await;
    let alice = world.funded("alice", 9_000).await;
    world.pass(12 * 3_600);
    let code = world.next_code(&alice);
    alice.pay(bakery(&alice, 9_000).await, Some(&code), None).await.expect("a payment");
    let data = world.dir.path().join("data");
    world.server.stop().await;
    assert_eq!(report(&data).await.problems, []);
    std::fs::remove_file(data.join("checkpoints")).expect("they would tell it first");
    // The last code before it is twelve hours old.
    tamper(&data, "UPDATE journal SET accepted_step = NULL WHERE kind = 15");
    make_anew(&data, |_| {});
    let found = report(&data).await.problems;
    assert!(
        found.iter().any(|problem| problem.what == "it was done without the second factor that it needed"),
        "{found:?}"
    );
}

/// Changes every journal row by `edit`, and makes the chain anew over all of them.
pub fn make_anew(data: &Path, edit: impl Fn(&mut Journal)) {
    let snapshot = saifu::store::sqlite::snapshot::Snapshot::open(data).expect("a look");
    let rows: Vec<_> = snapshot
        .page(Table::Journal, None)
        .expect("fewer rows than a page has")
        .iter()
        .map(|row| Journal::of(row).expect("of the journal").clone())
        .collect();
    drop(snapshot);
    let connection = Connection::open(data.join(DATABASE_FILE)).expect("the database");
    let mut previous = [0; 32];
    for mut row in rows {
        edit(&mut row);
        row.hash = saifu::store::pending::chain_hash(&previous, &row);
        previous = row.hash;
        connection
            .execute(
                "UPDATE journal SET at = ?2, hash = ?3 WHERE sequence = ?1",
                (row.sequence, row.at.0, &row.hash[..]),
            )
            .expect("rewritten");
    }
    connection.execute("UPDATE lane SET hash = ?1", [&previous[..]]).expect("rewritten");
}

/// The strongest insider: he edits rows and makes the whole chain anew. The checkpoint outside is
/// still against him.
#[tokio::test]
async fn a_chain_made_anew_is_found_by_the_checkpoint() {
    let (world, data) = books().await;
    world.server.stop().await;
    make_anew(&data, |row| row.at = row.at.plus_us(1));
    let found = report(&data).await.problems;
    assert!(
        found.iter().any(|problem| problem.what == "the journal's row there is another by now"),
        "{found:?}"
    );
}

/// A captured call that was never done cannot be put into the journal later.
#[tokio::test]
async fn a_call_in_the_journal_at_another_time_than_it_was_signed_is_found() {
    let (world, data) = books().await;
    world.server.stop().await;
    std::fs::remove_file(data.join("checkpoints")).expect("they would tell it first");
    make_anew(&data, |row| row.at = row.at.plus_us(151 * 1_000_000));
    let found = report(&data).await.problems;
    assert!(
        found.iter().any(|problem| problem.what == "it was signed at another time than the row's"),
        "{found:?}"
    );
}

#[tokio::test]
async fn an_absent_database_is_said_to_be_absent() {
    let empty = tempfile::TempDir::new().expect("a temporary directory");
    let error = verify(empty.path()).await.expect_err("nothing there");
    assert!(error.to_string().starts_with("there is no saifu database at"), "{error}");
    assert!(!empty.path().join(DATABASE_FILE).exists(), "looking makes nothing");
}
