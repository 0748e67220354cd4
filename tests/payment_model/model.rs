//! What may happen next, and what must hold.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use saifu::domain::command::Command;
use saifu::domain::decide::Decision;
use saifu::domain::journal::Entry;
use saifu::domain::outcome::Outcome;
use saifu::domain::payment::State as PaymentState;
use saifu::domain::policy::Policy;
use saifu::domain::rows::{Account, Finished, OrderSlot, Payment};
use saifu::domain::write::Write;
use stateright::{Model, Property};

use crate::messages::{Message, expire};
use crate::world::{BALANCE_MINOR, CAP_MINOR, World};

/// Something broken on purpose, in what is done with a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Defect {
    /// What was answered is not remembered.
    ForgetsAnswers,
    /// An order's reversal is not written.
    ForgetsReversals,
    /// The shop is credited and the account's row is not written.
    LosesTheAccount,
    /// The payment's row is not written, when it is there already.
    LosesThePayment,
    /// The shop's account is credited twice.
    CreditsTwice,
}

impl Defect {
    pub const ALL: [Self; 5] = [
        Self::ForgetsAnswers,
        Self::ForgetsReversals,
        Self::LosesTheAccount,
        Self::LosesThePayment,
        Self::CreditsTwice,
    ];
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A message comes, and is decided and committed. After a crash before the commit it has not come; after
    /// one between commit and answer it comes again, which is tried in every state that is reached.
    Deliver(Message),
    /// A timer finds the payment.
    Timer,
    /// Time goes on to the next moment that matters.
    Pass,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scene {
    pub world: World,
    /// Each message, and its answer once it came.
    sent: Vec<(Message, Option<Vec<u8>>)>,
    /// What went wrong on the way here.
    broken: Option<&'static str>,
}

/// The life of a payment that begins with the first of these messages.
pub struct Life {
    messages: Vec<Message>,
    defect: Option<Defect>,
    pub reached: Arc<Mutex<BTreeSet<PaymentState>>>,
}

impl Life {
    pub fn new(messages: Vec<Message>, defect: Option<Defect>) -> Self {
        Self { messages, defect, reached: Arc::default() }
    }

    /// Commits what was decided.
    fn commit(&self, world: &mut World, command: &Command, writes: &[Write], entry: &Entry) {
        for write in writes {
            match (self.defect, write) {
                (Some(Defect::LosesTheAccount), Write::Update(row)) if of::<Account>(row) => {}
                (Some(Defect::LosesThePayment), Write::Update(row)) if of::<Payment>(row) => {}
                (Some(Defect::ForgetsReversals), Write::Update(row) | Write::Insert(row))
                    if of::<OrderSlot>(row)
                        && matches!(entry.outcome, Outcome::Reversed { .. } | Outcome::NothingFound) => {}
                (_, write) => world.fold(write),
            }
            if self.defect == Some(Defect::CreditsTwice) && matches!(write, Write::Credit { .. }) {
                world.fold(write);
            }
        }
        let Some(signed) = command.signed() else { return };
        if self.defect != Some(Defect::ForgetsAnswers) {
            let finished = Finished {
                request_id: signed.request_id,
                key_id: signed.key_id,
                digest: signed.digest,
                outcome: entry.outcome.encode(),
            };
            world.finished.insert((signed.request_id, signed.key_id), finished);
        }
    }

    fn deliver(&self, scene: &mut Scene, message: Message) {
        let command = command(scene, message);
        let (Decision::Commit { writes, entry } | Decision::Refuse { writes, entry }) =
            scene.world.decide(&command)
        else {
            scene.broken = Some("a first message is decided as no first one");
            return;
        };
        self.commit(&mut scene.world, &command, &writes, &entry);
        for (sent, answer) in &mut scene.sent {
            if *sent == message {
                *answer = Some(entry.outcome.encode());
            }
        }
        let captured_at = scene.world.payment.as_ref().and_then(|row| row.captured_at);
        let reversal_us = Policy::standard().staff.reversal_us;
        let is_late = captured_at.is_some_and(|at| scene.world.now().since_us(at) > reversal_us);
        if is_late && matches!(entry.outcome, Outcome::Reversed { .. }) {
            scene.broken = Some("a reversal of what was captured long ago");
        }
        if entry.outcome == Outcome::NothingFound && scene.world.payment.is_some() {
            scene.broken = Some("a reversal that overlooked its payment");
        }
    }

    /// Every message that came, once more: it must get the answer that it got, and nothing may come of it.
    fn repeat_all(scene: &mut Scene) {
        for (message, answer) in &scene.sent {
            let Some(answer) = answer else { continue };
            let again = scene.world.decide(&command(scene, *message));
            let is_same = matches!(&again, Decision::Repeat(outcome) if outcome.encode() == *answer);
            if !is_same {
                scene.broken = Some("a repetition is answered in another way");
                return;
            }
        }
    }
}

/// The customer signs for what the till asked for.
fn command(scene: &Scene, message: Message) -> Command {
    message.command(scene.world.payment.as_ref().map_or(CAP_MINOR, |row| row.authorised_minor))
}

fn of<R: saifu::domain::record::Record>(row: &saifu::domain::rows::Row) -> bool {
    R::of(row).is_some()
}

impl Model for Life {
    type State = Scene;
    type Action = Step;

    fn init_states(&self) -> Vec<Scene> {
        let sent = self.messages.iter().map(|message| (*message, None)).collect();
        vec![Scene { world: World::new(), sent, broken: None }]
    }

    fn actions(&self, scene: &Scene, actions: &mut Vec<Step>) {
        let open = scene.sent.iter().filter(|(_, answer)| answer.is_none());
        actions.extend(open.map(|(message, _)| Step::Deliver(*message)));
        actions.push(Step::Timer);
        actions.push(Step::Pass);
    }

    fn next_state(&self, scene: &Scene, step: Step) -> Option<Scene> {
        let mut next = scene.clone();
        match step {
            Step::Deliver(message) => self.deliver(&mut next, message),
            Step::Timer => {
                let due_at = scene.world.payment.as_ref()?.due_at?;
                let command = expire(due_at);
                let Decision::Commit { writes, entry } = scene.world.decide(&command) else { return None };
                self.commit(&mut next.world, &command, &writes, &entry);
            }
            Step::Pass => next.world = scene.world.later()?,
        }
        // How often it was changed tells nothing: two ways to the same sums are one state.
        next.world.account.version = 1;
        Self::repeat_all(&mut next);
        if let Some(payment) = &next.world.payment {
            self.reached.lock().expect("no panic").insert(payment.sums().state());
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("G3: one effect and one answer to an id", |_, scene: &Scene| {
                scene.broken.is_none()
            }),
            Property::always("G1: nothing is made or lost", |_, scene: &Scene| {
                let world = &scene.world;
                world.account.balance_minor() + world.payable_minor == BALANCE_MINOR
            }),
            Property::always("G1: nobody is below zero", |_, scene: &Scene| {
                scene.world.account.available_minor() >= 0 && scene.world.account.debits_pending_minor >= 0
            }),
            Property::always(
                "G1: captured within authorised, refunded within captured",
                |_, scene: &Scene| {
                    scene.world.payment.as_ref().is_none_or(|row| {
                        row.captured_minor + row.released_minor <= row.authorised_minor
                            && row.refunded_minor <= row.captured_minor
                    })
                },
            ),
            Property::always("the account's sums are the payment's", |_, scene: &Scene| {
                let account = &scene.world.account;
                let sums = scene.world.payment.as_ref().map(Payment::sums);
                let held_minor = sums.map_or(0, |sums| sums.held_minor());
                let paid_minor = sums.map_or(0, |sums| sums.refundable_minor());
                account.debits_pending_minor == held_minor
                    && scene.world.payable_minor == paid_minor
                    && account.lots.total_minor() == account.available_minor()
            }),
            Property::always("what is reversed has moved nothing", |_, scene: &Scene| {
                let reversed = scene.world.slot.as_ref().is_some_and(|slot| slot.reversed_at.is_some());
                !reversed || scene.world.account.available_minor() == BALANCE_MINOR
            }),
            Property::always("a reversed order is never paid", |_, scene: &Scene| {
                let answered = |message, is: fn(&Outcome) -> bool| {
                    let answer = scene.sent.iter().find(|(sent, _)| *sent == message)?.1.as_ref()?;
                    Outcome::decode(answer).ok().filter(is)
                };
                let gone = answered(Message::Reverse, |outcome| {
                    matches!(outcome, Outcome::Reversed { .. } | Outcome::NothingFound)
                })
                .is_some();
                !gone || scene.world.account.available_minor() == BALANCE_MINOR
            }),
            Property::always("limits count what is held or was paid", |_, scene: &Scene| {
                let sums = scene.world.payment.as_ref().map(Payment::sums);
                let counted_minor = match sums.filter(|sums| sums.authorised_at.is_some()) {
                    Some(sums) if sums.state() == PaymentState::Reversed => refunded_before(scene),
                    Some(sums) => sums.amount_minor - sums.released_minor,
                    None => 0,
                };
                scene.world.account.spending.last_day(scene.world.now()).amount_minor == counted_minor
            }),
        ]
    }
}

/// What was refunded before a reversal stays counted: it was paid, and given back as a refund.
fn refunded_before(scene: &Scene) -> i64 {
    let refunds = [(Message::RefundOne, 40), (Message::RefundOther, 60), (Message::MerchantRefund, 30)];
    refunds
        .into_iter()
        .filter(|(message, _)| {
            scene.sent.iter().any(|(sent, answer)| {
                let outcome = answer.as_ref().and_then(|answer| Outcome::decode(answer).ok());
                sent == message && outcome.is_some_and(|outcome| !outcome.is_refused())
            })
        })
        .map(|(_, minor)| minor)
        .sum()
}
