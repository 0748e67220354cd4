//! The bad envelopes of one call: unsigned, altered, of another's key, in another form, at another time.

use prost::Message;
use saifu::client::signer::{Signer, timestamp};
use saifu::client::wallet::Wallet;
use saifu::crypto::envelope::key_id_text;
use saifu::crypto::hash::sha256;
use saifu::gate::operation::{CallerKind, Codes};
use saifu::pb;
use tonic::Code;

use super::case::{Case, contact_factor, second_factor};
use super::{SECOND_US, Stage};

/// A call before it is signed.
#[derive(Clone)]
pub struct Parts {
    pub method: &'static str,
    pub call: pb::Call,
    pub private: Vec<u8>,
    pub is_anonymous: bool,
}

impl Parts {
    pub fn bind(&mut self, private: Vec<u8>) {
        self.call.private_sha256 = sha256(&[&private]).to_vec();
        self.private = private;
    }

    fn with(mut self, change: impl FnOnce(&mut pb::Call)) -> Self {
        change(&mut self.call);
        self
    }

    pub fn at(self, at_us: i64) -> Self {
        self.with(|call| call.issued_at = Some(timestamp(at_us)))
    }

    pub fn seal(&self, signer: &Signer) -> pb::Envelope {
        self.seal_payload(signer, self.call.encode_to_vec())
    }

    /// Well signed, whatever the payload is.
    fn seal_payload(&self, signer: &Signer, payload: Vec<u8>) -> pb::Envelope {
        pb::Envelope {
            signature: signer.key().sign(self.method, &payload),
            payload,
            key_id: signer.key_id(),
            private: self.private.clone(),
            candidate: self.is_anonymous.then(|| signer.candidate()),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Unauthenticated,
    Skew,
    Epoch,
    Malformed,
    Denied,
}

impl Answer {
    pub fn expected(self) -> (Code, pb::Reason) {
        match self {
            Self::Unauthenticated => (Code::Unauthenticated, pb::Reason::Unauthenticated),
            Self::Skew => (Code::Unauthenticated, pb::Reason::ClockSkew),
            Self::Epoch => (Code::Unauthenticated, pb::Reason::EpochChanged),
            Self::Malformed => (Code::InvalidArgument, pb::Reason::Malformed),
            Self::Denied => (Code::PermissionDenied, pb::Reason::PermissionDenied),
        }
    }
}

/// A bad envelope, what is bad about it, and the answer it must get.
pub type Attack = (String, pb::Envelope, Answer);

/// All bad envelopes of one call.
pub fn attacks(stage: &Stage, case: &Case) -> Vec<Attack> {
    let owner = stage.owner(case);
    let mut attacks = signature_attacks(stage, case, owner);
    attacks.extend(call_attacks(case, owner));
    attacks.extend(form_attacks(case, owner));
    attacks.extend(private_attacks(case, owner));
    attacks.extend(identity_attacks(stage, case, owner));
    if case.is_anonymous() {
        attacks.extend(candidate_attacks(stage, case, owner));
    }
    attacks
}

/// B01, B02: not signed, altered after signing, signed for another method.
fn signature_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner).seal(&owner.signer);
    let mut attacks = Vec::new();
    let mut add = |what: String, envelope| attacks.push((what, envelope, Answer::Unauthenticated));
    add("no signature".into(), pb::Envelope { signature: Vec::new(), ..good.clone() });
    add("an empty payload".into(), pb::Envelope { payload: Vec::new(), ..good.clone() });
    for at in 0..good.payload.len() {
        let mut envelope = good.clone();
        envelope.payload[at] ^= 0x01;
        add(format!("payload byte {at} flipped"), envelope);
    }
    for at in 0..good.signature.len() {
        let mut envelope = good.clone();
        envelope.signature[at] ^= 0x01;
        add(format!("signature byte {at} flipped"), envelope);
    }
    let mut longer = good.clone();
    longer.signature.push(0);
    add("a byte behind the signature".into(), longer);
    let mut longer = good.clone();
    longer.payload.push(0);
    add("a byte behind the payload".into(), longer);
    add("no key id".into(), pb::Envelope { key_id: String::new(), ..good.clone() });
    add("a padded key id".into(), pb::Envelope { key_id: format!("{}=", good.key_id), ..good.clone() });
    for other in &stage.cases {
        if other.policy.method != case.policy.method {
            let parts = Parts { method: other.policy.method, ..case.by(owner) };
            add(format!("a signature for {}", parts.method), parts.seal(&owner.signer));
        }
    }
    attacks
}

/// B04, C05, C12: well signed, for another deployment, moment or epoch.
fn call_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let now_us = owner.now_us();
    let mut attacks = Vec::new();
    let mut add = |what: &str, parts: Parts, answer| {
        attacks.push((what.to_owned(), parts.seal(&owner.signer), answer));
    };
    for audience in ["", "wallet.example.jp", "sandbox.saifu.invalid.", "SANDBOX.saifu.invalid"] {
        let parts = good.clone().with(|call| audience.clone_into(&mut call.audience));
        add("another audience", parts, Answer::Unauthenticated);
    }
    add("121 s old", good.clone().at(now_us - 121 * SECOND_US), Answer::Skew);
    add("120 s and 1 µs old", good.clone().at(now_us - 120 * SECOND_US - 1), Answer::Skew);
    add("31 s ahead", good.clone().at(now_us + 31 * SECOND_US), Answer::Skew);
    add("30 s and 1 µs ahead", good.clone().at(now_us + 30 * SECOND_US + 1), Answer::Skew);
    add("a year ahead", good.clone().at(now_us + 365 * 86_400 * SECOND_US), Answer::Skew);
    let seconds = now_us / SECOND_US;
    for (seconds, nanos) in [
        (0, 0),
        (i64::MIN, 0),
        (i64::MAX, 0),
        (i64::MAX / SECOND_US, 999_999_999),
        (seconds, 1_000_000_000),
        (seconds, -1),
        (seconds, i32::MIN),
        (seconds, i32::MAX),
    ] {
        let at = prost_types::Timestamp { seconds, nanos };
        let parts = good.clone().with(|call| call.issued_at = Some(at));
        add(&format!("issued at {seconds} s, {nanos} ns"), parts, Answer::Skew);
    }
    add("no moment", good.clone().with(|call| call.issued_at = None), Answer::Skew);
    if case.is_anonymous() {
        add("a candidate's epoch", good.clone().with(|call| call.epoch = 1), Answer::Malformed);
    } else {
        add("epoch 0", good.clone().with(|call| call.epoch = 0), Answer::Epoch);
        add("a future epoch", good.clone().with(|call| call.epoch = 2), Answer::Epoch);
        add("epoch u64::MAX", good.clone().with(|call| call.epoch = u64::MAX), Answer::Unauthenticated);
    }
    for bytes in [0, 15, 17] {
        let parts = good.clone().with(|call| call.request_id = vec![7; bytes]);
        add(&format!("a request id of {bytes} bytes"), parts, Answer::Malformed);
    }
    attacks
}

/// B10: what another encoder might write, or a field that nobody knows.
fn deformed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    // Field 1000, length 1.
    let mut forms = vec![("an unknown field", [bytes, &[0xc2, 0x3e, 0x01, 0x00]].concat())];
    forms.push(("no protobuf", [bytes, &[0xff]].concat()));
    if let Some((tag, rest)) = bytes.split_first() {
        assert!(*tag < 0x80, "a field below 16");
        forms.push(("a repeated field", [bytes, bytes].concat()));
        forms.push(("a non-minimal varint", [&[tag | 0x80, 0x00], rest].concat()));
        forms.push(("an explicit default", vec![*tag, 0x00]));
    }
    forms
}

fn form_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let mut attacks = Vec::new();
    for (what, payload) in deformed(&good.call.encode_to_vec()) {
        // A call with nothing but an empty audience says nothing about a key id.
        let envelope = good.seal_payload(&owner.signer, payload);
        attacks.push((format!("{what} in Call"), envelope, Answer::Malformed));
    }
    attacks.push((
        "an explicit default inside Call, twice".into(),
        good.seal_payload(&owner.signer, with_explicit_nanos(&good.call)),
        Answer::Malformed,
    ));
    for (what, body) in deformed(&case.body) {
        let parts = good.clone().with(|call| call.body = body);
        attacks.push((format!("{what} in the body"), parts.seal(&owner.signer), Answer::Malformed));
    }
    attacks
}

/// Canonical but for `nanos = 0` written out, which may be, but not twice.
fn with_explicit_nanos(call: &pb::Call) -> Vec<u8> {
    let at = call.issued_at.expect("a moment");
    assert_eq!(at.nanos, 0, "the clock stands on a whole second");
    let moment = [at.encode_to_vec(), [0x10, 0x00].repeat(2)].concat();
    let before = pb::Call { issued_at: None, epoch: 0, body: Vec::new(), ..call.clone() };
    let before = pb::Call { private_sha256: Vec::new(), ..before };
    let behind = pb::Call {
        epoch: call.epoch,
        body: call.body.clone(),
        private_sha256: call.private_sha256.clone(),
        ..pb::Call::default()
    };
    let length = u8::try_from(moment.len()).expect("a short message");
    [before.encode_to_vec(), vec![0x22, length], moment, behind.encode_to_vec()].concat()
}

/// The private part: altered, exchanged, missing, or where none belongs.
fn private_attacks(case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner);
    let signer = &owner.signer;
    let mut attacks = Vec::new();
    let mut add = |what: String, envelope, answer| attacks.push((what, envelope, answer));
    let given = case.given.clone().map(|factor| pb::SecondFactor { factor: Some(factor) });
    let (body, stamp) = (case.private.clone(), Vec::new());
    let plain = pb::Private { salt: vec![9; 16], second_factor: given, body, stamp };
    let private = if good.private.is_empty() {
        let added = pb::Envelope { private: plain.encode_to_vec(), ..good.seal(signer) };
        add("a private part that was not signed".into(), added, Answer::Unauthenticated);
        plain.clone()
    } else {
        for at in 0..good.private.len() {
            let mut envelope = good.seal(signer);
            envelope.private[at] ^= 0x01;
            add(format!("private byte {at} flipped"), envelope, Answer::Unauthenticated);
        }
        let missing = good.clone().with(|call| call.private_sha256 = Vec::new()).seal(signer);
        add("no hash of the private part".into(), missing, Answer::Unauthenticated);
        let wrong = good.clone().with(|call| call.private_sha256 = vec![0; 32]).seal(signer);
        add("another hash".into(), wrong, Answer::Unauthenticated);
        let short = good.clone().with(|call| call.private_sha256.truncate(31)).seal(signer);
        add("a shorter hash".into(), short, Answer::Unauthenticated);
        let stripped = pb::Envelope { private: Vec::new(), ..good.seal(signer) };
        add("the private part taken away".into(), stripped, Answer::Malformed);
        pb::Private::decode(good.private.as_slice()).expect("our own")
    };
    let bind = |private: Vec<u8>| {
        let mut parts = good.clone();
        parts.bind(private);
        parts.seal(signer)
    };
    for (what, private) in deformed(&private.encode_to_vec()) {
        add(format!("{what} in Private"), bind(private), Answer::Malformed);
    }
    for (what, body) in deformed(&private.body) {
        let private = pb::Private { body, ..private.clone() };
        add(format!("{what} in the private body"), bind(private.encode_to_vec()), Answer::Malformed);
    }
    if case.policy.secret_reply {
        let mut bare = good.clone().with(|call| call.private_sha256 = Vec::new());
        bare.private = Vec::new();
        add("a secret without a private part".into(), bare.seal(signer), Answer::Malformed);
    }
    for bytes in [1, 7, 9, if case.is_anonymous() { 16 } else { 8 }] {
        let stamped = pb::Private { stamp: vec![3; bytes], ..private.clone() };
        add(format!("a stamp of {bytes} bytes"), bind(stamped.encode_to_vec()), Answer::Malformed);
    }
    let unsalted = pb::Private { salt: vec![9; 15], ..private.clone() };
    add("15 bytes of salt".into(), bind(unsalted.encode_to_vec()), Answer::Malformed);
    let empty = pb::Private { second_factor: Some(pb::SecondFactor { factor: None }), ..private.clone() };
    add("a second factor that is none".into(), bind(empty.encode_to_vec()), Answer::Malformed);
    let totp =
        ["", "12345", "1234567", "+12345", "12345 ", "１２３４５６"].map(|code| second_factor(code.into()));
    let contact =
        ["", "1234567", "123456789", "+1234567", "１２３４５６７８"].map(|code| contact_factor(code.into()));
    let factors = match case.policy.codes {
        Codes::Refused => vec![second_factor("123456".into()), contact_factor("12345678".into())],
        Codes::Totp | Codes::NewTotp => [&totp[..], &[contact_factor("12345678".into())]].concat(),
        Codes::Recovery => [&totp[..], &contact[..], &unprovable()].concat(),
        Codes::Contact => [&contact[..], &[second_factor("123456".into())]].concat(),
    };
    for factor in factors {
        let what = format!("the factor {factor:?}");
        let private = pb::Private { second_factor: Some(factor), ..private.clone() };
        add(what, bind(private.encode_to_vec()), Answer::Malformed);
    }
    attacks
}

/// What no saved code and no passphrase looks like.
fn unprovable() -> [pb::SecondFactor; 4] {
    let saved = |code: &str| pb::second_factor::Factor::SavedCode(code.into());
    let passphrase = |text: &str| pb::second_factor::Factor::Passphrase(text.into());
    [saved(""), saved("0123-4567"), passphrase(""), passphrase("short")]
        .map(|factor| pb::SecondFactor { factor: Some(factor) })
}

/// B05, H03: somebody else's key, or somebody else's name on it.
fn identity_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let mut attacks = Vec::new();
    let mut add = |what: &str, envelope, answer| attacks.push((what.to_owned(), envelope, answer));
    let good = case.by(owner);
    for other in [&stage.mallory, &stage.stranger] {
        let forged = pb::Envelope { key_id: owner.signer.key_id(), ..case.by(other).seal(&other.signer) };
        add("the owner's key as the hint", forged, Answer::Unauthenticated);
        let forged = pb::Envelope { key_id: owner.signer.key_id(), ..good.seal(&other.signer) };
        add("the owner's call, signed by another", forged, Answer::Unauthenticated);
        add("the owner's key id in the call", good.seal(&other.signer), Answer::Unauthenticated);
        let foreign = pb::Envelope { key_id: other.signer.key_id(), ..good.seal(&owner.signer) };
        add("another's key as the hint", foreign, Answer::Unauthenticated);
    }
    for (kind, other) in [
        (CallerKind::Device, &stage.mallory),
        (CallerKind::Terminal, &stage.staff.till),
        (CallerKind::Merchant, &stage.staff.merchant),
        (CallerKind::Operator, &stage.staff.operator),
    ] {
        if kind != case.policy.caller {
            let envelope = case.by(other).seal(&other.signer);
            add("another kind of principal", envelope, Answer::Denied);
        }
    }
    if case.is_anonymous() {
        let enrolled = case.by(&stage.mallory).seal(&stage.mallory.signer);
        add("an enrolled key as a candidate", enrolled, Answer::Denied);
    } else {
        let unknown = case.by(&stage.stranger).seal(&stage.stranger.signer);
        add("a key that is not enrolled", unknown, Answer::Unauthenticated);
        let candidate = Some(stage.stranger.signer.candidate());
        let unknown = pb::Envelope { candidate, ..case.by(&stage.stranger).seal(&stage.stranger.signer) };
        add("a candidate on a device's RPC", unknown, Answer::Malformed);
        let candidate = Some(owner.signer.candidate());
        let shown = pb::Envelope { candidate, ..good.seal(&owner.signer) };
        add("the device's own key as a candidate", shown, Answer::Malformed);
    }
    attacks
}

/// A10: keys that are none.
fn candidate_attacks(stage: &Stage, case: &Case, owner: &Wallet) -> Vec<Attack> {
    let good = case.by(owner).seal(&owner.signer);
    let own = owner.signer.candidate();
    let mut attacks = Vec::new();
    let mut add = |what: &str, candidate, answer| {
        attacks.push((what.to_owned(), pb::Envelope { candidate, ..good.clone() }, answer));
    };
    add("no candidate", None, Answer::Malformed);
    add("another's key", Some(stage.stranger.signer.candidate()), Answer::Unauthenticated);
    for (what, form) in [("unspecified", 0), ("unknown", 9)] {
        let candidate = pb::Candidate { signature_form: form, ..own.clone() };
        add(&format!("a signature form {what}"), Some(candidate), Answer::Malformed);
    }
    let fixed = pb::Candidate { signature_form: pb::SignatureForm::Fixed.into(), ..own.clone() };
    add("the other signature form", Some(fixed), Answer::Unauthenticated);
    let mut spki = |what: &str, spki: Vec<u8>| {
        add(what, Some(pb::Candidate { spki, ..own.clone() }), Answer::Malformed);
    };
    spki("no key", Vec::new());
    spki("90 bytes", own.spki[..90].to_vec());
    spki("92 bytes", [own.spki.as_slice(), &[0]].concat());
    // id-ecPublicKey on secp384r1, filled up to 91 bytes.
    let p384 = [
        &[0x30, 0x59, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01][..],
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x45, 0x00, 0x04],
        &[0x11; 67],
    ];
    spki("a P-384 key", p384.concat());
    for (what, first) in [("compressed", 0x02), ("hybrid", 0x06), ("at infinity", 0x00)] {
        let mut bytes = own.spki.clone();
        bytes[26] = first;
        spki(&format!("a point {what}"), bytes);
    }
    // A point beside the curve verifies nothing, and is not told apart from a wrong signature.
    let mut beside = own.spki.clone();
    beside[90] ^= 0x01;
    let key_id = key_id_text(&sha256(&[&beside]));
    let mut envelope = case.by(owner).with(|call| call.key_id.clone_from(&key_id)).seal(&owner.signer);
    envelope.key_id.clone_from(&key_id);
    envelope.candidate = Some(pb::Candidate { spki: beside, ..own });
    attacks.push(("a point beside the curve".into(), envelope, Answer::Unauthenticated));
    attacks
}
