//! Lanes: each process its own, whoever lost his takes another, and none is lost for good.

use std::collections::BTreeSet;

use super::rig::Cluster;
use super::services::Wanted;
use crate::domain::rows::RowKey;
use crate::domain::tests::fixture::{Ledger, key_id};
use crate::store::backend::{Backend, BackendError};
use crate::store::postgres::write::Postgres;

/// The lane of a transaction, once the lease was looked at.
async fn begin(backend: &mut Postgres) -> Result<i64, BackendError> {
    let lane = backend.begin().await?.lane;
    let head = backend.load(&[RowKey::SigningKey(key_id("alice")), RowKey::Lane(lane)]).await?;
    assert!(head[1].is_some(), "a lane that is given has a head");
    Ok(lane)
}

async fn lane_of(backend: &mut Postgres) -> Result<i64, BackendError> {
    let lane = begin(backend).await;
    backend.rollback().await;
    lane
}

#[tokio::test]
async fn every_process_has_a_lane_of_its_own() {
    let cluster = Cluster::start(Wanted::default()).await;
    a_lane_goes_to_one_process_at_a_time(&cluster).await;
    a_lane_in_use_is_not_taken_though_its_time_is_over(&cluster).await;
    many_processes_that_start_at_once_get_as_many_lanes(&cluster).await;
    a_lease_is_renewed_when_a_third_of_it_is_over(&cluster).await;
}

async fn expire(cluster: &Cluster, database: &str, lane: i64) {
    let text = format!("UPDATE lane_lease SET until_us = 1 WHERE lane = {lane}");
    cluster.sql(database, &text).await;
}

async fn a_lane_goes_to_one_process_at_a_time(cluster: &Cluster) {
    let database = cluster.seeded(&Ledger::parse("alice 500 jpy | bakery")).await;
    let [mut one, mut two, mut three] = [1, 2, 3].map(|holder| cluster.backend(&database, holder));
    assert_eq!(lane_of(&mut one).await, Ok(0));
    assert_eq!(lane_of(&mut two).await, Ok(1));
    // The first one is taken for dead.
    expire(cluster, &database, 0).await;
    assert_eq!(lane_of(&mut three).await, Ok(0));
    // It was not: it may not append any more, and takes another lane.
    assert_eq!(lane_of(&mut one).await, Err(BackendError::Conflict));
    assert_eq!(lane_of(&mut one).await, Ok(2));
    assert_eq!(lane_of(&mut three).await, Ok(0));
    // A lane that is let go is taken again.
    two.release().await;
    assert_eq!(lane_of(&mut cluster.backend(&database, 4)).await, Ok(1));
    // The same holder with an older token is not the holder.
    three.release().await;
    assert_eq!(lane_of(&mut cluster.backend(&database, 3)).await, Ok(0));
    assert_eq!(lane_of(&mut three).await, Err(BackendError::Conflict));
}

async fn a_lane_in_use_is_not_taken_though_its_time_is_over(cluster: &Cluster) {
    let database = cluster.database().await;
    let [mut one, mut two] = [1, 2].map(|holder| cluster.backend(&database, holder));
    assert_eq!(lane_of(&mut one).await, Ok(0));
    expire(cluster, &database, 0).await;
    assert_eq!(begin(&mut one).await, Ok(0));
    assert_eq!(lane_of(&mut two).await, Ok(1), "a transaction has the first lane's lease");
    one.rollback().await;
}

async fn many_processes_that_start_at_once_get_as_many_lanes(cluster: &Cluster) {
    let database = cluster.database().await;
    let mut tasks = tokio::task::JoinSet::new();
    for holder in 0..12 {
        let mut backend = cluster.backend(&database, holder);
        tasks.spawn(async move { backend.ready().await.expect("a lane").lane });
    }
    let lanes = tasks.join_all().await;
    assert_eq!(lanes.iter().collect::<BTreeSet<_>>().len(), 12, "{lanes:?}");
}

async fn a_lease_is_renewed_when_a_third_of_it_is_over(cluster: &Cluster) {
    let database = cluster.database().await;
    let mut backend = cluster.backend(&database, 1);
    let mut session = cluster.session(&database).await;
    let until = "SELECT until_us FROM lane_lease WHERE lane = 0";
    assert_eq!(lane_of(&mut backend).await, Ok(0));
    let first: i64 = session.client().query_one(until, &[]).await.expect("a lease").get(0);
    for (taken_us, is_renewed) in [(9_000_000_i64, false), (15_000_000, true)] {
        let text = "UPDATE lane_lease SET until_us = $1 WHERE lane = 0";
        session.client().execute(text, &[&(first - taken_us)]).await.expect("it is older now");
        // The first one finds out, the second one renews.
        for _ in 0..2 {
            begin(&mut backend).await.expect("a transaction");
            backend.commit().await.expect("it commits");
        }
        let now: i64 = session.client().query_one(until, &[]).await.expect("a lease").get(0);
        assert_eq!(now >= first, is_renewed, "{taken_us}");
    }
}
