//! Keys of merchants and operators: revoked and replaced by two others, rotated by their owners, and nobody's
//! without a proof.

use saifu::client::method::{MERCHANT_KEY, MERCHANT_REFUND, OPERATOR_KEY};
use saifu::client::refused::Refused;
use saifu::client::signer::Signer;
use saifu::client::staff::Staff;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::pb;
use saifu::pb::propose_request::Proposal;
use saifu::server::SANDBOX_AUDIENCE;

use crate::support::shop::{Shop, add_operator, approved_by, digits, order, proposed_by, register};
use crate::support::{World, books_hold, reason};

fn key() -> DeviceKey {
    DeviceKey::generate(SignatureForm::Der)
}

fn copy(staff: &Staff) -> DeviceKey {
    let key = staff.signer.key();
    DeviceKey::from_pkcs8(key.pkcs8(), key.public().form()).expect("a key")
}

fn set_merchant_key(merchant_id: &[u8], new: &Signer) -> Proposal {
    Proposal::SetMerchantKey(pb::SetMerchantKey {
        merchant_id: merchant_id.to_vec(),
        key: Some(new.candidate()),
        key_proof: new.possession(MERCHANT_KEY, merchant_id),
    })
}

fn set_operator_key(operator_id: &[u8], new: &Signer) -> Proposal {
    Proposal::SetOperatorKey(pb::SetOperatorKey {
        operator_id: operator_id.to_vec(),
        key: Some(new.candidate()),
        key_proof: new.possession(OPERATOR_KEY, operator_id),
    })
}

fn revoke_merchant_key(merchant_id: &[u8]) -> Proposal {
    Proposal::RevokeMerchantKey(pb::RevokeMerchantKey { merchant_id: merchant_id.to_vec() })
}

fn revoke_operator(operator_id: &[u8]) -> Proposal {
    Proposal::RevokeOperator(pb::RevokeOperator { operator_id: operator_id.to_vec() })
}

async fn refund(merchant: &Staff, order_id: &str) -> Result<pb::PaymentStepReply, Refused> {
    let request = pb::RefundRequest { order_id: order_id.into(), amount_minor: 1 };
    merchant.send(merchant.draft(MERCHANT_REFUND, &request)).await
}

/// A third operator, and the ids of the first and of the third.
async fn third(world: &World, [first, second]: &[Staff; 2]) -> (Staff, [Vec<u8>; 2]) {
    let third = world.staff_at(world.server.operators_address(), key()).await;
    let proposal = proposed_by(first, second, add_operator(&third)).await.expect("a proposal");
    let first_id = proposal.proposer_id.clone();
    let third_id = second.approve(&proposal).await.expect("an approval").operator_id;
    (third, [first_id, third_id])
}

async fn sold(world: &World) -> Shop {
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    shop.till.charge(&order("sold", 500), &digits(&alice, 500).await).await.expect("a charge");
    shop
}

#[tokio::test]
async fn a_stolen_merchants_key_is_revoked_and_another_set_and_the_thief_refunds_nothing_more() {
    let world = World::start().await;
    let shop = sold(&world).await;
    let thief = world.staff_at(world.server.address(), copy(&shop.merchant)).await;
    refund(&thief, "sold").await.expect("so long as nobody knows");

    world.approved(revoke_merchant_key(&shop.merchant_id)).await.expect("revoked");
    assert_eq!(reason(refund(&thief, "sold").await), pb::Reason::Unauthenticated);
    assert_eq!(reason(thief.list_stores().await), pb::Reason::Unauthenticated);
    assert_eq!(reason(thief.create_webhook("https://hooks.invalid/in").await), pb::Reason::Unauthenticated);
    let again = world.approved(revoke_merchant_key(&shop.merchant_id)).await;
    assert_eq!(reason(again), pb::Reason::NoKey);
    shop.till.refund("sold", 1).await.expect("its tills go on");

    let new = world.staff(SignatureForm::Fixed).await;
    assert_eq!(reason(new.list_stores().await), pb::Reason::Unauthenticated, "not yet");
    world.approved(set_merchant_key(&shop.merchant_id, &new.signer)).await.expect("set");
    assert_eq!(new.list_stores().await.expect("its stores").stores[0].store_id, shop.store_id);
    refund(&new, "sold").await.expect("the same merchant's");
    assert_eq!(reason(refund(&thief, "sold").await), pb::Reason::Unauthenticated);

    // A key is somebody's for ever: neither a till's, nor a merchant's again.
    assert_eq!(reason(thief.activate("0000-0000").await), pb::Reason::PermissionDenied);
    let back = world.approved(set_merchant_key(&shop.merchant_id, &thief.signer)).await;
    assert_eq!(reason(back), pb::Reason::KeyInUse);
    let elsewhere = world.approved(register(&thief, "Books")).await;
    assert_eq!(reason(elsewhere), pb::Reason::KeyInUse);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn setting_a_merchants_key_revokes_the_old_one_in_the_same_commit() {
    let world = World::start().await;
    let shop = sold(&world).await;
    let new = world.staff(SignatureForm::Fixed).await;
    world.approved(set_merchant_key(&shop.merchant_id, &new.signer)).await.expect("set");
    refund(&new, "sold").await.expect("the new one");
    assert_eq!(reason(refund(&shop.merchant, "sold").await), pb::Reason::Unauthenticated, "the old one");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn an_operator_who_leaves_approves_nothing_and_what_they_proposed_falls() {
    let world = World::start().await;
    let operators = world.operators().await;
    let (third, [_, third_id]) = third(&world, &operators).await;
    let [first, second] = &operators;
    let applicant = world.staff(SignatureForm::Der).await;
    let by_third = proposed_by(&third, second, register(&applicant, "Fish")).await.expect("a proposal");
    let by_first = proposed_by(first, &third, register(&applicant, "Fish")).await.expect("a proposal");

    approved_by(first, second, revoke_operator(&third_id)).await.expect("revoked");
    assert_eq!(reason(third.approve(&by_first).await), pb::Reason::Unauthenticated);
    assert_eq!(reason(third.list_proposals().await), pb::Reason::Unauthenticated);
    assert_eq!(reason(second.approve(&by_third).await), pb::Reason::ProposerRevoked);
    let again = approved_by(first, second, revoke_operator(&third_id)).await;
    assert_eq!(reason(again), pb::Reason::NoKey);
    let renewed =
        approved_by(first, second, set_operator_key(&third_id, &Signer::new(key(), SANDBOX_AUDIENCE)));
    assert_eq!(reason(renewed.await), pb::Reason::NoKey, "there is no way back but as somebody new");
    second.approve(&by_first).await.expect("the first's own stands");
    books_hold(world, |_| {}).await;
}

/// So two always remain: the proposer and the approver.
#[tokio::test]
async fn nobody_takes_part_in_a_decision_on_their_own_key_and_two_operators_always_remain() {
    let world = World::start().await;
    let operators = world.operators().await;
    let (third, [first_id, third_id]) = third(&world, &operators).await;
    let [first, second] = &operators;
    let new = Signer::new(key(), SANDBOX_AUDIENCE);
    for proposal in [revoke_operator(&first_id), set_operator_key(&first_id, &new)] {
        assert_eq!(reason(first.propose(proposal.clone()).await), pb::Reason::OperatorConcerned);
        let of_first = proposed_by(second, first, proposal).await.expect("a proposal");
        assert_eq!(reason(first.approve(&of_first).await), pb::Reason::OperatorConcerned);
    }
    approved_by(first, second, revoke_operator(&third_id)).await.expect("two others");
    // Now there are two, and neither can be voted out by the other alone.
    let of_first = proposed_by(second, first, revoke_operator(&first_id)).await.expect("a proposal");
    assert_eq!(reason(first.approve(&of_first).await), pb::Reason::OperatorConcerned);
    assert_eq!(reason(second.approve(&of_first).await), pb::Reason::SameOperator);
    assert_eq!(reason(third.approve(&of_first).await), pb::Reason::Unauthenticated);
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn two_operators_give_a_third_another_key_and_the_old_ones_proposals_fall() {
    let world = World::start().await;
    let operators = world.operators().await;
    let (third, [_, third_id]) = third(&world, &operators).await;
    let [first, second] = &operators;
    let applicant = world.staff(SignatureForm::Der).await;
    let stolen = proposed_by(&third, second, register(&applicant, "Fish")).await.expect("by the thief");
    let new = world.staff_at(world.server.operators_address(), key()).await;
    approved_by(first, second, set_operator_key(&third_id, &new.signer)).await.expect("set");
    assert_eq!(reason(third.list_proposals().await), pb::Reason::Unauthenticated);
    assert_eq!(reason(second.approve(&stolen).await), pb::Reason::ProposerRevoked);
    let own = proposed_by(&new, second, register(&applicant, "Fish")).await.expect("a proposal");
    assert_eq!(own.proposer_id, third_id, "the same operator");
    second.approve(&own).await.expect("an approval");
    books_hold(world, |_| {}).await;
}

#[tokio::test]
async fn an_owner_rotates_its_key_with_the_word_of_both_keys() {
    let world = World::start().await;
    let shop = sold(&world).await;
    let new = world.staff(SignatureForm::Fixed).await;
    shop.merchant.rotate_merchant_key(&shop.merchant_id, &new.signer).await.expect("rotated");
    assert_eq!(reason(refund(&shop.merchant, "sold").await), pb::Reason::Unauthenticated);
    refund(&new, "sold").await.expect("the same merchant's");
    let back = new.rotate_merchant_key(&shop.merchant_id, &shop.merchant.signer).await;
    assert_eq!(reason(back), pb::Reason::KeyInUse);

    let [first, second] = world.operators().await;
    let applicant = world.staff(SignatureForm::Der).await;
    let open = proposed_by(&first, &second, register(&applicant, "Fish")).await.expect("a proposal");
    let renewed = world.staff_at(world.server.operators_address(), key()).await;
    first.rotate_operator_key(&open.proposer_id, &renewed.signer).await.expect("rotated");
    assert_eq!(reason(first.list_proposals().await), pb::Reason::Unauthenticated);
    assert_eq!(reason(second.approve(&open).await), pb::Reason::ProposerRevoked);
    approved_by(&renewed, &second, register(&applicant, "Fish")).await.expect("the same operator");
    books_hold(world, |_| {}).await;
}

/// What a proof may be that is none: another key's, for another owner, of another kind, for another
/// deployment, or absent.
fn no_proofs(new: &Signer, kind: &str, owner_id: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let other_kind = if kind == MERCHANT_KEY { OPERATOR_KEY } else { MERCHANT_KEY };
    let elsewhere = DeviceKey::from_pkcs8(new.key().pkcs8(), new.key().public().form()).expect("a key");
    vec![
        ("another key's", Signer::new(key(), SANDBOX_AUDIENCE).possession(kind, owner_id)),
        ("another owner's", new.possession(kind, &[9; 16])),
        ("of another kind", new.possession(other_kind, owner_id)),
        ("of another deployment", Signer::new(elsewhere, "wallet.example.jp").possession(kind, owner_id)),
        ("absent", Vec::new()),
    ]
}

#[tokio::test]
async fn a_key_that_did_not_sign_for_its_owner_becomes_nobodys() {
    let world = World::start().await;
    let shop = sold(&world).await;
    let [first, second] = world.operators().await;
    let open = proposed_by(&first, &second, revoke_merchant_key(&[8; 16])).await.expect("a proposal");
    let (merchant_id, operator_id) = (shop.merchant_id.clone(), open.proposer_id);
    let new = Signer::new(key(), SANDBOX_AUDIENCE);
    let key = || Some(new.candidate());
    let Proposal::RegisterMerchant(fish) = register(&shop.merchant, "Fish") else { panic!("a merchant") };
    for (case, key_proof) in no_proofs(&new, MERCHANT_KEY, &[]) {
        let wanted = pb::RegisterMerchant { key: key(), key_proof, ..fish.clone() };
        let refused = first.propose(Proposal::RegisterMerchant(wanted)).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a new merchant's: {case}");
    }
    for (case, key_proof) in no_proofs(&new, OPERATOR_KEY, &[]) {
        let refused = first.propose(Proposal::AddOperator(pb::AddOperator { key: key(), key_proof })).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a new operator's: {case}");
    }
    for (case, key_proof) in no_proofs(&new, MERCHANT_KEY, &merchant_id) {
        let merchant_id = merchant_id.clone();
        let wanted = pb::SetMerchantKey { merchant_id, key: key(), key_proof: key_proof.clone() };
        let refused = first.propose(Proposal::SetMerchantKey(wanted)).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a merchant's: {case}");
        let wanted = pb::RotateKeyRequest { key: key(), key_proof };
        let draft = shop.merchant.draft(saifu::client::method::ROTATE_MERCHANT_KEY, &wanted);
        let refused = shop.merchant.send::<pb::RotateKeyReply>(draft).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "a merchant's own: {case}");
    }
    for (case, key_proof) in no_proofs(&new, OPERATOR_KEY, &operator_id) {
        let operator_id = operator_id.clone();
        let wanted = pb::SetOperatorKey { operator_id, key: key(), key_proof: key_proof.clone() };
        let refused = second.propose(Proposal::SetOperatorKey(wanted)).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "an operator's: {case}");
        let wanted = pb::RotateKeyRequest { key: key(), key_proof };
        let draft = first.draft(saifu::client::method::ROTATE_OPERATOR_KEY, &wanted);
        let refused = first.send::<pb::RotateKeyReply>(draft).await;
        assert_eq!(reason(refused), pb::Reason::Malformed, "an operator's own: {case}");
    }
    refund(&shop.merchant, "sold").await.expect("nothing was changed by all of that");
    books_hold(world, |_| {}).await;
}
