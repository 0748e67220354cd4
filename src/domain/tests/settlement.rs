//! What the system does on its own: it books a provider's answer once, and closes what was never
//! activated.

use super::fixture::{
    Attempt, Ledger, NOW, STEP, Said, account_id, contact_index, device_id, entry, key_id, ledger_account_id,
    merchant_id, store_id,
};
use crate::domain::command::{DeviceAction, SystemAction};
use crate::domain::decide::Traceless;
use crate::domain::id::TopUpId;
use crate::domain::ledger::{PROVIDER_CLEARING, Transfer};
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::rows::{
    Account, AccountState, Contact, DataKey, Device, KeyState, LedgerAccount, Merchant, RowKey, SigningKey,
    Store, TopUp, TopUpState,
};
use crate::domain::time::{DAY_US, HOUR_US, SECOND_US};

/// What it is, and how to break it.
type Break = (&'static str, fn(&mut Ledger));

const NOTHING: Said = Said::Nothing(Traceless::NothingToDo);

pub(super) fn top_up_id(request: &Attempt) -> TopUpId {
    let mut request = request.clone();
    let DeviceAction::RequestTopUp { top_up_id, .. } = request.action() else { panic!("no top-up") };
    *top_up_id
}

fn requested(amount_minor: i64) -> (Ledger, TopUpId) {
    let mut ledger = Ledger::parse("alice 100 jpy fresh card");
    let request = ledger.top_up("alice", amount_minor);
    assert_eq!(ledger.say(&request), Said::Done);
    (ledger, top_up_id(&request))
}

#[test]
fn a_requested_top_up_reserves_its_limits_and_credits_nothing() {
    let (ledger, id) = requested(9_000);
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.incoming_minor), (100, 9_000));
    assert_eq!(account.top_ups.last_day(NOW).amount_minor, 9_000);
    assert_eq!(ledger.get::<TopUp>((id,)).state, TopUpState::Requested);
    assert_eq!(ledger.credits[&PROVIDER_CLEARING], (100, 0));
}

#[test]
fn a_confirmed_top_up_is_credited_once_from_clearing_and_the_reservation_ends() {
    let (mut ledger, id) = requested(9_000);
    ledger.pass(SECOND_US);
    let settle = ledger.settle(id, true);
    let decision = ledger.act(&settle);
    let entry = entry(&decision).expect("it is journalled");
    assert_eq!(entry.entry_account_id, Some(account_id("alice")));
    assert_eq!(
        entry.postings.0,
        [Transfer {
            debit: PROVIDER_CLEARING,
            credit: ledger_account_id("alice"),
            asset: Asset::PrepaidJpy,
            amount: Amount::new(9_000).expect("an amount"),
        }]
    );
    // 7 at first, 8 by the request, 9 by this.
    assert_eq!(entry.versions.accounts, [(account_id("alice"), 9)]);
    let outcome =
        Outcome::TopUpSettled { top_up_id: id, credited_minor: 9_000, available_after_minor: 9_100 };
    assert_eq!(entry.outcome, outcome);
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.incoming_minor), (9_100, 0));
    assert_eq!(account.lots.total_minor(), 9_100);
    assert_eq!(ledger.credits[&PROVIDER_CLEARING], (9_100, 0));
    assert_eq!(ledger.ask(&settle), Said::Again(outcome));
}

#[test]
fn a_declined_top_up_gives_its_limits_back_and_credits_nothing() {
    let (mut ledger, id) = requested(9_000);
    let settle = ledger.settle(id, false);
    assert_eq!(ledger.say(&settle), Said::Done);
    let account = ledger.account_of("alice");
    assert_eq!((account.available_minor(), account.incoming_minor), (100, 0));
    let moved = crate::domain::periods::Moved { amount_minor: 0, count: 1 };
    assert_eq!(account.top_ups.last_day(NOW), moved, "the amount is given back, the attempt is not");
    assert_eq!(ledger.get::<TopUp>((id,)).state, TopUpState::Failed);
    assert_eq!(ledger.credits[&PROVIDER_CLEARING], (100, 0));
    // The pause between two top-ups stays.
    let next = ledger.top_up("alice", 9_000);
    assert_eq!(ledger.ask(&next), Said::No(Refusal::TopUpTooSoon));
}

#[test]
fn settlement_answers_in_the_documented_order_and_leaves_no_trace_when_there_is_nothing_to_do() {
    let (mut ledger, id) = requested(9_000);
    let done = ledger.settle(id, true);
    assert_eq!(ledger.say(&done), Said::Done);
    // Another answer under the same request id.
    let other = ledger.settle(id, false);
    assert_eq!(ledger.ask(&other), Said::Nothing(Traceless::RequestIdReused));
    // The same, had its request id been forgotten.
    assert_eq!(ledger.ask(&other.other_request(1)), NOTHING);
    let unknown = ledger.settle(TopUpId([1; 16]), true);
    assert_eq!(ledger.ask(&unknown), NOTHING);
}

#[test]
fn money_that_was_on_its_way_arrives_although_the_account_was_frozen_meanwhile() {
    let (mut ledger, id) = requested(9_000);
    let freeze = ledger.order("alice", DeviceAction::Freeze);
    assert_eq!(ledger.say(&freeze), Said::Done);
    let settle = ledger.settle(id, true);
    assert_eq!(ledger.say(&settle), Said::Done);
    assert_eq!(ledger.account_of("alice").available_minor(), 9_100);
}

fn close(ledger: &mut Ledger) -> Attempt {
    ledger.system(SystemAction::CloseUnactivated {
        account_id: account_id("alice"),
        device_id: device_id("alice"),
        contact_index: contact_index("alice"),
    })
}

#[test]
fn only_a_pending_account_whose_24_hours_are_over_is_closed_with_its_own_active_device() {
    let breaks: [Break; 7] = [
        ("active", |ledger| ledger.account("alice", |account| account.state = AccountState::Active)),
        ("closed", |ledger| ledger.account("alice", |account| account.state = AccountState::Closed)),
        ("a microsecond early", |ledger| {
            ledger.account("alice", |account| account.created_at = NOW.plus_us(-DAY_US + 1));
        }),
        ("no account", |ledger| ledger.remove(RowKey::Account(account_id("alice")))),
        ("another's device", |ledger| {
            ledger.device("alice", |device| device.account_id = account_id("bob"));
        }),
        ("a revoked device", |ledger| {
            ledger.device("alice", |device| device.state = KeyState::Revoked);
        }),
        ("no key", |ledger| ledger.remove(RowKey::SigningKey(key_id("alice")))),
    ];
    let mut due = Ledger::parse("alice 0 jpy pending | bob 0 jpy");
    due.account("alice", |account| account.created_at = NOW.plus_us(-DAY_US));
    let attempt = close(&mut due);
    for (what, break_it) in breaks {
        let mut ledger = due.clone();
        break_it(&mut ledger);
        assert_eq!(ledger.ask(&attempt), NOTHING, "{what}");
    }
    assert_eq!(due.ask(&attempt), Said::Done);
}

#[test]
fn what_is_closed_unactivated_signs_no_more_and_its_contact_and_data_key_are_gone() {
    let mut ledger = Ledger::parse("alice 0 jpy pending");
    ledger.pass(23 * HOUR_US);
    let attempt = close(&mut ledger);
    let decision = ledger.act(&attempt);
    let entry = entry(&decision).expect("it is journalled");
    assert_eq!(entry.versions.accounts, [(account_id("alice"), 8)]);
    assert_eq!(entry.versions.keys, [(key_id("alice"), 2)]);
    let account = ledger.account_of("alice");
    assert_eq!((account.state, account.active_devices), (AccountState::Closed, 0));
    assert_eq!(ledger.device_of("alice").state, KeyState::Revoked);
    assert_eq!(ledger.get::<SigningKey>((key_id("alice"),)).state, KeyState::Revoked);
    assert_eq!(ledger.view.get::<DataKey>((account_id("alice"),)), None);
    assert_eq!(ledger.view.get::<Contact>((contact_index("alice"),)), None);
}

#[test]
fn a_contact_that_became_another_accounts_stays_there() {
    let mut ledger = Ledger::parse("alice 0 jpy pending | bob 0 jpy");
    ledger.pass(23 * HOUR_US);
    ledger.put(Contact { contact_index: contact_index("alice"), account_id: account_id("bob") });
    let attempt = close(&mut ledger);
    assert_eq!(ledger.say(&attempt), Said::Done);
    assert_eq!(ledger.get::<Contact>((contact_index("alice"),)).account_id, account_id("bob"));
}

#[test]
fn a_store_is_registered_once_and_its_merchant_with_the_first_one() {
    let mut ledger = Ledger::parse("alice 0 jpy");
    let register = |ledger: &mut Ledger, store: &str| {
        let attempt = ledger.system(SystemAction::RegisterStore {
            merchant_id: merchant_id("bakers"),
            ledger_account_id: ledger_account_id("bakers"),
            store_id: store_id(store),
            name: store.to_owned(),
            city: "Tokyo".into(),
            time_zone: "Asia/Tokyo".into(),
        });
        (ledger.decide(&attempt), ledger.say(&attempt))
    };
    for (store, merchants) in [("first", 1), ("second", 0)] {
        let (decision, said) = register(&mut ledger, store);
        assert_eq!(said, Said::Done);
        assert_eq!(super::fixture::written::<Merchant>(&decision).len(), merchants, "{store}");
        assert_eq!(super::fixture::written::<LedgerAccount>(&decision).len(), merchants, "{store}");
        assert_eq!(super::fixture::written::<Store>(&decision).len(), 1, "{store}");
    }
    let again = ledger.system(SystemAction::RegisterStore {
        merchant_id: merchant_id("bakers"),
        ledger_account_id: ledger_account_id("bakers"),
        store_id: store_id("first"),
        name: "renamed".into(),
        city: "Tokyo".into(),
        time_zone: "Asia/Tokyo".into(),
    });
    assert_eq!(ledger.ask(&again), Said::Nothing(Traceless::RequestIdReused));
    assert_eq!(ledger.ask(&again.other_request(1)), NOTHING);
}

#[test]
fn no_system_command_lowers_what_a_customer_has_available() {
    for succeeded in [true, false] {
        let (mut ledger, id) = requested(9_000);
        let before = ledger.account_of("alice").available_minor();
        let settle = ledger.settle(id, succeeded);
        let decision = ledger.decide(&settle);
        for account in super::fixture::written::<Account>(&decision) {
            assert!(account.available_minor() >= before);
        }
        for transfer in &entry(&decision).expect("it is journalled").postings.0 {
            assert_eq!(transfer.debit, PROVIDER_CLEARING);
        }
    }
}

#[test]
fn revoking_a_device_between_request_and_settlement_changes_nothing_for_the_money() {
    let mut ledger = Ledger::parse("alice 0 jpy fresh card tablet");
    let request = ledger.top_up("alice", 700);
    assert_eq!(ledger.say(&request), Said::Done);
    let revoke = ledger.revoke("alice-tablet", "alice").code(STEP);
    assert_eq!(ledger.say(&revoke), Said::Done);
    assert_eq!(ledger.get::<Device>((device_id("alice"),)).revoked_at, Some(NOW));
    let settle = ledger.settle(top_up_id(&request), true);
    assert_eq!(ledger.say(&settle), Said::Done);
    assert_eq!(ledger.account_of("alice").available_minor(), 700);
}
