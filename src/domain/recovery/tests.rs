//! Every figure, at its edge and a microsecond before. What holds in all orders of events, the model checker
//! says (`tests/recovery_model.rs`); here is where exactly.

use super::begun::Begin;
use super::factor::{Channel, Channels, ContactFact, Contacts, Kind};
use super::figures::Figures;
use super::table::Table;
use super::{CaseState, Effect, Input, Owner, Situation, step};
use crate::domain::id::{
    AccountId, CaseId, CodeTag, ContactIndex, FIRST_TENANT, KeyId, OperatorId, TargetId,
};
use crate::domain::outcome::Refusal;
use crate::domain::rows::{Factors, RecoveryCase, RecoveryTarget};
use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

mod counted;

const START: Timestamp = Timestamp(20_000 * DAY_US + 10 * HOUR_US);
const TWO: [Kind; 2] = [Kind::SavedCode, Kind::Passphrase];
const YEAR_US: i64 = 365 * DAY_US;

struct Scene {
    now: Timestamp,
    owner: Owner,
    target: RecoveryTarget,
    case: RecoveryCase,
}

fn contact(number: u8, channel: Channel, age_us: i64) -> ContactFact {
    let (contact_index, confirmed_at) = (ContactIndex([number; 32]), START.plus_us(-age_us));
    ContactFact { contact_index, channel, confirmed_at, removed_at: None }
}

fn channels() -> Channels {
    Channels::of(Channel::ALL)
}

fn owner() -> Owner {
    let bound_at = Some(START.plus_us(-YEAR_US));
    Owner {
        epoch: 1,
        active_at: START.plus_us(-DAY_US),
        frozen_at: None,
        frozen_until: None,
        restricted_at: None,
        contested_at: None,
        recovered_at: None,
        renewal_due: false,
        totp_last_step: 0,
        factors: Factors {
            account_id: AccountId([1; 16]),
            tenant_id: FIRST_TENANT,
            version: 1,
            totp_bound_at: bound_at,
            saved_code_bound_at: bound_at,
            saved_code_case: None,
            passphrase_bound_at: bound_at,
            totp_suspect: false,
            saved_code_suspect: false,
            passphrase_suspect: false,
            issued_locked_until: Timestamp(0),
            contacts: Contacts(vec![
                contact(1, Channel::Email, YEAR_US),
                contact(2, Channel::Sms, 300 * DAY_US),
            ]),
        },
    }
}

fn target() -> RecoveryTarget {
    RecoveryTarget::begun(TargetId([1; 16]), Some(AccountId([1; 16])), START)
}

fn case(started_at: Timestamp) -> RecoveryCase {
    let begin = Begin {
        case_id: CaseId([1; 16]),
        key_id: KeyId([1; 32]),
        target_id: TargetId([1; 16]),
        contact_index: ContactIndex([1; 32]),
        account: Some((AccountId([1; 16]), 1)),
        with_proofing: false,
        cancel_tag: CodeTag([0; 32]),
        sealed: Vec::new(),
    };
    RecoveryCase::begun(begin, &Figures::standard(), started_at)
}

impl Scene {
    fn new() -> Self {
        Self { now: START, owner: owner(), target: target(), case: case(START) }
    }

    fn step(&mut self, input: Input) -> Result<Vec<Effect>, Refusal> {
        let figures = Figures::standard();
        let mut situation = Situation {
            figures: &figures,
            now: self.now,
            owner: Some(&mut self.owner),
            target: &mut self.target,
            case: &mut self.case,
        };
        step(Table::standard(), &mut situation, &input)
    }

    fn at(&mut self, after_us: i64) -> &mut Self {
        self.now = START.plus_us(after_us);
        self
    }

    fn prove(&mut self, kind: Kind) -> bool {
        let matched = Some(if kind == Kind::Totp { self.now.0 / 30_000_000 } else { 0 });
        let input = Input::Prove { kind, matched, channels: channels() };
        self.step(input).is_ok_and(|effects| !effects.contains(&Effect::Wrong))
    }

    fn guess(&mut self) -> Result<Vec<Effect>, Refusal> {
        self.step(Input::Prove { kind: Kind::Passphrase, matched: None, channels: channels() })
    }

    fn send(&mut self, channel: Channel) -> Result<Vec<Effect>, Refusal> {
        self.step(Input::SendCode { channel, code_tag: [7; 32] })
    }

    fn prove_all(&mut self, kinds: &[Kind]) {
        for kind in kinds {
            if let Some(channel) = kind.channel() {
                self.send(channel).unwrap();
            }
            assert!(self.prove(*kind), "{kind:?}");
        }
        assert_eq!(self.case.state, CaseState::Proven);
    }

    fn answer(&mut self, channel: Channel, accepted: bool) {
        self.step(Input::Notice { channel, accepted }).unwrap();
    }

    /// Strangers used up so much by this case's contact.
    fn spent(&mut self, attempts: usize, messages: usize) {
        let (target, contact_index) = (&mut self.target, self.case.contact_index);
        for _ in 0..attempts {
            target.locators.spend_attempt(contact_index);
        }
        for _ in 0..messages {
            target.locators.spend_message(contact_index);
        }
    }

    fn deliver(&mut self) -> &mut Self {
        for channel in Channel::ALL {
            self.answer(channel, true);
        }
        assert_eq!(self.case.state, CaseState::Cooling);
        self
    }

    fn pass_sms_over(&mut self) {
        for (channel, accepted) in [(Channel::Sms, false), (Channel::Email, true), (Channel::Push, true)] {
            self.answer(channel, accepted);
        }
    }

    fn ready(&mut self) -> i64 {
        let delay_us = self.delay_us();
        self.at(delay_us);
        for _ in 0..3 {
            self.step(Input::Tick).unwrap();
        }
        assert_eq!(self.case.state, CaseState::Ready);
        delay_us
    }

    fn delay_us(&self) -> i64 {
        self.case.ready_at.unwrap().since_us(START)
    }
}

type Change = fn(&mut Scene);

#[test]
fn delays() {
    let nothing: Change = |_| {};
    let two = [Kind::Totp, Kind::SavedCode];
    let mail = [Kind::Passphrase, Kind::EmailCode];
    let rows: [(&str, &[Kind], Change, i64); 12] = [
        ("two", &two, nothing, 24),
        ("two, one known", &TWO, nothing, 24),
        ("by mail", &mail, nothing, 48),
        ("by phone", &[Kind::Totp, Kind::PhoneCode], nothing, 72),
        (
            "a contact of 30 days",
            &two,
            |scene| scene.owner.factors.contacts.0[1] = contact(2, Channel::Sms, 30 * DAY_US),
            24,
        ),
        (
            "younger",
            &two,
            |scene| scene.owner.factors.contacts.0[1] = contact(2, Channel::Sms, 30 * DAY_US - 1),
            24 + 168,
        ),
        (
            "a contact removed lately",
            &two,
            |scene| scene.owner.factors.contacts.0[1].removed_at = Some(START.plus_us(1 - 30 * DAY_US)),
            24 + 168,
        ),
        ("awake", &mail, |scene| scene.owner.active_at = START.plus_us(1 - 180 * DAY_US), 48),
        ("asleep", &mail, |scene| scene.owner.active_at = START.plus_us(-180 * DAY_US), 48 + 72),
        (
            "cancelled lately",
            &two,
            |scene| scene.target.last_cancelled_at = Some(START.plus_us(1 - 30 * DAY_US)),
            24 + 72,
        ),
        (
            "cancelled before",
            &two,
            |scene| scene.target.last_cancelled_at = Some(START.plus_us(-30 * DAY_US)),
            24,
        ),
        (
            "asleep, and cancelled lately: once",
            &two,
            |scene| {
                scene.owner.active_at = START.plus_us(-180 * DAY_US);
                scene.target.last_cancelled_at = Some(START);
            },
            24 + 72,
        ),
    ];
    for (name, kinds, change, hours) in rows {
        let mut scene = Scene::new();
        change(&mut scene);
        scene.prove_all(kinds);
        scene.deliver();
        assert_eq!(scene.delay_us(), hours * HOUR_US, "{name}");
    }
    let mut scene = Scene::new();
    scene.owner.factors.contacts.0[1] = contact(2, Channel::Sms, 4 * DAY_US);
    scene.owner.active_at = START.plus_us(-YEAR_US);
    scene.prove_all(&[Kind::Totp, Kind::PhoneCode]);
    scene.pass_sms_over();
    assert_eq!(scene.delay_us(), (72 + 168 + 72 + 72) * HOUR_US, "all of it");
}

#[test]
fn a_class_that_took_it_at_last_is_not_passed_over() {
    let mut scene = Scene::new();
    scene.prove_all(&[Kind::Totp, Kind::SavedCode]);
    scene.answer(Channel::Email, false);
    scene.deliver();
    assert_eq!(scene.delay_us(), 24 * HOUR_US);
}

#[test]
fn who_is_seen_in_person_waits_no_less_than_before() {
    let mut scene = Scene::new();
    scene.owner.active_at = START.plus_us(-YEAR_US);
    scene.prove_all(&[Kind::Totp, Kind::PhoneCode]);
    scene.pass_sms_over();
    let before_us = scene.delay_us();
    let (proposer, approver) = (OperatorId([1; 16]), OperatorId([2; 16]));
    assert_eq!(
        scene.step(Input::Proofed { proposer, approver: proposer, channels: channels() }),
        Err(Refusal::SameOperator)
    );
    scene.at(1).step(Input::Proofed { proposer, approver, channels: channels() }).unwrap();
    scene.deliver();
    assert_eq!(scene.delay_us(), before_us);
}

#[test]
fn ages() {
    for (kind, floor_us) in [
        (Kind::Totp, 30 * DAY_US),
        (Kind::SavedCode, 72 * HOUR_US),
        (Kind::Passphrase, 72 * HOUR_US),
        (Kind::EmailCode, 72 * HOUR_US),
        (Kind::PhoneCode, 72 * HOUR_US),
    ] {
        for (age_us, counts) in [(floor_us, true), (floor_us - 1, false)] {
            let mut scene = Scene::new();
            let bound_at = Some(START.plus_us(-age_us));
            match kind {
                Kind::Totp => scene.owner.factors.totp_bound_at = bound_at,
                Kind::SavedCode => scene.owner.factors.saved_code_bound_at = bound_at,
                Kind::Passphrase => scene.owner.factors.passphrase_bound_at = bound_at,
                Kind::EmailCode => scene.owner.factors.contacts.0[0] = contact(1, Channel::Email, age_us),
                Kind::PhoneCode => scene.owner.factors.contacts.0[1] = contact(2, Channel::Sms, age_us),
                Kind::Proofing => {}
            }
            if let Some(channel) = kind.channel() {
                let sent = scene.send(channel).unwrap();
                assert_eq!(sent.contains(&Effect::SendCode(channel)), counts, "{kind:?}: the code");
            }
            assert_eq!(scene.prove(kind), counts, "{kind:?}, {age_us}");
        }
    }
}

#[test]
fn a_phone_number_that_was_not_confirmed_for_a_year_counts_no_more_and_an_address_does() {
    for (age_us, phone_counts) in [(YEAR_US, true), (YEAR_US + 1, false), (9 * YEAR_US, false)] {
        for (channel, kind, counts) in
            [(Channel::Sms, Kind::PhoneCode, phone_counts), (Channel::Email, Kind::EmailCode, true)]
        {
            let mut scene = Scene::new();
            let contacts = [contact(1, Channel::Email, age_us), contact(2, Channel::Sms, age_us)];
            scene.owner.factors.contacts = Contacts(contacts.to_vec());
            let sent = scene.send(channel).expect("nothing is said about it");
            assert_eq!(sent.contains(&Effect::SendCode(channel)), counts, "{channel:?}, {age_us}: the code");
            assert_eq!(scene.prove(kind), counts, "{channel:?}, {age_us}");
        }
    }
    // Another number that is neither too new nor too old.
    let mut scene = Scene::new();
    scene.owner.factors.contacts.0[1] = contact(2, Channel::Sms, 2 * YEAR_US);
    scene.owner.factors.contacts.0.push(contact(3, Channel::Sms, HOUR_US));
    assert!(!scene.send(Channel::Sms).expect("the same").contains(&Effect::SendCode(Channel::Sms)));
    scene.owner.factors.contacts.0.push(contact(4, Channel::Sms, YEAR_US));
    assert!(scene.send(Channel::Sms).expect("the same").contains(&Effect::SendCode(Channel::Sms)));
    assert!(scene.prove(Kind::PhoneCode));
}

#[test]
fn windows() {
    for (late_us, in_time) in [(-1, true), (0, false)] {
        let mut request = Scene::new();
        assert_eq!(request.at(15 * MINUTE_US + late_us).prove(Kind::Passphrase), in_time, "a request");
        assert_eq!(request.step(Input::Tick).is_err(), in_time, "its timer");

        let mut code = Scene::new();
        code.send(Channel::Email).unwrap();
        assert_eq!(code.at(10 * MINUTE_US + late_us).prove(Kind::EmailCode), in_time, "a code");

        let mut notices = Scene::new();
        notices.prove_all(&TWO);
        notices.at(72 * HOUR_US + late_us);
        for channel in Channel::ALL {
            notices.answer(channel, true);
        }
        assert_eq!(notices.case.state == CaseState::Cooling, in_time, "notices");

        let mut again = Scene::new();
        again.prove_all(&TWO);
        let ready_us = again.deliver().ready();
        assert_eq!(again.step(Input::Complete), Err(Refusal::RecoveryProveAgain));
        assert!(again.prove(Kind::Passphrase));
        assert_eq!(
            again.at(ready_us + 10 * MINUTE_US + late_us).step(Input::Complete).is_ok(),
            in_time,
            "again"
        );

        let mut window = Scene::new();
        window.prove_all(&TWO);
        let ready_us = window.deliver().ready();
        window.at(ready_us + 72 * HOUR_US - MINUTE_US).prove(Kind::Passphrase);
        assert_eq!(
            window.at(ready_us + 72 * HOUR_US + late_us).step(Input::Complete).is_ok(),
            in_time,
            "window"
        );

        let mut secret = Scene::new();
        secret.prove_all(&TWO);
        let key_id = KeyId([9; 32]);
        secret.step(Input::CancelAsked { key_id }).unwrap();
        let confirmed = secret.at(10 * MINUTE_US + late_us).step(Input::CancelConfirmed { key_id });
        assert_eq!(confirmed.is_ok(), in_time, "a cancellation");
    }
}

#[test]
fn reminders_come_at_half_and_at_nine_tenths() {
    let mut scene = Scene::new();
    scene.prove_all(&TWO);
    scene.deliver();
    for after_us in [12 * HOUR_US, 21 * HOUR_US + 36 * MINUTE_US, 24 * HOUR_US] {
        assert_eq!(scene.at(after_us - 1).step(Input::Tick), Err(Refusal::RecoveryCooling));
        assert_eq!(scene.case.due_at, Some(START.plus_us(after_us)));
        scene.at(after_us).step(Input::Tick).unwrap();
    }
    assert_eq!((scene.case.state, scene.case.reminders), (CaseState::Ready, 2));
}

#[test]
fn a_freeze_by_mail_alone_lasts_a_day_and_is_had_once_in_seven() {
    let mut scene = Scene::new();
    scene.send(Channel::Email).unwrap();
    assert!(scene.prove(Kind::EmailCode));
    scene.step(Input::Freeze).unwrap();
    assert_eq!(scene.owner.frozen_until, Some(START.plus_us(DAY_US)));
    for (after_us, allowed) in [(7 * DAY_US - 1, false), (7 * DAY_US, true)] {
        scene.case.proved_last_at = Some(START.plus_us(after_us));
        assert_eq!(scene.at(after_us).step(Input::Freeze).is_ok(), allowed, "{after_us}");
    }
    assert!(scene.prove(Kind::SavedCode));
    scene.step(Input::Freeze).unwrap();
    assert_eq!((scene.owner.frozen_at, scene.owner.frozen_until), (Some(START.plus_us(7 * DAY_US)), None));
}

#[test]
fn codes_to_contacts_are_locked_for_seven_days_after_a_cancellation() {
    for (after_us, counts) in [(7 * DAY_US - 1, false), (7 * DAY_US, true)] {
        let mut scene = Scene::new();
        scene.prove_all(&[Kind::Passphrase, Kind::EmailCode]);
        scene.step(Input::DeviceCancels { lost: false }).unwrap();
        assert_eq!(scene.case.state, CaseState::Cancelled);
        scene.at(after_us);
        scene.case = case(scene.now);
        scene.send(Channel::Sms).unwrap();
        assert_eq!(scene.prove(Kind::PhoneCode), counts, "{after_us}");
        assert!(!scene.prove(Kind::Passphrase), "until it is replaced");
    }
}

#[test]
fn a_second_cancellation_within_thirty_days_contests() {
    for (ago_us, contests) in [(30 * DAY_US - 1, true), (30 * DAY_US, false)] {
        for input in [Input::DeviceCancels { lost: false }, Input::OperatorCancels] {
            let mut scene = Scene::new();
            scene.target.last_cancelled_at = Some(START.plus_us(-ago_us));
            scene.prove_all(&TWO);
            scene.step(input).unwrap();
            assert_eq!(scene.target.contested_at.is_some(), contests, "{input:?}, {ago_us}");
            assert_eq!(scene.case.state == CaseState::Cancelled, !contests, "{input:?}, {ago_us}");
        }
    }
}

#[test]
fn nothing_of_an_older_epoch_is_proved_and_a_code_is_good_once() {
    let mut scene = Scene::new();
    scene.owner.epoch = 2;
    assert!(!scene.prove(Kind::SavedCode));
    scene.owner.epoch = 1;
    scene.prove_all(&[Kind::Totp, Kind::EmailCode]);
    scene.deliver();
    scene.send(Channel::Email).unwrap();
    assert!(scene.prove(Kind::EmailCode));
    assert!(!scene.prove(Kind::EmailCode));
}

#[test]
fn the_end_of_one_case_lifts_no_restriction_of_another() {
    let mut scene = Scene::new();
    scene.prove_all(&TWO);
    scene.target.claim = Some(CaseId([2; 16]));
    scene.owner.restricted_at = Some(START);
    scene.at(72 * HOUR_US).step(Input::Tick).unwrap();
    assert_eq!((scene.case.state, scene.owner.restricted_at), (CaseState::Expired, Some(START)));
}
