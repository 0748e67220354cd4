//! Operators, merchants and tills: who lets whom in, and who may not.

use prost::Message as _;
use saifu::crypto::envelope::SignatureForm;
use saifu::domain::rows::{Proposal as ProposalRow, Table};
use saifu::pb;
use saifu::pb::propose_request::Proposal;

use crate::support::shop::{add_operator, order, register, secret};
use crate::support::{World, reason, rewrite};

#[tokio::test]
async fn nobody_approves_what_he_proposed_himself_nor_what_he_did_not_read() {
    let world = World::start().await;
    let [first, second] = world.operators().await;
    let merchant = world.staff(SignatureForm::Der).await;
    first.propose(register(&merchant, "Bakery")).await.expect("a proposal");
    let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
    assert_eq!(reason(first.approve(&proposal).await), pb::Reason::SameOperator);
    let other = pb::Proposal { payload: b"something else".to_vec(), ..proposal.clone() };
    assert_eq!(reason(second.approve(&other).await), pb::Reason::ProposalChanged);
    assert_eq!(reason(merchant.list_stores().await), pb::Reason::Unauthenticated, "not let in yet");
    let approved = second.approve(&proposal).await.expect("an approval");
    assert_eq!(merchant.list_stores().await.expect("stores").stores[0].store_id, approved.store_id);
    assert_eq!(reason(second.approve(&proposal).await), pb::Reason::ProposalOver);

    let again = first.propose(register(&merchant, "Bakery Two")).await.expect("a proposal");
    world.pass(24 * 3_600);
    let late = pb::Proposal { proposal_id: again.proposal_id, ..proposal };
    assert_eq!(reason(second.approve(&late).await), pb::Reason::ProposalOver, "a day is over");
    assert!(second.list_proposals().await.expect("proposals").proposals.is_empty());
}

/// Whoever works on the database changes what was proposed, after the second operator read it.
#[tokio::test]
async fn what_the_database_says_by_then_is_not_carried_out() {
    let world = World::start().await;
    let [first, second] = world.operators().await;
    let (merchant, thief) = (world.staff(SignatureForm::Der).await, world.staff(SignatureForm::Der).await);
    first.propose(register(&merchant, "Bakery")).await.expect("a proposal");
    let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
    let other = pb::ProposeRequest { proposal: Some(register(&thief, "Bakery")) }.encode_to_vec();
    // Even by somebody who has the key of the rows' tags.
    let data = world.dir.path().join("data");
    rewrite(&data, Table::Proposal, |row: &mut ProposalRow| row.payload.clone_from(&other));
    assert_eq!(reason(second.approve(&proposal).await), pb::Reason::ProposalChanged);
    assert_eq!(reason(thief.list_stores().await), pb::Reason::Unauthenticated, "not let in");
    let fee = pb::SetFee { merchant_id: vec![1; 16], basis_points: 0 };
    let fee = pb::ProposeRequest { proposal: Some(Proposal::SetFee(fee)) }.encode_to_vec();
    rewrite(&data, Table::Proposal, |row: &mut ProposalRow| row.payload.clone_from(&fee));
    assert_eq!(reason(second.approve(&proposal).await), pb::Reason::ProposalChanged, "another proposal");
}

#[tokio::test]
async fn a_third_operator_takes_two_and_a_key_is_somebodys_for_ever() {
    let world = World::start().await;
    let [first, second] = world.operators().await;
    let third = world.staff_at(world.server.operators_address(), new_key()).await;
    assert_eq!(reason(third.list_proposals().await), pb::Reason::Unauthenticated);
    let add = add_operator(&third);
    first.propose(add.clone()).await.expect("a proposal");
    let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
    second.approve(&proposal).await.expect("an approval");
    third.list_proposals().await.expect("an operator by now");

    first.propose(add).await.expect("a proposal");
    let proposal = third.list_proposals().await.expect("proposals").proposals.remove(0);
    assert_eq!(reason(third.approve(&proposal).await), pb::Reason::KeyInUse);
}

fn new_key() -> saifu::crypto::device_key::DeviceKey {
    saifu::crypto::device_key::DeviceKey::generate(SignatureForm::Der)
}

#[tokio::test]
async fn the_operators_service_is_on_their_listener_and_nothing_else_is() {
    let world = World::start().await;
    let [operator, _] = world.operators().await;
    let outside = world.staff_at(world.server.address(), new_key()).await;
    let refused = outside.list_proposals().await.expect_err("not there");
    assert_eq!(refused.status.code(), tonic::Code::Unimplemented);
    let refused = operator.list_stores().await.expect_err("not here");
    assert_eq!(refused.status.code(), tonic::Code::Unimplemented);
}

#[tokio::test]
async fn a_suspended_merchants_tills_charge_nothing_and_give_back() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let [first, second] = world.operators().await;
    let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
    shop.till.charge(&order("before", 300), &digits).await.expect("a charge");

    first.suspend_merchant(shop.merchant_id.clone()).await.expect("one operator suffices");
    let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
    let refused = shop.till.charge(&order("during", 300), &digits).await;
    assert_eq!(reason(refused), pb::Reason::MerchantSuspended);
    let store = shop.merchant.list_stores().await.expect("stores").stores.remove(0);
    assert!(!store.open, "nobody is told that it takes payments");
    assert!(!alice.resolve_payee(&store.static_qr).await.expect("a shop").open);
    let more = shop.merchant.register_terminal(shop.store_id.clone(), "till 2").await;
    assert_eq!(reason(more), pb::Reason::MerchantSuspended);
    assert_eq!(shop.till.reverse("before").await.expect("a reversal").refunded_minor, 300);

    let resume = pb::ResumeMerchant { merchant_id: shop.merchant_id.clone() };
    first.propose(Proposal::ResumeMerchant(resume)).await.expect("a proposal");
    let proposal = second.list_proposals().await.expect("proposals").proposals.remove(0);
    second.approve(&proposal).await.expect("an approval");
    shop.till.charge(&order("after", 300), &digits).await.expect("it charges again");
}

#[tokio::test]
async fn a_suspended_till_does_nothing_and_its_merchant_reverses_for_it() {
    let world = World::start().await;
    let alice = world.funded("alice", 5_000).await;
    let shop = world.shop("Bakery One").await;
    let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
    shop.till.charge(&order("before", 300), &digits).await.expect("a charge");
    shop.merchant.suspend_terminal(shop.terminal_id.clone()).await.expect("suspended");

    let digits = secret(alice.issue_code(1_000, None, None).await.expect("a code").payment_code);
    let charged = shop.till.charge(&order("during", 300), &digits).await;
    assert_eq!(reason(charged), pb::Reason::TerminalSuspended);
    assert_eq!(reason(shop.till.reverse("before").await), pb::Reason::TerminalSuspended);
    let foreign = world.shop("Books").await;
    let theirs = foreign.merchant.reverse_for(shop.terminal_id.clone(), "before").await;
    assert_eq!(reason(theirs), pb::Reason::NotFound);
    let theirs = foreign.merchant.resume_terminal(shop.terminal_id.clone()).await;
    assert_eq!(reason(theirs), pb::Reason::NotFound);
    let reversed = shop.merchant.reverse_for(shop.terminal_id.clone(), "before").await;
    assert_eq!(reversed.expect("a reversal").refunded_minor, 300);

    shop.merchant.resume_terminal(shop.terminal_id.clone()).await.expect("resumed");
    let again = shop.merchant.resume_terminal(shop.terminal_id.clone()).await;
    assert_eq!(reason(again), pb::Reason::TerminalNotSuspended);
    shop.till.charge(&order("after", 300), &digits).await.expect("it charges again");
}

#[tokio::test]
async fn an_activation_code_is_good_once_for_a_day_and_for_an_unknown_key() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    let registered = shop.merchant.register_terminal(shop.store_id.clone(), "till 2").await.expect("a till");
    let code = secret(registered.activation_code);
    // As an installer types it.
    let typed = code.to_lowercase().replace('-', " ");
    let till = world.staff(SignatureForm::Fixed).await;
    assert_eq!(reason(till.activate("0000-0000").await), pb::Reason::ActivationOver);
    till.activate(&typed).await.expect("an activation");
    let other = world.staff(SignatureForm::Fixed).await;
    assert_eq!(reason(other.activate(&code).await), pb::Reason::ActivationOver, "it was used");
    assert_eq!(reason(till.activate(&code).await), pb::Reason::PermissionDenied, "it is somebody already");

    let registered = shop.merchant.register_terminal(shop.store_id.clone(), "till 3").await.expect("a till");
    world.pass(24 * 3_600);
    let late = other.activate(&secret(registered.activation_code)).await;
    assert_eq!(reason(late), pb::Reason::ActivationOver);

    let foreign = world.shop("Books").await;
    let theirs = shop.merchant.register_terminal(foreign.store_id.clone(), "till").await;
    assert_eq!(reason(theirs), pb::Reason::NotFound, "another merchant's store");
}

#[tokio::test]
async fn a_principal_of_one_kind_is_denied_what_is_anothers() {
    let world = World::start().await;
    let alice = world.funded("alice", 1_000).await;
    let shop = world.shop("Bakery One").await;
    let till_as_merchant = shop.till.list_stores().await;
    assert_eq!(reason(till_as_merchant), pb::Reason::PermissionDenied);
    assert_eq!(reason(shop.merchant.reverse("x").await), pb::Reason::PermissionDenied);
    let balance: Result<pb::GetBalanceReply, _> =
        shop.till.send(shop.till.draft(saifu::client::method::GET_BALANCE, &pb::GetBalanceRequest {})).await;
    assert_eq!(reason(balance), pb::Reason::PermissionDenied);
    let reversed: Result<pb::ReverseReply, _> = alice
        .send(alice.draft(saifu::client::method::REVERSE, &pb::ReverseRequest { order_id: "x".into() }))
        .await;
    assert_eq!(reason(reversed), pb::Reason::PermissionDenied);
}
