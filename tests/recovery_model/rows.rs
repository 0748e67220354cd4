//! The rows at the beginning of a run. What recovery does not look at is constant.

use saifu::domain::id::{AccountId, CaseId, CodeTag, ContactIndex, FIRST_TENANT, KeyId, TargetId};
use saifu::domain::recovery::Owner;
use saifu::domain::recovery::begun::Begin;
use saifu::domain::recovery::factor::{Channel, Channels, ContactFact, Contacts};
use saifu::domain::recovery::figures::Figures;
use saifu::domain::rows::{Factors, RecoveryCase, RecoveryTarget};
use saifu::domain::time::Timestamp;

use crate::money::Money;
use crate::scenario::Setup;
use crate::watch::Broken;
use crate::world::{Case, Hand, Kinds, START, State, Trail, World};

const ACCOUNT: AccountId = AccountId([1; 16]);

/// The step of RFC 6238 at a moment.
pub fn step_at(now: Timestamp) -> i64 {
    now.0 / 30_000_000
}

/// How old something was at the beginning.
fn before(age_us: i64) -> Timestamp {
    Timestamp(START.0 - age_us)
}

fn contact(number: u8, channel: Channel, age_us: i64) -> ContactFact {
    ContactFact {
        contact_index: ContactIndex([number; 32]),
        channel,
        confirmed_at: before(age_us),
        removed_at: None,
    }
}

fn owner(setup: &Setup) -> Owner {
    let mut contacts = vec![contact(1, Channel::Email, setup.email_age_us)];
    contacts.extend(setup.phone_age_us.map(|age_us| contact(2, Channel::Sms, age_us)));
    Owner {
        epoch: 1,
        active_at: before(setup.slept_us),
        frozen_at: None,
        frozen_until: None,
        restricted_at: None,
        contested_at: None,
        recovered_at: None,
        renewal_due: false,
        totp_last_step: step_at(START) - 1,
        factors: Factors {
            account_id: ACCOUNT,
            tenant_id: FIRST_TENANT,
            version: 1,
            totp_bound_at: Some(before(setup.authenticator_age_us)),
            saved_code_bound_at: Some(before(setup.saved_age_us)),
            saved_code_case: None,
            passphrase_bound_at: Some(before(setup.passphrase_age_us)),
            totp_suspect: false,
            saved_code_suspect: false,
            passphrase_suspect: false,
            issued_locked_until: Timestamp(0),
            contacts: Contacts(contacts),
        },
    }
}

fn target(setup: &Setup) -> RecoveryTarget {
    RecoveryTarget {
        last_cancelled_at: setup.cancelled_us_ago.map(before),
        ..RecoveryTarget::begun(TargetId::of_account(ACCOUNT), Some(ACCOUNT), START)
    }
}

/// At the beginning.
pub fn begun(setup: &Setup) -> State {
    let (owner, target) = (owner(setup), target(setup));
    let world = World {
        stale: Kinds::default(),
        saved_case: None,
        last_step: owner.totp_last_step,
        claim: None,
        contested: false,
        day: START.day(),
        compared: [0; 3],
        messages: [0; 3],
        issued_freeze_at: None,
        recovered_at: None,
        captured: None,
        lost: false,
        money: Money::at(START),
        wrongs: 0,
        floods: 0,
        replaced: 0,
        restores: 0,
        finished: false,
    };
    State { now: START, owner, target, cases: Vec::new(), world, broken: Broken::default() }
}

/// The id of the case in this place.
pub fn case_id(slot: usize) -> CaseId {
    CaseId([u8::try_from(slot).expect("a few cases") + 1; 16])
}

/// The key of a hand.
pub fn key_id(hand: Hand) -> KeyId {
    KeyId(match hand {
        Hand::Attacker => [1; 32],
        Hand::Owner => [2; 32],
        Hand::Scanner => [3; 32],
    })
}

/// A new case, as `StartRecovery` begins it.
pub fn case(slot: usize, hand: Hand, with_proofing: bool, now: Timestamp, epoch: i64) -> Case {
    let begin = Begin {
        case_id: case_id(slot),
        key_id: key_id(hand),
        target_id: TargetId::of_account(ACCOUNT),
        contact_index: ContactIndex([1; 32]),
        account: Some((ACCOUNT, epoch)),
        with_proofing,
        cancel_tag: CodeTag([0; 32]),
        sealed: Vec::new(),
    };
    let row = RecoveryCase::begun(begin, &Figures::standard(), now);
    let trail = Trail {
        hand,
        code: None,
        code_used: false,
        proved: Kinds::default(),
        proved_last_at: None,
        compared: 0,
        asked: None,
        cancelled: false,
        lost_said: false,
        proven_at: None,
        version: 0,
        awaited: Channels::default(),
        accepted: Channels::default(),
        refused: Channels::default(),
        cooling_at: None,
        ready_at: None,
        reminders: 0,
        again_at: None,
    };
    Case { row, trail }
}
