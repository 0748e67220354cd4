//! Every pair of state and verb, by hand; the arithmetic of parts; and the table in the documentation.

use proptest::prelude::*;

use super::*;
use crate::domain::id::LotId;

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(9_000_000);

/// A payment of 100 in a state; in those with parts, 60 are captured, and 20 of them given back.
fn sums_in(state: State) -> Sums {
    let held = Sums::authorised(100, Intent::Hold { until: LATER }, NOW).after;
    let with = |captured_minor, refunded_minor, released_minor, closing_reason| Sums {
        captured_minor,
        refunded_minor,
        released_minor,
        closing_reason,
        ..held
    };
    match state {
        State::AwaitingCustomer => Sums::awaiting(100, Intent::Sale, LATER),
        State::Authorized => held,
        State::PartlyCaptured => with(60, 20, 0, None),
        State::Captured => with(60, 0, 40, Some(ClosingReason::Captured)),
        State::PartlyRefunded => with(60, 20, 40, Some(ClosingReason::Voided)),
        State::Refunded => with(60, 60, 40, Some(ClosingReason::Expired)),
        State::Declined => {
            Sums { closing_reason: Some(ClosingReason::Declined), ..sums_in(State::AwaitingCustomer) }
        }
        State::Voided => with(0, 0, 100, Some(ClosingReason::Voided)),
        State::Expired => with(0, 0, 100, Some(ClosingReason::Expired)),
        State::Reversed => with(60, 60, 40, Some(ClosingReason::Reversed)),
    }
}

/// All that a verb may want, while everything is in time; time itself when it is over.
fn wanted(verb: Verb) -> Wanted {
    match verb {
        Verb::Expire => Wanted::all(LATER),
        Verb::Refund => Wanted { amount_minor: Some(10), ..Wanted::all(NOW) },
        Verb::Confirm | Verb::Decline | Verb::Capture | Verb::Void | Verb::Reverse => Wanted::all(NOW),
    }
}

#[test]
fn every_verb_does_in_every_state_what_the_table_says() {
    use Refusal::{HoldOver, OrderReversed, PaymentAwaiting, PaymentNotAwaiting, RefundTooMuch};
    use State::{
        Authorized, AwaitingCustomer, Captured, Declined, Expired, PartlyCaptured, PartlyRefunded, Refunded,
        Reversed, Voided,
    };
    let (asked, answered, over, much) =
        (Err(PaymentAwaiting), Err(PaymentNotAwaiting), Err(HoldOver), Err(RefundTooMuch));
    let (reversed, gone) = (Ok(Reversed), Err(OrderReversed));
    // confirm, decline, capture, void, refund, reverse, expire: the state after it, or why not.
    let expected = [
        (AwaitingCustomer, [Ok(Captured), Ok(Declined), asked, Ok(Voided), asked, reversed, Ok(Expired)]),
        (Authorized, [answered, answered, Ok(Captured), Ok(Voided), much, reversed, Ok(Expired)]),
        (
            PartlyCaptured,
            [
                answered,
                answered,
                Ok(PartlyRefunded),
                Ok(PartlyRefunded),
                Ok(PartlyCaptured),
                reversed,
                Ok(PartlyRefunded),
            ],
        ),
        (Captured, [answered, answered, over, over, Ok(PartlyRefunded), reversed, over]),
        (PartlyRefunded, [answered, answered, over, over, Ok(PartlyRefunded), reversed, over]),
        (Refunded, [answered, answered, over, over, much, reversed, over]),
        (Declined, [answered, answered, over, over, much, reversed, over]),
        (Voided, [answered, answered, over, over, much, reversed, over]),
        (Expired, [answered, answered, over, over, much, reversed, over]),
        (Reversed, [answered, answered, gone, gone, gone, gone, over]),
    ];
    assert_eq!(expected.map(|(state, _)| state), STATES);
    for (state, row) in expected {
        let sums = sums_in(state);
        assert_eq!(sums.state(), state);
        for (verb, expected) in VERBS.into_iter().zip(row) {
            let came_to = sums.step(verb, &wanted(verb)).map(|moved| moved.after.state());
            assert_eq!(came_to, expected, "{verb:?} of {state:?}");
        }
    }
}

#[test]
fn what_is_late_is_neither_confirmed_nor_captured_and_nothing_expires_early() {
    let asked = sums_in(State::AwaitingCustomer);
    let held = sums_in(State::Authorized);
    let just = |at: Timestamp| Wanted::all(at.plus_us(-1));
    assert!(asked.step(Verb::Confirm, &just(LATER)).is_ok());
    assert_eq!(asked.step(Verb::Confirm, &Wanted::all(LATER)), Err(Refusal::PaymentNotAwaiting));
    assert!(held.step(Verb::Capture, &just(LATER)).is_ok());
    assert_eq!(held.step(Verb::Capture, &Wanted::all(LATER)), Err(Refusal::HoldOver));
    for sums in [asked, held] {
        assert_eq!(sums.step(Verb::Expire, &just(LATER)), Err(Refusal::PaymentAwaiting));
        assert!(sums.step(Verb::Expire, &Wanted::all(LATER)).is_ok());
        // What only takes away may be late.
        assert!(sums.step(Verb::Void, &Wanted::all(LATER)).is_ok());
    }
    assert!(asked.step(Verb::Decline, &Wanted::all(LATER)).is_ok());
}

#[test]
fn a_hold_is_captured_in_parts_and_the_last_part_releases_the_rest() {
    let part = |amount, is_final| Wanted { amount_minor: Some(amount), is_final, now: NOW };
    let held = sums_in(State::Authorized);
    assert_eq!(held.step(Verb::Capture, &part(101, true)), Err(Refusal::CaptureTooMuch));
    let first = held.step(Verb::Capture, &part(30, false)).expect("a part");
    assert_eq!((first.captured_minor, first.released_minor, first.after.held_minor()), (30, 0, 70));
    assert_eq!(first.after.due_at(), Some(LATER), "the rest is still held until then");
    let second = first.after.step(Verb::Capture, &part(50, true)).expect("the last part");
    assert_eq!((second.captured_minor, second.released_minor), (50, 20));
    assert_eq!((second.after.state(), second.after.due_at()), (State::Captured, None));
}

#[test]
fn a_confirmed_hold_is_held_and_a_confirmed_sale_is_captured() {
    let asked = |intent| Sums::awaiting(100, intent, LATER).step(Verb::Confirm, &Wanted::all(NOW));
    let sale = asked(Intent::Sale).expect("a yes");
    assert_eq!((sale.authorised_minor, sale.captured_minor), (100, 100));
    let hold = asked(Intent::Hold { until: LATER }).expect("a yes");
    assert_eq!((hold.authorised_minor, hold.captured_minor, hold.after.held_minor()), (100, 0, 100));
}

proptest! {
    /// However a hold is captured, refunded and released, its parts are the whole, and each lot gets
    /// back what was taken from it.
    #[test]
    fn the_parts_of_a_payment_are_the_whole(
        lots in prop::collection::vec(1_i64..60, 1..5),
        steps in prop::collection::vec((0_usize..7, 1_i64..80, any::<bool>()), 0..8),
    ) {
        let legs: Vec<Leg> = lots
            .iter()
            .zip(0..)
            .map(|(amount, number)| Leg { lot_id: LotId([number; 16]), amount_minor: *amount })
            .collect();
        let total: i64 = lots.iter().sum();
        let mut sums = Sums::authorised(total, Intent::Hold { until: LATER }, NOW).after;
        let mut back: Vec<i64> = vec![0; lots.len()];
        for (verb, amount, is_final) in steps {
            let wanted = Wanted { amount_minor: Some(amount), is_final, now: NOW };
            let Ok(moved) = sums.step(VERBS[verb], &wanted) else { continue };
            let released = released_legs(&legs, &sums, &moved);
            for leg in released.into_iter().chain(refunded_legs(&legs, &sums, &moved)) {
                back[usize::from(leg.lot_id.0[0])] += leg.amount_minor;
            }
            sums = moved.after;
            let gone = sums.captured_minor - sums.refunded_minor + sums.held_minor();
            prop_assert_eq!(back.iter().sum::<i64>() + gone, total);
            let fits = back.iter().zip(&lots).all(|(back, taken)| back <= taken);
            prop_assert!(fits, "{:?} of {:?}", back, lots);
        }
    }
}

/// The table as Markdown.
fn markdown() -> String {
    let cell = |state, verb| match rule(state, verb) {
        Rule::Authorises => "holds or captures".to_owned(),
        Rule::Captures => "captures".to_owned(),
        Rule::Releases(ClosingReason::Declined) => "ends it".to_owned(),
        Rule::Releases(_) => "releases".to_owned(),
        Rule::ReleasesWhenDue => "releases, when due".to_owned(),
        Rule::Refunds => "gives back".to_owned(),
        Rule::Undoes => "undoes".to_owned(),
        Rule::Refuses(refusal) => format!("`{refusal:?}`"),
    };
    let head =
        format!("| |{}\n|---|{}\n", VERBS.map(|verb| format!(" {verb:?} |")).concat(), "---|".repeat(7));
    let line = |state| {
        let cells = VERBS.map(|verb| format!(" {} |", cell(state, verb))).concat();
        format!("| **{state:?}** |{cells}\n")
    };
    head + &STATES.map(line).concat()
}

#[test]
fn the_documentation_shows_the_table() {
    let page = include_str!("../../../docs/payments.md");
    let table = markdown();
    assert!(page.contains(&table), "docs/payments.md must contain:\n{table}");
}
