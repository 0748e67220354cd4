//! Codes of an authenticator app: RFC 6238 with SHA-1, 6 digits, 30 s.
//!
//! Two codes are good at a time, that of the present step and the one before (a person types
//! slowly); never a future one, which would be a code that hasn't been shown yet. That a step is
//! good only once is not known here: `decide` compares it with the last accepted one.

use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::domain::proof::{Factor, Proof, Step};
use crate::env::Entropy;

const SECRET_BYTES: usize = 20;
const DIGITS: u8 = 6;
const STEP_SECONDS: u64 = 30;
const MICROSECONDS: i64 = 1_000_000;

/// The secret that an authenticator shares with the server: 160 bits, as RFC 4226, 4 recommends.
pub struct TotpSecret {
    bytes: Zeroizing<[u8; SECRET_BYTES]>,
}

impl TotpSecret {
    /// A new secret.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        entropy.fill(bytes.as_mut_slice());
        Self { bytes }
    }

    /// A secret that was kept: exactly 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self { bytes: Zeroizing::new(bytes.try_into().ok()?) })
    }

    /// The secret itself, to be sealed.
    pub fn bytes(&self) -> &[u8; 20] {
        &self.bytes
    }

    /// The step that `code` belongs to, if that is the present one or the one before. Both are
    /// computed in any case, so the time taken doesn't tell a near miss from a far one.
    pub fn matching_step(&self, code: &str, now_us: i64) -> Option<Step> {
        let now_s = seconds(now_us)?;
        // The crate's skew would let in the next step too: it stays 0, and each step is asked for.
        let totp = self.generator();
        let present = totp.check(code, now_s);
        let previous = now_s.checked_sub(STEP_SECONDS).and_then(|then_s| totp.check(code, then_s));
        present.or(previous).map(|step| Step::try_from(step).expect("a step is a time in i64 divided by 30"))
    }

    /// The code that an authenticator shows at this time. Before 1970 it shows that of 1970.
    pub fn code_at(&self, now_us: i64) -> Zeroizing<String> {
        Zeroizing::new(self.generator().generate(seconds(now_us).unwrap_or(0)).to_string())
    }

    /// The provisioning URI, `otpauth://totp/issuer:account?secret=…`; algorithm, digits and period
    /// are the format's defaults. A colon in a name would end it there, so it becomes a dash.
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let totp = self
            .builder()
            .with_issuer(Some(label(issuer)))
            .with_account_name(label(account))
            .build()
            .expect("20 bytes, 6 digits and labels without a colon are what the crate asks for");
        Zeroizing::new(totp.to_url().expect("the account name is set and has no colon"))
    }

    /// Reads a provisioning URI, as a client does. Only the parameters that the wallet uses are
    /// accepted.
    pub fn from_uri(uri: &str) -> Option<Self> {
        let totp = Totp::from_url(uri).ok()?;
        let ours =
            totp.algorithm() == Algorithm::SHA1 && totp.digits() == DIGITS && totp.step() == STEP_SECONDS;
        if !ours {
            return None;
        }
        Self::from_bytes(totp.secret().as_bytes())
    }

    fn generator(&self) -> Totp {
        self.builder().build().expect("20 bytes, 6 digits and 30 s are within RFC 6238")
    }

    fn builder(&self) -> Builder {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(DIGITS)
            .with_skew(0)
            .with_step_duration(STEP_SECONDS)
            .with_secret(*self.bytes)
    }
}

/// Whether `code` has the form of a code: six ASCII digits.
pub fn is_code(code: &str) -> bool {
    code.len() == usize::from(DIGITS) && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// Compares a code, for the decision to judge. `document_version` is the version of the row that
/// the secret came from.
pub fn judge(secret: &TotpSecret, code: &str, now_us: i64, document_version: i64) -> Proof {
    Proof::new(Factor::Totp, document_version, secret.matching_step(code, now_us))
}

/// Compares a code of an authenticator that is to replace the present one.
pub fn judge_new(secret: &TotpSecret, code: &str, now_us: i64, document_version: i64) -> Proof {
    Proof::new(Factor::NewTotp, document_version, secret.matching_step(code, now_us))
}

fn seconds(now_us: i64) -> Option<u64> {
    u64::try_from(now_us.div_euclid(MICROSECONDS)).ok()
}

fn label(name: &str) -> String {
    if name.is_empty() { "-".to_owned() } else { name.replace(':', "-") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::entropy::SeededEntropy;

    const STEP_US: i64 = 30_000_000;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn codes_match_rfc_6238() {
        // Appendix B, SHA-1; six digits are the last six of its eight.
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let now_us = time_s * MICROSECONDS;
            assert_eq!(*rfc_secret().code_at(now_us), code, "{time_s}");
            assert_eq!(rfc_secret().matching_step(code, now_us), Some(time_s / 30), "{time_s}");
        }
    }

    #[test]
    fn a_code_lives_for_its_step_and_the_next_and_never_before() {
        let secret = rfc_secret();
        let step = 40_000_000;
        let start_us = step * STEP_US;
        let code = secret.code_at(start_us);
        for (now_us, expected) in [
            (start_us - 1, None),
            (start_us - STEP_US, None),
            (start_us, Some(step)),
            (start_us + STEP_US - 1, Some(step)),
            (start_us + STEP_US, Some(step)),
            (start_us + 2 * STEP_US - 1, Some(step)),
            (start_us + 2 * STEP_US, None),
        ] {
            assert_eq!(secret.matching_step(&code, now_us), expected, "{}", now_us - start_us);
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        assert!(is_code("000000") && is_code("999999"));
        for text in ["", "00000", "0000000", "+00000", "00000a", " 00000", "٠٠٠", "００"] {
            assert!(!is_code(text), "{text}");
            assert_eq!(rfc_secret().matching_step(text, 0), None, "{text}");
        }
    }

    #[test]
    fn the_first_step_has_none_before_it_and_time_before_it_has_no_codes() {
        let secret = rfc_secret();
        let code = secret.code_at(0);
        assert_eq!(secret.matching_step(&code, 0), Some(0));
        assert_eq!(secret.matching_step(&code, -1), None);
    }

    #[test]
    fn another_secret_s_code_does_not_match() {
        let (one, other) =
            (TotpSecret::generate(&SeededEntropy::new(1)), TotpSecret::generate(&SeededEntropy::new(2)));
        assert_eq!(other.matching_step(&one.code_at(STEP_US * 100), STEP_US * 100), None);
    }

    #[test]
    fn the_uri_is_what_an_authenticator_reads() {
        let uri = rfc_secret().uri("Saifu", "taro@example.jp");
        assert_eq!(
            *uri,
            "otpauth://totp/Saifu:taro%40example.jp?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Saifu"
        );
        assert_eq!(TotpSecret::from_uri(&uri).unwrap().bytes(), rfc_secret().bytes());
    }

    #[test]
    fn no_name_breaks_the_uri() {
        for (issuer, account) in [("a:b", "c:d"), ("", ""), ("財布", "a&secret=b?#%")] {
            let uri = rfc_secret().uri(issuer, account);
            assert_eq!(
                TotpSecret::from_uri(&uri).unwrap().bytes(),
                rfc_secret().bytes(),
                "{issuer} {account}"
            );
        }
    }

    #[test]
    fn a_uri_with_other_parameters_is_refused() {
        let uri = rfc_secret().uri("Saifu", "a");
        for other in ["&digits=8", "&period=60", "&algorithm=SHA256"] {
            assert!(TotpSecret::from_uri(&format!("{}{other}", *uri)).is_none(), "{other}");
        }
        assert!(
            TotpSecret::from_uri("otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY").is_none(),
            "128 bits"
        );
        assert!(TotpSecret::from_uri("https://example.jp").is_none());
    }

    #[test]
    fn a_proof_says_what_it_compared_and_what_matched() {
        let (secret, now_us) = (rfc_secret(), 59 * MICROSECONDS);
        let proof = judge(&secret, "287082", now_us, 7);
        assert_eq!((proof.factor(), proof.credential_version(), proof.matched()), (Factor::Totp, 7, Some(1)));
        assert_eq!(judge(&secret, "287083", now_us, 7).matched(), None);
    }

    #[test]
    fn a_secret_has_160_bits() {
        assert!(TotpSecret::from_bytes(&[1; 19]).is_none());
        assert!(TotpSecret::from_bytes(&[1; 21]).is_none());
        assert_ne!(TotpSecret::generate(&SeededEntropy::new(1)).bytes(), &[0; 20]);
    }
}
