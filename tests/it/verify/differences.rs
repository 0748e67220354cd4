//! Who has a difference from a provider's list, and what he said of it, is the journal's.

use std::path::PathBuf;

use saifu::domain::journal::Kind;
use saifu::pb::ReconciliationState;

use super::{all_are_found, report};
use crate::reconciliation::Office;

/// A stopped server's data with four differences: one open, one taken, one resolved, one gone.
async fn differing_books() -> PathBuf {
    let office = Office::open().await;
    for amount_minor in [100, 200, 300, 400] {
        office.stripe.charge_by_hand(amount_minor, "").await;
    }
    let items = office.until_items(4).await;
    let by = |amount_minor: i64| items.iter().find(|item| item.theirs_minor == amount_minor).expect("one");
    office.second.take_reconciliation_item(by(200)).await.expect("taken");
    office.first.take_reconciliation_item(by(200)).await.expect("taken over");
    office.first.take_reconciliation_item(by(300)).await.expect("taken");
    office.first.resolve_reconciliation_item(by(300), "another shop's").await.expect("resolved");
    office.refund_by_hand(&by(400).reference, "").await;
    let gone = by(400).item_id.clone();
    office.until(|item| item.item_id == gone && item.state() == ReconciliationState::Cleared).await;
    let Office { world, .. } = office;
    world.stopped().await
}

#[tokio::test]
async fn whatever_is_changed_about_whoever_has_a_difference_is_found() {
    let data = differing_books().await;
    assert_eq!(report(&data).await.problems, []);
    let owner = "its owner or resolution is not the journal's";
    let item = |change: &str| format!("UPDATE reconciliation_item SET {change}");
    let row = |kind: Kind| format!("UPDATE journal SET outcome = x'05' WHERE kind = {}", kind.number());
    let cases = [
        ("another note", item("note = 'nothing' WHERE state = 3"), owner),
        (
            "another owner",
            item(
                "owner_id = (SELECT operator_id FROM operator WHERE operator_id <> owner_id) \
                 WHERE owner_id IS NOT NULL",
            ),
            owner,
        ),
        ("a resolution that is gone", item("state = 1, owner_id = NULL, note = NULL WHERE state = 3"), owner),
        ("one that nobody has any more", item("state = 1, owner_id = NULL WHERE state = 2"), owner),
        (
            "one that nobody took",
            item("state = 2, owner_id = (SELECT min(operator_id) FROM operator) WHERE state = 1"),
            owner,
        ),
        ("a resolution that nobody signed", item("state = 3, note = 'done' WHERE state = 2"), owner),
        ("one that was gone, resolved", item("note = 'done' WHERE state = 4"), owner),
        ("a version before it", item("version = 0 WHERE state = 2"), owner),
        (
            "another charge",
            item("reference = 'pi_2' WHERE state = 1"),
            "it is of another charge than its own",
        ),
        (
            "one that was taken, deleted",
            "DELETE FROM reconciliation_item WHERE state = 2".to_owned(),
            "a row that the journal made is missing",
        ),
        ("another taking", row(Kind::TakeReconciliationItem), "its hash"),
        ("another resolving", row(Kind::ResolveReconciliationItem), "its hash"),
    ];
    all_are_found(&data, cases.into()).await;
    std::fs::remove_dir_all(data.parent().expect("its directory")).expect("removed");
}
