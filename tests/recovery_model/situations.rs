//! Small situations in which the rules come to bear, one after the other: the mutants are looked for in them.

use saifu::domain::recovery::factor::{Channel, Kind};
use saifu::domain::time::{DAY_US, HOUR_US};

use crate::scenario::{Action, Habit, How, Power, SETTLED, Scenario, Setup, Stops};
use crate::world::{Hand, Kinds};

const EDGES: Stops =
    Stops { code: false, again: false, asked: false, day: false, locks: false, at_us: None, edges: true };

/// The owner alone, with these factors.
pub fn recovering(name: &'static str, kinds: &[Kind]) -> Scenario {
    Scenario {
        habit: Habit::Recovering,
        owner_kinds: Kinds::of(kinds),
        in_person: kinds.contains(&Kind::Proofing),
        attacker_cases: 0,
        owner_cases: 1,
        answers: true,
        ..Scenario::of(name, &[])
    }
}

/// A case of the attacker's, with these proved, and the notices accepted.
fn cooling(slot: usize, kinds: &[Kind]) -> Vec<Action> {
    let mut events = proven(slot, Hand::Attacker, kinds);
    events.push(Action::Deliver(slot));
    events
}

fn proven(slot: usize, hand: Hand, kinds: &[Kind]) -> Vec<Action> {
    let mut events = vec![Action::Begin(hand, false)];
    events.extend(kinds.iter().map(|kind| Action::Prove(slot, *kind, How::Right)));
    events
}

fn ready(slot: usize, kinds: &[Kind]) -> Vec<Action> {
    let mut events = cooling(slot, kinds);
    for _ in 0..3 {
        events.extend([Action::Wait, Action::Tick(slot)]);
    }
    events
}

/// What a candidate may do at any time.
fn asides(action: Action) -> bool {
    matches!(action, Action::Freeze(_) | Action::ReportLost(_))
}

/// What ends a case.
fn cancels(action: Action) -> bool {
    matches!(
        action,
        Action::DeviceCancels(..) | Action::Ask(..) | Action::Confirm(..) | Action::OperatorCancels(_)
    )
}

/// These events, and then the owner is seen in person, in a case of his own.
fn taken_over(mut events: Vec<Action>) -> Vec<Action> {
    events.extend([Action::Begin(Hand::Owner, true), Action::Proofed(1, true)]);
    events
}

const TWO: [Kind; 2] = [Kind::SavedCode, Kind::Passphrase];
const STOLEN: [Power; 2] = [Power::SavedCode, Power::Passphrase];

/// All, the smallest first.
pub fn all() -> Vec<Scenario> {
    [alone(), proofs(), standing(), again(), contending(), taking_over(), cancelling(), late(), rare()]
        .concat()
}

fn alone() -> Vec<Scenario> {
    vec![
        recovering("the owner: authenticator and mail", &[Kind::Totp, Kind::EmailCode]),
        recovering("the owner: saved code and passphrase", &TWO),
        recovering("the owner: in person", &[Kind::Proofing]),
        Scenario {
            floods: 1,
            wrongs: 3,
            stops: Stops { day: true, ..EDGES },
            attacker_cases: 1,
            ..Scenario::of("guesses, after a flood", &[])
        },
        Scenario { wrongs: 6, attacker_cases: 2, ..Scenario::of("guesses in two cases", &[]) },
    ]
}

fn proofs() -> Vec<Scenario> {
    let young = Setup {
        phone_age_us: Some(71 * HOUR_US),
        authenticator_age_us: 29 * DAY_US,
        saved_age_us: 71 * HOUR_US,
        ..SETTLED
    };
    vec![
        Scenario {
            setup: young,
            stops: EDGES,
            ..Scenario::of(
                "factors too young",
                &[Power::Authenticator, Power::SavedCode, Power::SimSwap, Power::Passphrase],
            )
        },
        Scenario {
            setup: Setup { phone_age_us: Some(366 * DAY_US), ..SETTLED },
            horizon_us: HOUR_US,
            ..Scenario::of("a number of long ago", &[Power::SimSwap, Power::Passphrase])
        },
        Scenario {
            replays: true,
            stops: Stops { code: true, ..EDGES },
            horizon_us: HOUR_US,
            ..Scenario::of("codes again and again", &[Power::Mailbox, Power::SimSwap, Power::NetworkReplay])
        },
        Scenario {
            stops: Stops { locks: true, ..Stops::default() },
            attacker_cases: 2,
            ..Scenario::of("freezes by mail", &[Power::Mailbox])
        },
        Scenario {
            wrongs: 6,
            attacker_cases: 1,
            horizon_us: HOUR_US,
            ..Scenario::of("guesses with the saved code", &[Power::SavedCode])
        },
    ]
}

fn standing() -> Vec<Scenario> {
    vec![
        Scenario { stops: EDGES, prefix: cooling(0, &TWO), ..Scenario::of("a case that cools", &STOLEN) },
        Scenario {
            stops: Stops { again: true, ..EDGES },
            others: true,
            replays: true,
            prefix: ready(0, &[Kind::Totp, Kind::Passphrase]),
            horizon_us: 30 * HOUR_US,
            leaves_out: asides,
            ..Scenario::of(
                "a case that is ready",
                &[Power::SavedCode, Power::Passphrase, Power::Authenticator, Power::NetworkReplay],
            )
        },
        Scenario {
            answers: true,
            prefix: proven(0, Hand::Attacker, &TWO),
            ..Scenario::of("notices that are answered", &STOLEN)
        },
        Scenario {
            stops: Stops { asked: true, ..EDGES },
            scanner: true,
            prefix: proven(0, Hand::Attacker, &TWO),
            horizon_us: HOUR_US,
            leaves_out: asides,
            ..Scenario::of("a notice's secret, and a scanner", &STOLEN)
        },
        Scenario { lost: true, prefix: cooling(0, &TWO), ..Scenario::of("a lost device", &STOLEN) },
        Scenario {
            late: true,
            answers: true,
            prefix: proven(0, Hand::Attacker, &TWO),
            leaves_out: asides,
            ..Scenario::of("late timers", &STOLEN)
        },
    ]
}

fn again() -> Vec<Scenario> {
    vec![
        Scenario {
            wrongs: 6,
            stops: EDGES,
            prefix: ready(0, &TWO),
            horizon_us: 2 * DAY_US,
            leaves_out: asides,
            ..Scenario::of("guesses at a case that is ready", &STOLEN)
        },
        Scenario {
            replays: true,
            others: true,
            stops: Stops { code: true, ..EDGES },
            prefix: [
                vec![
                    Action::Begin(Hand::Attacker, false),
                    Action::Prove(0, Kind::Totp, How::Right),
                    Action::Send(0, Channel::Email),
                    Action::Prove(0, Kind::EmailCode, How::Right),
                    Action::Deliver(0),
                ],
                vec![Action::Wait],
            ]
            .concat(),
            horizon_us: 2 * DAY_US,
            ..Scenario::of(
                "codes again, of a case that cools",
                &[Power::Authenticator, Power::Mailbox, Power::NetworkReplay],
            )
        },
        Scenario {
            setup: Setup { cancelled_us_ago: Some(10 * DAY_US), ..SETTLED },
            scanner: true,
            stops: Stops { asked: true, ..EDGES },
            prefix: proven(0, Hand::Attacker, &TWO),
            horizon_us: HOUR_US,
            leaves_out: asides,
            ..Scenario::of(
                "cancelled ten days ago",
                &[Power::SavedCode, Power::Passphrase, Power::OneOperator],
            )
        },
    ]
}

fn contending() -> Vec<Scenario> {
    vec![
        Scenario {
            attacker_cases: 2,
            horizon_us: HOUR_US,
            leaves_out: asides,
            ..Scenario::of(
                "two cases of one attacker",
                &[Power::SavedCode, Power::Passphrase, Power::Authenticator],
            )
        },
        Scenario {
            owner_cases: 1,
            owner_kinds: Kinds::default(),
            in_person: true,
            prefix: [proven(0, Hand::Attacker, &TWO), proven(1, Hand::Owner, &[])].concat(),
            leaves_out: |action| asides(action) || cancels(action),
            ..Scenario::of("the owner in person against a case that stands", &STOLEN)
        },
        Scenario {
            setup: Setup { cancelled_us_ago: Some(10 * DAY_US), ..SETTLED },
            owner_cases: 1,
            in_person: true,
            owner_kinds: Kinds::default(),
            prefix: taken_over(proven(0, Hand::Attacker, &TWO)),
            horizon_us: HOUR_US,
            ..Scenario::of(
                "a case that another one took over from",
                &[Power::SavedCode, Power::Passphrase, Power::OneOperator],
            )
        },
        Scenario {
            owner_cases: 1,
            in_person: true,
            owner_kinds: Kinds::default(),
            prefix: taken_over(proven(0, Hand::Attacker, &TWO)),
            horizon_us: HOUR_US,
            ..Scenario::of(
                "a case that another one took over from, and no other before",
                &[Power::SavedCode, Power::Passphrase, Power::OneOperator],
            )
        },
    ]
}

fn taking_over() -> Vec<Scenario> {
    vec![
        Scenario {
            answers: true,
            attacker_cases: 0,
            owner_cases: 1,
            in_person: true,
            prefix: [
                vec![Action::Begin(Hand::Owner, true)],
                TWO.map(|kind| Action::Prove(0, kind, How::Right)).to_vec(),
                vec![
                    Action::Answer(0, Channel::Email, true),
                    Action::Answer(0, Channel::Sms, false),
                    Action::Answer(0, Channel::Push, true),
                ],
            ]
            .concat(),
            leaves_out: |action| asides(action) || cancels(action),
            ..Scenario::of("seen in person while his own case cools", &[])
        },
        Scenario {
            owner_cases: 1,
            in_person: true,
            lost: true,
            owner_kinds: Kinds::default(),
            prefix: taken_over(proven(0, Hand::Attacker, &TWO)),
            horizon_us: HOUR_US,
            leaves_out: asides,
            ..Scenario::of("a lost device, and a case that another one took over from", &STOLEN)
        },
        Scenario {
            owner_cases: 1,
            in_person: true,
            owner_kinds: Kinds::default(),
            prefix: taken_over(ready(0, &TWO)),
            horizon_us: 26 * HOUR_US,
            ..Scenario::of("a case that was ready when another one took over", &STOLEN)
        },
        Scenario {
            owner_cases: 1,
            owner_kinds: Kinds::of(&[Kind::Passphrase, Kind::Totp]),
            in_person: true,
            prefix: [
                taken_over(proven(0, Hand::Attacker, &[Kind::SavedCode])),
                vec![Action::Deliver(1), Action::Wait, Action::Tick(0)],
            ]
            .concat(),
            leaves_out: |action| cancels(action) || matches!(action, Action::Freeze(_)),
            ..Scenario::of("the owner completes, in person", &STOLEN)
        },
    ]
}

fn late() -> Vec<Scenario> {
    let all = [Power::SavedCode, Power::Passphrase, Power::Mailbox];
    vec![
        Scenario { late: true, horizon_us: HOUR_US, ..Scenario::of("late timers, from the beginning", &all) },
        Scenario {
            late: true,
            prefix: proven(0, Hand::Attacker, &TWO),
            leaves_out: |action| cancels(action) || matches!(action, Action::Prove(..)),
            horizon_us: 73 * HOUR_US,
            ..Scenario::of("late timers, while notices are out", &STOLEN)
        },
        Scenario {
            late: true,
            stops: EDGES,
            prefix: [cooling(0, &TWO), vec![Action::Wait, Action::Wait]].concat(),
            leaves_out: |action| asides(action) || cancels(action),
            horizon_us: 97 * HOUR_US,
            ..Scenario::of("late timers, at the end", &STOLEN)
        },
        Scenario {
            late: true,
            in_person: true,
            attacker_cases: 0,
            owner_cases: 1,
            restores: 1,
            owner_kinds: Kinds::default(),
            leaves_out: cancels,
            horizon_us: 2 * DAY_US,
            ..Scenario::of("late timers, in person, and a restored backup", &[])
        },
    ]
}

fn cancelling() -> Vec<Scenario> {
    let asked = [proven(0, Hand::Attacker, &TWO), vec![Action::Ask(0, Hand::Owner)]].concat();
    let operator = [Power::SavedCode, Power::Passphrase, Power::OneOperator];
    let before = Setup { cancelled_us_ago: Some(10 * DAY_US), ..SETTLED };
    vec![
        Scenario {
            lost: true,
            horizon_us: HOUR_US,
            ..Scenario::of("a lost device, and nothing proved", &STOLEN)
        },
        Scenario { horizon_us: HOUR_US, leaves_out: asides, ..Scenario::of("an operator", &operator) },
        Scenario {
            in_person: true,
            owner_cases: 1,
            owner_kinds: Kinds::default(),
            prefix: taken_over(asked.clone()),
            horizon_us: HOUR_US,
            ..Scenario::of("asked to cancel before another one took over", &STOLEN)
        },
        Scenario {
            setup: before,
            in_person: true,
            owner_cases: 1,
            owner_kinds: Kinds::default(),
            prefix: taken_over(asked),
            horizon_us: HOUR_US,
            ..Scenario::of("asked to cancel again before another one took over", &STOLEN)
        },
        Scenario {
            lost: true,
            attacker_cases: 2,
            prefix: [
                proven(0, Hand::Attacker, &TWO),
                vec![Action::DeviceCancels(0, Hand::Owner), Action::Wait, Action::Tick(0)],
            ]
            .concat(),
            leaves_out: |action| asides(action) || cancels(action),
            horizon_us: 73 * HOUR_US,
            ..Scenario::of(
                "after a contest that nobody resolved",
                &[Power::SavedCode, Power::Passphrase, Power::Authenticator],
            )
        },
        Scenario {
            attacker_cases: 2,
            owner_cases: 1,
            in_person: true,
            owner_kinds: Kinds::default(),
            prefix: [
                proven(0, Hand::Attacker, &TWO),
                proven(1, Hand::Attacker, &[Kind::Totp, Kind::Passphrase]),
                vec![Action::Begin(Hand::Owner, true)],
            ]
            .concat(),
            leaves_out: |action| asides(action) || cancels(action),
            horizon_us: HOUR_US,
            ..Scenario::of(
                "the owner in person resolves a contest",
                &[Power::SavedCode, Power::Passphrase, Power::Authenticator],
            )
        },
    ]
}

fn rare() -> Vec<Scenario> {
    vec![
        Scenario {
            replaces: &[Kind::Passphrase],
            replaced: 1,
            prefix: proven(0, Hand::Attacker, &TWO),
            ..Scenario::of("the owner replaces a factor", &STOLEN)
        },
        Scenario {
            replaces: &[Kind::SavedCode],
            replaced: 1,
            leaks: true,
            attacker_cases: 2,
            stops: Stops { at_us: Some(73 * HOUR_US), ..Stops::default() },
            prefix: [
                proven(0, Hand::Attacker, &TWO),
                vec![Action::Replace(Kind::SavedCode), Action::Deliver(0)],
                [Action::Wait, Action::Tick(0)].repeat(3),
                vec![Action::Wait],
            ]
            .concat(),
            leaves_out: |action| asides(action) || cancels(action),
            horizon_us: 74 * HOUR_US,
            ..Scenario::of("the owner replaces his saved code, and loses it again", &STOLEN)
        },
        Scenario {
            attacker_cases: 2,
            prefix: [
                ready(0, &[Kind::Totp, Kind::Passphrase]),
                proven(1, Hand::Attacker, &[Kind::Passphrase]),
                vec![Action::DeviceCancels(1, Hand::Owner)],
            ]
            .concat(),
            leaves_out: |action| asides(action) || cancels(action),
            horizon_us: 26 * HOUR_US,
            ..Scenario::of(
                "a factor turns suspect while a case is ready",
                &[Power::Authenticator, Power::Passphrase],
            )
        },
        Scenario {
            restores: 1,
            attacker_cases: 1,
            prefix: proven(0, Hand::Attacker, &[Kind::Passphrase]),
            ..Scenario::of("a restored backup", &STOLEN)
        },
    ]
}
