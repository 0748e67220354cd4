//! What a suspension and a bar leave: the table, against what is decided; and keys that come and go.

use super::*;
use crate::domain::command::{
    Approved, MerchantAction, MerchantCall, MerchantDocumentWrite, NewKey, OperatorAction, OperatorCall,
    OrderDraft, ShopStep, WebhookAction,
};
use crate::domain::decide::Stale;
use crate::domain::id::{OperatorId, ProposalId, StoreId, WebhookEndpointId};
use crate::domain::journal::Versions;
use crate::domain::outcome::Refusal;
use crate::domain::rows::{Operator, Proposal, ProposalState, Standing, Store};
use crate::domain::standing::{BarSubject, HINDRANCES, Hindrance};
use crate::domain::tests::fixture::{entry, written};

fn by_merchant(ledger: &mut Ledger, action: MerchantAction) -> Attempt {
    let number = ledger.number();
    let call =
        MerchantCall { signed: signed(key_id("merchant"), number), merchant_id: merchant_id("bakery") };
    ledger.command(Order::Merchant(call, action))
}

fn hinder(ledger: &mut Ledger, hindrance: Hindrance) {
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

fn yen(minor: i64) -> Amount {
    Amount::new(minor).expect("an amount")
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

fn steps() -> [ShopStep; 3] {
    [ShopStep::Capture { amount: None, is_final: true }, ShopStep::Void, ShopStep::Refund { amount: yen(1) }]
}

fn servers() -> Vec<MerchantAction> {
    let document = MerchantDocumentWrite { expected_version: 0, sealed: vec![1], data_key: None };
    let endpoint_id = WebhookEndpointId([1; 16]);
    let order_id = || ORDER.to_owned();
    let mut actions = vec![
        MerchantAction::RegisterTerminal {
            terminal_id: OTHER_TILL,
            store_id: store_id("bakery"),
            label: "till 2".into(),
            activation_tag: TAG,
            secret: vec![1],
        },
        MerchantAction::SuspendTerminal { terminal_id: TILL },
        MerchantAction::ResumeTerminal { terminal_id: TILL },
        MerchantAction::Reverse { terminal_id: TILL, order_id: order_id() },
        MerchantAction::CreateOrder { terminal_id: TILL, order: new_order() },
        MerchantAction::CancelOrder { order_id: order_id() },
        MerchantAction::Webhook(WebhookAction::Delete { endpoint_id, document }),
        MerchantAction::RotateKey(new_key()),
    ];
    actions.extend(steps().map(|step| MerchantAction::Step { order_id: order_id(), step }));
    actions
}

fn tills() -> Vec<TerminalAction> {
    let order_id = || ORDER.to_owned();
    let mut actions = vec![
        TerminalAction::Reverse { order_id: order_id() },
        TerminalAction::CreateOrder(new_order()),
        TerminalAction::CancelOrder { order_id: order_id() },
        TerminalAction::CloseDay { business_day: 1 },
    ];
    actions.extend(steps().map(|step| TerminalAction::Step { order_id: order_id(), step }));
    actions
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
        for action in servers() {
            let mut ledger = scene();
            hinder(&mut ledger, hindrance);
            till(&mut ledger, |till| till.code_misses = 10);
            let is_done = action.deed().is_done(hindrance);
            let is_new = matches!(action, MerchantAction::RegisterTerminal { .. });
            if is_new && hindrance == Hindrance::TillBarred {
                // A new till is not the barred one.
                continue;
            }
            let attempt = by_merchant(&mut ledger, action.clone());
            let said = ledger.ask(&attempt);
            assert_eq!(hindered(&said), expected(hindrance, is_done), "{hindrance:?} {action:?}: {said:?}");
        }
    }
}

#[test]
fn what_a_till_may_is_what_the_table_says() {
    for hindrance in HINDRANCES {
        for action in tills() {
            let mut ledger = scene();
            hinder(&mut ledger, hindrance);
            let is_done = action.deed().is_done(hindrance);
            let is_step = matches!(action, TerminalAction::Step { .. });
            if is_step && hindrance == Hindrance::MerchantSuspended {
                // Looked at behind the order: the tables of payments' steps walk it.
                continue;
            }
            let attempt = by_till(&mut ledger, action.clone());
            let said = ledger.ask(&attempt);
            assert_eq!(hindered(&said), expected(hindrance, is_done), "{hindrance:?} {action:?}: {said:?}");
        }
        let mut ledger = scene();
        hinder(&mut ledger, hindrance);
        let attempt = charge(&mut ledger, 10);
        let said = ledger.ask(&attempt);
        assert_eq!(hindered(&said), expected(hindrance, false), "{hindrance:?} a charge: {said:?}");
    }
}

const PROPOSER: OperatorId = OperatorId([1; 16]);
const APPROVER: OperatorId = OperatorId([2; 16]);
const THIRD: OperatorId = OperatorId([3; 16]);
const PROPOSAL: ProposalId = ProposalId([3; 16]);

fn office() -> Ledger {
    let mut ledger = scene();
    for (name, operator_id) in [("proposer", PROPOSER), ("approver", APPROVER), ("third", THIRD)] {
        ledger.put(Operator {
            operator_id,
            tenant_id: FIRST_TENANT,
            key_id: key_id(name),
            state: KeyState::Active,
            added_at: NOW,
        });
        staff_key(&mut ledger, name, Principal::Operator, operator_id.0);
    }
    ledger.put(Proposal {
        proposal_id: PROPOSAL,
        tenant_id: FIRST_TENANT,
        proposer_id: PROPOSER,
        payload: vec![1],
        payload_sha256: [4; 32],
        state: ProposalState::Open,
        approver_id: None,
        created_at: NOW,
        expires_at: NOW.plus_us(MINUTE_US),
        decided_at: None,
        key_id: key_id("proposer"),
    });
    ledger
}

fn by(ledger: &mut Ledger, name: &str, operator_id: OperatorId, action: OperatorAction) -> Attempt {
    let number = ledger.number();
    let call = OperatorCall { signed: signed(key_id(name), number), operator_id };
    ledger.command(Order::Operator(call, action))
}

fn approve(ledger: &mut Ledger, approved: Approved) -> Attempt {
    let approved = Box::new(approved);
    let action = OperatorAction::Approve {
        proposal_id: PROPOSAL,
        payload_sha256: [4; 32],
        read_sha256: [4; 32],
        approved,
    };
    by(ledger, "approver", APPROVER, action)
}

#[test]
fn whoever_a_decision_is_about_neither_proposes_nor_approves_it() {
    for operator_id in [PROPOSER, APPROVER] {
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
    let attempt = by(&mut ledger, "third", THIRD, own);
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
    let attempt = by(&mut ledger, "third", THIRD, OperatorAction::RotateKey(new_key()));
    assert_eq!(ledger.ask(&attempt), no(Refusal::KeyInUse));
    let nowhere = BarSubject::Store(StoreId([8; 16]));
    let attempt = by(&mut ledger, "third", THIRD, OperatorAction::Bar(nowhere));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotFound));
    let attempt = approve(&mut ledger, Approved::LiftBar(BarSubject::Terminal(TILL)));
    assert_eq!(ledger.ask(&attempt), no(Refusal::NotBarred));
}
