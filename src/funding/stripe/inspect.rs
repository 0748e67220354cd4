//! Which card a payment method is, and whose: <https://docs.stripe.com/api/payment_methods>.
//!
//! Each account has one customer at Stripe, which names the account and nobody. A method that belongs to
//! another customer is another's; one that belongs to none is attached to its account's, and is no other's
//! from then on.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Heard, Stripe, is_id, parts};
use crate::domain::id::{AccountId, hex};
use crate::funding::{Card, Inspected, Owner};

/// A payment method, as far as it is read.
#[derive(Deserialize)]
struct Method {
    id: String,
    customer: Option<String>,
    card: Option<MethodCard>,
}

#[derive(Deserialize)]
struct MethodCard {
    fingerprint: Option<String>,
}

#[derive(Deserialize)]
struct Customer {
    id: String,
    #[serde(default)]
    metadata: CustomerMetadata,
}

#[derive(Default, Deserialize)]
struct CustomerMetadata {
    account_id: Option<String>,
}

/// Why a method is not linked.
enum Not {
    Theirs,
    Known,
}

impl From<Not> for Inspected {
    fn from(not: Not) -> Self {
        match not {
            Not::Theirs => Self::Refused,
            Not::Known => Self::Silent,
        }
    }
}

impl Stripe {
    pub(super) async fn inspected(&self, owner: Owner<'_>, token: &str) -> Inspected {
        self.card_of(owner, token).await.map_or_else(Inspected::from, Inspected::Card)
    }

    async fn card_of(&self, owner: Owner<'_>, token: &str) -> Result<Card, Not> {
        let (named, id) = parts(token);
        let path = format!("payment_methods/{id}");
        let method: Method = done(self.get(&path, &[]).await)?;
        if method.id != id {
            return Err(Not::Known);
        }
        let fingerprint = method.card.and_then(|card| card.fingerprint).filter(|text| !text.is_empty());
        let fingerprint = Zeroizing::new(fingerprint.ok_or(Not::Theirs)?);
        let customer = match method.customer {
            Some(customer) if self.is_of(&customer, owner.account_id).await? => customer,
            Some(_) => return Err(Not::Theirs),
            None => {
                let customer = self.customer_of(owner).await?;
                let attach = format!("{path}/attach");
                let form = [("customer", customer.as_str())];
                let attached: Method = done(self.post(&attach, &form, None).await)?;
                if attached.customer.as_deref() != Some(&customer) {
                    return Err(Not::Known);
                }
                customer
            }
        };
        if named.is_some_and(|named| named != customer) {
            return Err(Not::Theirs);
        }
        Ok(Card { fingerprint, token: format!("{customer}:{id}") })
    }

    /// Whether a customer is this account's.
    async fn is_of(&self, id: &str, account_id: AccountId) -> Result<bool, Not> {
        if !is_id(id, "cus_") {
            return Ok(false);
        }
        let customer: Customer = match self.get(&format!("customers/{id}"), &[]).await {
            Heard::Done(customer) => customer,
            Heard::Missing | Heard::Refused => return Ok(false),
            Heard::Silent => return Err(Not::Known),
        };
        if customer.id != id {
            return Err(Not::Known);
        }
        Ok(customer.metadata.account_id.as_deref() == Some(&hex(&account_id.0)))
    }

    /// The account's customer: that of its other sources, or a new one.
    async fn customer_of(&self, owner: Owner<'_>) -> Result<String, Not> {
        if let Some(known) = owner.known.and_then(|token| parts(token).0)
            && self.is_of(known, owner.account_id).await?
        {
            return Ok(known.to_owned());
        }
        let account = hex(&owner.account_id.0);
        let form = [("metadata[account_id]", account.as_str())];
        let made: Customer = done(self.post("customers", &form, Some(&account)).await)?;
        let is_it = is_id(&made.id, "cus_") && made.metadata.account_id.as_deref() == Some(&account);
        if is_it { Ok(made.id) } else { Err(Not::Known) }
    }
}

fn done<T>(heard: Heard<T>) -> Result<T, Not> {
    match heard {
        Heard::Done(answer) => Ok(answer),
        Heard::Missing | Heard::Refused => Err(Not::Theirs),
        Heard::Silent => Err(Not::Known),
    }
}
