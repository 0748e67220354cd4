//! A database is taken as it is: signed and tagged anew, when no server works on it.

use std::sync::Arc;

use super::rig::Cluster;
use super::services::Wanted;
use crate::crypto::integrity::Integrity;
use crate::domain::rows::{Row, RowKey};
use crate::domain::tests::fixture::{Ledger, store_id};
use crate::store::AdoptError;
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
