//! What a payment's fee comes to, through gRPC: in however many parts it was captured and given back.

use saifu::pb;
use saifu::pb::propose_request::Proposal;

use crate::support::recovery::HOUR;
use crate::support::shop::{digits, hold};
use crate::support::{World, books_hold};

const PARTS: i64 = 70;

#[tokio::test]
async fn seventy_parts_of_a_few_yen_cost_the_fee_of_their_sum_in_whatever_order_some_go_back() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let fee = pb::SetFee { merchant_id: shop.merchant_id.clone(), basis_points: 198 };
    world.approved(Proposal::SetFee(fee)).await.expect("a fee");
    let code = digits(&alice, 3_000).await;
    shop.till.authorize(&hold("held", 3_000), &code).await.expect("a hold");
    let (mut captured_minor, mut refunded_minor) = (0, 0);
    for part in 0..PARTS {
        // None of them is worth a fee of its own: 198 basis points of ¥50 are less than a yen.
        let part_minor = 1 + part % 30;
        world.pass(1);
        shop.till.capture("held", part_minor, part + 1 < PARTS).await.expect("a part");
        captured_minor += part_minor;
        if part % 7 == 6 {
            let back_minor = 1 + part % 11;
            world.pass(1);
            shop.till.refund("held", back_minor).await.expect("a refund");
            refunded_minor += back_minor;
        }
    }
    world.pass(14 * HOUR);
    let settled = shop.settlements(1).await.remove(0);
    let net_minor = captured_minor - refunded_minor;
    assert_eq!((settled.captured_minor, settled.refunded_minor), (captured_minor, refunded_minor));
    assert_eq!(settled.fee_minor, net_minor * 198 / 10_000);
    assert!(settled.fee_minor > 15, "{settled:?}");
    assert_eq!(settled.net_minor, net_minor - settled.fee_minor);
    books_hold(world, |_| {}).await;
}
