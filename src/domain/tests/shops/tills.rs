//! Tills: registered, activated, suspended and resumed by their own merchant alone.

use super::*;
use crate::domain::command::{CandidateAction, CandidateCall, MerchantAction};
use crate::domain::decide::{Stale, Traceless};
use crate::domain::outcome::Refusal;
use crate::domain::rows::{Activation, Merchant, SecretReply, Standing, Store};
use crate::domain::tests::fixture::written;
use crate::domain::time::{DAY_US, HOUR_US};

fn register(ledger: &mut Ledger) -> Attempt {
    by_merchant(
        ledger,
        MerchantAction::RegisterTerminal {
            terminal_id: OTHER_TILL,
            store_id: store_id("bakery"),
            label: "till 2".into(),
            activation_tag: TAG,
            secret: vec![1],
        },
    )
}

fn activate(ledger: &mut Ledger) -> Attempt {
    let number = ledger.number();
    let call =
        CandidateCall { signed: signed(key_id("new till"), number), point: [4; 65], form: KeyForm::Fixed };
    ledger.command(Order::Candidate(call, CandidateAction::ActivateTerminal { activation_tag: TAG }))
}

fn suspended(ledger: &mut Ledger) {
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
}

#[test]
fn registering_a_till_is_refused_in_the_documented_order() {
    let mut ledger = scene();
    ledger.change((key_id("merchant"),), |key: &mut SigningKey| key.state = KeyState::Revoked);
    suspended(&mut ledger);
    ledger.change((store_id("bakery"),), |row: &mut Store| row.merchant_id = merchant_id("books"));
    walk(
        &mut ledger,
        register,
        &[
            (Said::Stale(Stale::Key), |ledger| {
                ledger.change((key_id("merchant"),), |key: &mut SigningKey| key.state = KeyState::Active);
            }),
            (no(Refusal::MerchantSuspended), |ledger| {
                ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Active);
            }),
            (no(Refusal::NotFound), |ledger| {
                ledger.change((store_id("bakery"),), |row: &mut Store| {
                    row.merchant_id = merchant_id("bakery");
                });
            }),
        ],
    );
    let attempt = register(&mut ledger);
    let decision = ledger.act(&attempt);
    assert_eq!(written::<Terminal>(&decision)[0].state, TerminalState::Registered);
    assert_eq!(written::<Activation>(&decision)[0].expires_at, NOW.plus_us(DAY_US));
    assert_eq!(written::<SecretReply>(&decision).len(), 1);
}

#[test]
fn a_key_of_another_kind_or_owner_is_no_merchants() {
    let others =
        [(Principal::Operator, merchant_id("bakery").0), (Principal::Merchant, merchant_id("books").0)];
    for (principal, owner_id) in others {
        let mut ledger = scene();
        staff_key(&mut ledger, "merchant", principal, owner_id);
        let attempt = register(&mut ledger);
        assert_eq!(ledger.ask(&attempt), Said::Stale(Stale::Key));
    }
}

#[test]
fn an_activation_code_is_good_once_in_time_and_for_a_waiting_till() {
    let breakages: [Breakage; 8] = [
        |ledger| ledger.remove(RowKey::Activation(TAG)),
        |ledger| ledger.pass(DAY_US),
        |ledger| ledger.remove(RowKey::Terminal(OTHER_TILL)),
        |ledger| {
            ledger.change((OTHER_TILL,), |till: &mut Terminal| till.state = TerminalState::Suspended);
        },
        |ledger| ledger.change((OTHER_TILL,), |till: &mut Terminal| till.state = TerminalState::Active),
        |ledger| ledger.change((OTHER_TILL,), |till: &mut Terminal| till.barred_at = Some(NOW)),
        |ledger| ledger.change((store_id("bakery"),), |row: &mut Store| row.barred_at = Some(NOW)),
        |ledger| ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.barred_at = Some(NOW)),
    ];
    for breakage in breakages {
        let mut ledger = scene();
        let attempt = register(&mut ledger);
        assert_eq!(ledger.say(&attempt), Said::Done);
        breakage(&mut ledger);
        let attempt = activate(&mut ledger);
        assert_eq!(ledger.ask(&attempt), no(Refusal::ActivationOver));
    }
    let mut ledger = scene();
    let attempt = register(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger.pass(DAY_US - 1);
    let attempt = activate(&mut ledger);
    let mut enrolled = ledger.clone();
    staff_key(&mut enrolled, "new till", Principal::Device, [1; 16]);
    assert_eq!(enrolled.ask(&attempt), Said::Nothing(Traceless::NotACandidate));
    let decision = ledger.act(&attempt);
    assert_eq!(Said::of(&decision), Said::Done);
    let [key] = written::<SigningKey>(&decision)[..] else { panic!("one key") };
    assert_eq!((key.principal, key.owner_id), (Principal::Terminal, OwnerId(OTHER_TILL.0)));
    assert!(ledger.view.row(&RowKey::Activation(TAG)).is_none(), "the code is not kept");
    ledger.remove(RowKey::SigningKey(key_id("new till")));
    let again = activate(&mut ledger);
    assert_eq!(ledger.ask(&again), no(Refusal::ActivationOver), "it was used");
}

#[test]
fn a_till_is_resumed_when_suspended_by_its_own_merchant_that_takes_part() {
    let resume =
        |ledger: &mut Ledger| by_merchant(ledger, MerchantAction::ResumeTerminal { terminal_id: TILL });
    let mut ledger = scene();
    let attempt = resume(&mut ledger);
    assert_eq!(ledger.ask(&attempt), no(Refusal::TerminalNotSuspended));
    till(&mut ledger, |till| till.misses_until = NOW.plus_us(HOUR_US));
    assert_eq!(ledger.ask(&attempt), no(Refusal::TerminalNotSuspended), "it goes on by itself");

    let suspend = by_merchant(&mut ledger, MerchantAction::SuspendTerminal { terminal_id: TILL });
    suspended(&mut ledger);
    assert_eq!(ledger.say(&suspend), Said::Done, "also by a merchant that takes no part");
    let attempt = resume(&mut ledger);
    assert_eq!(ledger.ask(&attempt), no(Refusal::MerchantSuspended));
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Active);
    till(&mut ledger, |till| till.merchant_id = merchant_id("books"));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound), "another merchant's");
    till(&mut ledger, |till| till.merchant_id = merchant_id("bakery"));
    assert_eq!(ledger.say(&attempt), Said::Done);
    let resumed = ledger.get::<Terminal>((TILL,));
    assert_eq!((resumed.state, resumed.misses_until), (TerminalState::Active, NOW.plus_us(HOUR_US)));

    till(&mut ledger, |till| {
        till.state = TerminalState::Suspended;
        till.key_id = None;
    });
    let attempt = resume(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    let state = ledger.get::<Terminal>((TILL,)).state;
    assert_eq!(state, TerminalState::Registered, "without a key it waits for one");
}
