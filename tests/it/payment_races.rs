//! What happens to one payment at the same time: of two ends one is reached, of many parts exactly the
//! whole, and the books bear it out. Each race is run a thousand times.

use std::collections::BTreeMap;
use std::sync::Arc;

use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::pb;
use tokio::task::JoinSet;
use tokio::time::{Duration, interval};

use crate::support::shop::{Shop, asking, digits, hold, payable, word};
use crate::support::{World, available, books_hold, generous, generous_policy};

/// Runs of each race.
const RUNS: usize = 1_000;
/// As many at a time, each with a customer of his own.
const CUSTOMERS: usize = 8;

/// How often what came of it.
type Seen = BTreeMap<String, usize>;

fn sum(seen: Vec<Seen>) -> Seen {
    let mut all = Seen::new();
    for (pair, count) in seen.into_iter().flatten() {
        *all.entry(pair).or_default() += count;
    }
    println!("{all:?}");
    all
}

/// A world whose limits are out of the way, its shop, and customers with ¥9,000 each.
async fn scene() -> (World, Shop, Vec<Wallet>) {
    let world = World::start_with(generous).await;
    let shop = world.shop("Hotel").await;
    let mut wallets = Vec::new();
    for customer in 0..CUSTOMERS {
        wallets.push(world.funded(&format!("customer{customer}"), 9_000).await);
    }
    (world, shop, wallets)
}

async fn hold_of(till: &Staff, wallet: &Wallet, order_id: &str, amount_minor: i64, seconds: u32) {
    let request = pb::AuthorizeRequest { hold_seconds: seconds, ..hold(order_id, amount_minor) };
    till.authorize(&request, &digits(wallet, amount_minor).await).await.expect("a hold");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_resolves_once_under_concurrency() {
    let (world, shop, wallets) = scene().await;
    let till = Arc::new(shop.till);
    let mut races = JoinSet::new();
    for (customer, wallet) in wallets.into_iter().enumerate() {
        let till = Arc::clone(&till);
        races.spawn(async move {
            let (mut seen, mut taken_minor) = (Seen::new(), 0);
            for run in 0..RUNS / CUSTOMERS {
                let name = format!("order-{customer}-{run}");
                hold_of(&till, &wallet, &name, 8, 0).await;
                let (captured, voided) = if run % 2 == 0 {
                    tokio::join!(till.capture(&name, 5, false), till.void(&name))
                } else {
                    let (voided, captured) = tokio::join!(till.void(&name), till.capture(&name, 5, false));
                    (captured, voided)
                };
                taken_minor += if captured.is_ok() { 5 } else { 0 };
                *seen
                    .entry(format!("{} {}", word(&captured, "CAPTURED"), word(&voided, "VOIDED")))
                    .or_default() += 1;
            }
            assert_eq!(available(&wallet).await, 9_000 - taken_minor);
            seen
        });
    }
    let seen = sum(races.join_all().await);
    let allowed = ["CAPTURED HOLD_OVER", "HOLD_OVER VOIDED"];
    assert!(seen.keys().all(|pair| allowed.contains(&pair.as_str())), "{seen:?}");
    books_hold(world, generous_policy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parts_at_once_are_captured_and_refunded_to_exactly_the_whole() {
    const PARTS: usize = 10;
    let (world, shop, wallets) = scene().await;
    let till = Arc::new(shop.till);
    let mut races = JoinSet::new();
    for (customer, wallet) in wallets.into_iter().enumerate() {
        let till = Arc::clone(&till);
        races.spawn(async move {
            for run in 0..RUNS / CUSTOMERS {
                let name = format!("order-{customer}-{run}");
                hold_of(&till, &wallet, &name, 70, 0).await;
                // Ten parts of ¥10, of which seven fit; and ten refunds of ¥10 beside them.
                let mut calls = JoinSet::new();
                for _ in 0..PARTS {
                    let (till, name) = (Arc::clone(&till), name.clone());
                    calls.spawn(async move { (till.capture(&name, 10, true).await.is_ok(), false) });
                }
                for _ in 0..PARTS {
                    let (till, name) = (Arc::clone(&till), name.clone());
                    calls.spawn(async move { (false, till.refund(&name, 10).await.is_ok()) });
                }
                let done = calls.join_all().await;
                let captured = done.iter().filter(|(captured, _)| *captured).count();
                let refunded = done.iter().filter(|(_, refunded)| *refunded).count();
                assert_eq!(captured, 7, "all that is held, and no more");
                assert!(refunded <= captured, "{refunded} of {captured}");
                let status = till.order(&name).await.expect("the order").payment.expect("its payment");
                let refunded = i64::try_from(refunded).expect("few");
                assert_eq!((status.captured_minor, status.refunded_minor), (70, refunded * 10));
                till.reverse(&name).await.expect("the rest");
            }
            assert_eq!(available(&wallet).await, 9_000);
        });
    }
    races.join_all().await;
    books_hold(world, generous_policy).await;
}

/// One round: as many questions or holds as there are customers, and the clock goes past their time when
/// some of them are answered or captured, and others are under way.
async fn round<F>(
    world: &World,
    wallets: &[Arc<Wallet>],
    (answered, seconds): (usize, i64),
    of: impl Fn(usize, Arc<Wallet>) -> F,
) -> Vec<Seen>
where
    F: Future<Output = String> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for (customer, wallet) in wallets.iter().enumerate() {
        let answer = of(customer, Arc::clone(wallet));
        calls.spawn(async move { Seen::from([(answer.await, 1)]) });
    }
    let mut seen = Vec::new();
    for _ in 0..answered {
        seen.push(calls.join_next().await.expect("as many as there are").expect("an answer"));
    }
    world.pass(seconds);
    seen.extend(calls.join_all().await);
    seen
}

/// Together what they had, less what went out; a timer may have to come first.
async fn all_have(wallets: &[Arc<Wallet>], out_minor: i64) {
    let expected = i64::try_from(wallets.len()).expect("few") * 9_000 - out_minor;
    let mut total = 0;
    let mut ticks = interval(Duration::from_millis(50));
    for _ in 0..200 {
        ticks.tick().await;
        total = 0;
        for wallet in wallets {
            total += available(wallet).await;
        }
        if total == expected {
            return;
        }
    }
    assert_eq!(total, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_and_the_holds_end_leave_one_of_them() {
    let (world, shop, wallets) = scene().await;
    let till = Arc::new(shop.till);
    let wallets: Vec<_> = wallets.into_iter().map(Arc::new).collect();
    let mut seen = Vec::new();
    for run in 0..RUNS / CUSTOMERS {
        for (customer, wallet) in wallets.iter().enumerate() {
            hold_of(&till, wallet, &format!("order-{customer}-{run}"), 8, 60).await;
        }
        let capture = |customer: usize, _: Arc<Wallet>| {
            let till = Arc::clone(&till);
            async move {
                let name = format!("order-{customer}-{run}");
                let captured = till.capture(&name, 0, false).await;
                word(&captured, "CAPTURED").to_owned()
            }
        };
        seen.extend(round(&world, &wallets, (run % CUSTOMERS, 60), capture).await);
    }
    let seen = sum(seen);
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["CAPTURED", "HOLD_OVER"], "both come first at times");
    let captured = i64::try_from(seen.get("CAPTURED").copied().unwrap_or(0)).expect("few");
    // The last holds' end is the timer's.
    all_have(&wallets, captured * 8).await;
    books_hold(world, generous_policy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_a_no_a_withdrawal_and_the_end_of_time_leave_one_of_them() {
    let (world, shop, wallets) = scene().await;
    let till = Arc::new(shop.till);
    let wallets: Vec<_> = wallets.into_iter().map(Arc::new).collect();
    let mut seen = Vec::new();
    for run in 0..RUNS / CUSTOMERS {
        let mut asked = Vec::new();
        for (customer, wallet) in wallets.iter().enumerate() {
            let request = asking(&format!("order-{customer}-{run}"), 8);
            let reply = till.charge(&request, &digits(wallet, 5).await).await.expect("he is asked");
            asked.push(wallet.get_payment(reply.payment_id).await.expect("his").payment.expect("a status"));
        }
        let answer = |customer: usize, wallet: Arc<Wallet>| {
            let (till, status) = (Arc::clone(&till), asked[customer].clone());
            async move {
                let name = format!("order-{customer}-{run}");
                let yes = wallet.confirm_payment(&status, None);
                let no = wallet.decline_payment(status.payment_id.clone());
                let void = till.void(&name);
                // Whoever is first on the way, is another one each time.
                let (yes, no, void) = match (run + customer) % 3 {
                    0 => tokio::join!(yes, no, void),
                    1 => {
                        let (no, void, yes) = tokio::join!(no, void, yes);
                        (yes, no, void)
                    }
                    _ => {
                        let (void, yes, no) = tokio::join!(void, yes, no);
                        (yes, no, void)
                    }
                };
                let done = [yes.is_ok(), no.is_ok(), void.is_ok()];
                assert!(done.iter().filter(|done| **done).count() <= 1, "{yes:?} {no:?} {void:?}");
                match done {
                    [true, ..] => "YES",
                    [_, true, _] => "NO",
                    [.., true] => "VOIDED",
                    [..] => "TOO LATE",
                }
                .to_owned()
            }
        };
        seen.extend(round(&world, &wallets, (run % CUSTOMERS, 120), answer).await);
    }
    let seen = sum(seen);
    // A no and a withdrawal may be late, until the timer comes: it takes nothing.
    assert!(["NO", "VOIDED", "YES"].iter().all(|one| seen.contains_key(*one)), "{seen:?}");
    let paid = i64::try_from(seen.get("YES").copied().unwrap_or(0)).expect("few");
    all_have(&wallets, paid * 8).await;
    books_hold(world, generous_policy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_paid_once_however_many_pay_it() {
    let (world, shop, wallets) = scene().await;
    let mut seen = Seen::new();
    for run in 0..RUNS {
        let order_id = format!("order-{run}");
        shop.till.create_order(&payable(&order_id, 1)).await.expect("an order");
        let pay = |customer: usize| {
            let request = pb::PayRequest {
                store_id: shop.store_id.clone(),
                payee_name: "Hotel".into(),
                amount_minor: 1,
                currency: "JPY".into(),
                order_id: order_id.clone(),
            };
            wallets[customer].pay(request, None, None)
        };
        let (one, other, cancelled) = match run % 3 {
            0 => tokio::join!(pay(run % 8), pay((run + 1) % 8), shop.till.cancel_order(&order_id)),
            1 => {
                let (cancelled, one, other) =
                    tokio::join!(shop.till.cancel_order(&order_id), pay(run % 8), pay((run + 1) % 8));
                (one, other, cancelled)
            }
            _ => {
                let (one, cancelled, other) =
                    tokio::join!(pay(run % 8), shop.till.cancel_order(&order_id), pay((run + 1) % 8));
                (one, other, cancelled)
            }
        };
        let done = [one.is_ok(), other.is_ok(), cancelled.is_ok()];
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{one:?} {other:?} {cancelled:?}");
        // Whoever comes too late is told so, and not by the database.
        for told in [word(&one, "DONE"), word(&other, "DONE"), word(&cancelled, "DONE")] {
            assert!(["DONE", "ORDER_TAKEN", "ORDER_REVERSED"].contains(&told), "{told}");
        }
        let name = if cancelled.is_ok() { "CANCELLED" } else { "PAID" };
        *seen.entry(name.to_owned()).or_default() += 1;
        if run % 100 == 99 {
            for wallet in &wallets {
                world.refresh(wallet).await;
            }
        }
    }
    let seen = sum(vec![seen]);
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["CANCELLED", "PAID"], "both come first at times");
    let mut paid_minor: i64 = wallets.iter().map(|_| 9_000).sum();
    for wallet in &wallets {
        paid_minor -= available(wallet).await;
    }
    assert_eq!(usize::try_from(paid_minor).expect("what was paid"), seen["PAID"]);
    books_hold(world, generous_policy).await;
}
