//! A server whose clock is wrong: it writes nothing, says so, and goes on when the clock is right again.

use std::net::SocketAddr;
use std::time::Duration;

use saifu::domain::time::{HOUR_US, SECOND_US};
use saifu::pb;
use tokio::time::interval;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::shop::{digits, order};
use crate::support::{World, reason};

async fn health(address: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("it listens"))
}

/// Asks until it is so.
async fn becomes(client: &mut HealthClient<Channel>, expected: ServingStatus) {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        let request = HealthCheckRequest { service: String::new() };
        if client.check(request).await.expect("an answer").into_inner().status() == expected {
            return;
        }
    }
    panic!("it does not become {expected:?}");
}

#[tokio::test]
async fn a_leap_of_the_clock_writes_nothing_and_codes_expire_when_it_is_back() {
    let world = World::start_with(|settings| {
        settings.health_listen = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    })
    .await;
    let shop = world.shop("Kanda Books").await;
    let alice = world.funded("alice", 5_000).await;
    let mut probe = health(world.server.health_address().expect("configured")).await;
    becomes(&mut probe, ServingStatus::Serving).await;

    // The wallet's clock is the server's, so its envelopes are not what is refused.
    world.clock.jump_us(24 * HOUR_US);
    let refused = alice.freeze().await.expect_err("nothing is written");
    assert_eq!(refused.status.code(), Code::Unavailable, "{refused}");
    becomes(&mut probe, ServingStatus::NotServing).await;

    // Nobody calls, and it finds out by itself.
    world.clock.jump_us(-24 * HOUR_US);
    becomes(&mut probe, ServingStatus::Serving).await;
    let code = digits(&alice, 1_000).await;
    world.clock.advance_us(61 * SECOND_US);
    let late = shop.till.charge(&order("late", 100), &code).await;
    assert_eq!(reason(late), pb::Reason::CodeNotUsable, "time does not stand still");
    world.server.stop().await;
}
