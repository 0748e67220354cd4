//! Steps 3 and 4. The thief reads the victim's mail, then her text messages too; then he has her saved
//! code as well, and she cancels.

use saifu::client::signer::RecoveryProof;
use saifu::client::wallet::{EnrolError, Wallet};
use saifu::pb;

use super::Told;
use super::cast::{Stage, Victim, code_sent, messages};
use crate::support::recovery::{DAY, begin, reaches, state, wait_but_a_second};
use crate::support::{World, texts};

/// What the thief would like it to be.
pub const HIS_PASSPHRASE: &str = "seven stolen umbrellas";

/// Step 3. Mailbox and SIM are one factor.
pub async fn one_factor(stage: &mut Stage) -> Told {
    let Stage { world, alice, .. } = stage;
    world.pass(DAY);
    let mut thief = world.phone().await;
    let case_id = begin(&thief, &alice.owner).await;
    let email = (pb::RecoveryChannel::Email, alice.owner.email.clone());
    let phone = (pb::RecoveryChannel::Phone, alice.phone_number.to_owned());
    for (channel, destination) in [email, phone] {
        let code = code_sent(world, &thief, (&case_id, channel), &destination).await;
        let proof = match channel {
            pb::RecoveryChannel::Phone => RecoveryProof::PhoneCode(code),
            pb::RecoveryChannel::Email | pb::RecoveryChannel::Unspecified => RecoveryProof::EmailCode(code),
        };
        let reply = thief.prove(case_id.clone(), &proof).await.expect("the right code");
        assert_eq!(reply.state(), pb::RecoveryState::Proving, "{destination}: one method is not enough");
        let status = thief.recovery_status(case_id.clone()).await.expect("a status");
        assert_eq!((status.state(), status.ready_at), (pb::RecoveryState::Proving, None));
        assert_eq!(completing(&mut thief, &case_id).await, pb::Reason::RecoveryUnproven, "{destination}");
    }
    alice.pays(world, 100).await;
    alice.owner.wallet.link_funding("sandbox-visa", "no restriction").await.expect("as before");
    let what = "her mailbox, and her SIM too: one method, so one factor; she pays as before";
    Told::new(what, alice.lost_minor().await)
}

/// Why a completion is refused.
async fn completing(thief: &mut Wallet, case_id: &[u8]) -> pb::Reason {
    match thief.complete_recovery(case_id.to_vec(), HIS_PASSPHRASE).await {
        Err(EnrolError::Refused(refused)) => refused.reason().expect("a reason"),
        other => panic!("{other:?}"),
    }
}

/// Mailbox and saved code: enough, and everybody is told.
pub async fn proves_two(world: &World, thief: &Wallet, victim: &Victim) -> Vec<u8> {
    let case_id = begin(thief, &victim.owner).await;
    let there = (case_id.as_slice(), pb::RecoveryChannel::Email);
    let code = code_sent(world, thief, there, &victim.owner.email).await;
    thief.prove(case_id.clone(), &RecoveryProof::EmailCode(code)).await.expect("from her mailbox");
    world.pass(1);
    let mut before = Vec::new();
    for address in victim.addresses() {
        before.push(messages(thief, address).await);
    }
    thief.prove(case_id.clone(), &victim.owner.saved()).await.expect("her saved code");
    reaches(thief, &case_id, pb::RecoveryState::Cooling).await;
    for (address, before) in victim.addresses().into_iter().zip(before) {
        let texts = texts(thief, address, before + 1).await;
        assert!(texts[0].split_whitespace().any(|word| word.matches('-').count() == 6), "{}", texts[0]);
    }
    case_id
}

/// Step 4. Enough is proved, the delay runs, and she cancels in its last second.
pub async fn two_factors_cancelled(stage: &mut Stage) -> Told {
    let Stage { world, alice, .. } = stage;
    world.pass(DAY);
    let mut thief = world.phone().await;
    let case_id = proves_two(world, &thief, alice).await;
    wait_but_a_second(world, &thief, &case_id).await;
    assert_eq!(completing(&mut thief, &case_id).await, pb::Reason::RecoveryCooling, "one second early");
    let reply = alice.owner.wallet.cancel_recovery(case_id.clone()).await.expect("cancelled");
    assert_eq!(reply.state(), pb::RecoveryState::Cancelled);
    for seconds in [1, DAY, 7 * DAY] {
        world.pass(seconds);
        let again = thief.prove(case_id.clone(), &alice.owner.saved()).await;
        assert!(again.is_err(), "{again:?}");
        assert_eq!(completing(&mut thief, &case_id).await, pb::Reason::RecoveryOver);
        assert_eq!(state(&thief, &case_id).await, pb::RecoveryState::Cancelled);
    }
    alice.pays(world, 100).await;
    let what = "mailbox and saved code: every contact and device is told, a second early is refused, she \
                cancels, it never completes";
    Told::new(what, alice.lost_minor().await)
}
