//! The simulation over PostgreSQL, and beside it the same seed over the embedded store and in memory: one
//! and the same rows in the end.
//!
//! Fewer commands than in memory, in bigger batches, on a cluster that does not wait for its disk: what
//! is looked for is what the statements do, not what a disk keeps.

use super::rig::Cluster;
use super::services::Wanted;
use crate::store::sqlite::tests::rig::Embeddable;
use crate::store::tests::simulation::memory::InMemory;
use crate::store::tests::simulation::{Plan, agree, block_on, run};

#[test]
fn simulated_commands_end_alike_in_every_store() {
    let plan = Plan::new(4, 12_000, 192);
    let stored = block_on(async {
        let cluster = Cluster::start(Wanted::default()).await;
        run("PostgreSQL", &cluster, plan).await
    });
    agree(&stored, &block_on(run("embedded", &Embeddable, plan)));
    agree(&stored, &block_on(run("memory", &InMemory::<false>, plan)));
}
