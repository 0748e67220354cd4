//! Stripe, by its PaymentIntents: <https://docs.stripe.com/api/payment_intents>.
//!
//! What Stripe promises and this rests on: an intent that is not confirmed moves no money; one is charged at
//! most once, however often it is confirmed; one that is cancelled is never charged; reading one by its id or
//! listing them shows what was written before. What it promises besides and this does not need: a POST with
//! the same `Idempotency-Key` is done once within 24 hours. So an intent is created without confirming it,
//! under the top-up's id as key and with it in the metadata, its id is stored, and only that id is confirmed.
//! Before another one is created, the newest are looked through for the metadata: the search API would be
//! shorter, and shows what was just written only after a while.
//!
//! A declined intent waits for another payment method, which whoever has its secret could give it. It is a
//! failure only when it was cancelled.

mod api;
mod inspect;
mod list;
pub mod webhook;

use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::{Charge, ClientAction, Found, FundingProvider, Inspected, Opened, Owner, Page as Listing, Reply};
use crate::domain::id::{TopUpId, hex};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::store::Later;
pub use api::StripeError;
use api::{Api, Verb};

/// How Stripe is reached.
#[derive(Clone)]
pub struct StripeSettings {
    /// Where its API is: `https`, or `http` on this machine.
    pub base_url: String,
    /// The secret key.
    pub secret_key: Zeroizing<String>,
    /// The authorities that its certificate may be from, as PEM; the public ones where there are none.
    pub ca_pem: Option<Vec<u8>>,
    /// It is waited for so long at the most, from the connection to the answer.
    pub timeout: Duration,
}

impl StripeSettings {
    /// How long an answer is waited for.
    pub const TIMEOUT: Duration = Duration::from_secs(10);
}

/// As many lists are looked through for an intent whose name was lost.
const PAGES: usize = 10;
/// Stripe's clock and ours differ by less.
const CLOCKS_US: i64 = 300 * SECOND_US;

/// Charges cards by Stripe.
pub struct Stripe {
    api: Api,
}

/// An intent, as far as it is read.
#[derive(Deserialize)]
struct Intent {
    id: String,
    status: String,
    amount: i64,
    currency: String,
    created: i64,
    client_secret: Option<String>,
    next_action: Option<NextAction>,
    latest_charge: Option<LatestCharge>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    top_up_id: Option<String>,
}

#[derive(Deserialize)]
struct NextAction {
    redirect_to_url: Option<RedirectToUrl>,
}

#[derive(Deserialize)]
struct RedirectToUrl {
    url: Option<String>,
}

#[derive(Deserialize)]
struct LatestCharge {
    #[serde(default)]
    refunded: bool,
    #[serde(default)]
    disputed: bool,
    #[serde(default)]
    amount_refunded: i64,
    payment_method_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    card: Option<CardDetails>,
}

#[derive(Deserialize)]
struct CardDetails {
    three_d_secure: Option<Secure>,
}

#[derive(Deserialize)]
struct Secure {
    result: Option<String>,
    authentication_flow: Option<String>,
}

impl LatestCharge {
    /// Its owner did 3-D Secure for it, and the bank says that it was they. In the frictionless flow the bank
    /// says so without having asked them.
    fn is_challenged(&self) -> bool {
        let card = self.payment_method_details.as_ref().and_then(|details| details.card.as_ref());
        card.and_then(|card| card.three_d_secure.as_ref()).is_some_and(|secure| {
            secure.result.as_deref() == Some("authenticated")
                && secure.authentication_flow.as_deref() == Some("challenge")
        })
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Intent>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Anything {}

/// What came of a call.
enum Heard<T> {
    /// It was done.
    Done(T),
    /// It was not, and never will be; of which kind, is in Stripe's words.
    Refused,
    /// It knows nothing of this name.
    Missing,
    /// No answer, one that cannot be read, or trouble of Stripe's or ours.
    Silent,
}

impl Stripe {
    /// With these settings. Nothing is connected here.
    pub fn new(settings: StripeSettings) -> Result<Self, StripeError> {
        Ok(Self { api: Api::new(settings)? })
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&str, &str)],
        idempotency_key: Option<&str>,
    ) -> Heard<T> {
        self.api.call(path, form, Verb::Post { idempotency_key }).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Heard<T> {
        self.api.call(path, query, Verb::Get).await
    }

    async fn opened(&self, charge: Charge<'_>) -> Opened {
        if charge.asked_before {
            match self.find(charge).await {
                Heard::Done(Some(intent)) => return named(&intent, charge),
                Heard::Done(None) => {}
                Heard::Missing | Heard::Refused | Heard::Silent => return Opened::Silent,
            }
        }
        let id = hex(&charge.top_up_id.0);
        let (customer, method) = parts(charge.token);
        let amount = charge.amount.minor().to_string();
        let mut form = vec![
            ("amount", amount.as_str()),
            ("currency", "jpy"),
            ("payment_method", method),
            ("payment_method_types[]", "card"),
            ("capture_method", "automatic"),
            ("metadata[top_up_id]", &id),
        ];
        form.extend(customer.map(|customer| ("customer", customer)));
        // Asked for whatever Stripe thinks of the risk; that it was done, the charge says.
        let challenge = ("payment_method_options[card][request_three_d_secure]", "challenge");
        form.extend(charge.wants_challenge.then_some(challenge));
        match self.post::<Intent>("payment_intents", &form, Some(&id)).await {
            Heard::Done(intent) => named(&intent, charge),
            Heard::Missing | Heard::Refused => Opened::Refused,
            Heard::Silent => Opened::Silent,
        }
    }

    /// The intent that an earlier call made, if its answer was lost: newest first, back to when it was asked
    /// for.
    async fn find(&self, charge: Charge<'_>) -> Heard<Option<Intent>> {
        let id = hex(&charge.top_up_id.0);
        let since = charge.requested_at.plus_us(-CLOCKS_US);
        let mut after = None::<String>;
        for _page in 0..PAGES {
            let mut query = vec![("limit", "100"), ("expand[]", "data.latest_charge")];
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page = match self.get::<Page>("payment_intents", &query).await {
                Heard::Done(page) => page,
                Heard::Missing | Heard::Refused => return Heard::Refused,
                Heard::Silent => return Heard::Silent,
            };
            after = page.data.last().map(|intent| intent.id.clone());
            let is_over = page.data.iter().any(|intent| created(intent) < since);
            let is_it = |intent: &Intent| {
                intent.metadata.top_up_id.as_deref() == Some(&id) && intent.status != "canceled"
            };
            if let Some(intent) = page.data.into_iter().find(is_it) {
                return Heard::Done(Some(intent));
            }
            if is_over || !page.has_more || after.is_none() {
                return Heard::Done(None);
            }
        }
        // Too many to look through: another one does no harm, since only one is confirmed.
        Heard::Done(None)
    }

    async fn retrieved(&self, reference: &str) -> Option<Intent> {
        let path = format!("payment_intents/{reference}");
        match self.get::<Intent>(&path, &[("expand[]", "latest_charge")]).await {
            Heard::Done(intent) if intent.id == reference => Some(intent),
            Heard::Done(_) | Heard::Silent => None,
            Heard::Missing | Heard::Refused => {
                tracing::error!(
                    "Stripe does not know a charge by its name: is [funding.stripe] another account's?"
                );
                None
            }
        }
    }

    async fn acted(&self, reference: &str, action: &str) -> Option<Intent> {
        let path = format!("payment_intents/{reference}/{action}");
        // No key: it would repeat an earlier answer, where the intent's own state is the better one.
        match self.post::<Intent>(&path, &[("expand[]", "latest_charge")], None).await {
            Heard::Done(intent) if intent.id == reference => Some(intent),
            Heard::Done(_) | Heard::Silent => None,
            // Declined, or in another state by now: its state says which.
            Heard::Missing | Heard::Refused => self.retrieved(reference).await,
        }
    }

    /// Its state, where a declined one is cancelled first.
    async fn stands(&self, reference: &str, intent: Option<Intent>) -> Reply {
        let Some(intent) = intent else { return Reply::Silent };
        if intent.status == "requires_payment_method" {
            return self.cancelled(reference).await;
        }
        state(&intent)
    }

    async fn cancelled(&self, reference: &str) -> Reply {
        self.acted(reference, "cancel").await.map_or(Reply::Silent, |intent| state(&intent))
    }

    async fn refunded(&self, top_up_id: TopUpId, reference: &str) -> Reply {
        let before = self.retrieved(reference).await.map_or(Reply::Silent, |intent| state(&intent));
        if !matches!(before, Reply::Succeeded { .. }) {
            return before;
        }
        let key = format!("refund-{}", hex(&top_up_id.0));
        match self.post::<Anything>("refunds", &[("payment_intent", reference)], Some(&key)).await {
            Heard::Done(_) => Reply::Refunded,
            Heard::Missing | Heard::Refused | Heard::Silent => Reply::Silent,
        }
    }
}

/// A token is a payment method, `pm_…`, of nobody's or of a customer, `cus_…:pm_…`.
fn parts(token: &str) -> (Option<&str>, &str) {
    token.split_once(':').map_or((None, token), |(customer, method)| (Some(customer), method))
}

fn created(intent: &Intent) -> Timestamp {
    Timestamp(intent.created.saturating_mul(SECOND_US))
}

/// Its name, if it is what was asked for.
fn named(intent: &Intent, charge: Charge<'_>) -> Opened {
    let is_it = intent.amount == charge.amount.minor()
        && intent.currency == "jpy"
        && intent.metadata.top_up_id.as_deref() == Some(&hex(&charge.top_up_id.0));
    if is_it && is_id(&intent.id, "pi_") { Opened::Named(intent.id.clone()) } else { Opened::Silent }
}

/// What an intent's status says. A word that is not known says nothing.
fn state(intent: &Intent) -> Reply {
    match intent.status.as_str() {
        "requires_confirmation" => Reply::Unconfirmed,
        "requires_action" => action(intent).map_or(Reply::Silent, Reply::RequiresAction),
        "processing" => Reply::Processing,
        "canceled" => Reply::Failed,
        "succeeded" => match &intent.latest_charge {
            Some(charge) if charge.disputed => Reply::ChargedBack,
            Some(charge) if charge.refunded => Reply::Refunded,
            Some(charge) => Reply::Succeeded { challenged: charge.is_challenged() },
            None => Reply::Silent,
        },
        _ => Reply::Silent,
    }
}

fn action(intent: &Intent) -> Option<ClientAction> {
    let address = intent.next_action.as_ref().and_then(|next| next.redirect_to_url.as_ref());
    let (kind, value) = match address.and_then(|redirect| redirect.url.clone()) {
        Some(url) => ("redirect_url", url),
        None => ("stripe_client_secret", intent.client_secret.clone()?),
    };
    Some(ClientAction { kind: kind.to_owned(), value })
}

/// One of Stripe's names: letters and digits behind a prefix, so that it can stand in a path.
fn is_id(text: &str, prefix: &str) -> bool {
    let rest = text.strip_prefix(prefix).unwrap_or("");
    !rest.is_empty()
        && rest.len() <= 200
        && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl FundingProvider for Stripe {
    fn number(&self) -> i64 {
        2
    }

    fn accepts(&self, token: &str) -> bool {
        let (customer, method) = parts(token);
        is_id(method, "pm_") && customer.is_none_or(|customer| is_id(customer, "cus_"))
    }

    fn inspect<'a>(&'a self, owner: Owner<'a>, token: &'a str) -> Later<'a, Inspected> {
        Box::pin(self.inspected(owner, token))
    }

    fn open<'a>(&'a self, charge: Charge<'a>) -> Later<'a, Opened> {
        Box::pin(self.opened(charge))
    }

    fn confirm<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(async move {
            let intent = self.acted(reference, "confirm").await;
            self.stands(reference, intent).await
        })
    }

    fn query<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(async move {
            let intent = self.retrieved(reference).await;
            self.stands(reference, intent).await
        })
    }

    fn cancel<'a>(&'a self, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(self.cancelled(reference))
    }

    fn refund<'a>(&'a self, top_up_id: TopUpId, reference: &'a str) -> Later<'a, Reply> {
        Box::pin(self.refunded(top_up_id, reference))
    }

    fn list<'a>(&'a self, made: Range<Timestamp>, after: Option<&'a str>) -> Later<'a, Listing> {
        Box::pin(self.listed(made, after))
    }

    fn find<'a>(&'a self, reference: &'a str) -> Later<'a, Found> {
        Box::pin(self.found(reference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(status: &str, more: &str) -> Intent {
        let text = format!(
            r#"{{"id":"pi_1","status":"{status}","amount":1,"currency":"jpy","created":0,
                "client_secret":"pi_1_secret_2"{more}}}"#
        );
        serde_json::from_str(&text).expect("an intent")
    }

    #[test]
    fn every_status_says_what_stripe_means_by_it() {
        let charge = |words: &str| format!(r#","latest_charge":{{"id":"ch_1"{words}}}"#);
        let secure =
            |said: &str| format!(r#","payment_method_details":{{"card":{{"three_d_secure":{said}}}}}"#);
        let secret = ClientAction { kind: "stripe_client_secret".into(), value: "pi_1_secret_2".into() };
        let url = ClientAction { kind: "redirect_url".into(), value: "https://bank/".into() };
        let redirect = r#","next_action":{"redirect_to_url":{"url":"https://bank/"}}"#;
        for (status, more, expected) in [
            ("requires_confirmation", String::new(), Reply::Unconfirmed),
            (
                "requires_action",
                r#","next_action":{"use_stripe_sdk":{}}"#.into(),
                Reply::RequiresAction(secret),
            ),
            ("requires_action", redirect.into(), Reply::RequiresAction(url)),
            ("processing", String::new(), Reply::Processing),
            ("canceled", String::new(), Reply::Failed),
            ("succeeded", charge(""), Reply::Succeeded { challenged: false }),
            ("succeeded", charge(&secure("null")), Reply::Succeeded { challenged: false }),
            (
                "succeeded",
                charge(&secure(r#"{"result":"attempt_acknowledged"}"#)),
                Reply::Succeeded { challenged: false },
            ),
            (
                "succeeded",
                charge(&secure(r#"{"result":"authenticated","authentication_flow":"challenge"}"#)),
                Reply::Succeeded { challenged: true },
            ),
            (
                "succeeded",
                charge(&secure(r#"{"result":"authenticated","authentication_flow":"frictionless"}"#)),
                Reply::Succeeded { challenged: false },
            ),
            (
                "succeeded",
                charge(&secure(r#"{"result":"authenticated"}"#)),
                Reply::Succeeded { challenged: false },
            ),
            (
                "succeeded",
                charge(&secure(r#"{"result":"failed","authentication_flow":"challenge"}"#)),
                Reply::Succeeded { challenged: false },
            ),
            ("succeeded", charge(r#","refunded":true"#), Reply::Refunded),
            ("succeeded", charge(r#","disputed":true"#), Reply::ChargedBack),
            ("succeeded", charge(r#","refunded":true,"disputed":true"#), Reply::ChargedBack),
            // Nothing is known of its charge.
            ("succeeded", String::new(), Reply::Silent),
            ("requires_payment_method", String::new(), Reply::Silent),
            ("requires_capture", String::new(), Reply::Silent),
            ("a new one", String::new(), Reply::Silent),
        ] {
            assert_eq!(state(&intent(status, &more)), expected, "{status} {more}");
        }
    }

    #[test]
    fn a_token_is_a_payment_method_with_or_without_its_customer_and_nothing_that_could_be_a_path() {
        let stripe = Stripe::new(StripeSettings {
            base_url: "http://127.0.0.1:1".into(),
            secret_key: Zeroizing::new("sk_test_1".into()),
            ca_pem: None,
            timeout: StripeSettings::TIMEOUT,
        })
        .expect("good settings");
        for token in ["pm_1", "pm_card_visa", "cus_1:pm_1"] {
            assert!(stripe.accepts(token), "{token}");
        }
        for token in
            ["", "pm_", "card_1", "pm_1/../x", "pm_1?x", "cus_1", "cus_:pm_1", "cus_1:", "pm_1:pm_1", "pm_ä"]
        {
            assert!(!stripe.accepts(token), "{token}");
        }
    }

    #[test]
    fn an_intent_of_another_amount_currency_or_top_up_is_not_ours() {
        let charge = Charge {
            top_up_id: TopUpId([1; 16]),
            token: "pm_1",
            amount: crate::domain::money::Amount::new(700).expect("an amount"),
            requested_at: Timestamp(0),
            asked_before: false,
            wants_challenge: false,
        };
        let made = |amount: i64, currency: &str, top_up_id: &str, id: &str| {
            let text = format!(
                r#"{{"id":"{id}","status":"requires_confirmation","amount":{amount},"currency":"{currency}",
                    "created":0,"metadata":{{"top_up_id":"{top_up_id}"}}}}"#
            );
            named(&serde_json::from_str(&text).expect("an intent"), charge)
        };
        let ours = hex(&[1; 16]);
        assert_eq!(made(700, "jpy", &ours, "pi_1"), Opened::Named("pi_1".into()));
        for (amount, currency, top_up_id, id) in [
            (701, "jpy", ours.as_str(), "pi_1"),
            (700, "usd", &ours, "pi_1"),
            (700, "jpy", "another", "pi_1"),
            (700, "jpy", &ours, "pi_1/../refunds"),
        ] {
            assert_eq!(made(amount, currency, top_up_id, id), Opened::Silent, "{amount} {currency} {id}");
        }
    }
}
