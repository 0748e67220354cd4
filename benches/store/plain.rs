//! What one writes without this store: a transaction a transfer, payer's and merchant's rows locked, over
//! as many connections as a pool has. The same tables, and the rows of a payment that the store writes
//! too: a payment, a journal row (its hash is not computed), both balances.
//!
//! It is spared what the store does beside that: no device, key, store or request id is looked up, and
//! no chain is kept.

use std::sync::atomic::{AtomicU64, Ordering};

use saifu::env::Stopwatch;
use tokio_postgres::{Client, NoTls, Statement};

use super::world::{PAYERS, id};
use super::{SPAN_US, Spread};

/// A pool's connections.
pub const CONNECTIONS: i64 = 64;

const LOCK_PAYER: &str = "SELECT credits_posted_minor - debits_posted_minor - debits_pending_minor \
     FROM account WHERE account_id = $1 FOR UPDATE";
const LOCK_MERCHANT: &str = "SELECT kind FROM ledger_account WHERE ledger_account_id = $1 FOR UPDATE";
const PAY: &str = "INSERT INTO payment (payment_id, tenant_id, account_id, device_id, merchant_id, store_id, \
     payee_name, asset, authorised_minor, captured_minor, refunded_minor, released_minor, closing_reason, \
     legs, fee_rule_version, tax_lines, created_at, authorised_at) \
     VALUES ($1, $1, $2, $3, $4, $5, 'store', 1, 1, 1, 0, 0, 1, $6, 0, '', 1, 1)";
const WRITE_JOURNAL: &str = "INSERT INTO journal (lane, sequence, tenant_id, command_id, kind, at, \
     entry_account_id, request_id, key_id, digest, outcome, postings, versions, method, payload, signature, \
     hash) VALUES ($1, $2, $3, $3, 1, 1, $4, $3, $5, $5, $6, $7, $8, '/saifu.v1.PaymentService/Pay', $9, \
     $10, $5)";
const DEBIT: &str = "UPDATE account SET debits_posted_minor = debits_posted_minor + 1, \
     version = version + 1, \
     payments_total = payments_total + 1, spent_total_minor = spent_total_minor + 1 \
     WHERE account_id = $1";
const CREDIT: &str = "UPDATE ledger_account SET credits_posted_minor = credits_posted_minor + 1 \
     WHERE ledger_account_id = $1";

/// A connection of the pool.
pub struct Teller {
    client: Client,
    statements: Vec<Statement>,
    lane: i64,
    sequence: i64,
}

/// The pool.
pub async fn tellers(url: &str) -> Vec<Teller> {
    let mut tellers = Vec::new();
    for number in 0..CONNECTIONS {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        drop(tokio::spawn(connection));
        client.batch_execute("SET synchronous_commit = on").await.expect("it is set");
        let mut statements = Vec::new();
        for text in [LOCK_PAYER, LOCK_MERCHANT, PAY, WRITE_JOURNAL, DEBIT, CREDIT] {
            statements.push(client.prepare(text).await.expect("a statement"));
        }
        tellers.push(Teller { client, statements, lane: 1_000 + number, sequence: 0 });
    }
    tellers
}

/// All of them pay until the time is over: how many payments.
pub async fn run(tellers: &mut Vec<Teller>, next: &'static AtomicU64, spread: Spread) -> u64 {
    let watch = Stopwatch::start();
    let mut running = Vec::new();
    for mut teller in tellers.drain(..) {
        running.push(tokio::spawn(async move {
            let mut count = 0;
            while watch.elapsed_us() < SPAN_US {
                let number = next.fetch_add(1, Ordering::Relaxed);
                teller.pay(number, spread.merchant(number)).await.expect("a payment");
                count += 1;
            }
            (teller, count)
        }));
    }
    let mut sum = 0;
    for one in running {
        let (teller, count) = one.await.expect("nobody panics");
        tellers.push(teller);
        sum += count;
    }
    sum
}

impl Teller {
    async fn pay(&mut self, number: u64, merchant: u64) -> Result<(), tokio_postgres::Error> {
        self.sequence += 1;
        let [lock_payer, lock_merchant, pay, journal, debit, credit] = self.statements.as_slice() else {
            panic!("six statements");
        };
        let payer: [u8; 16] = id(b'a', number % PAYERS);
        let payee: [u8; 16] = id(b'l', merchant);
        let (payment, key): ([u8; 16], [u8; 32]) = (id(b'q', number), id(b'k', number % PAYERS));
        let (device, store): ([u8; 16], [u8; 16]) = (id(b'd', number % PAYERS), id(b's', merchant));
        let party: [u8; 16] = id(b'm', merchant);
        let (short, long) = (vec![1_u8; 36], vec![1_u8; 300]);
        let transaction = self.client.transaction().await?;
        let available: i64 = transaction.query_one(lock_payer, &[&&payer[..]]).await?.get(0);
        assert!(available > 0);
        transaction.query_one(lock_merchant, &[&&payee[..]]).await?;
        let (payment, payer, payee) = (&payment[..], &payer[..], &payee[..]);
        transaction.execute(pay, &[&payment, &payer, &&device[..], &&party[..], &&store[..], &short]).await?;
        let row: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
            &self.lane,
            &self.sequence,
            &payment,
            &payer,
            &&key[..],
            &short,
            &short,
            &short,
            &long,
            &&long[..71],
        ];
        transaction.execute(journal, &row).await?;
        transaction.execute(debit, &[&payer]).await?;
        transaction.execute(credit, &[&payee]).await?;
        transaction.commit().await
    }
}
