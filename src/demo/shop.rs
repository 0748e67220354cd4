//! A shop with a till: how it is let in, how it charges a customer's code, and what it cannot do.

use std::net::SocketAddr;
use std::path::PathBuf;

use tonic::Code;

use super::customer::Customer;
use super::otherwise::Otherwise;
use super::teller::{Told, yen};
use crate::client::method::MERCHANT_KEY;
use crate::client::{Refused, Staff};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::pb;
use crate::pb::Reason;
use crate::pb::propose_request::Proposal;
use crate::server::operators::SANDBOX_FILES;

/// A sandbox's operators: where they are listened to, and where their keys are.
#[derive(Debug)]
pub struct Operators {
    /// Their listener.
    pub address: SocketAddr,
    /// The directory of their keys.
    pub keys: PathBuf,
}

/// Everybody listens here.
pub struct Street<'a> {
    /// The server.
    pub address: SocketAddr,
    /// Whom to trust.
    pub ca_pem: &'a [u8],
}

const UNREADABLE: Otherwise = Otherwise::Answer("the sandbox's operators' keys cannot be read");

/// Two operators let a shop in: one proposes, the other reads and approves.
pub async fn open(
    customer: &Customer,
    street: &Street<'_>,
    operators: &Operators,
) -> Result<Told<(Staff, Vec<u8>)>, Otherwise> {
    let mut keys = Vec::new();
    for name in SANDBOX_FILES {
        let pkcs8 = std::fs::read(operators.keys.join(name)).map_err(|_unreadable| UNREADABLE)?;
        keys.push(DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der).map_err(|_malformed| UNREADABLE)?);
    }
    let (Some(second), Some(first)) = (keys.pop(), keys.pop()) else { return Err(UNREADABLE) };
    let first = customer.staff(operators.address, street.ca_pem, first).await?;
    let second = customer.staff(operators.address, street.ca_pem, second).await?;
    let key = DeviceKey::generate(SignatureForm::Fixed);
    let merchant = customer.staff(street.address, street.ca_pem, key).await?;
    let proposed = first
        .propose(Proposal::RegisterMerchant(pb::RegisterMerchant {
            key: Some(merchant.signer.candidate()),
            key_proof: merchant.signer.possession(MERCHANT_KEY, &[]),
            store: Some(pb::StoreDetails {
                name: "Kissaten Yuki".into(),
                city: "Kyoto".into(),
                time_zone: "Asia/Tokyo".into(),
            }),
        }))
        .await?;
    let listed = second.list_proposals().await?.proposals;
    let proposal = listed.into_iter().find(|one| one.proposal_id == proposed.proposal_id);
    let proposal = proposal.ok_or(Otherwise::Answer("the proposal is not listed"))?;
    let own = first.approve(&proposal).await;
    if own.err().and_then(|refused| refused.reason()) != Some(Reason::SameOperator) {
        return Err(Otherwise::WentThrough);
    }
    let approved = second.approve(&proposal).await?;
    let happened = "one proposed it, and only the other could approve; the shop signs with a key of its own";
    Ok(Told::done(happened).with((merchant, approved.store_id)))
}

/// The shop's server registers a till, and the till enrols its key.
pub async fn activate(
    customer: &Customer,
    street: &Street<'_>,
    merchant: &Staff,
    store_id: Vec<u8>,
) -> Result<Told<Staff>, Otherwise> {
    let registered = merchant.register_terminal(store_id, "till 1").await?;
    let code = told(registered.activation_code)?;
    let key = DeviceKey::generate(SignatureForm::Fixed);
    let till = customer.staff(street.address, street.ca_pem, key).await?;
    till.activate(&code).await?;
    Ok(Told::done("the shop's server got a code that is good once, and the till enrolled its key with it")
        .with(till))
}

/// The phone asks for a code.
pub async fn issue(customer: &Customer, cap_minor: i64) -> Result<Told<String>, Otherwise> {
    let issued = customer.wallet.issue_code(cap_minor, None, None).await?;
    let digits = told(issued.payment_code)?;
    let happened = format!("{}, for a minute, once; the server keeps only a keyed hash", grouped(&digits));
    Ok(Told::done(happened).with(digits))
}

/// The till charges it.
pub async fn charge(
    customer: &mut Customer,
    till: &Staff,
    digits: &str,
    order: &pb::ChargeRequest,
) -> Result<Told<()>, Otherwise> {
    till.charge(order, digits).await?;
    customer.balance_minor -= order.amount_minor;
    customer.check_balance().await?;
    Ok(Told::done(format!(
        "two signatures, the phone's over the cap and the till's over the amount; balance {}",
        yen(customer.balance_minor)
    )))
}

/// A code that cannot be used, whatever is wrong with it.
pub async fn unusable(
    customer: &Customer,
    till: &Staff,
    digits: &str,
    order: &pb::ChargeRequest,
    shows: &str,
) -> Result<Told<()>, Otherwise> {
    must_decline(customer, till.charge(order, digits).await, Reason::CodeNotUsable).await?;
    Ok(Told::refused(Reason::CodeNotUsable, shows))
}

/// The till gave up on a charge before it arrived.
pub async fn overtaken(
    customer: &Customer,
    till: &Staff,
    digits: &str,
    order: &pb::ChargeRequest,
) -> Result<Told<()>, Otherwise> {
    let reversed = till.reverse(&order.order_id).await?;
    if reversed.result() != pb::ReverseResult::NothingFound {
        return Err(Otherwise::Answer("there was nothing to reverse yet"));
    }
    must_decline(customer, till.charge(order, digits).await, Reason::OrderReversed).await?;
    Ok(Told::refused(
        Reason::OrderReversed,
        "The till had no answer and reversed; its charge arrived later, and met a tombstone.",
    ))
}

/// What was charged is given back.
pub async fn reverse(customer: &mut Customer, till: &Staff, order_id: &str) -> Result<Told<()>, Otherwise> {
    let reversed = till.reverse(order_id).await?;
    customer.balance_minor += reversed.refunded_minor;
    customer.check_balance().await?;
    Ok(Told::done(format!(
        "{} went back to where it came from; balance {}",
        yen(reversed.refunded_minor),
        yen(customer.balance_minor)
    )))
}

async fn must_decline<T>(
    customer: &Customer,
    attempt: Result<T, Refused>,
    reason: Reason,
) -> Result<(), Otherwise> {
    customer.must_refuse(attempt, Code::FailedPrecondition, reason).await
}

/// An order of this amount.
pub fn order(order_id: &str, amount_minor: i64) -> pb::ChargeRequest {
    pb::ChargeRequest {
        order_id: order_id.to_owned(),
        amount_minor,
        currency: "JPY".to_owned(),
        receipt_line: "coffee".to_owned(),
        external_reference: String::new(),
        ask: false,
    }
}

fn told(secret: Option<pb::Secret>) -> Result<String, Otherwise> {
    match secret.and_then(|secret| secret.state) {
        Some(pb::secret::State::Value(value)) => Ok(value),
        Some(pb::secret::State::Gone(_)) | None => Err(Otherwise::Answer("the reply lacks its secret")),
    }
}

fn grouped(digits: &str) -> String {
    digits.as_bytes().chunks(6).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}
