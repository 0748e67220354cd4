//! The model: a scenario over a table of rules, and `saifu::domain::recovery::step` as it stands.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use saifu::domain::id::OperatorId;
use saifu::domain::outcome::Refusal;
use saifu::domain::policy::Policy;
use saifu::domain::recovery::factor::{Channel, Channels, Kind};
use saifu::domain::recovery::table::Table;
use saifu::domain::recovery::{self, CaseState, Effect, Input, Owner, Situation};
use saifu::domain::rows::{RecoveryCase, RecoveryTarget};
use stateright::{Checker, Model, Property};

use crate::choose;
use crate::money;
use crate::rows;
use crate::scenario::{Action, How, Scenario};
use crate::watch::{self, Rule, Step};
use crate::world::{Hand, State};

/// The worst that any path of a run came to.
#[derive(Debug)]
pub struct Worst {
    pub lost_minor: AtomicI64,
    /// The shortest time between the beginning of a delay and the attacker's completion.
    pub chance_us: AtomicI64,
    /// The first state in which something was broken. A checker keeps the last one that it finds in a while;
    /// so that it is the shortest way, there is no other.
    first_broken: OnceLock<State>,
}

/// A scenario, and the rules it is played by.
#[derive(Clone, Debug)]
pub struct Recovery {
    pub scenario: Scenario,
    pub table: Arc<Table>,
    pub policy: Arc<Policy>,
    pub worst: Arc<Worst>,
}

impl Recovery {
    pub fn new(scenario: Scenario, table: &Arc<Table>) -> Self {
        let worst = Worst {
            lost_minor: AtomicI64::new(0),
            chance_us: AtomicI64::new(i64::MAX),
            first_broken: OnceLock::new(),
        };
        Self {
            scenario,
            table: Arc::clone(table),
            policy: Arc::new(Policy::standard()),
            worst: Arc::new(worst),
        }
    }

    fn channels(&self) -> Channels {
        let channels = Channels::of([Channel::Email, Channel::Push]);
        if self.scenario.setup.phone_age_us.is_some() { channels.with(Channel::Sms) } else { channels }
    }

    /// One production step, and its judgement. Whether it was taken.
    fn feed(&self, state: &mut State, slot: usize, input: &Input) -> bool {
        let before = state.clone();
        let result = self.step(
            Some(&mut state.owner),
            &mut state.target,
            &mut state.cases[slot].row,
            before.now,
            input,
        );
        let effects = result.as_ref().map_or(&[][..], Vec::as_slice);
        let step = Step { before: &before, slot, input, effects, channels: self.channels() };
        match &result {
            Ok(_) => watch::taken(&step, state),
            Err(_) => watch::refused(&step, state),
        }
        self.as_for_a_shadow(&before, state, slot, input, &result);
        if result.is_ok() {
            self.as_when_repeated(state, slot, input);
        }
        // No run is so long that an authenticator's guesses are used up: that some were made makes no
        // difference.
        (state.target.totp_guesses, state.target.totp_guesses_proved) = (0, 0);
        result.is_ok()
    }

    fn step(
        &self,
        owner: Option<&mut Owner>,
        target: &mut RecoveryTarget,
        case: &mut RecoveryCase,
        now: saifu::domain::time::Timestamp,
        input: &Input,
    ) -> Result<Vec<Effect>, Refusal> {
        let mut situation = Situation { figures: &self.policy.recovery, now, owner, target, case };
        recovery::step(&self.table, &mut situation, input)
    }

    /// Before anything is proved, the shadow of an account that does not exist is told the same.
    fn as_for_a_shadow(
        &self,
        before: &State,
        after: &mut State,
        slot: usize,
        input: &Input,
        result: &Result<Vec<Effect>, Refusal>,
    ) {
        let of_candidate = matches!(
            input,
            Input::SendCode { .. }
                | Input::Prove { .. }
                | Input::Freeze
                | Input::ReportLost
                | Input::Complete
        );
        let was = &before.cases[slot].row;
        let proved = !after.cases[slot].trail.proved.is_empty();
        if !of_candidate || proved {
            return;
        }
        let (mut target, mut case) = (before.target.clone(), was.clone());
        let mut unknown = *input;
        if let Input::Prove { matched, .. } = &mut unknown {
            *matched = None;
        }
        let shadow = self.step(None, &mut target, &mut case, before.now, &unknown);
        let said = |result: &Result<Vec<Effect>, Refusal>| {
            result.as_ref().map(|effects| effects.contains(&Effect::Wrong)).map_err(|refusal| *refusal)
        };
        let row = &after.cases[slot].row;
        (case.issued_tag, case.issued_channel) = (row.issued_tag, row.issued_channel);
        case.issued_until = row.issued_until;
        let same = said(result) == said(&shadow) && target == after.target && case == *row;
        after.broken.note(Rule::R12, same);
    }

    /// A reply that is lost is asked for again: the second time changes nothing.
    fn as_when_repeated(&self, state: &mut State, slot: usize, input: &Input) {
        if matches!(input, Input::SendCode { .. } | Input::Prove { .. } | Input::Tick) {
            return;
        }
        let (mut owner, mut target) = (state.owner.clone(), state.target.clone());
        let mut case = state.cases[slot].row.clone();
        let again = self.step(Some(&mut owner), &mut target, &mut case, state.now, input);
        let same = owner == state.owner && target == state.target && case == state.cases[slot].row;
        state.broken.note(Rule::R15, again.is_err() || same);
    }

    fn input(&self, state: &State, action: Action) -> Option<(usize, Input)> {
        let channels = self.channels();
        Some(match action {
            Action::Send(slot, channel) => (slot, Input::SendCode { channel, code_tag: [7; 32] }),
            Action::Prove(slot, kind, how) => {
                let matched = match (how, kind) {
                    (How::Right, Kind::Totp) => Some(rows::step_at(state.now)),
                    (How::Used, Kind::Totp) => Some(state.world.last_step),
                    (How::Right, Kind::SavedCode | Kind::Passphrase) => Some(0),
                    (How::Right, Kind::EmailCode | Kind::PhoneCode) => {
                        state.cases[slot].row.issued_tag.map(|_| 0)
                    }
                    (How::Wrong | How::Used, _) | (How::Right, Kind::Proofing) => None,
                };
                (slot, Input::Prove { kind, matched, channels })
            }
            Action::Answer(slot, channel, accepted) => (slot, Input::Notice { channel, accepted }),
            Action::DeviceCancels(slot, _) => (slot, Input::DeviceCancels { lost: state.world.lost }),
            Action::Ask(slot, hand) => (slot, Input::CancelAsked { key_id: rows::key_id(hand) }),
            Action::Confirm(slot, hand) => (slot, Input::CancelConfirmed { key_id: rows::key_id(hand) }),
            Action::OperatorCancels(slot) => (slot, Input::OperatorCancels),
            Action::Proofed(slot, two) => {
                let (proposer, approver) = (OperatorId([1; 16]), OperatorId([if two { 2 } else { 1 }; 16]));
                (slot, Input::Proofed { proposer, approver, channels })
            }
            Action::Freeze(slot) => (slot, Input::Freeze),
            Action::ReportLost(slot) => (slot, Input::ReportLost),
            Action::Complete(slot) => (slot, Input::Complete),
            Action::Tick(slot) => (slot, Input::Tick),
            Action::Begin(..)
            | Action::Deliver(_)
            | Action::AskAndConfirm(..)
            | Action::Wait
            | Action::Replace(_)
            | Action::Restore
            | Action::OwnerFreezes
            | Action::Flood => return None,
        })
    }

    /// What an action comes to; false when nothing changes.
    fn act(&self, state: &mut State, action: Action) -> bool {
        if let Some((slot, input)) = self.input(state, action) {
            if matches!(action, Action::Prove(_, _, How::Wrong)) {
                state.world.wrongs += 1;
            }
            let taken = self.feed(state, slot, &input);
            if taken {
                self.note(state, slot, action);
            }
            return taken;
        }
        match action {
            Action::Begin(hand, with_proofing) => {
                let slot = state.cases.len();
                state.cases.push(rows::case(slot, hand, with_proofing, state.now, state.owner.epoch));
            }
            Action::Deliver(slot) => {
                for channel in Channel::ALL {
                    if self.channels().has(channel) && state.cases[slot].row.state == CaseState::Proven {
                        self.feed(state, slot, &Input::Notice { channel, accepted: true });
                    }
                }
            }
            Action::AskAndConfirm(slot, hand) => {
                return [Action::Ask(slot, hand), Action::Confirm(slot, hand)]
                    .into_iter()
                    .all(|call| self.act(state, call));
            }
            Action::Wait => return self.wait(state),
            Action::Replace(kind) => self.replace(state, kind),
            Action::Restore => {
                state.world.restores += 1;
                state.owner.epoch += 1;
            }
            Action::OwnerFreezes => {
                (state.owner.frozen_at, state.owner.frozen_until) = (Some(state.now), None);
            }
            Action::Flood => self.flood(state),
            Action::Send(..)
            | Action::Prove(..)
            | Action::Answer(..)
            | Action::DeviceCancels(..)
            | Action::Ask(..)
            | Action::Confirm(..)
            | Action::OperatorCancels(_)
            | Action::Proofed(..)
            | Action::Freeze(_)
            | Action::ReportLost(_)
            | Action::Complete(_)
            | Action::Tick(_) => return false,
        }
        true
    }

    /// What the model keeps of steps besides what it judges.
    fn note(&self, state: &mut State, slot: usize, action: Action) {
        let now = state.now;
        if let Action::Ask(_, hand) = action {
            state.cases[slot].trail.asked = Some((hand, now));
        }
        if matches!(action, Action::Complete(_)) && state.cases[slot].trail.hand == Hand::Attacker {
            state.world.captured = Some(state.owner.epoch);
            let trail = &state.cases[slot].trail;
            let chance_us = trail.cooling_at.map_or(0, |at| now.since_us(at));
            self.worst.chance_us.fetch_min(chance_us, Ordering::Relaxed);
        }
    }

    fn wait(&self, state: &mut State) -> bool {
        let Some(next) = choose::wait(&self.scenario, state) else { return false };
        money::drain_until(&self.policy, self.scenario.powers, state, next);
        state.now = next;
        state.world.finished =
            next >= crate::world::START.plus_us(self.scenario.horizon_us) && !self.scenario.stops.edges;
        true
    }

    /// The owner's device replaces a factor, as `ReplaceTotp` and its like do.
    fn replace(&self, state: &mut State, kind: Kind) {
        let (now, factors) = (state.now, &mut state.owner.factors);
        state.world.replaced += 1;
        factors.version += 1;
        match kind {
            Kind::Totp => (factors.totp_bound_at, factors.totp_suspect) = (Some(now), false),
            Kind::SavedCode => {
                (factors.saved_code_bound_at, factors.saved_code_suspect) = (Some(now), false);
                (factors.saved_code_case, state.world.saved_case) = (None, None);
            }
            Kind::Passphrase => {
                (factors.passphrase_bound_at, factors.passphrase_suspect) = (Some(now), false);
            }
            Kind::EmailCode | Kind::PhoneCode => {
                for contact in &mut factors.contacts.0 {
                    if Some(contact.channel) == kind.channel() {
                        contact.confirmed_at = now;
                    }
                }
            }
            Kind::Proofing => {}
        }
        if !self.scenario.leaks {
            state.world.stale = state.world.stale.with(kind);
        }
    }

    /// Strangers know the account's name and nothing else.
    fn flood(&self, state: &mut State) {
        state.world.floods += 1;
        for _ in 0..3 {
            let slot = state.cases.len();
            state.cases.push(rows::case(slot, Hand::Attacker, false, state.now, state.owner.epoch));
            let send = Input::SendCode { channel: Channel::Email, code_tag: [7; 32] };
            let channels = self.channels();
            let guess = Input::Prove { kind: Kind::Passphrase, matched: None, channels };
            for _ in 0..6 {
                self.feed(state, slot, &send);
                self.feed(state, slot, &guess);
            }
            state.cases.pop();
        }
    }
}

fn holds(rule: Rule) -> fn(&Recovery, &State) -> bool {
    match rule {
        Rule::R1 => |_, state| !state.broken.has(Rule::R1),
        Rule::R2 => |_, state| !state.broken.has(Rule::R2),
        Rule::R3 => |_, state| !state.broken.has(Rule::R3),
        Rule::R4 => |_, state| !state.broken.has(Rule::R4),
        Rule::R5 => |_, state| !state.broken.has(Rule::R5),
        Rule::R6 => |_, state| !state.broken.has(Rule::R6),
        Rule::R7 => |_, state| !state.broken.has(Rule::R7),
        Rule::R8 => |_, state| !state.broken.has(Rule::R8),
        Rule::R9 => |_, state| !state.broken.has(Rule::R9),
        Rule::R10 => |_, state| !state.broken.has(Rule::R10),
        Rule::R11 => |_, state| !state.broken.has(Rule::R11),
        Rule::R12 => |_, state| !state.broken.has(Rule::R12),
        Rule::R13 => |_, state| !state.broken.has(Rule::R13),
        Rule::R14 => |_, state| !state.broken.has(Rule::R14),
        Rule::R15 => |_, state| !state.broken.has(Rule::R15),
        Rule::L1 => |_, state| !state.broken.has(Rule::L1),
        Rule::L2 => |_, state| !state.broken.has(Rule::L2),
    }
}

impl Model for Recovery {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = rows::begun(&self.scenario.setup);
        state.world.lost = self.scenario.lost;
        money::drain(&self.policy, self.scenario.powers, &mut state, crate::world::START);
        for action in &self.scenario.prefix {
            if !state.broken.any() {
                self.act(&mut state, *action);
            }
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        choose::actions(&self.scenario, state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let changed = self.act(&mut state, action);
        if !changed && state.broken == last.broken {
            return None;
        }
        let now = state.now;
        money::drain(&self.policy, self.scenario.powers, &mut state, now);
        if state.broken.any() && *self.worst.first_broken.get_or_init(|| state.clone()) != state {
            return None;
        }
        self.worst.lost_minor.fetch_max(state.world.money.lost_minor, Ordering::Relaxed);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<_> =
            Rule::ALL.into_iter().map(|(rule, name)| Property::always(name, holds(rule))).collect();
        properties
            .push(Property::sometimes("COMPLETED", |_, state: &State| has(state, CaseState::Completed)));
        properties
            .push(Property::sometimes("CANCELLED", |_, state: &State| has(state, CaseState::Cancelled)));
        properties.push(Property::sometimes("CONTESTED", |_, state: &State| state.world.contested));
        if self.scenario.habit == crate::scenario::Habit::Recovering {
            properties.push(Property::eventually("L1: the owner completes", |_, state: &State| {
                has(state, CaseState::Completed)
            }));
        }
        if self.scenario.habit == crate::scenario::Habit::Attentive {
            properties.push(Property::always("L2: nobody else completes", |model: &Self, state: &State| {
                let reads = |channel| choose::owner_reads(&model.scenario, channel);
                state.world.captured.is_none() || !Channel::ALL.into_iter().any(reads)
            }));
        }
        properties
    }
}

fn has(state: &State, case_state: CaseState) -> bool {
    state.cases.iter().any(|case| case.row.state == case_state)
}

/// What a checker found that should not be, shortest first.
pub fn failures(checker: &impl Checker<Recovery>) -> Vec<(&'static str, Vec<Action>)> {
    let is_failure = |name| checker.model().property(name).expectation.discovery_is_failure();
    let found = checker.discoveries().into_iter().filter(|(name, _)| is_failure(name));
    let mut found: Vec<_> = found.map(|(name, path)| (name, path.into_actions())).collect();
    found.sort_by_key(|(name, actions)| (actions.len(), *name));
    found
}
