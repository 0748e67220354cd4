//! What attackers can take, by what they have: every set of at most two powers, and a few larger ones.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use saifu::domain::recovery::factor::Channel;
use saifu::domain::time::{DAY_US, HOUR_US};

use crate::choose::owner_reads;
use crate::scenario::{Action, Habit, Power, Powers, Scenario};

const BEFORE_HE_PAYS: &str = "before the thief pays; a freeze ends it";

/// Sets of three and more.
const LARGER: [&[Power]; 8] = [
    &[Power::Mailbox, Power::SimSwap, Power::Passphrase],
    &[Power::Mailbox, Power::SimSwap, Power::SavedCode],
    &[Power::Mailbox, Power::LockedPhone, Power::Passphrase],
    &[Power::Mailbox, Power::LockedPhone, Power::OneOperator],
    &[Power::UnlockedPhone, Power::Authenticator, Power::Mailbox],
    &[Power::Authenticator, Power::SavedCode, Power::Passphrase],
    &[Power::OneOperator, Power::DatabaseRead, Power::NetworkReplay, Power::RedisWipe],
    &[Power::Mailbox, Power::SimSwap, Power::DatabaseRead, Power::NetworkReplay, Power::RedisWipe],
];

/// Nothing but public facts, every single power, every pair, and the larger ones.
pub fn sets() -> Vec<Vec<Power>> {
    let mut sets = vec![Vec::new()];
    sets.extend(Power::ALL.map(|power| vec![power]));
    for (index, one) in Power::ALL.into_iter().enumerate() {
        sets.extend(Power::ALL[index + 1..].iter().map(|other| vec![one, *other]));
    }
    sets.extend(LARGER.iter().map(|powers| powers.to_vec()));
    sets
}

/// The owner may do anything: what holds here holds whatever he does.
pub fn free(powers: &[Power]) -> Scenario {
    let replays = powers.contains(&Power::NetworkReplay);
    let asides: fn(Action) -> bool = |action| matches!(action, Action::Freeze(_) | Action::ReportLost(_));
    let leaves_out = if powers.len() > 1 { asides } else { |_| false };
    Scenario {
        owner_cases: 1,
        brisk: true,
        replays,
        leaves_out,
        horizon_us: 7 * DAY_US,
        ..Scenario::of("any owner", powers)
    }
}

fn with_habit(powers: &[Power], habit: Habit) -> Scenario {
    let replays = powers.contains(&Power::NetworkReplay);
    Scenario { habit, replays, brisk: true, ..Scenario::of("one owner", powers) }
}

/// What a set of powers comes to.
pub struct Loss {
    powers: Vec<Power>,
    absent_minor: i64,
    attentive_minor: i64,
    /// From the notices to the earliest completion, for an owner who does nothing.
    chance_us: Option<i64>,
    pub steps: usize,
    pub states: usize,
}

/// One set, by an owner who may do anything, one who never reads, and one who does.
fn loss(powers: Vec<Power>) -> Loss {
    let any = crate::check(free(&powers));
    let absent = crate::check(with_habit(&powers, Habit::Absent));
    let attentive = crate::check(with_habit(&powers, Habit::Attentive));
    let lost = |run: &crate::Run| run.worst.lost_minor.load(Ordering::Relaxed);
    let chance_us = absent.worst.chance_us.load(Ordering::Relaxed);
    Loss {
        absent_minor: lost(&absent),
        attentive_minor: lost(&attentive),
        chance_us: (chance_us != i64::MAX).then_some(chance_us),
        steps: any.steps + absent.steps + attentive.steps,
        states: any.states + absent.states + attentive.states,
        powers,
    }
}

/// All sets, in order.
pub fn losses(threads: usize) -> Vec<Loss> {
    let (sets, next, found) = (sets(), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(powers) = sets.get(index) else { return };
                    let loss = loss(powers.clone());
                    found.lock().expect("no checker failed").push((index, loss));
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no checker failed");
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, loss)| loss).collect()
}

fn yen(minor: i64) -> String {
    let digits = minor.to_string();
    let mut text = String::from("¥");
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Loss {
    fn is_nothing(&self) -> bool {
        self.absent_minor == 0
    }

    fn chance(&self) -> String {
        let powers = Powers::of(&self.powers);
        let scenario = Scenario::of("", &self.powers);
        let reads = Channel::ALL.into_iter().any(|channel| owner_reads(&scenario, channel));
        let phone = powers.has(Power::UnlockedPhone);
        let chance = match self.chance_us {
            Some(_) if !reads => "none: every channel is the attacker's".to_owned(),
            Some(us) => format!("{} h after the notices", us / HOUR_US),
            None => "–".to_owned(),
        };
        match (phone && !self.is_nothing(), self.chance_us) {
            (false, _) => chance,
            (true, None) => BEFORE_HE_PAYS.to_owned(),
            (true, Some(_)) => format!("{BEFORE_HE_PAYS}; of the rest, {chance}"),
        }
    }
}

/// The table of the documentation.
pub fn table(losses: &[Loss]) -> String {
    let mut text = String::from(
        "| the attacker has | most lost, by an owner who never reads | by one who reads in time | \
         his last chance |\n\
         |---|---|---|---|\n",
    );
    let mut pairs_without_loss = 0;
    for loss in losses {
        if loss.powers.len() == 2 && loss.is_nothing() {
            pairs_without_loss += 1;
            continue;
        }
        let (absent, attentive) = (yen(loss.absent_minor), yen(loss.attentive_minor));
        let name = Powers::of(&loss.powers).name();
        writeln!(text, "| {name} | {absent} | {attentive} | {} |", loss.chance()).expect("a string");
    }
    writeln!(text, "| each of the other {pairs_without_loss} pairs | ¥0 | ¥0 | – |").expect("a string");
    text
}
