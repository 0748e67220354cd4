//! What an answer leaves behind: a final one a journal row and a version, an open one its counters,
//! everything else nothing.

use super::fixture::{Attempt, Ledger, NOW, STEP, Said, account_id, entry, writes, written};
use crate::domain::command::DeviceAction;
use crate::domain::decide::{Stale, Traceless};
use crate::domain::outcome::{OpenAnswer, Outcome, Refusal};
use crate::domain::proof::{Factor, Proof};
use crate::domain::rows::{Account, Device, OpenRequest, Row, RowKey};
use crate::domain::time::SECOND_US;
use crate::domain::write::Write;

/// One that is done, for every kind of device's call.
fn done(text: &str) -> Vec<(Ledger, Attempt)> {
    let calls: [fn(&mut Ledger) -> Attempt; 9] = [
        |ledger| ledger.pay("alice → bakery 100"),
        |ledger| ledger.top_up("alice", 100),
        |ledger| ledger.link("alice", 1),
        |ledger| ledger.unlink("alice"),
        |ledger| ledger.revoke("alice", "alice-tablet"),
        |ledger| ledger.order("alice", DeviceAction::Freeze),
        |ledger| ledger.order("alice", DeviceAction::VerifySecondFactor),
        |ledger| {
            ledger.account("alice", |account| account.frozen_at = Some(NOW));
            ledger.order("alice", DeviceAction::Unfreeze)
        },
        |ledger| {
            ledger.account("alice", |account| {
                account.state = crate::domain::rows::AccountState::Pending;
                account.created_at = NOW;
            });
            ledger.activate("alice")
        },
    ];
    calls
        .into_iter()
        .map(|call| {
            let mut ledger = Ledger::parse(text);
            let attempt = call(&mut ledger);
            (ledger, attempt)
        })
        .collect()
}

const TEXT: &str = "alice 500 jpy card tablet | bakery";

#[test]
fn what_is_done_is_journalled_and_raises_the_accounts_version_by_one() {
    for (mut ledger, attempt) in done(TEXT) {
        let decision = ledger.act(&attempt.code(STEP));
        assert_eq!(Said::of(&decision), Said::Done);
        let entry = entry(&decision).expect("it is journalled");
        assert_eq!(entry.versions.accounts, [(account_id("alice"), 8)], "{:?}", entry.kind);
        assert_eq!(ledger.account_of("alice").version, 8, "{:?}", entry.kind);
        assert_eq!(entry.entry_account_id.is_some(), !entry.postings.0.is_empty());
    }
}

#[test]
fn a_refusal_is_journalled_and_raises_the_accounts_version_and_moves_nothing() {
    for (mut ledger, attempt) in done(TEXT) {
        ledger.account("alice", |account| account.state = crate::domain::rows::AccountState::Closed);
        let decision = ledger.act(&attempt.clone().code(STEP));
        assert_eq!(Said::of(&decision), Said::No(Refusal::AccountClosed));
        let entry = entry(&decision).expect("it is journalled");
        assert_eq!(entry.versions.accounts, [(account_id("alice"), 8)]);
        assert_eq!((entry.postings.0.len(), entry.entry_account_id), (0, None));
        let [Write::Update(Row::Account(account))] = writes(&decision) else {
            panic!("the account alone is written: {:?}", writes(&decision));
        };
        assert_eq!(account.version, 8);
        // A state is looked at before the code: this one is unspent.
        assert_eq!(account.totp_last_step, STEP - 10);
        assert_eq!(
            ledger.ask(&attempt),
            Said::Again(Outcome::refused(Refusal::AccountClosed)),
            "without the code, and still the same"
        );
    }
}

#[test]
fn a_rejection_writes_its_counters_and_no_journal_row_and_leaves_the_version_alone() {
    for (mut ledger, attempt) in done(TEXT) {
        let decision = ledger.act(&attempt.wrong_code());
        assert_eq!(Said::of(&decision), Said::Open(OpenAnswer::CodeWrong));
        assert_eq!(entry(&decision), None);
        let account = ledger.account_of("alice");
        assert_eq!((account.version, account.code_failures, account.code_failures_today), (7, 1, 1));
        assert_eq!(account.available_minor(), 500);
        assert_eq!(account.last_at, NOW);
        let devices = written::<Device>(&decision);
        assert_eq!(devices.iter().map(|device| device.code_failures).collect::<Vec<_>>(), [1]);
        assert_eq!(written::<OpenRequest>(&decision).len(), 1);
        assert_eq!(written::<Account>(&decision).len(), 1);
    }
}

#[test]
fn what_is_stale_or_reused_writes_nothing() {
    for (mut ledger, attempt) in done(TEXT) {
        let mut old_epoch = attempt.clone().code(STEP);
        old_epoch.epoch(0);
        let old_document = attempt.clone().proof(Some(Proof::new(Factor::Totp, 2, Some(STEP))));
        for (stale, why) in [(old_epoch, Stale::Key), (old_document, Stale::Document)] {
            let decision = ledger.decide(&stale);
            assert_eq!(Said::of(&decision), Said::Stale(why));
            assert!(writes(&decision).is_empty());
        }
        ledger.act(&attempt.clone().code(STEP));
        let decision = ledger.decide(&attempt.other_body(1));
        assert_eq!(Said::of(&decision), Said::Nothing(Traceless::RequestIdReused));
        assert!(writes(&decision).is_empty());
    }
}

#[test]
fn a_document_that_moves_while_a_code_is_judged_spends_neither() {
    let mut ledger = Ledger::parse("alice 0 jpy fresh");
    let mut link = ledger.link("alice", 1).code(STEP);
    if let DeviceAction::LinkFunding { document, .. } = link.action() {
        document.expected_version = 2;
    }
    let decision = ledger.act(&link);
    assert_eq!(Said::of(&decision), Said::Stale(Stale::Document));
    assert_eq!(ledger.account_of("alice").totp_last_step, STEP - 10);
}

#[test]
fn an_open_answer_is_repeated_uncounted_to_the_same_envelope_and_judged_anew_in_another() {
    let mut ledger = Ledger::parse("alice 500 jpy | bakery");
    let wrong = ledger.pay("alice → bakery 100").wrong_code();
    assert_eq!(ledger.say(&wrong), Said::Open(OpenAnswer::CodeWrong));
    for _ in 0..3 {
        assert_eq!(ledger.say(&wrong), Said::OpenAgain(OpenAnswer::CodeWrong));
        assert_eq!(ledger.account_of("alice").code_failures, 1);
    }
    let other = wrong.clone().other_body(1);
    assert_eq!(ledger.say(&other), Said::Nothing(Traceless::RequestIdReused));
    let right = wrong.clone().resigned(1).code(STEP);
    assert_eq!(ledger.say(&right), Said::Done);
    assert!(matches!(ledger.say(&wrong), Said::Again(Outcome::Paid { .. })));
    let open: Vec<_> = ledger.keys.iter().filter(|key| matches!(key, RowKey::OpenRequest(..))).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(ledger.view.row(open[0]), None, "the final answer took its place");
}

#[test]
fn an_open_answer_binds_its_request_id_for_150_seconds() {
    for (later_us, expected) in [
        (150 * SECOND_US - 1, Said::Nothing(Traceless::RequestIdReused)),
        (150 * SECOND_US, Said::Open(OpenAnswer::CodeNeeded)),
    ] {
        let mut ledger = Ledger::parse("alice 500 jpy | bakery");
        let needed = ledger.pay("alice → bakery 100");
        assert_eq!(ledger.say(&needed), Said::Open(OpenAnswer::CodeNeeded));
        ledger.pass(later_us);
        assert_eq!(ledger.ask(&needed.other_body(1)), expected, "{later_us} µs later");
    }
}

#[test]
fn a_payment_takes_the_oldest_lots_and_writes_what_it_moved() {
    let mut ledger = Ledger::parse("alice 500 jpy fresh | bakery");
    let attempt = ledger.pay("alice → bakery 120");
    let decision = ledger.act(&attempt);
    let entry = entry(&decision).expect("it is journalled");
    let [transfer] = entry.postings.0.as_slice() else { panic!("one transfer") };
    assert_eq!(transfer.debit, super::fixture::ledger_account_id("alice"));
    assert_eq!(transfer.credit, super::fixture::ledger_account_id("bakery"));
    assert_eq!(transfer.amount.minor(), 120);
    assert!(matches!(
        entry.outcome,
        Outcome::Paid { amount_minor: 120, available_after_minor: 380, at: NOW, .. }
    ));
    let payment = written::<crate::domain::rows::Payment>(&decision)[0];
    assert_eq!((payment.authorised_minor, payment.captured_minor), (120, 120));
    assert_eq!((payment.released_minor, payment.refunded_minor), (0, 0));
    assert_eq!(payment.legs.0.iter().map(|leg| leg.amount_minor).sum::<i64>(), 120);
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.lots.total_minor()), (380, 380));
    assert_eq!((account.spent_total_minor, account.payments_total), (120, 1));
    assert_eq!(account.spending.last_day(NOW).amount_minor, 120);
    // No code in the call: the device's row is not written.
    assert!(written::<Device>(&decision).is_empty());
    assert_eq!(ledger.credits[&super::fixture::ledger_account_id("bakery")], (0, 120));
}
