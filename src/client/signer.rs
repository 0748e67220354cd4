//! Makes envelopes: a call is drafted, filled in and signed.
//!
//! Everything in an envelope can be altered by whoever holds it, so that a test can be as hostile as
//! it likes; [`Signer::sign_call`] signs whatever it is given.

use prost::Message;

use crate::client::method::SECRET_REPLIES;
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::envelope::{SignatureForm, key_id_text};
use crate::crypto::hash::sha256;
use crate::crypto::stamp::Subject;
use crate::domain::time::SECOND_US;
use crate::env::{Clock as _, SystemClock, bytes16, uuid_v7};
use crate::pb;

/// A key, the deployment it calls, and the epoch it knows.
pub struct Signer {
    /// The account's auth epoch as this key knows it; 0 before it is enrolled.
    pub epoch: u64,
    key: DeviceKey,
    audience: String,
}

impl Signer {
    /// A key that is not enrolled yet.
    pub fn new(key: DeviceKey, audience: &str) -> Self {
        Self { epoch: 0, key, audience: audience.to_owned() }
    }

    /// The key.
    pub fn key(&self) -> &DeviceKey {
        &self.key
    }

    /// The key's id, as it is written on the wire.
    pub fn key_id(&self) -> String {
        key_id_text(&self.key.public().key_id())
    }

    /// The key as a candidate shows it.
    pub fn candidate(&self) -> pb::Candidate {
        let public = self.key.public();
        let form = match public.form() {
            SignatureForm::Der => pb::SignatureForm::Der,
            SignatureForm::Fixed => pb::SignatureForm::Fixed,
        };
        pb::Candidate { spki: public.spki().to_vec(), signature_form: form.into() }
    }

    /// What the key signs before it becomes a merchant's or an operator's: of this type, and this owner's,
    /// whose id is empty while there is none.
    pub fn possession(&self, type_name: &str, owner_id: &[u8]) -> Vec<u8> {
        let possession = pb::KeyPossession {
            audience: self.audience.clone(),
            owner_id: owner_id.to_vec(),
            spki: self.key.public().spki().to_vec(),
        };
        self.key.sign(type_name, &possession.encode_to_vec())
    }

    /// Begins a call: of this key, in its epoch, issued now by the machine's clock, under a new
    /// request id.
    pub fn draft(&self, method: &'static str, body: &impl Message) -> Draft {
        let now_us = SystemClock.now_us();
        let draft = Draft {
            method,
            call: pb::Call {
                audience: self.audience.clone(),
                key_id: self.key_id(),
                request_id: uuid_v7(&SystemEntropy::new(), now_us).to_vec(),
                issued_at: Some(timestamp(now_us)),
                epoch: self.epoch,
                body: body.encode_to_vec(),
                private_sha256: Vec::new(),
            },
            private: None,
            is_candidate: false,
        };
        if SECRET_REPLIES.contains(&method) { draft.salted() } else { draft }
    }

    /// Signs a call as it is, and adds the private part as it is.
    pub fn sign_call(&self, method: &str, call: &pb::Call, private: Vec<u8>) -> pb::Envelope {
        let payload = call.encode_to_vec();
        pb::Envelope {
            signature: self.key.sign(method, &payload),
            payload,
            key_id: self.key_id(),
            private,
            candidate: None,
        }
    }
}

/// A call that is not signed yet.
#[derive(Clone, Debug)]
#[must_use = "a draft is nothing until it is sealed"]
pub struct Draft {
    method: &'static str,
    call: pb::Call,
    private: Option<pb::Private>,
    is_candidate: bool,
}

impl Draft {
    /// Uses this request id: that of an earlier attempt, for the same call again.
    pub fn request_id(mut self, request_id: [u8; 16]) -> Self {
        self.call.request_id = request_id.to_vec();
        self
    }

    /// Says when the call was issued.
    pub fn issued_at_us(mut self, issued_at_us: i64) -> Self {
        self.call.issued_at = Some(timestamp(issued_at_us));
        self
    }

    /// Has a private part, if only of salt: what a reply with a secret is given for.
    pub fn salted(mut self) -> Self {
        self.private_part();
        self
    }

    /// Adds the RPC's private message.
    pub fn private(mut self, body: &impl Message) -> Self {
        self.private_part().body = body.encode_to_vec();
        self
    }

    /// Adds a one-time code.
    pub fn code(mut self, code: &str) -> Self {
        let factor = pb::second_factor::Factor::TotpCode(code.to_owned());
        self.private_part().second_factor = Some(pb::SecondFactor { factor: Some(factor) });
        self
    }

    /// Adds the code that was sent to a contact.
    pub fn contact_code(mut self, code: &str) -> Self {
        let factor = pb::second_factor::Factor::ContactCode(code.to_owned());
        self.private_part().second_factor = Some(pb::SecondFactor { factor: Some(factor) });
        self
    }

    /// Adds what a recovery proves.
    pub fn proof(mut self, proof: &RecoveryProof) -> Self {
        use pb::second_factor::Factor;
        let factor = match proof.clone() {
            RecoveryProof::Totp(code) => Factor::TotpCode(code),
            RecoveryProof::SavedCode(code) => Factor::SavedCode(code),
            RecoveryProof::Passphrase(text) => Factor::Passphrase(text),
            RecoveryProof::EmailCode(code) | RecoveryProof::PhoneCode(code) => Factor::ContactCode(code),
        };
        self.private_part().second_factor = Some(pb::SecondFactor { factor: Some(factor) });
        self
    }

    /// Shows the key, and calls in no epoch: for the anonymous RPCs.
    pub fn as_candidate(mut self) -> Self {
        self.is_candidate = true;
        self.call.epoch = 0;
        self
    }

    /// Adds work of so many bits; the moment and the key that it is for are those of the call by now.
    pub fn stamped(mut self, bits: u32) -> Self {
        let subject = Subject {
            audience: &self.call.audience,
            method: self.method,
            key_id: &self.call.key_id,
            request_id: &self.call.request_id,
            issued_at_s: self.call.issued_at.as_ref().map_or(0, |at| at.seconds),
        };
        let stamp = subject.solve(bits).to_vec();
        self.private_part().stamp = stamp;
        self
    }

    /// The RPC it is for.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// Signs it. Each sealing of one draft is the same call under another signature.
    pub fn seal(&self, signer: &Signer) -> pb::Envelope {
        let private = self.private.as_ref().map(Message::encode_to_vec).unwrap_or_default();
        let private_sha256 = if private.is_empty() { Vec::new() } else { sha256(&[&private]).to_vec() };
        let call = pb::Call { private_sha256, ..self.call.clone() };
        let candidate = self.is_candidate.then(|| signer.candidate());
        pb::Envelope { candidate, ..signer.sign_call(self.method, &call, private) }
    }

    fn private_part(&mut self) -> &mut pb::Private {
        self.private.get_or_insert_with(|| pb::Private {
            salt: bytes16(&SystemEntropy::new()).to_vec(),
            second_factor: None,
            body: Vec::new(),
            stamp: Vec::new(),
        })
    }
}

/// What a recovery proves.
#[derive(Clone)]
pub enum RecoveryProof {
    /// Six digits of the authenticator.
    Totp(String),
    /// The code that was written down.
    SavedCode(String),
    /// The passphrase.
    Passphrase(String),
    /// Eight digits by e-mail.
    EmailCode(String),
    /// Eight digits by text message.
    PhoneCode(String),
}

impl RecoveryProof {
    /// What is signed for it.
    pub fn factor(&self) -> pb::RecoveryFactor {
        match self {
            Self::Totp(_) => pb::RecoveryFactor::Totp,
            Self::SavedCode(_) => pb::RecoveryFactor::SavedCode,
            Self::Passphrase(_) => pb::RecoveryFactor::Passphrase,
            Self::EmailCode(_) => pb::RecoveryFactor::EmailCode,
            Self::PhoneCode(_) => pb::RecoveryFactor::PhoneCode,
        }
    }
}

/// A moment on the wire. Microseconds are all that the wallet knows.
pub fn timestamp(at_us: i64) -> prost_types::Timestamp {
    let nanos = i32::try_from(at_us.rem_euclid(SECOND_US) * 1_000).expect("less than a second in ns");
    prost_types::Timestamp { seconds: at_us.div_euclid(SECOND_US), nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAY: &str = "/saifu.v1.PaymentService/Pay";

    fn signer() -> Signer {
        Signer::new(DeviceKey::generate(SignatureForm::Der), "test.example")
    }

    fn call(envelope: &pb::Envelope) -> pb::Call {
        pb::Call::decode(envelope.payload.as_slice()).unwrap()
    }

    #[test]
    fn an_envelope_verifies_for_its_method_and_says_who_when_and_what() {
        let mut signer = signer();
        signer.epoch = 3;
        let body = pb::PayRequest { amount_minor: 980, ..pb::PayRequest::default() };
        let envelope = signer.draft(PAY, &body).request_id([7; 16]).issued_at_us(1_500_000).seal(&signer);
        let public = signer.key().public();
        assert_eq!(public.verify(PAY, &envelope.payload, &envelope.signature), Ok(()));
        assert_eq!(
            call(&envelope),
            pb::Call {
                audience: "test.example".to_owned(),
                key_id: key_id_text(&public.key_id()),
                request_id: vec![7; 16],
                issued_at: Some(prost_types::Timestamp { seconds: 1, nanos: 500_000_000 }),
                epoch: 3,
                body: body.encode_to_vec(),
                private_sha256: Vec::new(),
            }
        );
        assert_eq!(envelope.key_id, call(&envelope).key_id);
        assert_eq!((envelope.private.len(), envelope.candidate), (0, None));
    }

    #[test]
    fn the_private_part_is_salted_and_bound_by_its_hash() {
        let signer = signer();
        let draft = signer.draft(PAY, &pb::PayRequest::default()).code("123456");
        let envelope = draft.private(&pb::LinkFundingPrivate::default()).seal(&signer);
        let private = pb::Private::decode(envelope.private.as_slice()).unwrap();
        assert_eq!(private.salt.len(), 16);
        let factor = private.second_factor.unwrap().factor.unwrap();
        assert_eq!(factor, pb::second_factor::Factor::TotpCode("123456".to_owned()));
        assert_eq!(call(&envelope).private_sha256, sha256(&[&envelope.private]));
    }

    #[test]
    fn a_candidate_shows_its_key_and_has_no_epoch() {
        let mut signer = signer();
        signer.epoch = 9;
        let envelope = signer.draft(PAY, &pb::PayRequest::default()).as_candidate().seal(&signer);
        assert_eq!(call(&envelope).epoch, 0);
        let candidate = envelope.candidate.unwrap();
        assert_eq!(candidate.spki, signer.key().public().spki());
        assert_eq!(candidate.signature_form(), pb::SignatureForm::Der);
    }

    #[test]
    fn a_draft_is_one_call_however_often_it_is_sealed() {
        let signer = signer();
        let draft = signer.draft(PAY, &pb::PayRequest::default()).code("123456");
        let (one, other) = (draft.seal(&signer), draft.seal(&signer));
        assert_eq!((&one.payload, &one.private), (&other.payload, &other.private));
        let another = signer.draft(PAY, &pb::PayRequest::default()).seal(&signer);
        assert_ne!(call(&one).request_id, call(&another).request_id);
    }

    #[test]
    fn a_moment_before_1970_counts_its_nanoseconds_upwards() {
        assert_eq!(timestamp(-1), prost_types::Timestamp { seconds: -1, nanos: 999_999_000 });
    }
}
