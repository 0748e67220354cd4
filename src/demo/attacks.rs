//! What must fail. Each function does what an attacker would do, and is content only if the server
//! answered with the code and the reason that it must, and no yen moved.

use prost::Message as _;
use tonic::Code;

use super::customer::Customer;
use super::main_job::top_up_request;
use super::otherwise::Otherwise;
use super::teller::{Told, yen};
use crate::client::{Signer, method};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::envelope::SignatureForm;
use crate::env::{Clock as _, SystemClock, uuid_v7};
use crate::pb;
use crate::pb::Reason;
use crate::server::SANDBOX_AUDIENCE;

/// A read is good once.
pub async fn replayed_read(customer: &Customer) -> Result<Told<()>, Otherwise> {
    let wallet = &customer.wallet;
    let captured = wallet.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&wallet.signer);
    wallet.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, captured.clone()).await?;
    let again = wallet.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, captured).await;
    customer.must_refuse(again, Code::Unauthenticated, Reason::Unauthenticated).await?;
    Ok(Told::refused(Reason::Unauthenticated, "Her phone had its answer; the same bytes get no second one."))
}

/// The amount is under the signature.
pub async fn changed_amount(customer: &Customer, shop: &pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let wallet = &customer.wallet;
    let signed = wallet.draft(method::PAY, &amount(shop, 100)).seal(&wallet.signer);
    let call = pb::Call::decode(signed.payload.as_slice()).expect("the phone made it just now");
    let changed = pb::Call { body: amount(shop, 4_000).encode_to_vec(), ..call };
    let envelope = pb::Envelope { payload: changed.encode_to_vec(), ..signed };
    let attempt = wallet.send_sealed::<pb::PayReply>(method::PAY, envelope).await;
    customer.must_refuse(attempt, Code::Unauthenticated, Reason::Unauthenticated).await?;
    Ok(Told::refused(Reason::Unauthenticated, "The phone signed ¥100, and the signature covers the amount."))
}

/// Only the wallet's own phone signs for it.
pub async fn other_device(customer: &Customer, shop: &pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let wallet = &customer.wallet;
    let other = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    let call = wallet.draft(method::PAY, &amount(shop, 1_000)).seal(&other);
    let in_her_name = pb::Envelope { key_id: wallet.signer.key_id(), ..call };
    let attempt = wallet.send_sealed::<pb::PayReply>(method::PAY, in_her_name).await;
    customer.must_refuse(attempt, Code::Unauthenticated, Reason::Unauthenticated).await?;

    let draft = other.draft(method::PAY, &amount(shop, 1_000)).issued_at_us(wallet.now_us());
    let attempt = wallet.send_sealed::<pb::PayReply>(method::PAY, draft.seal(&other)).await;
    customer.must_refuse(attempt, Code::Unauthenticated, Reason::Unauthenticated).await?;
    Ok(Told::refused(
        Reason::Unauthenticated,
        "Under her key's name or its own: a key that is not enrolled signs for nobody.",
    ))
}

/// A signature is for one method.
pub async fn other_method(customer: &Customer, shop: &pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let wallet = &customer.wallet;
    let signed_for_another = wallet.draft(method::RESOLVE_PAYEE, &amount(shop, 1_000)).seal(&wallet.signer);
    let attempt = wallet.send_sealed::<pb::PayReply>(method::PAY, signed_for_another).await;
    customer.must_refuse(attempt, Code::Unauthenticated, Reason::Unauthenticated).await?;
    Ok(Told::refused(
        Reason::Unauthenticated,
        "Her own key signed these very bytes, but for ResolvePayee, not for Pay.",
    ))
}

/// A code is good once, even within its 30 seconds.
pub async fn used_code(customer: &Customer) -> Result<Told<()>, Otherwise> {
    let code = customer.next_code().await?;
    customer.wallet.verify_second_factor(&code).await?;
    let again = customer.wallet.verify_second_factor(&code).await;
    customer.must_refuse(again, Code::Unauthenticated, Reason::Unauthenticated).await?;
    Ok(Told::refused(
        Reason::Unauthenticated,
        "She typed it first, so it is spent, though her authenticator still shows it.",
    ))
}

/// One request id has one effect, however often it comes; returns the id.
pub async fn double_pay(
    customer: &mut Customer,
    request: &pb::PayRequest,
) -> Result<Told<[u8; 16]>, Otherwise> {
    let wallet = &customer.wallet;
    let request_id = new_request_id();
    let draft = wallet.draft(method::PAY, request).request_id(request_id);
    let captured = draft.seal(&wallet.signer);
    let first = wallet.send_sealed::<pb::PayReply>(method::PAY, captured.clone()).await?;
    let retried = wallet.pay(request.clone(), None, Some(request_id)).await?;
    let replayed = wallet.send_sealed::<pb::PayReply>(method::PAY, captured).await?;
    if retried != first || replayed != first {
        return Err(Otherwise::Answer("a repetition got another answer than the payment"));
    }
    customer.paid(request.amount_minor, &first)?;
    customer.check_balance().await?;
    let happened =
        format!("three times the same answer, taken once; balance {}", yen(customer.balance_minor));
    Ok(Told::done(happened).with(request_id))
}

/// A request id is bound to its request.
pub async fn reused_id(
    customer: &Customer,
    request: pb::PayRequest,
    request_id: [u8; 16],
) -> Result<Told<()>, Otherwise> {
    let attempt = customer.wallet.pay(request, None, Some(request_id)).await;
    customer.must_refuse(attempt, Code::AlreadyExists, Reason::RequestIdReused).await?;
    Ok(Told::refused(Reason::RequestIdReused, "The id belongs to the first amount; nothing was taken."))
}

/// A new phone is kept to small amounts.
pub async fn young_device(
    customer: &Customer,
    funding_id: &[u8],
    amount_minor: i64,
) -> Result<Told<()>, Otherwise> {
    // Past the pause between two top-ups, which would refuse it first.
    customer.wait(60).await?;
    let attempt = customer.wallet.top_up(top_up_request(funding_id, amount_minor), None, None).await;
    customer.must_refuse(attempt, Code::FailedPrecondition, Reason::LimitPerDay).await?;
    Ok(Told::refused(
        Reason::LimitPerDay,
        "In its first 12 hours a phone tops up ¥10,000 at most, and ¥8,000 are there.",
    ))
}

/// An amount from which on a code must be in the call; returns the refused call's id.
pub async fn no_code(customer: &Customer, request: pb::PayRequest) -> Result<Told<[u8; 16]>, Otherwise> {
    let request_id = new_request_id();
    let attempt = customer.wallet.pay(request, None, Some(request_id)).await;
    customer.must_refuse(attempt, Code::FailedPrecondition, Reason::SecondFactorRequired).await?;
    let shows = "From ¥10,000 on the phone alone is not enough, whoever holds it.";
    Ok(Told::refused(Reason::SecondFactorRequired, shows).with(request_id))
}

/// The same call, with the code it lacked.
pub async fn with_code(
    customer: &mut Customer,
    request: pb::PayRequest,
    request_id: [u8; 16],
) -> Result<Told<()>, Otherwise> {
    let amount_minor = request.amount_minor;
    let code = customer.next_code().await?;
    let reply = customer.wallet.pay(request, Some(&code), Some(request_id)).await?;
    customer.paid(amount_minor, &reply)?;
    customer.check_balance().await?;
    Ok(Told::done(format!("balance {}", yen(customer.balance_minor))))
}

/// One yen more than there is.
pub async fn overdraft(customer: &Customer, shop: &pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let code = customer.next_code().await?;
    let request = amount(shop, customer.balance_minor + 1);
    let attempt = customer.wallet.pay(request, Some(&code), None).await;
    customer.must_refuse(attempt, Code::FailedPrecondition, Reason::InsufficientBalance).await?;
    Ok(Told::refused(Reason::InsufficientBalance, "The code was right; the money is not there."))
}

/// This shop, this much.
pub fn amount(shop: &pb::PayRequest, amount_minor: i64) -> pb::PayRequest {
    pb::PayRequest { amount_minor, ..shop.clone() }
}

fn new_request_id() -> [u8; 16] {
    uuid_v7(&SystemEntropy::new(), SystemClock.now_us())
}
