//! What is counted: of a case, by its contact, of the account and of the reserve.

use super::*;

#[test]
fn attempts() {
    let mut scene = Scene::new();
    for number in 1..=5 {
        scene.guess().unwrap();
        assert_eq!(scene.case.state == CaseState::Rejected, number == 5, "{number} of a case");
    }
    assert_eq!(scene.guess(), Err(Refusal::RecoveryOver));
    scene.case = case(START);
    for _ in 0..4 {
        scene.guess().unwrap();
    }
    scene.case = case(START);
    assert!(scene.prove(Kind::Passphrase), "the tenth of a day");
    scene.case = case(START);
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts), "the eleventh");
    assert!(Scene { case: case(START), ..scene }.prove(Kind::SavedCode), "the saved code is not counted");
}

#[test]
fn a_reserve_is_five_attempts_and_three_messages_whatever_came_before() {
    let mut scene = Scene::new();
    scene.spent(6, 3);
    for _ in 0..4 {
        scene.guess().unwrap();
    }
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts));
    assert_eq!(scene.send(Channel::Email), Err(Refusal::RecoveryMessages));
    assert!(scene.prove(Kind::SavedCode));
    scene.case.attempts = 5;
    for _ in 0..3 {
        scene.send(Channel::Email).unwrap();
    }
    assert_eq!(scene.send(Channel::Email), Err(Refusal::RecoveryMessages));
    for _ in 0..5 {
        scene.guess().unwrap();
    }
    assert_eq!(scene.case.state, CaseState::Proving, "wrong ones of the reserve end nothing");
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts));
    scene.case.proved_last_at = Some(START.plus_us(14 * HOUR_US - MINUTE_US));
    assert_eq!(scene.at(14 * HOUR_US - 1).guess(), Err(Refusal::RecoveryAttempts));
    assert!(scene.at(14 * HOUR_US).guess().is_ok());
}

#[test]
fn contacts_of_one_account_are_counted_apart_until_something_is_proved() {
    let by = |number| RecoveryCase { contact_index: ContactIndex([number; 32]), ..case(START) };
    let mut scene = Scene::new();
    scene.spent(10, 3);
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts));
    assert_eq!(scene.send(Channel::Email), Err(Refusal::RecoveryMessages));
    scene.case = by(2);
    for _ in 0..3 {
        scene.send(Channel::Email).unwrap();
    }
    assert_eq!(scene.send(Channel::Email), Err(Refusal::RecoveryMessages));
    for _ in 0..2 {
        for _ in 0..4 {
            scene.guess().unwrap();
        }
        scene.case = by(2);
    }
    assert!(scene.prove(Kind::Passphrase), "the ninth by this contact");
    // From here on it is the account's, by whichever contact it was named.
    for _ in 0..3 {
        scene.send(Channel::Sms).unwrap();
    }
    scene.target.attempts_today = 9;
    scene.guess().unwrap();
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts));
    scene.case = by(3);
    assert!(scene.prove(Kind::Passphrase), "by a third contact nothing was asked yet");
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts), "the account's are used up");
    assert_eq!(scene.send(Channel::Sms), Err(Refusal::RecoveryMessages));
}

#[test]
fn whoever_reads_what_was_sent_is_not_kept_out_by_those_who_guess() {
    let mut scene = Scene::new();
    scene.spent(10, 2);
    scene.send(Channel::Email).unwrap();
    assert_eq!(scene.guess(), Err(Refusal::RecoveryAttempts));
    assert!(scene.prove(Kind::EmailCode));
    assert!(scene.prove(Kind::Totp), "of the account's attempts, which nobody used up");
    // In its own case it is counted, and five end that.
    let mut scene = Scene::new();
    for number in 1..=5 {
        let wrong = Input::Prove { kind: Kind::EmailCode, matched: None, channels: channels() };
        scene.step(wrong).unwrap();
        assert_eq!(scene.case.state == CaseState::Rejected, number == 5, "{number}");
    }
    assert_eq!(scene.target.locators.attempts(scene.case.contact_index), 0);
}

#[test]
fn three_ask_to_join_by_one_contact_and_another_contact_has_three_more() {
    let mut target = target();
    let until = START.plus_us(10 * MINUTE_US);
    for number in [1, 2] {
        let mut ask = |now| target.locators.ask_to_join(ContactIndex([number; 32]), 3, until, now);
        assert!(ask(START) && ask(START) && ask(START), "{number}");
        assert!(!ask(START) && !ask(until.plus_us(-1)), "{number}");
        assert!(ask(until), "{number}");
    }
}

#[test]
fn guesses_at_an_authenticator_are_counted_until_the_account_is_recovered() {
    let wrong = Input::Prove { kind: Kind::Totp, matched: None, channels: channels() };
    let of_today = |scene: &Scene| (scene.target.totp_guesses, scene.target.totp_guesses_proved);
    let mut scene = Scene::new();
    scene.step(wrong).unwrap();
    scene.guess().unwrap();
    assert_eq!(of_today(&scene), (1, 0), "of a passphrase there are more than of a code");
    scene.target.totp_guesses = 599;
    assert!(scene.prove(Kind::Totp));
    // One too many, and it has to come second; the answer is the same as to any wrong one.
    let mut scene = Scene::new();
    scene.target.totp_guesses = 599;
    scene.step(wrong).unwrap();
    assert!(!scene.prove(Kind::Totp));
    assert!(scene.prove(Kind::Passphrase));
    assert!(scene.prove(Kind::Totp));
    // In cases that proved something it is counted apart, and the saved code is above it.
    let mut scene = Scene::new();
    assert!(scene.prove(Kind::Passphrase));
    scene.step(wrong).unwrap();
    assert_eq!(of_today(&scene), (0, 1));
    scene.target.totp_guesses_proved = 600;
    assert!(!scene.prove(Kind::Totp));
    let mut scene = Scene::new();
    (scene.target.totp_guesses, scene.target.totp_guesses_proved) = (600, 600);
    assert!(scene.prove(Kind::SavedCode));
    scene.step(wrong).unwrap();
    assert_eq!(of_today(&scene), (600, 600));
    assert!(scene.prove(Kind::Totp));
    scene.deliver().ready();
    assert!(scene.prove(Kind::SavedCode));
    scene.step(Input::Complete).unwrap();
    assert_eq!(of_today(&scene), (0, 0));
}
