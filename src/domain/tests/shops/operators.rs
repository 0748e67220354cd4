//! Operators: two people where money or privilege rises, one where it is taken away.

use super::*;
use crate::domain::command::{Approved, NewKey, NewStore, OperatorAction, OperatorCall};
use crate::domain::decide::Stale;
use crate::domain::id::{LedgerAccountId, MerchantId, OperatorId, ProposalId, StoreId};
use crate::domain::outcome::Refusal;
use crate::domain::rows::{LedgerAccount, Operator, Proposal, ProposalState, Standing, Store};
use crate::domain::tests::fixture::written;
use crate::domain::time::DAY_US;

pub(super) const FIRST: OperatorId = OperatorId([1; 16]);
pub(super) const SECOND: OperatorId = OperatorId([2; 16]);
pub(super) const THIRD: OperatorId = OperatorId([3; 16]);
const PROPOSAL: ProposalId = ProposalId([3; 16]);
const HASH: [u8; 32] = [4; 32];
const STAFF: [(&str, OperatorId); 3] = [("first", FIRST), ("second", SECOND), ("third", THIRD)];

fn office() -> Ledger {
    let mut ledger = Ledger::parse("alice 0 jpy | bakery");
    employed(&mut ledger);
    ledger
}

/// Three operators.
pub(super) fn employed(ledger: &mut Ledger) {
    for (name, operator_id) in STAFF {
        ledger.put(Operator {
            operator_id,
            tenant_id: FIRST_TENANT,
            key_id: key_id(name),
            state: KeyState::Active,
            added_at: NOW,
        });
        staff_key(ledger, name, Principal::Operator, operator_id.0);
    }
}

pub(super) fn by(ledger: &mut Ledger, name: &str, action: OperatorAction) -> Attempt {
    let number = ledger.number();
    let (_, operator_id) = STAFF.into_iter().find(|(known, _)| *known == name).expect("an operator");
    let call = OperatorCall { signed: signed(key_id(name), number), operator_id };
    ledger.command(Order::Operator(call, action))
}

pub(super) fn propose(ledger: &mut Ledger) {
    let action = OperatorAction::Propose {
        proposal_id: PROPOSAL,
        payload: vec![1, 2, 3],
        payload_sha256: HASH,
        concerned: None,
    };
    let attempt = by(ledger, "first", action);
    assert_eq!(ledger.say(&attempt), Said::Done);
}

fn key() -> NewKey {
    NewKey { key_id: key_id("newcomer"), point: [4; 65], form: KeyForm::Der }
}

fn fish() -> NewStore {
    let store_id = StoreId([9; 16]);
    NewStore { store_id, name: "Fish".into(), city: "Tokyo".into(), time_zone: "Asia/Tokyo".into() }
}

fn register() -> Approved {
    Approved::RegisterMerchant {
        merchant_id: MerchantId([9; 16]),
        ledger_account_id: LedgerAccountId([9; 16]),
        key: key(),
        store: fish(),
    }
}

pub(super) fn approve(ledger: &mut Ledger, approved: Approved) -> Attempt {
    let approved = Box::new(approved);
    let (payload_sha256, read_sha256) = (HASH, HASH);
    let action = OperatorAction::Approve { proposal_id: PROPOSAL, payload_sha256, read_sha256, approved };
    by(ledger, "second", action)
}

fn proposal(ledger: &mut Ledger, change: impl FnOnce(&mut Proposal)) {
    ledger.change((PROPOSAL,), change);
}

#[test]
fn an_approval_is_refused_in_the_documented_order() {
    let mut ledger = office();
    propose(&mut ledger);
    let mut absent = ledger.clone();
    absent.remove(RowKey::Proposal(PROPOSAL));
    let attempt = approve(&mut absent, register());
    assert_eq!(absent.ask(&attempt), no(Refusal::NotFound));

    ledger.change((SECOND,), |row: &mut Operator| row.state = KeyState::Revoked);
    staff_key(&mut ledger, "newcomer", Principal::Device, [1; 16]);
    ledger.change((key_id("first"),), |key: &mut SigningKey| key.state = KeyState::Revoked);
    proposal(&mut ledger, |row| {
        row.state = ProposalState::Approved;
        row.expires_at = NOW;
        row.payload_sha256 = [5; 32];
        row.proposer_id = SECOND;
    });
    walk(
        &mut ledger,
        |ledger| approve(ledger, register()),
        &[
            (Said::Stale(Stale::Key), |ledger| {
                ledger.change((SECOND,), |row: &mut Operator| row.state = KeyState::Active);
            }),
            (no(Refusal::ProposalOver), |ledger| proposal(ledger, |row| row.state = ProposalState::Open)),
            (no(Refusal::ProposalOver), |ledger| {
                proposal(ledger, |row| row.expires_at = NOW.plus_us(1));
            }),
            (no(Refusal::ProposalChanged), |ledger| proposal(ledger, |row| row.payload_sha256 = HASH)),
            (no(Refusal::SameOperator), |ledger| proposal(ledger, |row| row.proposer_id = FIRST)),
            (no(Refusal::ProposerRevoked), |ledger| {
                ledger.change((key_id("first"),), |key: &mut SigningKey| key.state = KeyState::Active);
            }),
            (no(Refusal::KeyInUse), |ledger| ledger.remove(RowKey::SigningKey(key_id("newcomer")))),
        ],
    );
}

#[test]
fn what_is_carried_out_is_what_was_proposed_and_signed() {
    for (signed, read) in [(HASH, [5; 32]), ([5; 32], HASH), ([5; 32], [5; 32])] {
        let mut ledger = office();
        propose(&mut ledger);
        let mut attempt = approve(&mut ledger, register());
        let Order::Operator(_, OperatorAction::Approve { payload_sha256, read_sha256, .. }) =
            &mut attempt.command.order
        else {
            panic!("an approval")
        };
        (*payload_sha256, *read_sha256) = (signed, read);
        assert_eq!(ledger.ask(&attempt), no(Refusal::ProposalChanged), "{signed:?} {read:?}");
    }
}

#[test]
fn a_key_of_another_kind_or_owner_is_no_operators() {
    for (principal, owner_id) in [(Principal::Operator, FIRST.0), (Principal::Merchant, SECOND.0)] {
        let mut ledger = office();
        propose(&mut ledger);
        staff_key(&mut ledger, "second", principal, owner_id);
        let attempt = approve(&mut ledger, register());
        assert_eq!(ledger.ask(&attempt), Said::Stale(Stale::Key));
    }
}

#[test]
fn a_proposal_waits_a_day_and_takes_effect_once() {
    let mut ledger = office();
    propose(&mut ledger);
    assert_eq!(ledger.get::<Proposal>((PROPOSAL,)).expires_at, NOW.plus_us(DAY_US));
    let attempt = approve(&mut ledger, register());
    let decision = ledger.act(&attempt);
    assert_eq!(Said::of(&decision), Said::Done);
    assert_eq!(written::<Merchant>(&decision)[0].standing, Standing::Active);
    assert_eq!(written::<Store>(&decision)[0].name, "Fish");
    assert_eq!(written::<SigningKey>(&decision)[0].principal, Principal::Merchant);
    assert_eq!(written::<LedgerAccount>(&decision)[0].ledger_account_id, LedgerAccountId([9; 16]));
    let approver = ledger.get::<Proposal>((PROPOSAL,)).approver_id;
    assert_eq!(approver, Some(SECOND));
    let again = approve(&mut ledger, register());
    assert_eq!(ledger.ask(&again), no(Refusal::ProposalOver));
}

#[test]
fn what_is_approved_must_still_be_possible() {
    let rows: [(Approved, Refusal); 3] = [
        (Approved::RegisterStore { merchant_id: MerchantId([8; 16]), store: fish() }, Refusal::NotFound),
        (Approved::ResumeMerchant { merchant_id: MerchantId([8; 16]) }, Refusal::NotFound),
        (Approved::ResumeMerchant { merchant_id: merchant_id("bakery") }, Refusal::MerchantNotSuspended),
    ];
    for (approved, refusal) in rows {
        let mut ledger = office();
        propose(&mut ledger);
        let attempt = approve(&mut ledger, approved);
        assert_eq!(ledger.say(&attempt), no(refusal));
        assert_eq!(ledger.get::<Proposal>((PROPOSAL,)).state, ProposalState::Open, "it may wait for it");
    }
    let mut ledger = office();
    propose(&mut ledger);
    staff_key(&mut ledger, "newcomer", Principal::Terminal, [1; 16]);
    let attempt =
        approve(&mut ledger, Approved::AddOperator { operator_id: OperatorId([7; 16]), key: key() });
    assert_eq!(ledger.ask(&attempt), no(Refusal::KeyInUse));
}

#[test]
fn one_operator_suspends_a_merchant_and_two_resume_it() {
    let mut ledger = office();
    let unknown =
        by(&mut ledger, "first", OperatorAction::SuspendMerchant { merchant_id: MerchantId([8; 16]) });
    assert_eq!(ledger.ask(&unknown), no(Refusal::NotFound));
    let action = OperatorAction::SuspendMerchant { merchant_id: merchant_id("bakery") };
    let attempt = by(&mut ledger, "first", action);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Merchant>((merchant_id("bakery"),)).standing, Standing::Suspended);
    propose(&mut ledger);
    let attempt = approve(&mut ledger, Approved::ResumeMerchant { merchant_id: merchant_id("bakery") });
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Merchant>((merchant_id("bakery"),)).standing, Standing::Active);
}
