//! What is changed about keys and bars, and what was done by a key, or for somebody, when it no longer might.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use saifu::client::method::{MERCHANT_KEY, OPERATOR_KEY};
use saifu::client::signer::Signer;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::pb;
use saifu::pb::bar_subject::Subject;
use saifu::pb::propose_request::Proposal;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::store::sqlite::DATABASE_FILE;

use super::{all_are_found, make_anew, report, tamper};
use crate::support::World;
use crate::support::shop::{add_operator, approved_by, proposed_by, register};

/// What is changed, how, and what `saifu verify` says of it.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        "a merchant's revoked key that is active again",
        "UPDATE signing_key SET state = 1 WHERE principal = 3 AND state = 2",
        "it was revoked in the journal and is active here",
    ),
    (
        "an operator's revoked key that is active again",
        "UPDATE signing_key SET state = 1 WHERE principal = 4 AND state = 2",
        "it was revoked in the journal and is active here",
    ),
    (
        "a merchant that has its old key again",
        "UPDATE merchant SET key_id = (SELECT min(key_id) FROM signing_key WHERE principal = 3 AND state = 2 \
         AND owner_id = merchant.merchant_id) \
         WHERE merchant_id IN (SELECT owner_id FROM signing_key WHERE principal = 3 AND state = 2)",
        "its account or standing",
    ),
    (
        "an operator who left and is back",
        "UPDATE operator SET state = 1 WHERE state = 2",
        "their key or state is not the journal's",
    ),
    ("a merchant's bar that is gone", "UPDATE merchant SET barred_at = NULL", "its account or standing"),
    ("a store's bar that is gone", "UPDATE store SET barred_at = NULL", "its merchant, name or bar"),
    ("a till's bar that is gone", "UPDATE terminal SET barred_at = NULL", "its merchant, store, key"),
    ("a till's bar that nobody set", "UPDATE terminal SET barred_at = 1", "its merchant, store, key"),
    (
        "a proposal by another key",
        "UPDATE proposal SET key_id = zeroblob(32)",
        "its proposer, payload or state",
    ),
];

fn signer() -> Signer {
    Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE)
}

/// A stopped server's data with everything that happens to keys and bars.
async fn books() -> PathBuf {
    let world = World::start().await;
    let operators = world.operators().await;
    let [first, second] = &operators;
    let shop = world.shop("Bakery One").await;
    let merchant_id = shop.merchant_id.clone();
    let new = signer();
    shop.merchant.rotate_merchant_key(&merchant_id, &new).await.expect("rotated");
    let revoke = pb::RevokeMerchantKey { merchant_id: merchant_id.clone() };
    world.approved(Proposal::RevokeMerchantKey(revoke)).await.expect("revoked");
    let (new, owner) = (signer(), merchant_id.clone());
    let set = pb::SetMerchantKey {
        key: Some(new.candidate()),
        key_proof: new.possession(MERCHANT_KEY, &owner),
        merchant_id: owner,
    };
    world.approved(Proposal::SetMerchantKey(set)).await.expect("set");

    let mut others = Vec::new();
    for _ in 0..2 {
        let other = world.staff_at(world.server.operators_address(), DeviceKey::generate(SignatureForm::Der));
        let other = other.await;
        let id = approved_by(first, second, add_operator(&other)).await.expect("an operator").operator_id;
        others.push((other, id));
    }
    let [(leaver, leaver_id), (other, other_id)] = others.try_into().ok().expect("two");
    let applicant = world.staff(SignatureForm::Der).await;
    proposed_by(&leaver, second, register(&applicant, "Fish")).await.expect("a proposal");
    let leaves = pb::RevokeOperator { operator_id: leaver_id };
    approved_by(first, second, Proposal::RevokeOperator(leaves)).await.expect("revoked");
    let rotated = signer();
    other.rotate_operator_key(&other_id, &rotated).await.expect("rotated");
    let new = signer();
    let set = pb::SetOperatorKey {
        key: Some(new.candidate()),
        key_proof: new.possession(OPERATOR_KEY, &other_id),
        operator_id: other_id,
    };
    approved_by(first, second, Proposal::SetOperatorKey(set)).await.expect("set");

    for subject in [
        Subject::MerchantId(merchant_id.clone()),
        Subject::StoreId(shop.store_id.clone()),
        Subject::TerminalId(shop.terminal_id.clone()),
    ] {
        first.bar(subject).await.expect("barred");
    }
    let (elsewhere, approved) = world.merchant("Books").await;
    let subject = || Subject::MerchantId(approved.merchant_id.clone());
    first.bar(subject()).await.expect("barred");
    let lift = pb::LiftBar { subject: Some(pb::BarSubject { subject: Some(subject()) }) };
    world.approved(Proposal::LiftBar(lift)).await.expect("lifted");
    elsewhere.register_terminal(approved.store_id.clone(), "till").await.expect("a till");
    let data = world.stopped().await;
    assert_eq!(report(&data).await.problems, []);
    data
}

#[tokio::test]
async fn whatever_is_changed_about_keys_and_bars_is_found() {
    let data = Box::pin(books()).await;
    let cases = CHANGES.iter().map(|(case, sql, found)| (*case, (*sql).to_owned(), *found)).collect();
    all_are_found(&data, cases).await;
    std::fs::remove_dir_all(data.parent().expect("its directory")).expect("removed");
}

/// Moves one journal row behind another, with its time, and makes the chain anew; the checkpoints, which
/// would tell it first, are gone.
async fn behind(data: &Path, moved: &str, last: &str) -> Vec<&'static str> {
    let copy = tempfile::TempDir::new().expect("a temporary directory");
    std::fs::copy(data.join(DATABASE_FILE), copy.path().join(DATABASE_FILE)).expect("a copy");
    let connection = Connection::open(copy.path().join(DATABASE_FILE)).expect("the database");
    let sequence = |of: &str| -> i64 {
        connection
            .query_row(&format!("SELECT max(sequence) FROM journal WHERE {of}"), [], |row| row.get(0))
            .expect(of)
    };
    let (moved, last) = (sequence(moved), sequence(last));
    assert!(moved < last, "{moved} is behind {last} already");
    drop(connection);
    tamper(
        copy.path(),
        &format!(
            "UPDATE journal SET sequence = 0x7fff, at = (SELECT at FROM journal WHERE sequence = {last}) \
             WHERE sequence = {moved}; \
             UPDATE journal SET sequence = -sequence WHERE sequence > {moved} AND sequence <= {last}; \
             UPDATE journal SET sequence = -sequence - 1 WHERE sequence < 0; \
             UPDATE journal SET sequence = {last} WHERE sequence = 0x7fff"
        ),
    );
    make_anew(copy.path(), |_| {});
    report(copy.path()).await.problems.iter().map(|problem| problem.what).collect()
}

/// Whoever has the database puts a good call of a revoked key, or of a barred merchant's, behind the row that
/// ended it.
#[tokio::test]
async fn what_a_revoked_key_signed_or_a_barred_one_did_is_found() {
    let world = World::start().await;
    let operators = world.operators().await;
    let [first, second] = &operators;
    let third =
        world.staff_at(world.server.operators_address(), DeviceKey::generate(SignatureForm::Der)).await;
    let third_id = approved_by(first, second, add_operator(&third)).await.expect("an operator").operator_id;
    let (merchant, approved) = world.merchant("Books").await;
    merchant.register_terminal(approved.store_id.clone(), "till").await.expect("a till");
    let applicant = world.staff(SignatureForm::Der).await;
    let proposal = proposed_by(&third, first, register(&applicant, "Fish")).await.expect("a proposal");
    first.approve(&proposal).await.expect("an approval");
    third.suspend_merchant(approved.merchant_id.clone()).await.expect("suspended");
    let leaves = pb::RevokeOperator { operator_id: third_id };
    approved_by(first, second, Proposal::RevokeOperator(leaves)).await.expect("revoked");
    first.bar(Subject::MerchantId(approved.merchant_id)).await.expect("barred");
    let data = world.dir.path().join("data");
    world.server.stop().await;
    assert_eq!(report(&data).await.problems, []);

    let revocation = "kind = 26 AND sequence < (SELECT max(sequence) FROM journal WHERE kind = 132)";
    let by_revoked = behind(&data, "kind = 27", revocation).await;
    assert!(by_revoked.contains(&"it was signed by a key that was revoked by then"), "{by_revoked:?}");
    let approval = "kind = 26 AND sequence < (SELECT sequence FROM journal WHERE kind = 27)";
    let proposed_by_revoked = behind(&data, approval, revocation).await;
    let expected = "it approves what a key proposed that was revoked by then";
    assert!(proposed_by_revoked.contains(&expected), "{proposed_by_revoked:?}");
    let for_barred = behind(&data, "kind = 20", "kind = 132").await;
    assert!(for_barred.contains(&"its merchant, store or till was barred"), "{for_barred:?}");
}
