//! A database is taken as it is: signed and tagged anew, when no server works on it.

use std::sync::Arc;

use super::rig::{Cluster, until};
use super::services::Wanted;
use crate::crypto::integrity::Integrity;
use crate::domain::record::Record as _;
use crate::domain::rows::{Row, RowKey, Store as StoreRow};
use crate::domain::tests::fixture::{Ledger, store_id};
use crate::store::AdoptError;
use crate::store::backend::{Backend as _, Change, Net};
use crate::store::heads::is_signed_by;
use crate::store::postgres::adopt;
use crate::store::query::Query;
use crate::store::tests::rig::row;

#[tokio::test]
async fn a_database_is_taken_as_it_is_when_no_server_works_on_it() {
    let cluster = Cluster::start(Wanted::default()).await;
    let ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    let database = cluster.seeded(&ledger).await;
    let keys = Arc::new(Integrity::of(&[9; 32]));
    let server = cluster.open(&database, &ledger, 1).await;
    let early = adopt(cluster.settings(&database), Arc::clone(&keys), [2; 16]).await;
    assert!(matches!(early, Err(AdoptError::InUse)), "{early:?}");
    server.close().await;

    let older = "UPDATE store SET tag = NULL; \
                 UPDATE lane SET sequence = 3, hash = decode(repeat('07', 32), 'hex')";
    cluster.sql(&database, older).await;
    let server = cluster.open(&database, &ledger, 1).await;
    let store = RowKey::Store(store_id("bakery"));
    assert!(server.store().fetch(Query::row(store.clone())).await.is_err(), "nobody vouches for it");
    server.close().await;
    adopt(cluster.settings(&database), Arc::clone(&keys), [2; 16]).await.expect("taken as it is");
    let server = cluster.open(&database, &ledger, 1).await;
    assert!(matches!(row(&server.store(), &store).await, Some(Row::Store(_))));
    let Some(Row::Lane(head)) = row(&server.store(), &RowKey::Lane(0)).await else { panic!("no head") };
    assert!(is_signed_by(&head, &keys.public()));
    server.close().await;
}

/// A server whose lease is over may still be at work: what it commits is kept.
#[tokio::test]
async fn what_a_server_commits_meanwhile_is_not_written_over() {
    let cluster = Cluster::start(Wanted::default()).await;
    let database = cluster.seeded(&Ledger::parse("alice 500 jpy fresh | bakery")).await;
    let mut server = cluster.backend(&database, 1);
    let lane = server.begin().await.expect("a lane").lane;
    cluster.sql(&database, "UPDATE lane_lease SET until_us = 1").await;
    let bakery = RowKey::Store(store_id("bakery"));
    let rows = server.load(&[bakery.clone(), RowKey::Lane(lane)]).await.expect("they are there");
    let Some(Row::Store(store)) = &rows[0] else { panic!("no store: {rows:?}") };
    let renamed = StoreRow { name: "Bakery Two".into(), ..(**store).clone() }.into_row();
    let changes = vec![Change::Update(renamed.clone())];
    server.apply(&Net { changes, credits: Vec::new() }).await.expect("renamed");

    let keys = Arc::new(Integrity::of(&[9; 32]));
    let adopting = tokio::spawn(adopt(cluster.settings(&database), keys, [2; 16]));
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)";
    until(&cluster, "it waits for the server", waits).await;
    server.commit().await.expect("committed");
    adopting.await.expect("no panic").expect("taken as it is");
    let mut another = cluster.backend(&database, 3);
    another.begin().await.expect("a lane");
    assert_eq!(another.load(&[bakery]).await, Ok(vec![Some(renamed)]));
    another.rollback().await;
}
