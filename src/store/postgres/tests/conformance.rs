//! What every store promises, over PostgreSQL.

use super::rig::Cluster;
use super::services::Wanted;
use crate::store::tests::cases::{self, each_case};
use crate::store::tests::stories;

macro_rules! run_on {
    ($cluster:expr, $($name:ident)+) => {
        $(eprintln!("case: {}", stringify!($name));
        cases::$name($cluster).await;)+
    };
}

#[test]
fn every_case_holds_and_random_stories_end_as_decide_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let cluster = runtime.block_on(async {
        let cluster = Cluster::start(Wanted::default()).await;
        macro_rules! run { ($($name:ident)+) => { run_on!(&cluster, $($name)+) }; }
        each_case!(run);
        cluster
    });
    stories::all(&cluster, 16);
}
