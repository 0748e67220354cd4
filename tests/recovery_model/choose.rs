//! What may happen next, within a scenario's bounds.

use saifu::domain::recovery::CaseState;
use saifu::domain::recovery::factor::{Channel, Kind};
use saifu::domain::time::{DAY_US, MINUTE_US, Timestamp};

use crate::scenario::{Action, Habit, How, Power, Scenario};
use crate::watch::due_at;
use crate::world::{Case, Hand, Kinds, START, State};

const CHANNELS: [(Channel, Kind); 2] = [(Channel::Email, Kind::EmailCode), (Channel::Sms, Kind::PhoneCode)];

/// All of it.
pub fn actions(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    if state.broken.any() || state.world.finished {
        return;
    }
    let due = |case: &Case| due_at(case).is_some_and(|at| at <= state.now);
    for (slot, case) in state.cases.iter().enumerate() {
        if due(case) {
            actions.push(Action::Tick(slot));
        }
    }
    if !scenario.late && !actions.is_empty() {
        return;
    }
    begin(scenario, state, actions);
    for (slot, case) in state.cases.iter().enumerate() {
        if !case.row.state.is_over() {
            of_candidate(scenario, state, slot, case, actions);
            of_others(scenario, state, slot, case, actions);
        }
    }
    of_account(scenario, state, actions);
    actions.retain(|action| !(scenario.leaves_out)(*action));
    let eager = scenario.habit == Habit::Recovering && !actions.is_empty();
    if !eager && wait(scenario, state).is_some() {
        actions.push(Action::Wait);
    }
}

fn begin(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    let begun = |hand: Hand| state.cases.iter().filter(|case| case.trail.hand == hand).count();
    if begun(Hand::Attacker) < scenario.attacker_cases {
        actions.push(Action::Begin(Hand::Attacker, false));
    }
    if begun(Hand::Owner) < scenario.owner_cases {
        actions.push(Action::Begin(Hand::Owner, scenario.in_person));
    }
}

/// What somebody can prove now.
fn known(scenario: &Scenario, state: &State, hand: Hand) -> impl Iterator<Item = Kind> {
    let (mine, stale) = match hand {
        Hand::Attacker => (scenario.powers.kinds(), state.world.stale),
        Hand::Owner => (scenario.owner_kinds, Kinds::default()),
        Hand::Scanner => (Kinds::default(), Kinds::default()),
    };
    mine.iter().filter(move |kind| *kind != Kind::Proofing && !stale.has(*kind))
}

fn of_candidate(scenario: &Scenario, state: &State, slot: usize, case: &Case, actions: &mut Vec<Action>) {
    let trail = &case.trail;
    let recent = |at: Timestamp| state.now.since_us(at) < 10 * MINUTE_US;
    let again = case.row.state == CaseState::Ready && !trail.again_at.is_some_and(recent);
    let useful = |kind: Kind| {
        if case.stands() {
            again && (scenario.others || trail.proved.has(kind))
        } else {
            !trail.proved.has(kind)
        }
    };
    if scenario.habit == Habit::Recovering && trail.again_at.is_some_and(recent) {
        actions.push(Action::Complete(slot));
        return;
    }
    let live = trail.code.filter(|(_, at)| !trail.code_used && recent(*at));
    for kind in known(scenario, state, trail.hand) {
        let Some((channel, _)) = CHANNELS.into_iter().find(|(_, other)| *other == kind) else {
            if useful(kind) {
                actions.push(Action::Prove(slot, kind, How::Right));
            }
            continue;
        };
        let is_sent = live.is_some_and(|(over, _)| over == channel);
        let sent = state.world.messages.iter().sum::<i64>();
        let bounded = if scenario.brisk { trail.code.is_none() || case.stands() } else { sent < 4 };
        if useful(kind) && bounded && !is_sent {
            actions.push(Action::Send(slot, channel));
        }
        if case.row.issued_tag.is_some()
            && (is_sent || scenario.replays)
            && (useful(kind) || scenario.replays)
        {
            actions.push(Action::Prove(slot, kind, How::Right));
        }
    }
    if scenario.habit == Habit::Recovering {
        if scenario.in_person && case.row.state == CaseState::Requested {
            actions.push(Action::Proofed(slot, true));
        }
        if case.row.state == CaseState::Ready && trail.proved.has(Kind::Proofing) {
            actions.push(Action::Complete(slot));
        }
        return;
    }
    if scenario.replays && scenario.powers.has(Power::NetworkReplay) {
        actions.push(Action::Prove(slot, Kind::Totp, How::Used));
    }
    if state.world.wrongs < scenario.wrongs && trail.hand == Hand::Attacker {
        actions.push(Action::Prove(slot, Kind::Passphrase, How::Wrong));
    }
    actions.extend([Action::Freeze(slot), Action::ReportLost(slot), Action::Complete(slot)]);
}

/// Whether a notice over this channel reaches the owner: whoever holds a channel deletes what comes over it.
pub fn owner_reads(scenario: &Scenario, channel: Channel) -> bool {
    let powers = scenario.powers;
    match channel {
        Channel::Email => !powers.has(Power::Mailbox),
        Channel::Sms => scenario.setup.phone_age_us.is_some() && !powers.reads(Channel::Sms),
        Channel::Push => !powers.phone(),
    }
}

fn of_others(scenario: &Scenario, state: &State, slot: usize, case: &Case, actions: &mut Vec<Action>) {
    if case.row.state == CaseState::Proven && !case.trail.awaited.is_empty() {
        notices(scenario, slot, case, actions);
    }
    if scenario.habit == Habit::Recovering {
        return;
    }
    // A timer that comes too early.
    actions.push(Action::Tick(slot));
    if scenario.habit == Habit::Absent {
        return;
    }
    let mine = case.trail.hand;
    let secret = !case.trail.awaited.is_empty();
    for hand in [Hand::Owner, Hand::Attacker, Hand::Scanner] {
        let (device, reads) = match hand {
            Hand::Owner => (
                !scenario.powers.phone() && state.world.captured.is_none(),
                owner_reads(scenario, Channel::Email) || owner_reads(scenario, Channel::Sms),
            ),
            Hand::Attacker => (
                scenario.powers.has(Power::UnlockedPhone) && state.owner.epoch == 1,
                scenario.powers.reads(Channel::Email) || scenario.powers.reads(Channel::Sms),
            ),
            Hand::Scanner => (false, scenario.scanner),
        };
        if hand == mine {
            continue;
        }
        if device {
            actions.push(Action::DeviceCancels(slot, hand));
        }
        if reads && secret && scenario.brisk {
            actions.push(Action::AskAndConfirm(slot, hand));
        } else if reads && secret {
            actions.push(Action::Ask(slot, hand));
            actions.push(Action::Confirm(slot, hand));
        }
    }
    if scenario.powers.has(Power::OneOperator) {
        actions.push(Action::OperatorCancels(slot));
        actions.push(Action::Proofed(slot, false));
    }
    let seen = case.trail.proved.has(Kind::Proofing);
    if scenario.in_person && mine == Hand::Owner && !seen {
        actions.push(Action::Proofed(slot, true));
    }
}

fn notices(scenario: &Scenario, slot: usize, case: &Case, actions: &mut Vec<Action>) {
    if !scenario.answers {
        actions.push(Action::Deliver(slot));
        return;
    }
    for channel in Channel::ALL {
        let trail = &case.trail;
        if trail.awaited.has(channel) && !trail.accepted.has(channel) {
            actions.push(Action::Answer(slot, channel, true));
            if !trail.refused.has(channel) {
                actions.push(Action::Answer(slot, channel, false));
            }
        }
    }
}

fn of_account(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    let world = &state.world;
    let acts = matches!(scenario.habit, Habit::Free | Habit::Attentive);
    if acts && world.replaced < scenario.replaced && state.owner.restricted_at.is_none() {
        actions.extend(scenario.replaces.iter().map(|kind| Action::Replace(*kind)));
    }
    if world.restores < scenario.restores {
        actions.push(Action::Restore);
    }
    if world.floods < scenario.floods {
        actions.push(Action::Flood);
    }
    if acts && is_robbed(scenario, state) {
        actions.push(Action::OwnerFreezes);
    }
}

/// The attacker holds a device that pays, or will when a freeze ends by itself.
fn is_robbed(scenario: &Scenario, state: &State) -> bool {
    let phone = scenario.powers.has(Power::UnlockedPhone) && state.owner.epoch == 1 && !state.world.lost;
    let frozen = state.owner.frozen_at.is_some() && state.owner.frozen_until.is_none();
    (phone || state.world.captured == Some(state.owner.epoch)) && !frozen
}

/// The next moment at which anything is different.
pub fn wait(scenario: &Scenario, state: &State) -> Option<Timestamp> {
    let over = |at: Timestamp| at > state.now;
    let stops = scenario.stops;
    let mut moments: Vec<Timestamp> = Vec::new();
    for case in state.cases.iter().filter(|case| !case.row.state.is_over()) {
        let trail = &case.trail;
        moments.extend(due_at(case));
        let used = trail.code_used;
        moments.extend(trail.code.filter(|_| stops.code && !used).map(|(_, at)| at.plus_us(10 * MINUTE_US)));
        moments.extend(trail.again_at.filter(|_| stops.again).map(|at| at.plus_us(10 * MINUTE_US)));
        moments.extend(trail.asked.filter(|_| stops.asked).map(|(_, at)| at.plus_us(10 * MINUTE_US)));
    }
    let counted: i64 = state.world.compared.iter().chain(&state.world.messages).sum();
    if stops.day && counted > 0 {
        moments.push(Timestamp((state.now.day() + 1) * DAY_US));
    }
    moments.extend(stops.at_us.map(|at_us| START.plus_us(at_us)));
    if stops.locks {
        moments.push(state.owner.factors.issued_locked_until);
        moments.extend(state.world.issued_freeze_at.map(|at| at.plus_us(7 * DAY_US)));
    }
    let end = START.plus_us(scenario.horizon_us);
    let mut next = moments.into_iter().filter(|at| over(*at)).min().unwrap_or(end).min(end);
    if stops.edges && over(next.plus_us(-1)) {
        next = next.plus_us(-1);
    }
    (over(next) && !is_asleep(scenario, state, next)).then_some(next)
}

/// An attentive owner doesn't sleep through the end of a delay, nor when his phone was taken.
fn is_asleep(scenario: &Scenario, state: &State, until: Timestamp) -> bool {
    if scenario.habit != Habit::Attentive {
        return false;
    }
    let reads = Channel::ALL.into_iter().any(|channel| owner_reads(scenario, channel));
    let threatened = state.world.claim.map(|claim| &state.cases[claim]).is_some_and(|case| {
        let ready = case.trail.cooling_at.and(case.trail.ready_at).is_some_and(|at| at <= until);
        case.trail.hand == Hand::Attacker && ready && !state.world.contested
    });
    let notices = reads || (scenario.powers.has(Power::UnlockedPhone) && state.owner.epoch == 1);
    (is_robbed(scenario, state) && notices) || (reads && threatened)
}
