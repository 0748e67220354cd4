//! What a suspension and a bar leave: the table, against what is decided; and keys that come and go.

use super::operators::{FIRST, SECOND, THIRD, approve, by, employed, propose};
use super::*;
use crate::domain::command::{
    Approved, CashDraft, MerchantDocumentWrite, NewKey, OperatorAction, OrderDraft, ShopStep, WebhookAction,
};
use crate::domain::decide::Stale;
use crate::domain::id::{CashTopUpId, ProposalId, StoreId, WebhookEndpointId};
use crate::domain::journal::Versions;
use crate::domain::outcome::Refusal;
use crate::domain::rows::{Proposal, ProposalState, Standing, Store};
use crate::domain::standing::{BarSubject, Deed, HINDRANCES, Hindrance};
use crate::domain::tests::fixture::{entry, written};
use crate::domain::time::HOUR_US;

pub(super) fn hinder(ledger: &mut Ledger, hindrance: Hindrance) {
    match hindrance {
        Hindrance::MerchantSuspended => {
            ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.standing = Standing::Suspended);
        }
        Hindrance::MerchantBarred => {
            ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.barred_at = Some(NOW));
        }
        Hindrance::StoreBarred => {
            ledger.change((store_id("bakery"),), |row: &mut Store| row.barred_at = Some(NOW));
        }
        Hindrance::TillBarred => till(ledger, |till| till.barred_at = Some(NOW)),
    }
}

fn new_order() -> OrderDraft {
    OrderDraft {
        order_id: "another".into(),
        amount: yen(10),
        currency: "JPY".into(),
        receipt_line: None,
        external_reference: None,
        payable_us: MINUTE_US,
    }
}

fn new_key() -> NewKey {
    NewKey { key_id: key_id("new"), point: [4; 65], form: KeyForm::Der }
}

/// Captured, voided and refunded; and what each is in the table.
fn steps(capture: Deed, back: Deed) -> [(ShopStep, Deed); 3] {
    [
        (ShopStep::Capture { amount: None, is_final: true }, capture),
        (ShopStep::Void, back),
        (ShopStep::Refund { amount: yen(1) }, back),
    ]
}

/// What a merchant's server does, and what it is in the table.
fn servers() -> Vec<(MerchantAction, Deed)> {
    let document = MerchantDocumentWrite { expected_version: 0, sealed: vec![1], data_key: None };
    let endpoint_id = WebhookEndpointId([1; 16]);
    let order_id = || ORDER.to_owned();
    let register = MerchantAction::RegisterTerminal {
        terminal_id: OTHER_TILL,
        store_id: store_id("bakery"),
        label: "till 2".into(),
        activation_tag: TAG,
        secret: vec![1],
    };
    let mut actions = vec![
        (register, Deed::OpenTerminal),
        (MerchantAction::ResumeTerminal { terminal_id: TILL }, Deed::OpenTerminal),
        (MerchantAction::SuspendTerminal { terminal_id: TILL }, Deed::SuspendTerminal),
        (MerchantAction::Reverse { terminal_id: TILL, order_id: order_id() }, Deed::GiveBack),
        (MerchantAction::CreateOrder { terminal_id: TILL, order: new_order() }, Deed::CreateOrder),
        (MerchantAction::CancelOrder { order_id: order_id() }, Deed::CancelOrder),
        (MerchantAction::Webhook(WebhookAction::Delete { endpoint_id, document }), Deed::ChangeWebhooks),
        (MerchantAction::RotateKey(new_key()), Deed::RotateKey),
    ];
    let steps = steps(Deed::Capture, Deed::GiveBack);
    actions.extend(steps.map(|(step, deed)| (MerchantAction::Step { order_id: order_id(), step }, deed)));
    actions
}

fn new_cash() -> CashDraft {
    CashDraft {
        cash_top_up_id: CashTopUpId([4; 16]),
        order_id: "another".into(),
        code_tag: TAG,
        amount: yen(10),
        currency: "JPY".into(),
    }
}

/// What a till does, and what it is in the table.
fn tills() -> Vec<(TerminalAction, Deed)> {
    let order_id = || ORDER.to_owned();
    let new_sale = || SaleDraft { order_id: "another".into(), ..sale(10, false) };
    let mut actions = vec![
        (TerminalAction::Charge(new_sale()), Deed::Charge),
        (TerminalAction::Authorize { sale: new_sale(), hold_us: MINUTE_US }, Deed::Charge),
        (TerminalAction::CashTopUp(new_cash()), Deed::CashTopUp),
        (TerminalAction::Reverse { order_id: order_id() }, Deed::TillGivesBack),
        (TerminalAction::CreateOrder(new_order()), Deed::TillCreatesOrder),
        (TerminalAction::CancelOrder { order_id: order_id() }, Deed::TillCloses),
        (TerminalAction::CloseDay { business_day: 1 }, Deed::TillCloses),
    ];
    let steps = steps(Deed::TillCapture, Deed::TillGivesBack);
    actions.extend(steps.map(|(step, deed)| (TerminalAction::Step { order_id: order_id(), step }, deed)));
    actions
}

/// A till with something held, so that each step has what it is about.
fn held() -> Ledger {
    let mut ledger = scene();
    let hold = TerminalAction::Authorize { sale: sale(800, false), hold_us: 9 * MINUTE_US };
    let attempt = by_till(&mut ledger, hold);
    assert_eq!(ledger.say(&attempt), Said::Done);
    ledger
}

/// What it is refused for by the table; nothing where it is done, as far as the table is asked.
fn expected(hindrance: Hindrance, is_done: bool) -> Option<Refusal> {
    match (is_done, hindrance) {
        (true, _) => None,
        (false, Hindrance::MerchantSuspended) => Some(Refusal::MerchantSuspended),
        (false, Hindrance::MerchantBarred | Hindrance::StoreBarred | Hindrance::TillBarred) => {
            Some(Refusal::Barred)
        }
    }
}

fn hindered(said: &Said) -> Option<Refusal> {
    [Refusal::Barred, Refusal::MerchantSuspended].into_iter().find(|refusal| *said == no(*refusal))
}

#[test]
fn what_a_merchants_server_may_is_what_the_table_says() {
    for hindrance in HINDRANCES {
        for (action, deed) in servers() {
            let mut ledger = held();
            hinder(&mut ledger, hindrance);
            till(&mut ledger, |till| till.misses_until = NOW.plus_us(HOUR_US));
            let is_new = matches!(action, MerchantAction::RegisterTerminal { .. });
            if is_new && hindrance == Hindrance::TillBarred {
                // A new till is not the barred one.
                continue;
            }
            let attempt = by_merchant(&mut ledger, action.clone());
            let said = ledger.ask(&attempt);
            let expected = expected(hindrance, deed.is_done(hindrance));
            assert_eq!(hindered(&said), expected, "{hindrance:?} {action:?}: {said:?}");
        }
    }
}

#[test]
fn what_a_till_may_is_what_the_table_says() {
    for hindrance in HINDRANCES {
        for (action, deed) in tills() {
            let mut ledger = held();
            hinder(&mut ledger, hindrance);
            let attempt = by_till(&mut ledger, action.clone());
            let said = ledger.ask(&attempt);
            let expected = expected(hindrance, deed.is_done(hindrance));
            assert_eq!(hindered(&said), expected, "{hindrance:?} {action:?}: {said:?}");
        }
    }
}

/// Everybody, and something that was proposed.
fn office() -> Ledger {
    let mut ledger = scene();
    employed(&mut ledger);
    propose(&mut ledger);
    ledger
}

#[test]
fn whoever_a_decision_is_about_neither_proposes_nor_approves_it() {
    for operator_id in [FIRST, SECOND] {
        for approved in [
            Approved::RevokeOperator { operator_id },
            Approved::SetOperatorKey { operator_id, key: new_key() },
        ] {
            let mut ledger = office();
            let attempt = approve(&mut ledger, approved);
            assert_eq!(ledger.ask(&attempt), no(Refusal::OperatorConcerned));
        }
    }
    let mut ledger = office();
    let concerned = Some(THIRD);
    let payload_sha256 = [4; 32];
    let proposal_id = ProposalId([5; 16]);
    let own = OperatorAction::Propose { proposal_id, payload: vec![1], payload_sha256, concerned };
    let attempt = by(&mut ledger, "third", own);
    assert_eq!(ledger.ask(&attempt), no(Refusal::OperatorConcerned));
}

#[test]
fn of_each_owner_one_key_is_active_and_the_journal_says_which_was_revoked() {
    let merchant = merchant_id("bakery");
    let rows = [
        (Approved::RevokeOperator { operator_id: THIRD }, vec![(key_id("third"), 2)]),
        (
            Approved::SetOperatorKey { operator_id: THIRD, key: new_key() },
            vec![(key_id("third"), 2), (key_id("new"), 1)],
        ),
        (Approved::RevokeMerchantKey { merchant_id: merchant }, vec![(key_id("merchant"), 2)]),
        (
            Approved::SetMerchantKey { merchant_id: merchant, key: new_key() },
            vec![(key_id("merchant"), 2), (key_id("new"), 1)],
        ),
    ];
    for (approved, keys) in rows {
        let mut ledger = office();
        let attempt = approve(&mut ledger, approved.clone());
        let decision = ledger.act(&attempt);
        assert_eq!(Said::of(&decision), Said::Done, "{approved:?}");
        let told = entry(&decision).expect("it is journalled");
        assert_eq!(told.versions, Versions { accounts: Vec::new(), keys: keys.clone() });
        for (key_id, version) in keys {
            let key = ledger.get::<SigningKey>((key_id,));
            let state = if version == 1 { KeyState::Active } else { KeyState::Revoked };
            assert_eq!((key.state, key.version), (state, version), "{approved:?}");
        }
        assert_eq!(written::<Proposal>(&decision)[0].state, ProposalState::Approved);
    }
}

#[test]
fn a_merchants_key_is_good_only_while_its_merchant_has_it() {
    let mut ledger = scene();
    ledger.change((merchant_id("bakery"),), |row: &mut Merchant| row.key_id = Some(key_id("another")));
    let attempt = by_merchant(&mut ledger, MerchantAction::SuspendTerminal { terminal_id: TILL });
    assert_eq!(ledger.ask(&attempt), Said::Stale(Stale::Key));
}

#[test]
fn a_key_that_was_anybodys_becomes_nobodys_and_what_is_not_there_is_not_barred() {
    let mut ledger = office();
    staff_key(&mut ledger, "new", Principal::Merchant, merchant_id("books").0);
    ledger.change((key_id("new"),), |key: &mut SigningKey| key.state = KeyState::Revoked);
    let set = Approved::SetMerchantKey { merchant_id: merchant_id("bakery"), key: new_key() };
    let attempt = approve(&mut ledger, set);
    assert_eq!(ledger.ask(&attempt), no(Refusal::KeyInUse));
    let attempt = by_merchant(&mut ledger, MerchantAction::RotateKey(new_key()));
    assert_eq!(ledger.ask(&attempt), no(Refusal::KeyInUse));
    let attempt = by(&mut ledger, "third", OperatorAction::RotateKey(new_key()));
    assert_eq!(ledger.ask(&attempt), no(Refusal::KeyInUse));
    let nowhere = BarSubject::Store(StoreId([8; 16]));
    let attempt = by(&mut ledger, "third", OperatorAction::Bar(nowhere));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound));
    let attempt = approve(&mut ledger, Approved::LiftBar(BarSubject::Terminal(TILL)));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotBarred));
}

#[test]
fn barred_twice_it_is_barred_since_the_first_time() {
    let merchant = merchant_id("bakery");
    let subjects =
        [BarSubject::Merchant(merchant), BarSubject::Store(store_id("bakery")), BarSubject::Terminal(TILL)];
    let mut ledger = office();
    for name in ["first", "second"] {
        for subject in subjects {
            let attempt = by(&mut ledger, name, OperatorAction::Bar(subject));
            assert_eq!(ledger.say(&attempt), Said::Done);
        }
        ledger.pass(MINUTE_US);
    }
    let since = [
        ledger.get::<Merchant>((merchant,)).barred_at,
        ledger.get::<Store>((store_id("bakery"),)).barred_at,
        ledger.get::<Terminal>((TILL,)).barred_at,
    ];
    assert_eq!(since, [Some(NOW); 3]);
}
