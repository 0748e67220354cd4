//! Step 5. The same against a victim who does nothing: the thief gets the account, and what 7pay's thieves
//! did next, topping up three times ¥30,000 in a minute and buying for ¥95,000, comes to nothing.

use saifu::client::wallet::Wallet;
use saifu::domain::policy::Policy;
use saifu::domain::time::{DAY_US, HOUR_US};
use saifu::pb;

use super::Told;
use super::cast::{Stage, Victim};
use super::mailbox::{HIS_PASSPHRASE, proves_two};
use crate::support::recovery::{DAY, HOUR, wait_out};
use crate::support::shop::{Shop, asking, order, secret};
use crate::support::{World, available, bakery, reason};

const HOURS: i64 = 72;

/// The most that may leave an account in the 72 hours after its recovery, whatever is on it.
pub fn cap_minor() -> i64 {
    let Policy { limits, recovery, .. } = Policy::standard();
    let day_minor = limits.standard.day_minor.expect("a limit a day");
    let [first_us, second_us, _] = recovery.stages_us;
    assert!(first_us == DAY_US && second_us > HOURS * HOUR_US, "a day, and then the second stage");
    let days_after = HOURS / 24 - 1;
    recovery.first_day_minor + days_after * (day_minor / 100 * recovery.stages_percent[0])
}

/// What was taken, and the phone that the account is on by now.
pub async fn play(stage: &mut Stage) -> (Told, Wallet) {
    let Stage { world, bob, shop, .. } = stage;
    let mut thief = world.phone().await;
    let begun_us = thief.now_us();
    let case_id = proves_two(world, &thief, bob).await;
    wait_out(world, &thief, &case_id).await;
    let waited_us = thief.now_us() - begun_us;
    assert!(waited_us >= Policy::standard().recovery.delay_email_us, "{waited_us} µs");
    thief.prove(case_id.clone(), &bob.owner.saved()).await.expect("proved again");
    thief.complete_recovery(case_id, HIS_PASSPHRASE).await.expect("nobody cancelled");
    let code = world.next_code(&thief);
    thief.activate(&code).await.expect("activated");
    let recovered_us = thief.now_us();
    no_money_comes_in(world, &thief).await;
    no_95_000_at_a_till(world, &thief, shop).await;
    goes_out_slowly(world, &thief, bob).await;
    assert!(thief.now_us() - recovered_us <= HOURS * HOUR_US, "within the 72 hours");
    let lost_minor = bob.balance_minor - available(&thief).await;
    let what = format!(
        "the same uncancelled: completes after {} hours; three top-ups of ¥30,000 and ¥95,000 at a till \
         refused; he spends what was on it, ¥3,000 on the first day",
        waited_us / HOUR_US
    );
    (Told::new(what, lost_minor), thief)
}

async fn no_money_comes_in(world: &World, thief: &Wallet) {
    let cards = thief.list_funding().await.expect("a list").sources;
    assert!(!cards.is_empty() && cards.iter().all(|card| card.suspended), "{cards:?}");
    for _ in 0..3 {
        let funding_id = cards[0].funding_id.clone();
        let request = pb::TopUpRequest { funding_id, amount_minor: 30_000, currency: "JPY".into() };
        let code = world.next_code(thief);
        let refused = thief.top_up(request, Some(&code), None).await;
        assert_eq!(reason(refused), pb::Reason::FundingNotLinked);
    }
}

async fn no_95_000_at_a_till(world: &World, thief: &Wallet, shop: &Shop) {
    let code = world.next_code(thief);
    let issued = thief.issue_code(95_000, Some(&code), None).await;
    assert_eq!(reason(issued), pb::Reason::LimitPerPayment, "the phone is new");
    let code = world.next_code(thief);
    let issued = thief.issue_code(5_000, Some(&code), None).await.expect("as much as a new phone may");
    let digits = secret(issued.payment_code);
    let charged = shop.till.charge(&order("cigarettes", 95_000), &digits).await;
    assert_eq!(reason(charged), pb::Reason::Declined);
    // Where the till asks instead, his yes is a payment of ¥95,000 like any other.
    let charged = shop.till.charge(&asking("cigarettes", 95_000), &digits).await;
    let payment_id = charged.expect("he is asked").payment_id;
    let asked = thief.get_payment(payment_id).await.expect("his").payment.expect("a payment");
    let code = world.next_code(thief);
    assert_eq!(reason(thief.confirm_payment(&asked, Some(&code)).await), pb::Reason::LimitPerPayment);
}

/// As much as he may, as soon as he may.
async fn goes_out_slowly(world: &World, thief: &Wallet, bob: &Victim) {
    let first_minor = Policy::standard().recovery.first_day_minor;
    world.refresh(thief).await;
    let pay = async |amount_minor| thief.pay(bakery(thief, amount_minor).await, None, None).await;
    assert_eq!(reason(pay(first_minor + 1).await), pb::Reason::LimitPerDay);
    pay(first_minor).await.expect("the first day's");
    assert_eq!(reason(pay(1).await), pb::Reason::LimitPerDay);
    world.pass(DAY - HOUR);
    world.refresh(thief).await;
    assert_eq!(reason(pay(1).await), pb::Reason::LimitPerDay, "an hour early");
    world.pass(HOUR);
    world.refresh(thief).await;
    pay(bob.balance_minor - first_minor).await.expect("the rest");
    assert_eq!(reason(pay(1).await), pb::Reason::InsufficientBalance);
    // Bob's phone is nobody's by now.
    assert_eq!(reason(bob.owner.wallet.get_balance().await), pb::Reason::Unauthenticated);
}
