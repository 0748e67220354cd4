//! Signatures of Standard Webhooks 1.0, symmetric: HMAC-SHA-256 over id, time and body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::WebhookError;
use crate::crypto::hash::hmac_sha256;

/// What receiver and sender share; wiped when it is dropped.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    /// From `whsec_` and base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Result<Self, WebhookError> {
        let digits = text.strip_prefix("whsec_").ok_or(WebhookError::Secret)?;
        let bytes = Zeroizing::new(STANDARD.decode(digits).map_err(|_| WebhookError::Secret)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(WebhookError::Secret) }
    }
}

/// A signature by each secret, with spaces between: a receiver is content with one that it knows.
pub(crate) fn signatures(secrets: &[WebhookSecret], id: &str, sent_at: i64, body: &[u8]) -> String {
    let mut signed = Zeroizing::new(format!("{id}.{sent_at}.").into_bytes());
    signed.extend_from_slice(body);
    let signature =
        |secret: &WebhookSecret| format!("v1,{}", STANDARD.encode(hmac_sha256(&secret.0, &signed)));
    secrets.iter().map(signature).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the specification's libraries' own tests.
    #[test]
    fn a_signature_is_the_standards() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let signed = |secrets: &[WebhookSecret]| {
            signatures(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body)
        };
        assert_eq!(signed(std::slice::from_ref(&secret)), signature);
        let other = WebhookSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let both = signed(&[secret, other]);
        assert!(both.starts_with(&format!("{signature} v1,")) && both.len() > 90, "{both}");
    }

    #[test]
    fn a_secret_is_long_enough_and_says_what_it_is() {
        for text in [
            "",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La",
            "whsec_not base64",
        ] {
            assert!(WebhookSecret::parse(text).is_err(), "{text}");
        }
        assert!(WebhookSecret::parse(&format!("whsec_{}", STANDARD.encode([0; 65]))).is_err());
    }
}
