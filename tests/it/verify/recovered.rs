//! What somebody can change about recoveries, and that it is found.

use std::path::PathBuf;

use saifu::client::signer::RecoveryProof;
use saifu::domain::journal::Kind;

use super::{all_are_found, report};
use crate::support::recovery::{begin, cool, passphrase, wait_out};
use crate::support::{World, bakery};

/// A stopped server's data with recoveries: one completed, one cancelled, one that stands, one contested.
async fn recovered_books() -> (World, PathBuf) {
    let world = World::unthrottled().await;
    let alice = world.owner("alice", 5_000).await;
    let mut phone = world.phone().await;
    let case_id = cool(&phone, &alice).await;
    wait_out(&world, &phone, &case_id).await;
    phone.prove(case_id.clone(), &passphrase()).await.expect("proved again");
    phone.complete_recovery(case_id, "seven dry umbrellas").await.expect("completed");
    phone.activate(&world.next_code(&phone)).await.expect("activated");
    phone.pay(bakery(&phone, 300).await, None, None).await.expect("a payment");

    let bob = world.owner("bob", 1_000).await;

    let dave = world.owner("dave", 1_000).await;
    let (first, second) = (world.phone().await, world.phone().await);
    cool(&first, &dave).await;
    let case_id = begin(&second, &dave).await;
    second.prove(case_id.clone(), &dave.totp(&world)).await.expect("the authenticator");
    second.prove(case_id, &passphrase()).await.expect("the passphrase");

    let carol = world.owner("carol", 1_000).await;
    let thief = world.phone().await;
    cool(&thief, &carol).await;
    let wrong = RecoveryProof::Passphrase("not the right one at all".into());
    let case_id = begin(&thief, &carol).await;
    for _ in 0..5 {
        thief.prove(case_id.clone(), &wrong).await.expect_err("it is wrong");
    }
    let case_id = cool(&world.phone().await, &bob).await;
    bob.wallet.cancel_recovery(case_id).await.expect("cancelled");
    let data = world.dir.path().join("data");
    (world, data)
}

#[tokio::test]
async fn recoveries_verify_and_whatever_is_changed_about_one_is_found() {
    let (world, data) = Box::pin(recovered_books()).await;
    assert_eq!(report(&data).await.problems, []);
    world.server.stop().await;
    assert_eq!(report(&data).await.problems, []);
    let row =
        |kind: Kind, change: &str| format!("UPDATE journal SET {change} WHERE kind = {}", kind.number());
    let cases = [
        ("another completion", row(Kind::CompleteRecovery, "outcome = x'05'"), "its hash"),
        ("a cancellation at another time", row(Kind::CancelRecovery, "at = at + 1"), "its hash"),
        ("a notice that nobody took", row(Kind::AnswerNotice, "payload = zeroblob(8)"), "its hash"),
        (
            "a restriction lifted",
            "UPDATE account SET restricted_at = NULL WHERE restricted_at IS NOT NULL".to_owned(),
            "its state is not the journal's",
        ),
        (
            "a contest ended",
            "UPDATE account SET contested_at = NULL WHERE contested_at IS NOT NULL".to_owned(),
            "its state is not the journal's",
        ),
        (
            "a recovery given to another key",
            "UPDATE recovery_case SET key_id = randomblob(32) WHERE state = 3".to_owned(),
            "its key, account, state or delay",
        ),
        (
            "a cancelled recovery that goes on",
            "UPDATE recovery_case SET state = 4, ended_at = NULL WHERE state = 6".to_owned(),
            "its key, account, state or delay",
        ),
        (
            "a shorter delay",
            "UPDATE recovery_case SET ready_at = cooling_at + 1 WHERE state = 3".to_owned(),
            "its key, account, state or delay",
        ),
        (
            "an old device that signs again",
            "UPDATE signing_key SET state = 1 WHERE state <> 1".to_owned(),
            "it was revoked in the journal and is active here",
        ),
        ("an older epoch", "UPDATE account SET epoch = 1 WHERE epoch = 2".to_owned(), "its version or epoch"),
    ];
    all_are_found(&data, cases.into()).await;
}
