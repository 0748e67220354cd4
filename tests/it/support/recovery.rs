//! Recoveries as tests begin them: an account that is old enough, and new phones that want it.

use std::time::Duration;

use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::Wallet;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::pb::add_contact_private::Contact;
use saifu::pb::recovery_start_private::Locator;
use tokio::time::interval;

use super::{PASSPHRASE, World, code_in, texts};

/// Seconds.
pub const MINUTE: i64 = 60;
/// Seconds.
pub const HOUR: i64 = 60 * MINUTE;
/// Seconds.
pub const DAY: i64 = 24 * HOUR;

/// An owner with everything that he may lose.
pub struct Owner {
    pub wallet: Wallet,
    pub saved_code: String,
    pub email: String,
}

impl World {
    /// With the documented policy, and nobody throttled: a test asks again and again while its clock stands.
    pub async fn unthrottled() -> Self {
        Self::start_with(|settings| settings.limits = LimitTable::unlimited()).await
    }

    /// An owner whose factors are all old enough, with so many yen and a linked card.
    pub async fn owner(&self, name: &str, amount_minor: i64) -> Owner {
        let mut wallet = self.phone().await;
        let email = format!("{name}@example.jp");
        let saved_code = wallet.enrol(&email, PASSPHRASE).await.expect("enrolment").to_string();
        if amount_minor > 0 {
            self.fund(&wallet, amount_minor).await;
        }
        self.pass(45 * DAY);
        Owner { wallet, saved_code, email }
    }
}

impl Owner {
    /// His account, as whoever asks for its recovery names it.
    pub fn locator(&self) -> Locator {
        Locator::Email(self.email.clone())
    }

    /// His saved code.
    pub fn saved(&self) -> RecoveryProof {
        RecoveryProof::SavedCode(self.saved_code.clone())
    }

    /// The code that his authenticator shows after a step.
    pub fn totp(&self, world: &World) -> RecoveryProof {
        RecoveryProof::Totp(world.next_code(&self.wallet))
    }
}

/// The passphrase of every owner.
pub fn passphrase() -> RecoveryProof {
    RecoveryProof::Passphrase(PASSPHRASE.to_owned())
}

/// A confirmed second address; its id.
pub async fn with_contact(world: &World, owner: &Owner, address: &str) -> Vec<u8> {
    let wallet = &owner.wallet;
    let code = world.next_code(wallet);
    let pending = wallet.add_contact(Contact::Email(address.into()), &code).await.expect("a code is sent");
    let sent = code_in(&texts(wallet, address, 1).await[0]);
    let code = world.next_code(wallet);
    wallet.confirm_contact(pending.pending_contact_id, &sent, &code).await.expect("confirmed").contact_id
}

/// Begins a recovery.
pub async fn begin(phone: &Wallet, owner: &Owner) -> Vec<u8> {
    phone.start_recovery(owner.locator(), false).await.expect("a case").case_id
}

/// Where a case is.
pub async fn state(phone: &Wallet, case_id: &[u8]) -> pb::RecoveryState {
    phone.recovery_status(case_id.to_vec()).await.expect("a status").state()
}

/// Waits until a case is somewhere: timers and messages take a moment of real time.
pub async fn reaches(phone: &Wallet, case_id: &[u8], expected: pb::RecoveryState) {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        if state(phone, case_id).await == expected {
            return;
        }
    }
    panic!("it is {:?}, not {expected:?}", state(phone, case_id).await);
}

/// Proves saved code and passphrase, and waits until the delay runs.
pub async fn cool(phone: &Wallet, owner: &Owner) -> Vec<u8> {
    let case_id = begin(phone, owner).await;
    phone.prove(case_id.clone(), &owner.saved()).await.expect("the saved code is right");
    phone.prove(case_id.clone(), &passphrase()).await.expect("the passphrase is right");
    reaches(phone, &case_id, pb::RecoveryState::Cooling).await;
    case_id
}

/// Lets the delay pass, with its reminders on the way.
pub async fn wait_out(world: &World, phone: &Wallet, case_id: &[u8]) {
    loop {
        let status = phone.recovery_status(case_id.to_vec()).await.expect("a status");
        if status.state() != pb::RecoveryState::Cooling {
            break;
        }
        world.clock.advance_us((moment_us(status.due_at) - phone.now_us()).max(0));
        moved_on(phone, case_id, &status).await;
    }
    reaches(phone, case_id, pb::RecoveryState::Ready).await;
}

/// Lets the delay pass, with its reminders, but for this last second of it.
pub async fn wait_but_a_second(world: &World, phone: &Wallet, case_id: &[u8]) {
    let ready_us = loop {
        let status = phone.recovery_status(case_id.to_vec()).await.expect("a status");
        let (ready_us, due_us) = (moment_us(status.ready_at), moment_us(status.due_at));
        if due_us >= ready_us {
            break ready_us;
        }
        world.clock.advance_us((due_us - phone.now_us()).max(0));
        moved_on(phone, case_id, &status).await;
    };
    world.clock.advance_us(ready_us - 1_000_000 - phone.now_us());
}

/// A moment of the wire; 0 when there is none.
fn moment_us(at: Option<prost_types::Timestamp>) -> i64 {
    at.map_or(0, |at| at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000)
}

async fn moved_on(phone: &Wallet, case_id: &[u8], before: &pb::RecoveryStatusReply) {
    let mut ticks = interval(Duration::from_millis(20));
    for _ in 0..500 {
        ticks.tick().await;
        if phone.recovery_status(case_id.to_vec()).await.expect("a status") != *before {
            return;
        }
    }
    panic!("no timer moved {before:?}");
}
