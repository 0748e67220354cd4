//! Stripe's webhooks: who sent one, and which charge it is about. Nothing that stands in one is ever booked;
//! it says that there is news, and Stripe is asked.
//!
//! `Stripe-Signature` holds a time and signatures by every secret in use, each HMAC-SHA-256 over the time, a
//! dot and the body: <https://docs.stripe.com/webhooks#verify-manually>.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::is_id;
use crate::crypto::hash::{equal, hmac_sha256};

/// A webhook that is older, or that much in the future, is none.
const TOLERANCE_S: i64 = 300;
/// As many parts of a signature's header are looked at.
const PARTS: usize = 16;

/// What verifies webhooks: a secret that Stripe shows once, `whsec_…`.
pub struct WebhookSecret(Zeroizing<String>);

/// Why a webhook is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// Its header is no signature.
    Header,
    /// It was signed too long ago or in the future, by this clock.
    Time,
    /// Nothing in it was signed with this secret.
    Secret,
}

/// What a webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// Its own name: the same when it comes again.
    pub event_id: String,
    /// The name of the charge.
    pub reference: String,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "object")]
    kind: String,
    id: String,
    payment_intent: Option<String>,
}

impl WebhookSecret {
    /// From Stripe's words.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("whsec_")?;
        (rest.len() >= 16).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether a header's signature is of this body and of about now, in seconds since the epoch.
    pub fn check(&self, header: &str, body: &[u8], now_s: i64) -> Result<(), Unsigned> {
        let pairs: Vec<(&str, &str)> =
            header.split(',').take(PARTS).filter_map(|part| part.trim().split_once('=')).collect();
        let mut times = pairs.iter().filter(|(name, _)| *name == "t");
        let (Some((_, time)), None) = (times.next(), times.next()) else { return Err(Unsigned::Header) };
        let signed_s: i64 = time.parse().map_err(|_no_time| Unsigned::Header)?;
        let signed = [time.as_bytes(), b".", body].concat();
        let expected = hmac_sha256(self.0.as_bytes(), &signed);
        let is_signed = pairs.iter().filter(|(name, _)| *name == "v1").any(|(_, digits)| {
            // An odd digit, or one that is none, is a signature of nothing.
            from_hex(digits).is_some_and(|signature| equal(&signature, &expected))
        });
        if !is_signed {
            Err(Unsigned::Secret)
        } else if now_s.saturating_sub(signed_s).saturating_abs() > TOLERANCE_S {
            Err(Unsigned::Time)
        } else {
            Ok(())
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks(2).map(|pair| Some(value(pair[0])? * 16 + value(pair[1])?)).collect()
}

/// What a body is about; nothing when that is no charge of ours.
pub fn news(body: &[u8]) -> Option<News> {
    let event: Event = serde_json::from_slice(body).ok()?;
    let Object { kind, id, payment_intent } = event.data.object;
    let reference = if kind == "payment_intent" { id } else { payment_intent? };
    (is_id(&event.id, "evt_") && is_id(&reference, "pi_")).then_some(News { event_id: event.id, reference })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::hex;

    const SECRET: &str = "whsec_0123456789abcdef0123456789abcdef";
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const AT: i64 = 1_700_000_000;

    fn signature(secret: &str, at: i64, body: &[u8]) -> String {
        hex(&hmac_sha256(secret.as_bytes(), &[at.to_string().as_bytes(), b".", body].concat()))
    }

    #[test]
    fn a_signature_is_another_implementations() {
        // openssl dgst -sha256 -hmac, over "1700000000." and the body.
        let expected = "360ea15129d758b8022576683ca92788";
        let ours = signature(SECRET, AT, BODY);
        assert_eq!(&ours[..expected.len()], expected);
    }

    #[test]
    fn only_this_secrets_signature_over_this_body_of_about_now_is_one() {
        let secret = WebhookSecret::parse(SECRET).expect("a secret");
        let good = signature(SECRET, AT, BODY);
        let other = signature("whsec_ffffffffffffffffffffffff", AT, BODY);
        let is_good = |header: &str, now: i64| secret.check(header, BODY, now).is_ok();
        for (header, now) in [
            (format!("t={AT},v1={good}"), AT),
            (format!("t={AT},v1={good}"), AT + TOLERANCE_S),
            (format!("t={AT},v1={good}"), AT - TOLERANCE_S),
            (format!("t={AT},v1={other},v1={good}"), AT),
            (format!("v1={good}, t={AT},v0=00"), AT),
        ] {
            assert!(is_good(&header, now), "{header} {now}");
        }
        let short = &good[..62];
        for (header, now) in [
            (String::new(), AT),
            (format!("t={AT}"), AT),
            (format!("v1={good}"), AT),
            (format!("t={AT},v1={other}"), AT),
            (format!("t={AT},v0={good}"), AT),
            (format!("t={AT},v1={short}"), AT),
            (format!("t={AT},v1={}", good.replace(|digit: char| digit.is_ascii_digit(), "g")), AT),
            (format!("t={},v1={good}", AT + 1), AT),
            (format!("t={AT},t={AT},v1={good}"), AT),
            (format!("t=now,v1={good}"), AT),
            (format!("t={AT},v1={good}"), AT + TOLERANCE_S + 1),
            (format!("t={AT},v1={good}"), AT - TOLERANCE_S - 1),
        ] {
            assert!(!is_good(&header, now), "{header} {now}");
        }
        let header = format!("t={AT},v1={good}");
        // A secret that is not the endpoint's is told apart from a clock that is wrong.
        for (header, body, now, expected) in [
            (header.as_str(), &b"another body"[..], AT, Unsigned::Secret),
            (&format!("t={AT},v1={other}"), BODY, AT, Unsigned::Secret),
            (&header, BODY, AT + TOLERANCE_S + 1, Unsigned::Time),
            ("t=now", BODY, AT, Unsigned::Header),
        ] {
            assert_eq!(secret.check(header, body, now), Err(expected), "{header} {now}");
        }
    }

    #[test]
    fn a_secret_says_what_it_is() {
        for text in ["", "whsec_", "whsec_short", "0123456789abcdef0123456789abcdef"] {
            assert!(WebhookSecret::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn news_is_about_an_intent_by_its_own_name_or_by_another_things() {
        let event = |object: &str| format!(r#"{{"id":"evt_1","data":{{"object":{object}}}}}"#);
        let reference = |object: &str| news(event(object).as_bytes()).map(|news| news.reference);
        let known = Some("pi_7".to_owned());
        assert_eq!(reference(r#"{"object":"payment_intent","id":"pi_7"}"#), known);
        assert_eq!(reference(r#"{"object":"charge","id":"ch_1","payment_intent":"pi_7"}"#), known);
        assert_eq!(reference(r#"{"object":"dispute","id":"dp_1","payment_intent":"pi_7"}"#), known);
        for object in [
            r#"{"object":"charge","id":"ch_1","payment_intent":null}"#,
            r#"{"object":"customer","id":"cus_1"}"#,
            r#"{"object":"payment_intent","id":"pi_7/../x"}"#,
            "null",
        ] {
            assert_eq!(reference(object), None, "{object}");
        }
        assert_eq!(news(b"rubbish"), None);
    }
}
