//! Clients that hang up at any moment: a call is done as a whole or not at all, and sending it again
//! under its id tells which.

use saifu::client::method;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::pb;
use tokio::task::yield_now;

use crate::support::{World, available, bakery, generous, reason};

const ROUNDS: u16 = 300;

/// Numbers that look like chance and are the same every time (MMIX's constants).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn id(round: u16) -> [u8; 16] {
    let mut id = [0x55; 16];
    id[..2].copy_from_slice(&round.to_be_bytes());
    id
}

/// Makes the call, and drops it after so many turns of the runtime; the answer if it came first.
async fn hang_up<T>(call: impl Future<Output = Result<T, Refused>>, turns: u64) -> Option<T> {
    tokio::select! {
        biased;
        answer = call => Some(answer.expect("nothing stands against it")),
        () = async {
            for _ in 0..turns {
                yield_now().await;
            }
        } => None,
    }
}

/// All movements, newest first, and what was there after each.
async fn entries(wallet: &Wallet) -> Vec<(i64, i64)> {
    let mut entries = Vec::new();
    let mut page_token = Vec::new();
    loop {
        let page = pb::ListEntriesRequest { page_size: 100, page_token };
        let page = wallet.list_entries(page).await.expect("a page");
        entries.extend(page.entries.iter().map(|entry| (entry.amount_minor, entry.available_after_minor)));
        if page.next_page_token.is_empty() {
            return entries;
        }
        page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn a_payment_hung_up_on_is_made_once_or_not_at_all() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 9_000).await;
    let request = bakery(&alice, 7).await;
    let mut dice = Dice(1);
    let (mut dropped, mut made, mut left) = (0, 0, 9_000);
    for round in 0..ROUNDS {
        world.pass(1);
        let heard = hang_up(alice.pay(request.clone(), None, Some(id(round))), dice.below(120)).await;
        if heard.is_none() {
            dropped += 1;
            // Some time later it is done, or it never will be: the repetition below settles it.
            for _ in 0..dice.below(200) {
                yield_now().await;
            }
            let seen = available(&alice).await;
            assert!(seen == left || seen == left - 7, "round {round}: {seen} of {left}");
            made += i32::from(seen != left);
        }
        left -= 7;
        let again = alice.pay(request.clone(), None, Some(id(round))).await.unwrap();
        assert_eq!(again.available_after_minor, left, "round {round}");
        assert!(heard.is_none_or(|heard| heard == again), "round {round}");
    }
    assert!(dropped > 0 && made > 0 && made < dropped, "of {dropped} hung up {made} were made");
    let entries = entries(&alice).await;
    assert_eq!(entries.len(), 301, "300 payments and the top-up");
    assert_eq!(entries.iter().map(|(amount, _)| amount).sum::<i64>(), 6_900);
    assert_eq!(available(&alice).await, 6_900);
    world.server.stop().await;
}

#[tokio::test]
async fn a_top_up_hung_up_on_is_credited_once() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let funding_id = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: 3, currency: "JPY".into() };
    let mut dice = Dice(2);
    for round in 0..100 {
        world.pass(2);
        let turns = dice.below(150);
        let heard = hang_up(alice.top_up(request.clone(), None, Some(id(round))), turns).await;
        let again = alice.top_up(request.clone(), None, Some(id(round))).await.unwrap().top_up.unwrap();
        assert_eq!(again.state(), pb::TopUpState::Succeeded, "round {round}");
        assert!(heard.is_none_or(|heard| heard.top_up.unwrap() == again), "round {round}");
        assert_eq!(available(&alice).await, 3 * (i64::from(round) + 1), "round {round}");
    }
    assert_eq!(entries(&alice).await.len(), 100);
    assert_eq!(alice.get_balance().await.unwrap().incoming_minor, 0);
    world.server.stop().await;
}

#[tokio::test]
async fn a_code_hung_up_on_is_spent_with_its_call_or_not_at_all() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let mut dice = Dice(3);
    for round in 0..60 {
        let code = world.next_code(&alice);
        let verify = |id| {
            let draft = alice.draft(method::VERIFY_SECOND_FACTOR, &pb::VerifySecondFactorRequest {});
            alice.send::<pb::VerifySecondFactorReply>(draft.code(&code).request_id(id))
        };
        let _heard = hang_up(verify(id(round)), dice.below(120)).await;
        // If it was done, this is the stored answer; if not, the code is still good.
        verify(id(round)).await.unwrap();
        // Now it is spent. Not every time: 20 wrong codes a day are too many.
        if round % 10 == 0 {
            assert_eq!(reason(verify(id(1_000 + round)).await), pb::Reason::Unauthenticated);
        }
    }
    world.server.stop().await;
}
