//! What a wallet is for: a phone enrols, tops up, scans, pays and looks.

use super::customer::Customer;
use super::otherwise::Otherwise;
use super::teller::{Told, yen};
use crate::pb;

/// The passphrase of everybody in the story.
pub const PASSPHRASE: &str = "four wet umbrellas";
const CURRENCY: &str = "JPY";

/// The phone becomes a wallet.
pub async fn enrol(customer: &mut Customer) -> Result<Told<()>, Otherwise> {
    let Customer { wallet, email, .. } = &mut *customer;
    wallet.enrol(email, PASSPHRASE).await.map_err(Otherwise::Enrol)?;
    customer.check_balance().await?;
    Ok(Told::done(format!(
        "the code mailed to {}, a passphrase, the authenticator's first code; the wallet is active",
        customer.email
    )))
}

/// A card to top up from.
pub async fn link_card(customer: &Customer) -> Result<Told<Vec<u8>>, Otherwise> {
    let funding_id = customer.wallet.link_funding("sandbox-visa", "my card").await?.funding_id;
    Ok(Told::done("the server holds the provider's token for it, no card number").with(funding_id))
}

/// Money in.
pub async fn top_up(
    customer: &mut Customer,
    funding_id: &[u8],
    amount_minor: i64,
    code: Option<&str>,
) -> Result<Told<()>, Otherwise> {
    let request = top_up_request(funding_id, amount_minor);
    let reply = customer.wallet.top_up(request, code, None).await?;
    match reply.top_up.as_ref().map(pb::TopUpStatus::state) {
        Some(pb::TopUpState::Succeeded) => {}
        Some(
            pb::TopUpState::Requested
            | pb::TopUpState::RequiresAction
            | pb::TopUpState::Unknown
            | pb::TopUpState::Failed
            | pb::TopUpState::Refunded
            | pb::TopUpState::ChargedBack
            | pb::TopUpState::Unspecified,
        )
        | None => {
            return Err(Otherwise::Answer("the top-up was not credited"));
        }
    }
    customer.balance_minor += amount_minor;
    customer.check_balance().await?;
    let by_code = if code.is_some() { "from ¥10,000 on with a code; " } else { "" };
    Ok(Told::done(format!("{by_code}balance {}", yen(customer.balance_minor))))
}

/// A top-up of so much.
pub fn top_up_request(funding_id: &[u8], amount_minor: i64) -> pb::TopUpRequest {
    pb::TopUpRequest { funding_id: funding_id.to_vec(), amount_minor, currency: CURRENCY.to_owned() }
}

/// The text of the code that stands on a shop's counter.
pub async fn counter(customer: &Customer) -> Result<Told<String>, Otherwise> {
    let shops = customer.wallet.list_shops().await?.shops;
    let shop = shops.into_iter().next().ok_or(Otherwise::Answer("the sandbox has no shop"))?;
    Ok(Told::done("this code stands on its counter").with(shop.static_qr))
}

/// Who is behind a scanned code; a payment to them, of nothing yet.
pub async fn scan(customer: &Customer, scanned: &str) -> Result<Told<pb::PayRequest>, Otherwise> {
    let payee = customer.wallet.resolve_payee(scanned).await?;
    let told = Told::done(format!(
        "the server knows it as {}; the name inside the code counts for nothing",
        payee.payee_name
    ));
    Ok(told.with(pb::PayRequest {
        store_id: payee.store_id,
        payee_name: payee.payee_name,
        amount_minor: 0,
        currency: CURRENCY.to_owned(),
        order_id: String::new(),
    }))
}

/// Money out.
pub async fn pay(customer: &mut Customer, request: pb::PayRequest) -> Result<Told<()>, Otherwise> {
    let amount_minor = request.amount_minor;
    let reply = customer.wallet.pay(request, None, None).await?;
    customer.paid(amount_minor, &reply)?;
    customer.check_balance().await?;
    Ok(Told::done(format!("signed with shop, name and amount; balance {}", yen(customer.balance_minor))))
}

/// Balance and entries, which must agree; these amounts are expected, oldest first.
pub async fn look(customer: &Customer, expected_minor: &[i64]) -> Result<Told<()>, Otherwise> {
    customer.check_balance().await?;
    let mut entries = customer.wallet.list_entries(pb::ListEntriesRequest::default()).await?.entries;
    entries.reverse();
    let amounts: Vec<_> = entries.iter().map(|entry| entry.amount_minor).collect();
    if amounts != expected_minor || amounts.iter().sum::<i64>() != customer.balance_minor {
        return Err(Otherwise::Answer("the entries are not what was done"));
    }
    let listed: Vec<_> = amounts.into_iter().map(yen).collect();
    Ok(Told::done(format!("{} = {}", listed.join(" "), yen(customer.balance_minor))))
}
