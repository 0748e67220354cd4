//! What signed heads and tagged rows cost: `cargo run --release --example integrity_cost`.
//!
//! A head is signed once a batch; a row is tagged once it is written, and checked once it is read. Printed is
//! the median of 9 rounds, in nanoseconds each.

use std::hint::black_box;
use std::time::Instant;

use saifu::crypto::integrity::{Head, Integrity};

const ROUNDS: usize = 9;
const TIMES: u32 = 20_000;

fn median_ns(mut work: impl FnMut()) -> u128 {
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            #[expect(clippy::disallowed_methods, reason = "a measurement reads the machine's clock")]
            let begun = Instant::now();
            for _ in 0..TIMES {
                work();
            }
            begun.elapsed().as_nanos() / u128::from(TIMES)
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}

fn main() {
    let integrity = Integrity::of(&[7; 32]);
    let public = integrity.public();
    let head = Head { lane: 0, sequence: 1, hash: [3; 32], at_us: 4 };
    let signature = integrity.sign(&head);
    println!("sign a head: {} ns", median_ns(|| assert_ne!(integrity.sign(black_box(&head)), [0; 64])));
    println!(
        "check a head that another process left: {} ns",
        median_ns(|| assert!(black_box(&head).is_signed_by(&public, &signature)))
    );
    for bytes in [200, 400, 800, 1_600] {
        let content = vec![7; bytes];
        let tag = median_ns(|| assert_ne!(integrity.tag(black_box(&content)), [0; 16]));
        println!("tag or check a row of {bytes} bytes: {tag} ns");
    }
}
