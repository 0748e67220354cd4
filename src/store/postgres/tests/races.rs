//! Several server processes on one database: who meets whom where, and what comes of it.

use std::collections::{BTreeMap, HashMap};

use super::rig::{Cluster, until};
use super::services::Wanted;
use crate::domain::command::Command;
use crate::domain::id::{KeyId, RequestId};
use crate::domain::record::Record as _;
use crate::domain::rows::{Contact, Journal, Lane, Row, RowKey, Table};
use crate::domain::tests::fixture::{Ledger, account_id, contact_index, key_id, ledger_account_id};
use crate::store::backend::{Backend, BackendError, Change, Net};
use crate::store::pending::chain_hash;
use crate::store::postgres::Remote;
use crate::store::postgres::write::Postgres;
use crate::store::tests::cases::is_paid;
use crate::store::tests::examples::{further_rows, payment};
use crate::store::tests::rig::{Rig, row, sums, table_rows};
use crate::store::{Store, StoreError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_writers_of_one_database_are_as_exact_as_one() {
    let wanted = Wanted { settings: &["deadlock_timeout=100ms"], ..Wanted::default() };
    let cluster = Cluster::start(wanted).await;
    each_request_has_one_effect_wherever_it_is_sent(&cluster).await;
    payments_of_one_account_at_two_servers_see_each_other(&cluster).await;
    what_two_servers_insert_at_once_is_a_race_or_a_defect(&cluster).await;
    a_deadlock_is_decided_anew(&cluster).await;
    a_lock_that_is_waited_for_too_long_makes_it_unavailable(&cluster).await;
}

/// Payers who have a thousand yen each, and what they pay: ¥10 four times each.
pub(super) fn many_payers(payers: usize) -> (Ledger, Vec<Command>) {
    let names: Vec<String> = (0..payers).map(|number| format!("p{number}")).collect();
    let text: Vec<String> = names.iter().map(|name| format!("{name} 1000 jpy fresh | ")).collect();
    let mut ledger = Ledger::parse(&format!("{} bakery", text.concat()));
    let mut commands = Vec::new();
    for _ in 0..4 {
        for name in &names {
            commands.push(ledger.pay(&format!("{name} → bakery 10")).command);
        }
    }
    (ledger, commands)
}

/// Every payment of [`many_payers`] was made once, and every lane is a chain.
pub(super) async fn is_exact(store: &Store, payers: usize) {
    let payments = payers * 4;
    assert_eq!(table_rows(store, Table::Payment).await.len(), payments);
    let bakery = row(store, &RowKey::LedgerAccount(ledger_account_id("bakery"))).await;
    let Some(Row::LedgerAccount(bakery)) = bakery else { panic!("the bakery has an account") };
    assert_eq!(sums(&bakery), (0, i64::try_from(payments).expect("few") * 10), "money is conserved");
    for number in 0..payers {
        let key = RowKey::Account(account_id(&format!("p{number}")));
        let Some(Row::Account(payer)) = row(store, &key).await else { panic!("{key:?}") };
        assert_eq!((payer.available_minor(), payer.payments_total), (960, 4), "{key:?}");
    }
    let mut heads: BTreeMap<i64, (i64, [u8; 32])> = BTreeMap::new();
    let journal = table_rows(store, Table::Journal).await;
    assert_eq!(journal.len(), payments, "one effect each");
    for row in &journal {
        let row = Journal::of(row).expect("a journal row");
        let (sequence, hash) = heads.entry(row.lane).or_insert((0, [0; 32]));
        *sequence += 1;
        *hash = chain_hash(hash, row);
        assert_eq!((row.sequence, row.hash), (*sequence, *hash), "lane {}", row.lane);
    }
    for row in table_rows(store, Table::Lane).await {
        let lane = Lane::of(&row).expect("a lane");
        let end = heads.get(&lane.lane).copied().unwrap_or((0, [0; 32]));
        assert_eq!((lane.sequence, lane.hash), end, "lane {}", lane.lane);
    }
}

/// 1,000 attempts: every payment is sent to both servers at once.
async fn each_request_has_one_effect_wherever_it_is_sent(cluster: &Cluster) {
    let (ledger, commands) = many_payers(125);
    let database = cluster.seeded(&ledger).await;
    let servers: [Remote; 2] =
        [cluster.open(&database, &ledger, 1).await, cluster.open(&database, &ledger, 2).await];
    let mut tasks = tokio::task::JoinSet::new();
    for command in commands {
        for server in &servers {
            let (store, command) = (server.store(), command.clone());
            tasks.spawn(async move {
                let request_id = command.signed().expect("payments are signed").request_id;
                (request_id, store.execute(command).await)
            });
        }
    }
    let mut answers: HashMap<RequestId, Vec<_>> = HashMap::new();
    while let Some(answered) = tasks.join_next().await {
        let (request_id, answer) = answered.expect("no task panics");
        assert!(is_paid(&answer), "{answer:?}");
        answers.entry(request_id).or_default().push(answer);
    }
    assert_eq!(answers.len(), 500);
    assert!(answers.values().all(|both| both.len() == 2 && both[0] == both[1]), "both hear the same");
    is_exact(&servers[0].store(), 125).await;
    let lanes = table_rows(&servers[1].store(), Table::Lane).await.len();
    assert_eq!(lanes, 2, "each wrote to a lane of its own");
    for server in servers {
        server.close().await;
    }
}

/// Each server has two payments of every payer, in the same order: they meet at the payers' rows.
async fn payments_of_one_account_at_two_servers_see_each_other(cluster: &Cluster) {
    let (ledger, commands) = many_payers(100);
    let database = cluster.seeded(&ledger).await;
    let servers: [Remote; 2] =
        [cluster.open(&database, &ledger, 1).await, cluster.open(&database, &ledger, 2).await];
    let (first, second) = commands.split_at(200);
    let mut tasks = tokio::task::JoinSet::new();
    for pair in first.iter().zip(second) {
        for (command, server) in [pair.0, pair.1].into_iter().zip(&servers) {
            let (store, command) = (server.store(), command.clone());
            tasks.spawn(async move { store.execute(command).await });
        }
    }
    while let Some(answer) = tasks.join_next().await {
        assert!(is_paid(&answer.expect("no task panics")));
    }
    is_exact(&servers[0].store(), 100).await;
    for server in servers {
        server.close().await;
    }
}

async fn insert(backend: &mut Postgres, row: Row) -> Result<(), BackendError> {
    backend.apply(&Net { changes: vec![Change::Insert(row)], credits: Vec::new() }).await
}

/// Both have looked and found nothing; the second one to write loses.
async fn what_two_servers_insert_at_once_is_a_race_or_a_defect(cluster: &Cluster) {
    let ledger = Ledger::parse("alice 500 jpy fresh card | bakery");
    let database = cluster.seeded(&ledger).await;
    let mut backends = [1, 2].map(|holder| cluster.backend(&database, holder));
    let example = |table: Table| {
        let row = further_rows().into_iter().find(|row| row.table() == table);
        row.expect("every table has its example")
    };
    let known = |table: Table| ledger.rows().find(|row| row.table() == table).cloned();
    let contact = Contact { contact_index: contact_index("dora"), account_id: account_id("alice") };
    let Some(Row::SigningKey(key)) = known(Table::SigningKey) else { panic!("alice has a key") };
    let mut key = *key;
    key.key_id = KeyId([9; 32]);
    let Row::Journal(other_place) = example(Table::Journal) else { panic!("a journal row") };
    let mut other_place = *other_place;
    other_place.lane = 1;
    // Whose order it is.
    backends[0].begin().await.expect("a transaction");
    let till = example(Table::Terminal);
    assert_eq!(backends[0].load(&[till.key()]).await, Ok(vec![None]));
    insert(&mut backends[0], till).await.expect("a till");
    backends[0].commit().await.expect("it commits");
    let cases = [
        (example(Table::Journal), other_place.into_row(), BackendError::Conflict),
        (example(Table::OpenRequest), example(Table::OpenRequest), BackendError::Conflict),
        (example(Table::SecretReply), example(Table::SecretReply), BackendError::Conflict),
        (contact.clone().into_row(), contact.into_row(), BackendError::Conflict),
        (key.clone().into_row(), key.into_row(), BackendError::Conflict),
        (example(Table::OrderSlot), example(Table::OrderSlot), BackendError::Conflict),
        (example(Table::Operator), example(Table::Operator), BackendError::Conflict),
        (example(Table::Reconciliation), example(Table::Reconciliation), BackendError::Conflict),
        (example(Table::ReconciliationItem), example(Table::ReconciliationItem), BackendError::Conflict),
        // An id that was drawn twice, and a till's order that is paid twice.
        (example(Table::Payment), payment().into_row(), BackendError::Constraint),
        (example(Table::Message), example(Table::Message), BackendError::Constraint),
    ];
    for (first, second, expected) in cases {
        let table = first.table();
        let keys = [first.key(), second.key()];
        for (backend, key) in backends.iter_mut().zip(keys) {
            backend.begin().await.expect("a transaction");
            assert_eq!(backend.load(&[key]).await, Ok(vec![None]), "{table:?}");
        }
        let [one, two] = &mut backends;
        insert(one, first).await.expect("the first one is in time");
        one.commit().await.expect("it commits");
        assert_eq!(insert(two, second).await, Err(expected), "{table:?}");
        two.rollback().await;
    }
    counts_and_values_are_checked(&mut backends[0], &ledger).await;
}

/// What the database would do without a word, and what it cannot hold.
async fn counts_and_values_are_checked(backend: &mut Postgres, ledger: &Ledger) {
    let Some(Row::Store(store)) = ledger.rows().find(|row| row.table() == Table::Store).cloned() else {
        panic!("the ledger has a store")
    };
    let mut absent = *store.clone();
    absent.store_id.0[15] = 99;
    let mut nameless = *store;
    nameless.name = "a\0b".into();
    let net = |change: Change| Net { changes: vec![change], credits: Vec::new() };
    let credit = Net { changes: Vec::new(), credits: vec![(ledger_account_id("nobody"), 0, 1)] };
    let cases = [
        net(Change::Update(absent.into_row())),
        net(Change::Delete(RowKey::SigningKey(KeyId([77; 32])))),
        credit,
        net(Change::Update(nameless.into_row())),
    ];
    for net in cases {
        backend.begin().await.expect("a transaction");
        backend.load(&[RowKey::SigningKey(key_id("alice"))]).await.expect("it loads");
        assert_eq!(backend.apply(&net).await, Err(BackendError::Constraint), "{net:?}");
        backend.rollback().await;
    }
}

/// Somebody holds the second row, and then wants the first, which the batch has by then.
async fn a_deadlock_is_decided_anew(cluster: &Cluster) {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bob 500 jpy fresh | bakery");
    let rig = Rig::running(cluster, &ledger).await;
    let warm = ledger.pay("alice → bakery 1").command;
    assert!(is_paid(&rig.all([warm]).await[0]));
    rig.clear_log();
    let mut other = cluster.session(&rig.place).await;
    let lock = "SELECT 1 FROM account WHERE account_id = $1 FOR UPDATE";
    let [alice, bob] = ["alice", "bob"].map(|name| account_id(name).0.to_vec());
    // It is patient, so the batch is the victim.
    let begin = "SET deadlock_timeout = '10min'; SET lock_timeout = 0; BEGIN";
    other.client().batch_execute(begin).await.expect("a transaction");
    other.client().execute(lock, &[&bob]).await.expect("nobody has it");
    let batch = [ledger.pay("alice → bakery 10").command, ledger.pay("bob → bakery 20").command];
    let deadlock = async {
        until(cluster, "a batch waits for bob's row", &waits(&rig.place)).await;
        other.client().execute(lock, &[&alice]).await.expect("the batch gives way");
        other.client().batch_execute("ROLLBACK").await.expect("it ends");
    };
    let (answers, ()) = tokio::join!(rig.all(batch), deadlock);
    assert!(answers.iter().all(is_paid), "{answers:?}");
    assert!(rig.log().loads.len() >= 2, "it was loaded anew");
    assert_eq!(rig.sums(ledger_account_id("bakery")).await, (0, 31));
}

fn waits(database: &str) -> String {
    format!(
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    )
}

async fn a_lock_that_is_waited_for_too_long_makes_it_unavailable(cluster: &Cluster) {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    let database = cluster.seeded(&ledger).await;
    let mut settings = cluster.settings(&database);
    settings.lock_timeout = std::time::Duration::from_millis(50);
    let remote = cluster.open_with(settings, &ledger, 1).await;
    let mut other = cluster.session(&database).await;
    other.client().batch_execute("BEGIN; SELECT 1 FROM account FOR UPDATE").await.expect("it locks");
    let payment = ledger.pay("alice → bakery 10").command;
    assert_eq!(remote.store().execute(payment.clone()).await, Err(StoreError::Unavailable));
    other.client().batch_execute("ROLLBACK").await.expect("it ends");
    assert!(is_paid(&remote.store().execute(payment).await));
    remote.close().await;
}
