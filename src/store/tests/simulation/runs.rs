//! The runs in memory, with and without rows kept between batches. A seed that fails becomes
//! a test of its own here.

use super::memory::InMemory;
use super::{Plan, agree, block_on, run};

fn both(plan: Plan) {
    let kept = block_on(run("memory, rows kept", &InMemory::<true>, plan));
    let shared = block_on(run("memory, rows loaded each time", &InMemory::<false>, plan));
    agree(&kept, &shared);
}

#[test]
fn simulated_commands_over_a_failing_backend_end_as_the_model_does() {
    both(Plan::new(1, 40_000, 64));
}

#[test]
fn simulated_commands_one_by_one_and_in_pairs_end_as_the_model_does() {
    both(Plan::new(2, 4_000, 2));
}
