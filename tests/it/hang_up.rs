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

/// Makes the call, and counts the turns of the runtime it takes.
async fn turns_of<T>(call: impl Future<Output = T>) -> (T, u64) {
    let mut turns = 0;
    let answer = tokio::select! {
        biased;
        answer = call => answer,
        () = async {
            loop {
                turns += 1;
                yield_now().await;
            }
        } => unreachable!("it counts for ever"),
    };
    (answer, turns)
}

#[tokio::test]
async fn a_payment_hung_up_on_is_made_once_or_not_at_all() {
    let world = World::start_with(generous).await;
    let alice = world.funded("alice", 9_000).await;
    let request = bakery(&alice, 2).await;
    let mut dice = Dice(1);
    let (mut round, mut unmade, mut made, mut heard) = (0, 0, 0, 0);
    let (mut left, mut turns) = (9_000, 100);
    // Until all three were seen: when a call is dropped follows from how long the last one took.
    while round < ROUNDS || unmade == 0 || made == 0 || heard == 0 {
        assert!(round < 10 * ROUNDS, "{unmade} not made, {made} made unheard, {heard} heard");
        world.pass(1);
        let pay = || alice.pay(request.clone(), None, Some(id(round)));
        let first = hang_up(pay(), dice.below(2 * turns)).await;
        if first.is_none() {
            // What was on its way may arrive; what did not, never will.
            for _ in 0..dice.below(turns) {
                yield_now().await;
            }
            let seen = available(&alice).await;
            assert!(seen == left || seen == left - 2, "round {round}: {seen} of {left}");
            if seen == left { unmade += 1 } else { made += 1 }
        } else {
            heard += 1;
        }
        left -= 2;
        let (again, took) = turns_of(pay()).await;
        let again = again.unwrap();
        turns = took;
        assert_eq!(again.available_after_minor, left, "round {round}");
        assert!(first.is_none_or(|first| first == again), "round {round}");
        round += 1;
    }
    let entries = entries(&alice).await;
    assert_eq!(entries.len(), usize::from(round) + 1, "the payments and the top-up");
    assert_eq!(entries.iter().map(|(amount, _)| amount).sum::<i64>(), left);
    assert_eq!(available(&alice).await, left);
    world.server.stop().await;
}

#[tokio::test]
async fn a_top_up_hung_up_on_is_credited_once() {
    let world = World::start_with(generous).await;
    let alice = world.wallet("alice").await;
    let funding_id = alice.link_funding("sandbox-visa", "card").await.unwrap().funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: 3, currency: "JPY".into() };
    let mut dice = Dice(2);
    let mut turns = 100;
    for round in 0..100 {
        world.pass(2);
        let top_up = || alice.top_up(request.clone(), None, Some(id(round)));
        let heard = hang_up(top_up(), dice.below(2 * turns)).await;
        let (again, took) = turns_of(top_up()).await;
        let again = again.unwrap().top_up.unwrap();
        turns = took;
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
    let mut turns = 100;
    for round in 0..60 {
        let code = world.next_code(&alice);
        let verify = |id| {
            let draft = alice.draft(method::VERIFY_SECOND_FACTOR, &pb::VerifySecondFactorRequest {});
            alice.send::<pb::VerifySecondFactorReply>(draft.code(&code).request_id(id))
        };
        let first = hang_up(verify(id(round)), dice.below(2 * turns)).await;
        // If it was done, this is the stored answer; if not, the code is still good.
        let (again, took) = turns_of(verify(id(round))).await;
        let again = again.unwrap();
        turns = took;
        assert!(first.is_none_or(|first| first == again), "round {round}");
        // Now it is spent. Not every time: 20 wrong codes a day are too many.
        if round % 10 == 0 {
            assert_eq!(reason(verify(id(1_000 + round)).await), pb::Reason::Unauthenticated);
        }
    }
    world.server.stop().await;
}
