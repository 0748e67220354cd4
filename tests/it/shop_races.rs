//! What happens at the same time at a till: in every order, one thing comes of it.

use std::collections::HashMap;
use std::sync::Arc;

use saifu::client::staff::Staff;
use saifu::pb;
use tokio::task::JoinSet;

use crate::support::shop::{order, secret, word};
use crate::support::{World, available, books_hold, generous, generous_policy};

/// Rounds of each race.
const ROUNDS: usize = 1_000;
/// As many races at a time, each with a customer of his own.
const CUSTOMERS: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reversal_and_its_charge_in_either_order_leave_nothing_paid() {
    let world = World::start_with(generous).await;
    let shop = world.shop("Bakery One").await;
    let till = Arc::new(shop.till);
    let mut races = JoinSet::new();
    for customer in 0..CUSTOMERS {
        let wallet = world.funded(&format!("customer{customer}"), 9_000).await;
        let till = Arc::clone(&till);
        races.spawn(async move {
            let mut seen: HashMap<String, usize> = HashMap::new();
            for round in 0..ROUNDS / CUSTOMERS {
                let digits = secret(wallet.issue_code(500, None, None).await.expect("a code").payment_code);
                let name = format!("order-{customer}-{round}");
                let request = order(&name, 500);
                let (charged, reversed) = if round % 2 == 0 {
                    tokio::join!(till.charge(&request, &digits), till.reverse(&name))
                } else {
                    let (reversed, charged) =
                        tokio::join!(till.reverse(&name), till.charge(&request, &digits));
                    (charged, reversed)
                };
                let result = reversed.expect("a reversal is never refused").result();
                let pair = format!("{} {}", word(&charged, "CHARGED"), result.as_str_name());
                *seen.entry(pair).or_default() += 1;
            }
            assert_eq!(available(&wallet).await, 9_000, "every payment was undone, or never taken");
            seen
        });
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for one in races.join_all().await {
        for (pair, count) in one {
            *seen.entry(pair).or_default() += count;
        }
    }
    let allowed = ["CHARGED REVERSE_RESULT_REVERSED", "ORDER_REVERSED REVERSE_RESULT_NOTHING_FOUND"];
    assert!(seen.keys().all(|pair| allowed.contains(&pair.as_str())), "{seen:?}");
    println!("{seen:?}");
    books_hold(world, generous_policy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_charged_by_two_tills_at_once_pays_one_of_them() {
    let world = World::start_with(generous).await;
    let shop = world.shop("Bakery One").await;
    let (other, _) = world.till(&shop.merchant, shop.store_id.clone()).await;
    let tills: Arc<[Staff; 2]> = Arc::new([shop.till, other]);
    let mut races = JoinSet::new();
    for customer in 0..CUSTOMERS {
        let wallet = world.funded(&format!("customer{customer}"), 9_000).await;
        let tills = Arc::clone(&tills);
        races.spawn(async move {
            let mut paid = 0;
            for round in 0..ROUNDS / CUSTOMERS {
                let digits = secret(wallet.issue_code(10, None, None).await.expect("a code").payment_code);
                let requests = [0, 1].map(|till| order(&format!("order-{customer}-{round}-{till}"), 10));
                let answers = tokio::join!(
                    tills[0].charge(&requests[0], &digits),
                    tills[1].charge(&requests[1], &digits)
                );
                let mut words = [word(&answers.0, "CHARGED"), word(&answers.1, "CHARGED")];
                words.sort_unstable();
                assert_eq!(words, ["CHARGED", pb::Reason::CodeNotUsable.as_str_name()]);
                paid += 10;
            }
            assert_eq!(available(&wallet).await, 9_000 - paid);
        });
    }
    races.join_all().await;
}
