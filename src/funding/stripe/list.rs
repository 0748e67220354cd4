//! Stripe's own list of intents, for comparing it with ours. Listing and reading them moves nothing:
//! <https://docs.stripe.com/api/payment_intents/list>.

use std::ops::Range;

use super::{Heard, Intent, Page, Stripe, is_id};
use crate::domain::id::TopUpId;
use crate::domain::reconciliation::{ChargeState, Theirs};
use crate::domain::time::{SECOND_US, Timestamp};
use crate::funding::{Found, Listed, Page as Listing};

/// Few enough that with their charges and whatever stands in their metadata they are no long answer.
const PAGE: &str = "25";

impl Stripe {
    /// The intents that were created in this time, newest first. Stripe counts in whole seconds.
    pub(super) async fn listed(&self, made: Range<Timestamp>, after: Option<&str>) -> Listing {
        let seconds = |at: Timestamp| at.0.div_euclid(SECOND_US).to_string();
        let (from, until) = (seconds(made.start), seconds(made.end));
        let mut query = vec![
            ("limit", PAGE),
            ("created[gte]", from.as_str()),
            ("created[lt]", &until),
            ("expand[]", "data.latest_charge"),
        ];
        query.extend(after.map(|after| ("starting_after", after)));
        let page = match self.get::<Page>("payment_intents", &query).await {
            Heard::Done(page) => page,
            Heard::Missing | Heard::Refused | Heard::Silent => return Listing::Silent,
        };
        // More than it shows, and nothing to go on from.
        if page.has_more && page.data.is_empty() {
            return Listing::Silent;
        }
        let charges: Option<Vec<Listed>> = page.data.into_iter().map(listed).collect();
        let Some(charges) = charges else { return Listing::Silent };
        let after = charges.last().filter(|_| page.has_more).map(|last| last.reference.clone());
        Listing::Charges { charges, after }
    }

    /// That it knows none of this name, only Stripe itself can say, and in these words: see `api::read`.
    pub(super) async fn found(&self, reference: &str) -> Found {
        if !is_id(reference, "pi_") {
            return Found::Silent;
        }
        let path = format!("payment_intents/{reference}");
        match self.get::<Intent>(&path, &[("expand[]", "latest_charge")]).await {
            Heard::Done(intent) if intent.id == reference => {
                listed(intent).map_or(Found::Silent, Found::Charge)
            }
            Heard::Done(_) | Heard::Refused | Heard::Silent => Found::Silent,
            Heard::Missing => Found::Absent,
        }
    }
}

/// One whose name is none of Stripe's cannot be read.
fn listed(intent: Intent) -> Option<Listed> {
    let top_up_id = intent.metadata.top_up_id.as_deref().and_then(top_up_id);
    let (state, given_back_minor) = state(&intent);
    is_id(&intent.id, "pi_").then(|| Listed {
        theirs: Theirs {
            amount_minor: intent.amount.saturating_sub(given_back_minor).max(0),
            currency: intent.currency.to_ascii_uppercase(),
            state,
        },
        top_up_id,
        reference: intent.id,
    })
}

/// How it stands, and how much was given back while the rest is ours. A word that is not known is not one
/// for money.
fn state(intent: &Intent) -> (ChargeState, i64) {
    if intent.status != "succeeded" {
        return (ChargeState::NotCharged, 0);
    }
    match &intent.latest_charge {
        Some(charge) if charge.disputed => (ChargeState::ChargedBack, 0),
        Some(charge) if charge.refunded => (ChargeState::Refunded, 0),
        Some(charge) => (ChargeState::Charged, charge.amount_refunded),
        None => (ChargeState::Charged, 0),
    }
}

fn top_up_id(text: &str) -> Option<TopUpId> {
    if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|number| TopUpId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::hex;

    fn read(status: &str, more: &str) -> Option<Listed> {
        let text = format!(
            r#"{{"id":"pi_1","status":"{status}","amount":700,"currency":"jpy","created":12{more}}}"#
        );
        listed(serde_json::from_str(&text).expect("an intent"))
    }

    #[test]
    fn an_intent_is_listed_by_what_money_came_of_it() {
        use ChargeState::{Charged, ChargedBack, NotCharged, Refunded};
        let charge = |words: &str| format!(r#","latest_charge":{{"id":"ch_1"{words}}}"#);
        for (status, more, state, amount_minor) in [
            ("succeeded", charge(""), Charged, 700),
            ("succeeded", charge(r#","amount_refunded":200,"refunded":false"#), Charged, 500),
            ("succeeded", charge(r#","amount_refunded":700,"refunded":true"#), Refunded, 700),
            ("succeeded", charge(r#","refunded":true,"disputed":true"#), ChargedBack, 700),
            ("succeeded", String::new(), Charged, 700),
            ("processing", charge(""), NotCharged, 700),
            ("requires_capture", charge(""), NotCharged, 700),
            ("requires_confirmation", String::new(), NotCharged, 700),
            ("canceled", String::new(), NotCharged, 700),
            ("a new one", charge(""), NotCharged, 700),
        ] {
            let theirs = Theirs { amount_minor, currency: "JPY".into(), state };
            let found = read(status, &more).expect("readable");
            assert_eq!(found.theirs, theirs, "{status} {more}");
            assert_eq!(found.top_up_id, None);
        }
    }

    #[test]
    fn a_top_up_is_named_by_thirty_two_digits_and_by_nothing_else() {
        let named = |text: &str| read("succeeded", &format!(r#","metadata":{{"top_up_id":"{text}"}}"#));
        let id = TopUpId([0xab; 16]);
        assert_eq!(named(&hex(&id.0)).expect("readable").top_up_id, Some(id));
        for text in ["", "ab", "+bababababababababababababababab", "zz", &hex(&[1; 17])] {
            assert_eq!(named(text).expect("readable").top_up_id, None, "{text}");
        }
    }
}
