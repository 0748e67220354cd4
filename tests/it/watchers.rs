//! Thousands of streams on one server: each hears of its own order, and what they cost those who pay is told.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::connection::watch;
use saifu::client::method;
use saifu::env::Stopwatch;
use saifu::pb;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Streaming;

use crate::support::shop::{Shop, digits, order, payable};
use crate::support::{World, generous};

/// As many orders are watched, of one merchant.
const WATCHED: usize = 3_000;
/// As many streams share a connection, and each connection is another address's.
const A_CONNECTION: usize = 60;
/// As many sales are measured before, and with them.
const SALES: usize = 400;
/// News are pushed: this is sooner than a watcher looks again by itself.
const SOON: Duration = Duration::from_secs(20);

type Watched = Streaming<pb::WatchOrderReply>;

fn name(number: usize) -> String {
    format!("watched-{number}")
}

/// Makes the orders, and watches each on a stream of its own.
async fn watched(world: &World, shop: &Shop) -> Vec<Watched> {
    let street = Arc::new(world.street());
    let mut opening = JoinSet::new();
    let mut all: Vec<(usize, Vec<Watched>)> = Vec::new();
    for first in (0..WATCHED).step_by(A_CONNECTION) {
        // A key reads so often, and then has to wait.
        if first % (15 * A_CONNECTION) == 0 {
            all.extend(std::mem::take(&mut opening).join_all().await);
            world.pass(151);
        }
        let place = u8::try_from(2 + first / A_CONNECTION).expect("few connections");
        let channel = street.channel_from(Ipv4Addr::new(127, 0, 1, place)).await;
        let mut envelopes = Vec::new();
        for number in first..(first + A_CONNECTION).min(WATCHED) {
            let order_id = name(number);
            let made = pb::CreateOrderRequest { payable_seconds: 86_400, ..payable(&order_id, 70) };
            shop.till.create_order(&made).await.expect("an order");
            let request = pb::WatchOrderRequest { order_id };
            let draft = shop.merchant.draft(method::MERCHANT_WATCH_ORDER, &request);
            envelopes.push(draft.seal(&shop.merchant.signer));
        }
        opening.spawn(async move {
            let mut streams = Vec::new();
            for envelope in envelopes {
                let stream = watch(&channel, method::MERCHANT_WATCH_ORDER, envelope).await;
                streams.push(stream.expect("a stream"));
            }
            (first, streams)
        });
    }
    all.extend(opening.join_all().await);
    all.sort_by_key(|(first, _)| *first);
    all.into_iter().flat_map(|(_, streams)| streams).collect()
}

async fn next(stream: &mut Watched) -> pb::OrderState {
    let told = timeout(SOON, stream.message()).await.expect("in time").expect("no error").expect("news");
    told.order.expect("an order").state()
}

/// Sales one after the other, in microseconds.
async fn sales(shop: &Shop, wallet: &saifu::client::wallet::Wallet, series: &str) -> i64 {
    let watch = Stopwatch::start();
    for number in 0..SALES {
        let code = digits(wallet, 1).await;
        shop.till.charge(&order(&format!("{series}-{number}"), 1), &code).await.expect("a charge");
    }
    watch.elapsed_us()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_watch_and_each_hears_of_its_own_order() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 100_000).await;
    let shop = world.shop("Bakery One").await;
    sales(&shop, &alice, "warm").await;
    let alone_us = sales(&shop, &alice, "alone").await;
    let mut streams = watched(&world, &shop).await;
    for stream in &mut streams {
        assert_eq!(next(stream).await, pb::OrderState::Payable);
    }
    let beside_us = sales(&shop, &alice, "beside").await;
    println!(
        "{SALES} sales, one after the other: {alone_us} us alone, {beside_us} us beside {WATCHED} watchers"
    );

    // Some orders come to something: their watchers hear of it, and nobody else does.
    let ended: Vec<usize> = (0..WATCHED).step_by(97).collect();
    let clock = Stopwatch::start();
    for number in &ended {
        shop.till.cancel_order(&name(*number)).await.expect("a cancellation");
        assert_eq!(next(&mut streams[*number]).await, pb::OrderState::Reversed);
    }
    let each_us = clock.elapsed_us() / i64::try_from(ended.len()).expect("few");
    println!("from the cancellation to the news, both calls: {each_us} us");
    for (number, stream) in streams.iter_mut().enumerate().filter(|(number, _)| !ended.contains(number)) {
        let heard = timeout(Duration::ZERO, stream.message()).await;
        assert!(heard.is_err(), "{number}: {heard:?}");
    }
    drop(streams);
    world.server.stop().await;
}
