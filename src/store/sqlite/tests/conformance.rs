//! What every store promises, over the embedded one.

use super::rig::Embeddable;
use crate::store::tests::cases::{self, each_case};
use crate::store::tests::simulation::memory::InMemory;
use crate::store::tests::simulation::{Plan, agree, block_on, run};
use crate::store::tests::stories;

macro_rules! tests {
    ($($name:ident)+) => {
        $(#[tokio::test]
        async fn $name() {
            cases::$name(&Embeddable).await;
        })+
    };
}
each_case!(tests);

#[test]
fn random_stories_end_as_decide_says() {
    stories::all(&Embeddable, 16);
}

#[test]
fn simulated_commands_end_as_the_model_does() {
    let plan = Plan::new(3, 30_000, 64);
    let stored = block_on(run("embedded", &Embeddable, plan));
    agree(&stored, &block_on(run("memory", &InMemory::<true>, plan)));
}
