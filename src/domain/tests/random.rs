//! Random stories: who does what in which order, told to `decide` in memory, with the invariants
//! looked at after every step. The stores are told the same stories.

use std::collections::HashMap;

use proptest::prelude::*;

use super::fixture::{Attempt, Ledger, NOW, STEP, entry, key_id};
use crate::domain::command::{Command, DeviceAction, Order};
use crate::domain::decide::Decision;
use crate::domain::id::{AccountId, KeyId, LedgerAccountId, RequestId, TopUpId};
use crate::domain::outcome::Outcome;
use crate::domain::rows::{Account, KeyState, SigningKey, TopUp};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};

const DEVICES: [&str; 3] = ["alice", "alice-tablet", "bob"];
const CUSTOMERS: [&str; 2] = ["alice", "bob"];
const SHOPS: [&str; 2] = ["bakery", "mill"];

#[derive(Clone, Copy, Debug)]
pub(crate) enum Code {
    Absent,
    Right,
    Wrong,
    /// The step before the last accepted one.
    Used,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    Pay { shop: usize, amount_minor: i64 },
    TopUp { amount_minor: i64 },
    Verify,
    Freeze,
    Unfreeze,
    Revoke { target: usize },
    Link,
    Unlink,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Repetition {
    Identical,
    Resigned,
    OtherBody,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    Call { device: usize, call: Call, code: Code },
    Settle { which: usize, succeeded: bool },
    Await { which: usize, requires_action: bool, late: bool },
    TakeBack { which: usize, charged_back: bool },
    Repeat { which: usize, how: Repetition },
    Wait { span_us: i64 },
}

fn code() -> impl Strategy<Value = Code> {
    prop_oneof![
        4 => Just(Code::Absent),
        6 => Just(Code::Right),
        2 => Just(Code::Wrong),
        1 => Just(Code::Used),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![1_i64..50, 100_i64..12_000, 9_990_i64..10_010, 20_000_i64..110_000]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        12 => (0..2_usize, amount()).prop_map(|(shop, amount_minor)| Call::Pay { shop, amount_minor }),
        5 => amount().prop_map(|amount_minor| Call::TopUp { amount_minor }),
        3 => Just(Call::Verify),
        1 => Just(Call::Freeze),
        2 => Just(Call::Unfreeze),
        1 => (0..3_usize).prop_map(|target| Call::Revoke { target }),
        1 => Just(Call::Link),
        1 => Just(Call::Unlink),
    ]
}

fn one() -> impl Strategy<Value = Move> {
    let how =
        prop_oneof![Just(Repetition::Identical), Just(Repetition::Resigned), Just(Repetition::OtherBody)];
    let span_us = prop_oneof![
        4 => Just(30 * SECOND_US),
        2 => Just(5 * MINUTE_US + 1),
        1 => Just(16 * MINUTE_US),
        1 => Just(7 * HOUR_US),
        1 => Just(2 * DAY_US),
    ];
    prop_oneof![
        10 => (0..3_usize, call(), code()).prop_map(|(device, call, code)| Move::Call { device, call, code }),
        3 => (any::<usize>(), prop::bool::weighted(0.8))
            .prop_map(|(which, succeeded)| Move::Settle { which, succeeded }),
        1 => (any::<usize>(), any::<bool>(), any::<bool>())
            .prop_map(|(which, requires_action, late)| Move::Await { which, requires_action, late }),
        1 => (any::<usize>(), any::<bool>())
            .prop_map(|(which, charged_back)| Move::TakeBack { which, charged_back }),
        3 => (any::<usize>(), how).prop_map(|(which, how)| Move::Repeat { which, how }),
        4 => span_us.prop_map(|span_us| Move::Wait { span_us }),
    ]
}

pub(crate) fn moves(most: usize) -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec(one(), 1..=most)
}

/// A story that was told.
pub(crate) struct Story {
    pub start: Ledger,
    /// When, what, and what it came to.
    pub steps: Vec<(Timestamp, Command, Decision)>,
    pub end: Ledger,
}

/// What must stay so from step to step.
#[derive(Default)]
struct Watch {
    outcomes: HashMap<(RequestId, KeyId), Outcome>,
    paid: Vec<(Timestamp, AccountId, i64)>,
    /// Balances by the journal alone.
    replayed: HashMap<LedgerAccountId, i64>,
}

/// Tells the story in memory.
pub(crate) fn tell(moves: &[Move]) -> Story {
    let start = Ledger::parse("alice 60000 jpy fresh card tablet | bob 20000 jpy young card | bakery | mill");
    let mut ledger = start.clone();
    let mut watch = Watch::default();
    for account in accounts(&start) {
        watch.replayed.insert(account.ledger_account_id, account.available_minor());
    }
    for (id, (debits_minor, credits_minor)) in &start.credits {
        watch.replayed.insert(*id, credits_minor - debits_minor);
    }
    let (mut steps, mut attempts, mut top_ups) = (Vec::new(), Vec::<Attempt>::new(), Vec::new());
    for one in moves {
        let Some(attempt) = attempt(&mut ledger, *one, &attempts, &top_ups) else { continue };
        let before = accounts(&ledger);
        let keys = keys(&ledger);
        let decision = ledger.act(&attempt);
        if let (Decision::Commit { .. }, Move::Call { call: Call::TopUp { .. }, .. }) = (&decision, one) {
            top_ups.push(super::settlement::top_up_id(&attempt));
        }
        watch.look(&ledger, &attempt.command, &decision, &before, &keys);
        steps.push((ledger.now(), attempt.command.clone(), decision));
        attempts.push(attempt);
    }
    Story { start, steps, end: ledger }
}

fn accounts(ledger: &Ledger) -> Vec<Account> {
    CUSTOMERS.iter().map(|name| ledger.account_of(name).clone()).collect()
}

fn keys(ledger: &Ledger) -> Vec<SigningKey> {
    DEVICES.iter().map(|name| ledger.get::<SigningKey>((key_id(name),)).clone()).collect()
}

fn attempt(ledger: &mut Ledger, one: Move, attempts: &[Attempt], top_ups: &[TopUpId]) -> Option<Attempt> {
    match one {
        Move::Call { device, call, code } => {
            let device = DEVICES[device];
            let attempt = match call {
                Call::Pay { shop, amount_minor } => {
                    ledger.pay(&format!("{device} → {} {amount_minor}", SHOPS[shop]))
                }
                Call::TopUp { amount_minor } => ledger.top_up(device, amount_minor),
                Call::Verify => ledger.order(device, DeviceAction::VerifySecondFactor),
                Call::Freeze => ledger.order(device, DeviceAction::Freeze),
                Call::Unfreeze => ledger.order(device, DeviceAction::Unfreeze),
                Call::Revoke { target } => ledger.revoke(device, DEVICES[target]),
                Call::Link => ledger.link(device, 2),
                Call::Unlink => ledger.unlink(device),
            };
            let step = STEP + (ledger.now().0 - NOW.0) / (30 * SECOND_US);
            Some(match code {
                Code::Absent => attempt,
                Code::Right => attempt.code(step),
                Code::Wrong => attempt.wrong_code(),
                Code::Used => attempt.code(step - 11),
            })
        }
        Move::Settle { which, succeeded } => {
            let at = which.checked_rem(top_ups.len())?;
            Some(ledger.settle(top_ups[at], succeeded))
        }
        Move::Await { which, requires_action, late } => {
            let id = top_ups[which.checked_rem(top_ups.len())?];
            let turn = ledger.get::<TopUp>((id,)).turn - i64::from(late);
            Some(ledger.await_top_up(id, turn, requires_action))
        }
        Move::TakeBack { which, charged_back } => {
            let at = which.checked_rem(top_ups.len())?;
            Some(ledger.take_back(top_ups[at], charged_back))
        }
        Move::Repeat { which, how } => {
            let number = ledger.number();
            let attempt = attempts[which.checked_rem(attempts.len())?].clone().executed_again(number);
            Some(match how {
                Repetition::Identical => attempt,
                Repetition::Resigned => attempt.resigned(number),
                Repetition::OtherBody => attempt.other_body(number),
            })
        }
        Move::Wait { span_us } => {
            ledger.pass(span_us);
            None
        }
    }
}

impl Watch {
    fn look(
        &mut self,
        ledger: &Ledger,
        command: &Command,
        decision: &Decision,
        before: &[Account],
        keys_before: &[SigningKey],
    ) {
        let signed = command.signed().expect("a story has no chores");
        let id = (signed.request_id, signed.key_id);
        if let Some(entry) = entry(decision) {
            assert_eq!(self.outcomes.insert(id, entry.outcome.clone()), None, "a second effect");
            for transfer in &entry.postings.0 {
                *self.replayed.entry(transfer.debit).or_default() -= transfer.amount.minor();
                *self.replayed.entry(transfer.credit).or_default() += transfer.amount.minor();
            }
        }
        if let Decision::Repeat(outcome) = decision {
            assert_eq!(self.outcomes.get(&id), Some(outcome), "another answer");
        }
        self.payment(ledger, command, decision);
        let after = accounts(ledger);
        for (before, after) in before.iter().zip(&after) {
            only_forwards(before, after, entry(decision).is_some());
        }
        for (before, after) in keys_before.iter().zip(&keys(ledger)) {
            assert!(after.version >= before.version);
            assert!(before.state == KeyState::Active || after.state == KeyState::Revoked);
        }
        self.money(ledger, &after);
    }

    /// A payment was fresh or had its code, and is counted.
    fn payment(&mut self, ledger: &Ledger, command: &Command, decision: &Decision) {
        let Some(Outcome::Paid { amount_minor, at, .. }) = entry(decision).map(|entry| &entry.outcome) else {
            return;
        };
        let Order::Device(call, _) = &command.order else { panic!("only devices pay") };
        self.paid.push((*at, call.account_id, *amount_minor));
        let device = ledger.get::<crate::domain::rows::Device>((call.device_id,));
        let code_at = device.last_code_at.expect("a code was accepted before any payment");
        assert!(at.since_us(code_at) <= 5 * MINUTE_US, "neither fresh nor with a code");
        assert!(*amount_minor < 10_000 || code_at == *at, "a large amount without its code");
        let account = ledger.get::<Account>((call.account_id,));
        assert_eq!((account.frozen_at, account.halted_at), (None, None), "out of a frozen account");
    }

    fn money(&self, ledger: &Ledger, accounts: &[Account]) {
        let mut sum_minor = 0;
        for account in accounts {
            let balance_minor = account.credits_posted_minor - account.debits_posted_minor;
            sum_minor += balance_minor;
            assert_eq!(balance_minor, self.replayed[&account.ledger_account_id], "by the journal");
            assert!(account.available_minor() >= 0, "below zero");
            assert!(account.debt_minor >= 0, "nobody is owed by this");
            let owes = account.debt_minor > 0;
            assert!(!owes || account.available_minor() == 0, "who owes has nothing to spend");
            assert_eq!(
                account.lots.total_minor(),
                account.available_minor() + account.debits_pending_minor,
                "lots"
            );
            self.spending(ledger.now(), account);
        }
        for (id, (debits_minor, credits_minor)) in &ledger.credits {
            sum_minor += credits_minor - debits_minor;
            assert_eq!(credits_minor - debits_minor, self.replayed[id], "by the journal");
        }
        assert_eq!(sum_minor, 0, "the sum of everything");
    }

    fn spending(&self, now: Timestamp, account: &Account) {
        let within = |span_us: i64| -> i64 {
            let own = self.paid.iter().filter(|(_, id, _)| *id == account.account_id);
            own.filter(|(at, ..)| now.since_us(*at) < span_us).map(|(.., minor)| minor).sum()
        };
        assert!(account.spending.last_day(now).amount_minor >= within(DAY_US));
        assert!(account.spending.last_month(now).amount_minor >= within(30 * DAY_US));
        assert!(within(DAY_US) <= 200_000, "more than a day allows");
        assert!(account.available_minor() + account.incoming_minor <= 300_000, "more than it may hold");
    }
}

/// Epochs, versions, steps, counters and times never go backwards.
fn only_forwards(before: &Account, after: &Account, journalled: bool) {
    assert!(after.epoch >= before.epoch);
    assert!(after.totp_last_step >= before.totp_last_step);
    assert!(after.last_at >= before.last_at);
    assert!(after.document_version >= before.document_version);
    assert!(after.spent_total_minor >= before.spent_total_minor);
    assert!(after.payments_total >= before.payments_total);
    assert!(after.code_blocked_until >= before.code_blocked_until);
    let day = (before.code_failures_day, before.code_failures_today);
    assert!((after.code_failures_day, after.code_failures_today) >= day);
    assert!(after.code_failures_ever >= before.code_failures_ever);
    let steps = after.version - before.version;
    assert!(steps == 0 || (steps == 1 && journalled), "a version moved by {steps}");
}
