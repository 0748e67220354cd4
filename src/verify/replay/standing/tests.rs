//! What is told of a device's call, or of a payment code, by what happened to its account before.

use super::*;
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::domain::id::{KeyId, LedgerAccountId, PaymentCodeId};
use crate::domain::journal::Versions;
use crate::domain::ledger::Postings;
use crate::domain::policy::Policy;
use crate::domain::rows::{HaltReason, Journal, KeyForm};
use crate::domain::time::{DAY_US, Timestamp};
use crate::pb;
use crate::store::tests::examples;
use crate::verify::replay::{KeyReplay, OwnerReplay};

/// What happened before.
type Before = fn(&mut Replay);

const ACCOUNT: AccountId = AccountId([1; 16]);
const CALLER: DeviceId = DeviceId([2; 16]);
const OTHER: DeviceId = DeviceId([3; 16]);
const CODE: PaymentCodeId = PaymentCodeId([4; 16]);
const OPENED: Timestamp = Timestamp(1_800_000_000_000_000);

const STOPPED: Checked = Err("money was moved in an account that was stopped, frozen or not active");
const LOST: Checked = Err("its device was lost");

fn device_key(device_id: DeviceId) -> KeyId {
    KeyId([device_id.0[0]; 32])
}

/// An account that is active, with two devices.
fn scene() -> Replay {
    let mut replay = Replay { policy: Some(Policy::standard()), ..Replay::default() };
    let mut account = AccountReplay::opened(LedgerAccountId([5; 16]), OPENED);
    account.state = AccountState::Active;
    replay.accounts.insert(ACCOUNT, account);
    for device_id in [CALLER, OTHER] {
        let key = DeviceKey::generate(SignatureForm::Der).public();
        let owner = OwnerReplay::Device { account_id: ACCOUNT, device_id };
        let row = KeyReplay { key, form: KeyForm::Der, owner, state: KeyState::Active, version: 1 };
        replay.keys.insert(device_key(device_id), row);
        replay.joined(ACCOUNT, device_id, device_key(device_id)).expect("it joins");
    }
    replay
}

fn account(replay: &mut Replay) -> &mut AccountReplay {
    replay.account_mut(ACCOUNT).expect("the account")
}

/// A call of a device's with nothing in it but what is asked about.
fn entry(row: &Journal, kind: Kind, outcome: Outcome) -> Entry<'_> {
    Entry { row, kind, outcome, postings: Postings::default(), versions: Versions::default() }
}

fn code(purpose: CodePurpose) -> Outcome {
    Outcome::CodeIssued { code_id: CODE, purpose, cap_minor: 1, expires_at: OPENED }
}

fn report(replay: &mut Replay, device_id: DeviceId) -> Checked {
    let row = Journal { entry_account_id: None, ..examples::journal() };
    let entry = entry(&row, Kind::ReportLost, Outcome::DeviceLost { device_id });
    let body =
        prost::Message::encode_to_vec(&pb::DeviceReportLostRequest { device_id: device_id.0.to_vec() });
    replay.lost(&entry, &pb::Call { body, ..pb::Call::default() }, (ACCOUNT, CALLER), device_id)
}

/// What is told of a device's call in an account that something happened to before.
fn told(before: Before, kind: Kind, outcome: Outcome) -> Checked {
    let mut replay = scene();
    before(&mut replay);
    let row = examples::journal();
    replay.standing(&entry(&row, kind, outcome), ACCOUNT, CALLER)
}

fn frozen(replay: &mut Replay) {
    account(replay).frozen_at = Some(OPENED);
}

fn halted(replay: &mut Replay) {
    account(replay).halted = Some((OPENED, HaltReason::ChargeBack));
}

fn lost(replay: &mut Replay) {
    replay.devices.get_mut(&CALLER).expect("the device").lost_at = Some(OPENED);
}

fn renewal_due(replay: &mut Replay) {
    account(replay).counted.recovered();
}

#[test]
fn what_decide_does_in_no_such_account_is_told() {
    let nothing: Before = |_| {};
    let is_over: Before = |replay| {
        frozen(replay);
        account(replay).frozen_until = Some(OPENED);
    };
    let contested: Before = |replay| account(replay).contested = true;
    let restricted: Before = |replay| account(replay).restricted = true;
    let closed: Before = |replay| account(replay).state = AccountState::Closed;
    let pending: Before = |replay| account(replay).state = AccountState::Pending;
    let renewal = Err("its account's factors were not renewed");
    let brought_in = Err("something was brought into an account that was restricted");
    for (before, kind, expected) in [
        (nothing, Kind::Pay, Ok(())),
        (is_over, Kind::Pay, Ok(())),
        (frozen, Kind::Pay, STOPPED),
        (frozen, Kind::ConfirmPayment, STOPPED),
        (frozen, Kind::RequestTopUp, STOPPED),
        (frozen, Kind::LinkFunding, STOPPED),
        (frozen, Kind::DeclinePayment, Ok(())),
        (frozen, Kind::RevokeDevice, Ok(())),
        (frozen, Kind::UnlinkFunding, Ok(())),
        (frozen, Kind::ChangePassphrase, Ok(())),
        (halted, Kind::Pay, STOPPED),
        (halted, Kind::RequestTopUp, STOPPED),
        (halted, Kind::Freeze, Ok(())),
        (contested, Kind::Pay, STOPPED),
        (restricted, Kind::Pay, Ok(())),
        (restricted, Kind::RequestTopUp, brought_in),
        (restricted, Kind::LinkFunding, brought_in),
        (lost, Kind::Pay, LOST),
        (lost, Kind::RequestTopUp, LOST),
        (lost, Kind::LinkFunding, LOST),
        (lost, Kind::ApproveAddition, LOST),
        (lost, Kind::BeginTotp, LOST),
        (lost, Kind::ConfirmTotp, LOST),
        (lost, Kind::ReplaceSavedCode, LOST),
        (lost, Kind::ChangePassphrase, LOST),
        (lost, Kind::AddContact, LOST),
        (lost, Kind::ConfirmContact, LOST),
        (lost, Kind::RemoveContact, LOST),
        (lost, Kind::Freeze, Ok(())),
        (lost, Kind::VerifySecondFactor, Ok(())),
        (renewal_due, Kind::Pay, renewal),
        (renewal_due, Kind::RevokeDevice, renewal),
        (renewal_due, Kind::Activate, Ok(())),
        (renewal_due, Kind::Freeze, Ok(())),
        (renewal_due, Kind::CancelRecovery, Ok(())),
        (nothing, Kind::Activate, Err("it activates an account that was active")),
        (pending, Kind::Activate, Ok(())),
        (pending, Kind::Freeze, Err("its account was not active")),
        (closed, Kind::Activate, Err("its account was closed")),
        (closed, Kind::Freeze, Err("its account was closed")),
    ] {
        assert_eq!(told(before, kind, Outcome::TotpBegun), expected, "{kind:?}");
    }
    for (before, purpose, expected) in [
        (nothing, CodePurpose::TopUp, Ok(())),
        (frozen, CodePurpose::Pay, STOPPED),
        (lost, CodePurpose::Pay, LOST),
        (restricted, CodePurpose::Pay, Ok(())),
        (restricted, CodePurpose::TopUp, brought_in),
    ] {
        assert_eq!(told(before, Kind::IssueCode, code(purpose)), expected, "{purpose:?}");
    }
}

#[test]
fn a_freeze_that_its_owner_might_not_lift_is_told() {
    let day_after = |replay: &mut Replay| {
        let at = OPENED.plus_us(DAY_US);
        account(replay).counted.decided(at);
    };
    let early = Err("a freeze was lifted right after a recovery");
    let cases: [(Before, bool, Checked); 6] = [
        (frozen, false, Ok(())),
        (|_| {}, false, Err("it lifts a freeze that there was not")),
        (
            |replay| {
                frozen(replay);
                halted(replay);
            },
            false,
            Err("its owner lifted what the operators stopped"),
        ),
        (
            |replay| {
                frozen(replay);
                lost(replay);
            },
            false,
            LOST,
        ),
        (renewed, false, early),
        (renewed, true, Ok(())),
    ];
    for (before, is_day_after, expected) in cases {
        let mut replay = scene();
        before(&mut replay);
        if is_day_after {
            day_after(&mut replay);
        }
        let row = examples::journal();
        let entry = entry(&row, Kind::Unfreeze, Outcome::Unfrozen);
        assert_eq!(replay.standing(&entry, ACCOUNT, CALLER), expected);
    }
}

/// Frozen, recovered since, and its factors renewed.
fn renewed(replay: &mut Replay) {
    frozen(replay);
    renewal_due(replay);
    account(replay).counted.rewritten(Kind::Activate);
}

#[test]
fn a_payment_code_of_a_device_that_might_not_is_told_and_used_once() {
    let revoked: Before = |replay| {
        replay.keys.get_mut(&device_key(CALLER)).expect("its key").state = KeyState::Revoked;
    };
    let cases: [(Before, Checked); 6] = [
        (|_| {}, Ok(())),
        (frozen, STOPPED),
        (halted, STOPPED),
        (lost, LOST),
        (renewal_due, Err("its account's factors were not renewed")),
        (revoked, Err("its payment code's device was revoked by then")),
    ];
    for (before, expected) in cases {
        let mut replay = scene();
        let expires_at = OPENED.plus_us(1);
        let purpose = CodePurpose::Pay;
        let live = LiveCode { code_id: CODE, device_id: CALLER, purpose, cap_minor: 1, expires_at };
        account(&mut replay).live_codes.issue(live, OPENED);
        before(&mut replay);
        assert_eq!(replay.code_used(ACCOUNT, live), expected);
        assert_eq!(account(&mut replay).live_codes.find(CODE, OPENED), None);
    }
}

#[test]
fn a_report_of_loss_kills_its_devices_code_and_is_about_another_device_that_is_there() {
    let mut replay = scene();
    let expires_at = OPENED.plus_us(1);
    let live = |device_id, code_id| LiveCode {
        code_id,
        device_id,
        purpose: CodePurpose::Pay,
        cap_minor: 1,
        expires_at,
    };
    let hers = PaymentCodeId([7; 16]);
    account(&mut replay).live_codes.issue(live(OTHER, CODE), OPENED);
    account(&mut replay).live_codes.issue(live(CALLER, hers), OPENED);
    assert_eq!(report(&mut replay, CALLER), Err("a device reports itself"));
    assert_eq!(report(&mut replay, OTHER), Ok(()));
    assert!(replay.devices[&OTHER].is_lost() && !replay.devices[&CALLER].is_lost());
    let live_codes = &account(&mut replay).live_codes;
    assert_eq!(live_codes.find(CODE, OPENED), None);
    assert!(live_codes.find(hers, OPENED).is_some(), "whoever reports keeps theirs");
    let foreign = "it reports a device that is not the account's";
    assert_eq!(report(&mut replay, DeviceId([9; 16])), Err(foreign));
    replay.devices.get_mut(&OTHER).expect("the device").account_id = AccountId([8; 16]);
    assert_eq!(report(&mut replay, OTHER), Err(foreign));
    replay.devices.get_mut(&OTHER).expect("the device").account_id = ACCOUNT;
    replay.keys.get_mut(&device_key(OTHER)).expect("its key").state = KeyState::Revoked;
    assert_eq!(report(&mut replay, OTHER), Err("it reports a device that was revoked by then"));
    let row = Journal { entry_account_id: None, ..examples::journal() };
    let entry = entry(&row, Kind::ReportLost, Outcome::DeviceLost { device_id: OTHER });
    let told = replay.lost(&entry, &pb::Call::default(), (ACCOUNT, CALLER), OTHER);
    assert_eq!(told, Err("it reports another device than was signed for"));
}
