//! The life of one payment, exhaustively within stated bounds, over the production's own `decide`: a till,
//! its merchant's server, the customer's phone and time send what they may send, in every order, and every
//! message once more in every state. Checked are G1 (money) and G3 (one effect, one answer) in every state
//! that is reached.

#[path = "payment_model/messages.rs"]
mod messages;
#[path = "payment_model/model.rs"]
mod model;
#[path = "payment_model/world.rs"]
mod world;

use std::collections::BTreeSet;

use saifu::domain::payment::{STATES, State};
use stateright::{Checker as _, HasDiscoveries, Model as _};

use messages::Message;
use model::{Defect, Life};

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// The shops' beginnings, and what may come after each of them.
fn beginnings() -> [(&'static str, Vec<Message>); 4] {
    use Message::{
        AuthorizeAbove, AuthorizeWithin, CapturePart, CaptureRest, ChargeAbove, ChargeWithin, Confirm,
        Decline, Freeze, MerchantRefund, RefundOne, RefundOther, Reverse, Void,
    };
    [
        (
            "a hold",
            vec![AuthorizeWithin, CapturePart, CaptureRest, Void, RefundOne, RefundOther, Reverse, Freeze],
        ),
        ("a charge", vec![ChargeWithin, CapturePart, Void, RefundOne, RefundOther, MerchantRefund, Reverse]),
        ("a question", vec![ChargeAbove, Confirm, Decline, Void, RefundOne, Reverse, Freeze]),
        (
            "a question for a hold",
            vec![AuthorizeAbove, Confirm, Decline, CapturePart, CaptureRest, RefundOne, Void, Reverse],
        ),
    ]
}

#[test]
fn money_and_answers_are_right_whatever_comes_in_which_order() {
    let mut reached: BTreeSet<State> = BTreeSet::new();
    for (name, messages) in beginnings() {
        let life = Life::new(messages, None);
        let seen = std::sync::Arc::clone(&life.reached);
        let checker = life.checker().threads(threads()).spawn_bfs().join();
        let found = checker.discoveries();
        let failures: Vec<_> =
            found.into_iter().map(|(property, path)| (property, path.into_actions())).collect();
        assert!(failures.is_empty(), "{name}: {failures:#?}");
        println!(
            "{name}: {} states, {} steps, depth {}: all hold",
            checker.unique_state_count(),
            checker.state_count(),
            checker.max_depth()
        );
        reached.extend(seen.lock().expect("no panic").iter().copied());
    }
    assert_eq!(reached, BTreeSet::from(STATES), "a state is never reached");
}

/// A checker that finds nothing when something is broken is worth nothing.
#[test]
fn the_checker_finds_every_defect_that_is_put_in() {
    for defect in Defect::ALL {
        let shortest = beginnings().into_iter().find_map(|(name, messages)| {
            let checker = Life::new(messages, Some(defect))
                .checker()
                .threads(threads())
                .finish_when(HasDiscoveries::AnyFailures)
                .spawn_bfs()
                .join();
            let found = checker.discoveries().into_iter().next();
            found.map(|(property, path)| (name, property, path.into_actions().len()))
        });
        let (name, property, length) = shortest.unwrap_or_else(|| panic!("{defect:?} is not found"));
        println!("{defect:?}: {property}, after {length} steps of {name}");
    }
}
