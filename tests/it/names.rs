//! Names that look like another's are refused by every RPC that takes one, and Japanese ones are taken.

use saifu::client::method;
use saifu::client::wallet::Confirmation;
use saifu::pb;
use saifu::pb::propose_request::Proposal;

use crate::support::shop::{digits, order, payable, register};
use crate::support::{World, books_hold, confirmation, reason, set_up, started};

/// A store's direction turned round, a space that nobody sees, and а of another alphabet.
const BAD: [&str; 4] = ["Kanda \u{202e}yrekaB", "Kanda\u{200b} Bakery", "K\u{430}nda Bakery", "\u{3164}"];
/// All of the scripts of Japanese, wide and narrow.
const GOOD: &str = "神田ベーカリーの店 Kanda ２号店";

#[tokio::test]
async fn a_shops_names_are_plainly_read() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop(GOOD).await;
    let [first, _] = world.operators().await;
    let merchant_id = shop.merchant_id.clone();
    for bad in BAD {
        let refused = first.propose(register(&shop.merchant, bad)).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a first store: {bad:?}");
        for (name, city) in [(bad, "Tokyo"), (GOOD, bad)] {
            let (name, city, time_zone) = (name.into(), city.into(), "Asia/Tokyo".into());
            let store = Some(pb::StoreDetails { name, city, time_zone });
            let wanted = pb::RegisterStore { merchant_id: merchant_id.clone(), store };
            let refused = first.propose(Proposal::RegisterStore(wanted)).await;
            assert_eq!(reason(refused), pb::Reason::Malformed, "a store: {bad:?}");
        }
        let refused = shop.merchant.register_terminal(shop.store_id.clone(), bad).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a till: {bad:?}");
        let sale = pb::ChargeRequest { receipt_line: bad.into(), ..order("sold", 500) };
        let refused = shop.till.charge(&sale, &digits(&alice, 500).await).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a receipt: {bad:?}");
        let wanted = pb::CreateOrderRequest { receipt_line: bad.into(), ..payable("order", 500) };
        let refused = shop.till.create_order(&wanted).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "an order: {bad:?}");
    }
    let sale = pb::ChargeRequest { external_reference: "a\u{200b}".into(), ..order("sold", 500) };
    let refused = shop.till.charge(&sale, &digits(&alice, 500).await).await;
    assert_eq!(reason(refused), pb::Reason::Malformed, "a reference");
    shop.merchant.register_terminal(shop.store_id.clone(), GOOD).await.expect("a till");
    let sale = pb::ChargeRequest { receipt_line: GOOD.into(), ..order("sold", 500) };
    shop.till.charge(&sale, &digits(&alice, 500).await).await.expect("a charge");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn a_persons_labels_are_plainly_read() {
    let world = World::start().await;
    let mut phone = world.phone().await;
    let (enrolment_id, code) = started(&phone, "alice@example.jp").await;
    let body = pb::EnrolmentConfirmRequest { enrolment_id };
    let confirm = |device_label: &str| {
        let labelled = Confirmation { device_label: device_label.to_owned(), ..confirmation(&code) };
        let draft = labelled.add_to(phone.draft(method::ENROLMENT_CONFIRM, &body));
        phone.send::<pb::EnrolmentConfirmReply>(draft.as_candidate().request_id([5; 16]))
    };
    for bad in BAD {
        assert_eq!(reason(confirm(bad).await), pb::Reason::Malformed, "a phone: {bad:?}");
    }
    let confirmed = confirm("太郎のiPhone").await.expect("a phone");
    set_up(&mut phone, &confirmed);
    phone.activate(&phone.code().expect("a code")).await.expect("an activation");
    for bad in BAD {
        let refused = phone.link_funding("sandbox-visa", bad).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a card: {bad:?}");
    }
    phone.link_funding("sandbox-visa", "家族カード").await.expect("a card");
    books_hold(world, |_| {}).await;
}
