//! Recoveries of other people's wallets, as a thief would have them. Each function is content only with the
//! answer that must come.

use prost::Message;
use tonic::Code;

use super::customer::Customer;
use super::main_job::{self, top_up_request};
use super::otherwise::Otherwise;
use super::shop::Street;
use super::teller::Told;
use super::victim::{Victim, message_after, newest_code, patiently};
use crate::client::clock::moment_us;
use crate::client::signer::RecoveryProof;
use crate::client::{EnrolError, Refused, Signer, method};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::domain::time::SECOND_US;
use crate::pb;
use crate::pb::Reason;
use crate::server::SANDBOX_AUDIENCE;

const THIEF_EMAIL: &str = "thief@example.net";
const HIS_PASSPHRASE: &str = "seven stolen umbrellas";

/// His phone.
pub async fn thief(victim: &Customer, street: &Street<'_>) -> Result<Told<Customer>, Otherwise> {
    let thief = victim.another(street.address, street.ca_pem, "thief").await?;
    Ok(Told::done("none of it opens anything; he has a phone with a key of its own").with(thief))
}

/// `RecoveryStartRequest` with one field more.
#[derive(Clone, PartialEq, Message)]
struct StartAndMail {
    #[prost(string, tag = "15")]
    send_to: String,
}

/// `RecoveryStartPrivate` with two addresses.
#[derive(Clone, PartialEq, Message)]
struct TwoAddresses {
    #[prost(string, repeated, tag = "1")]
    email: Vec<String>,
    #[prost(string, tag = "3")]
    device_model: String,
}

/// No message has a field for where to send something.
pub async fn his_own_address(thief: &Customer, victim: &Victim) -> Result<Told<()>, Otherwise> {
    let wallet = &thief.wallet;
    let device_model = "Pixel 9".to_owned();
    let one =
        pb::RecoveryStartPrivate { locator: Some(victim.locator()), device_model: device_model.clone() };
    let two = TwoAddresses { email: vec![victim.customer.email.clone(), THIEF_EMAIL.into()], device_model };
    let body = StartAndMail { send_to: THIEF_EMAIL.into() };
    let plain = pb::RecoveryStartRequest::default();
    for draft in [
        wallet.draft(method::RECOVERY_START, &body).private(&one),
        wallet.draft(method::RECOVERY_START, &plain).private(&two),
    ] {
        let attempt = wallet.send::<pb::RecoveryStartReply>(draft.as_candidate()).await;
        victim.customer.must_refuse(attempt, Code::InvalidArgument, Reason::Malformed).await?;
    }
    if !wallet.read_messages(THIEF_EMAIL).await?.messages.is_empty() {
        return Err(Otherwise::Answer("something was sent to the thief"));
    }
    Ok(Told::refused(
        Reason::Malformed,
        "As a field more, or beside hers: codes go to confirmed contacts only.",
    ))
}

/// A code by mail and one by telephone are one method.
pub async fn one_method(thief: &mut Customer, victim: &Victim) -> Result<Told<()>, Otherwise> {
    let case_id = begin(thief, victim).await?;
    for (channel, address) in [
        (pb::RecoveryChannel::Email, &victim.customer.email),
        (pb::RecoveryChannel::Phone, &victim.phone_number),
    ] {
        let state = read_code(thief, &case_id, channel, address).await?;
        if state != pb::RecoveryState::Proving {
            return Err(Otherwise::Answer("one method was enough"));
        }
    }
    let attempt = complete(thief, &case_id).await?;
    victim.customer.must_refuse(attempt, Code::FailedPrecondition, Reason::RecoveryUnproven).await?;
    Ok(Told::refused(
        Reason::RecoveryUnproven,
        "Both codes were right; they are one method, and one is not enough.",
    ))
}

/// Mailbox and saved code: enough. Everybody is told.
pub async fn two_factors(thief: &Customer, victim: &Victim) -> Result<Told<Vec<u8>>, Otherwise> {
    let case_id = begin(thief, victim).await?;
    read_code(thief, &case_id, pb::RecoveryChannel::Email, &victim.customer.email).await?;
    let mut before = Vec::new();
    for address in victim.addresses() {
        before.push(thief.wallet.read_messages(address).await?.messages.len());
    }
    thief.wallet.prove(case_id.clone(), &victim.saved()).await?;
    reaches(thief, &case_id, pb::RecoveryState::Cooling).await?;
    for (address, before) in victim.addresses().into_iter().zip(before) {
        message_after(thief, address, before).await?;
    }
    let happened = "enough; mailbox, telephone and device are told how to cancel, and 48 hours begin";
    Ok(Told::done(happened).with(case_id))
}

/// Before the delay is over.
pub async fn early(thief: &mut Customer, victim: &Victim, case_id: &[u8]) -> Result<Told<()>, Otherwise> {
    cool_off(thief, case_id, 10).await?;
    let attempt = complete(thief, case_id).await?;
    victim.customer.must_refuse(attempt, Code::FailedPrecondition, Reason::RecoveryCooling).await?;
    Ok(Told::refused(Reason::RecoveryCooling, "The delay is the server's, and nobody shortens it."))
}

/// Her device ends it.
pub async fn cancel(victim: &Victim, case_id: &[u8]) -> Result<Told<()>, Otherwise> {
    let reply = victim.customer.wallet.cancel_recovery(case_id.to_vec()).await?;
    if reply.state() != pb::RecoveryState::Cancelled {
        return Err(Otherwise::Answer("it was not cancelled"));
    }
    Ok(Told::done("by its signature alone; the factors used count no more"))
}

/// After she cancelled.
pub async fn too_late(thief: &mut Customer, victim: &Victim, case_id: &[u8]) -> Result<Told<()>, Otherwise> {
    thief.wait(12).await?;
    let attempt = complete(thief, case_id).await?;
    victim.customer.must_refuse(attempt, Code::FailedPrecondition, Reason::RecoveryOver).await?;
    Ok(Told::refused(Reason::RecoveryOver, "What was cancelled never completes."))
}

/// Nobody cancelled: the wallet is his.
pub async fn taken(thief: &mut Customer, victim: &Victim, case_id: &[u8]) -> Result<Told<()>, Otherwise> {
    cool_off(thief, case_id, 0).await?;
    reaches(thief, case_id, pb::RecoveryState::Ready).await?;
    thief.wallet.prove(case_id.to_vec(), &victim.saved()).await?;
    complete(thief, case_id).await??;
    let code = thief.next_code().await?;
    thief.wallet.activate(&code).await?;
    thief.balance_minor = victim.customer.balance_minor;
    thief.check_balance().await?;
    Ok(Told::done("the thief's phone is its only device by now; its cards are suspended until linked again"))
}

/// What 7pay's thieves did first.
pub async fn no_money_in(thief: &Customer) -> Result<Told<()>, Otherwise> {
    let sources = thief.wallet.list_funding().await?.sources;
    let card = sources.first().ok_or(Otherwise::Answer("there is no card"))?;
    for _ in 0..3 {
        let code = thief.next_code().await?;
        let request = top_up_request(&card.funding_id, 30_000);
        let attempt = thief.wallet.top_up(request, Some(&code), None).await;
        thief.must_refuse(attempt, Code::FailedPrecondition, Reason::FundingNotLinked).await?;
    }
    Ok(Told::refused(
        Reason::FundingNotLinked,
        "All three: a recovery brings no money in from what was linked.",
    ))
}

/// And then.
pub async fn no_cigarettes(thief: &Customer) -> Result<Told<()>, Otherwise> {
    let code = thief.next_code().await?;
    let attempt = thief.wallet.issue_code(95_000, Some(&code), None).await;
    thief.must_refuse(attempt, Code::FailedPrecondition, Reason::LimitPerPayment).await?;
    Ok(Told::refused(Reason::LimitPerPayment, "The phone is new."))
}

/// One yen more than the first day's.
pub async fn first_day(thief: &Customer, request: pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let attempt = thief.wallet.pay(request, None, None).await;
    thief.must_refuse(attempt, Code::FailedPrecondition, Reason::LimitPerDay).await?;
    Ok(Told::refused(Reason::LimitPerDay, "So much a day, after a recovery."))
}

/// Pays, with a code before.
pub async fn pays(payer: &mut Customer, request: pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let code = payer.next_code().await?;
    payer.wallet.verify_second_factor(&code).await?;
    main_job::pay(payer, request).await
}

/// 7pay let a login from elsewhere in by its id.
pub async fn no_such_door(victim: &Victim) -> Result<Told<()>, Otherwise> {
    let wallet = &victim.customer.wallet;
    let his = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    let draft = || wallet.draft(method::GET_BALANCE, &pb::GetBalanceRequest {});
    let good = draft().seal(&wallet.signer);
    for envelope in [
        pb::Envelope { signature: Vec::new(), ..good.clone() },
        pb::Envelope { key_id: good.key_id.clone(), ..draft().seal(&his) },
        pb::Envelope { key_id: victim.device.clone(), ..draft().seal(&his) },
        pb::Envelope { key_id: victim.customer.email.clone(), ..draft().seal(&his) },
    ] {
        let attempt = wallet.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, envelope).await;
        victim.customer.must_refuse(attempt, Code::Unauthenticated, Reason::Unauthenticated).await?;
    }
    Ok(Told::refused(
        Reason::Unauthenticated,
        "There is no such door: an enrolled key's signature, or nothing.",
    ))
}

async fn begin(thief: &Customer, victim: &Victim) -> Result<Vec<u8>, Otherwise> {
    Ok(thief.wallet.start_recovery(victim.locator(), false).await?.case_id)
}

/// Has a code sent, reads it where he may, and proves it.
async fn read_code(
    thief: &Customer,
    case_id: &[u8],
    channel: pb::RecoveryChannel,
    address: &str,
) -> Result<pb::RecoveryState, Otherwise> {
    let before = thief.wallet.read_messages(address).await?.messages.len();
    thief.wallet.send_recovery_code(case_id.to_vec(), channel).await?;
    let code = newest_code(thief, address, before).await?;
    let proof = if channel == pb::RecoveryChannel::Phone {
        RecoveryProof::PhoneCode(code)
    } else {
        RecoveryProof::EmailCode(code)
    };
    Ok(thief.wallet.prove(case_id.to_vec(), &proof).await?.state())
}

/// Moves the clock over the reminders to so many seconds before the delay's end.
async fn cool_off(thief: &Customer, case_id: &[u8], seconds_before: i64) -> Result<(), Otherwise> {
    loop {
        // Sets the phone's clock by the server's, which may have stood meanwhile.
        thief.wait(1).await?;
        let status = thief.wallet.recovery_status(case_id.to_vec()).await?;
        let (Some(ready_at), Some(due_at)) = (&status.ready_at, &status.due_at) else {
            return Err(Otherwise::Answer("no delay runs"));
        };
        let is_last = moment_us(due_at) >= moment_us(ready_at);
        let until_us = moment_us(due_at) - if is_last { seconds_before * SECOND_US } else { 0 };
        // The phone's clock is a little late, and the wait is in whole seconds: never past the moment.
        let seconds = (until_us - thief.wallet.now_us()) / SECOND_US;
        thief
            .wait(u32::try_from(seconds.max(0) + i64::from(!is_last || seconds_before == 0)).unwrap_or(1))
            .await?;
        if is_last {
            return Ok(());
        }
        let moved = async || {
            let now = thief.wallet.recovery_status(case_id.to_vec()).await?;
            Ok((now != status).then_some(()))
        };
        patiently(moved).await?;
    }
}

/// A completion: done or refused.
async fn complete(
    thief: &mut Customer,
    case_id: &[u8],
) -> Result<Result<pb::RecoveryCompleteReply, Refused>, Otherwise> {
    match thief.wallet.complete_recovery(case_id.to_vec(), HIS_PASSPHRASE).await {
        Ok(reply) => Ok(Ok(reply)),
        Err(EnrolError::Refused(refused)) => Ok(Err(refused)),
        Err(error) => Err(Otherwise::Enrol(error)),
    }
}

async fn reaches(thief: &Customer, case_id: &[u8], expected: pb::RecoveryState) -> Result<(), Otherwise> {
    patiently(async || {
        let status = thief.wallet.recovery_status(case_id.to_vec()).await?;
        Ok((status.state() == expected).then_some(()))
    })
    .await
}
