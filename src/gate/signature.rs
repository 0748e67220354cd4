//! The envelope. In this order: one known key for the hint (or the candidate's own) → signature
//! over the exact bytes → parse the call → key id, audience, time, epoch → hash of the private part
//! → parse body and private part. Before the signature holds nothing of it is parsed.

pub mod possession;

use prost::Message;
use zeroize::Zeroizing;

use super::admitted::{Admitted, Caller};
use super::explain;
use super::keys::{KeyCache, KeyFacts, Owner};
use super::operation::{CallerKind, Codes, Operation};
use super::rejection::Rejection;
use super::tools::Tools;
use crate::crypto::envelope::{PublicKey, SignatureForm, key_id_parse, key_id_text};
use crate::crypto::hash::{equal, sha256};
use crate::crypto::stamp::{STAMP_BYTES, Subject};
use crate::crypto::{codes, passphrase, totp};
use crate::domain::command::{Evidence, Signed};
use crate::domain::id::{KeyId, RequestId, hex};
use crate::domain::rows::KeyState;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::pb;
use crate::wire::walk::Odd;
use crate::wire::{self};

/// A call may be so old, by its own word.
pub const MAX_AGE_US: i64 = 120 * SECOND_US;
/// A call may be so far ahead, by its own word.
pub const MAX_AHEAD_US: i64 = 30 * SECOND_US;

/// What a call must name.
pub struct Expected<'a> {
    /// This deployment.
    pub audience: &'a str,
    /// The server's clock at receipt.
    pub now: Timestamp,
}

/// Opens an envelope of an enrolled key. One that belongs to another kind of principal than the RPC's is
/// told so only after its signature held.
pub async fn by_enrolled<O: Operation>(
    envelope: &pb::Envelope,
    expected: &Expected<'_>,
    keys: &KeyCache,
    tools: &Tools,
) -> Result<Admitted<O>, Rejection> {
    debug_assert!(O::CALLER != CallerKind::Candidate);
    let opened = open_enrolled::<O>(envelope, expected, keys, tools).await;
    opened.inspect_err(|rejection| explain::told(tools, O::METHOD, rejection))
}

async fn open_enrolled<O: Operation>(
    envelope: &pb::Envelope,
    expected: &Expected<'_>,
    keys: &KeyCache,
    tools: &Tools,
) -> Result<Admitted<O>, Rejection> {
    let no = |why: &str| explain::unauthenticated(tools, O::METHOD, || why.to_owned());
    if envelope.candidate.is_some() {
        return Err(Rejection::malformed("candidate", "absent: only anonymous RPCs take a candidate"));
    }
    let hint = key_id_parse(&envelope.key_id).map(KeyId);
    let hint =
        hint.ok_or_else(|| no("key_id must be base64url of 32 bytes without padding, 43 characters"))?;
    let facts = keys.get(hint).await?.ok_or_else(|| no("no key of this key_id is enrolled here"))?;
    verify::<O>(&facts.key, envelope, tools)?;
    let call = parse_call::<O>(envelope, hint, expected, tools)?;
    let epoch = i64::try_from(call.epoch).map_err(|_| no("no epoch is so large"))?;
    let current = current(facts, hint, epoch, keys).await?;
    let facts = current.ok_or_else(|| no("the key is revoked"))?;
    let caller = match facts.owner {
        Owner::Device { account_id, device_id } => Caller::Device { account_id, device_id, epoch },
        Owner::Terminal { terminal_id, merchant_id, store_id } => {
            Caller::Terminal { terminal_id, merchant_id, store_id }
        }
        Owner::Merchant { merchant_id } => Caller::Merchant { merchant_id },
        Owner::Operator { operator_id } => Caller::Operator { operator_id },
    };
    if caller.kind() != O::CALLER {
        return Err(Rejection::PermissionDenied);
    }
    admit(envelope, &call, hint, caller, tools)
}

/// A cached key that says "old" is read through once before the call is rejected; nothing for a revoked one.
async fn current(
    facts: KeyFacts,
    key_id: KeyId,
    epoch: i64,
    keys: &KeyCache,
) -> Result<Option<KeyFacts>, Rejection> {
    let is_current = |facts: &KeyFacts| facts.state == KeyState::Active && facts.epoch == epoch;
    if is_current(&facts) {
        return Ok(Some(facts));
    }
    keys.forget(key_id);
    let Some(facts) = keys.get(key_id).await? else { return Ok(None) };
    match facts.state {
        KeyState::Revoked => Ok(None),
        KeyState::Active if facts.epoch == epoch => Ok(Some(facts)),
        KeyState::Active => Err(Rejection::EpochChanged { epoch: facts.epoch }),
    }
}

/// Opens an envelope of a candidate.
pub fn by_candidate<O: Operation>(
    envelope: &pb::Envelope,
    expected: &Expected<'_>,
    tools: &Tools,
) -> Result<Admitted<O>, Rejection> {
    debug_assert!(O::CALLER == CallerKind::Candidate);
    let opened = open_candidate::<O>(envelope, expected, tools);
    opened.inspect_err(|rejection| explain::told(tools, O::METHOD, rejection))
}

fn open_candidate<O: Operation>(
    envelope: &pb::Envelope,
    expected: &Expected<'_>,
    tools: &Tools,
) -> Result<Admitted<O>, Rejection> {
    let must = "present: an anonymous RPC brings its own public key";
    let candidate = envelope.candidate.as_ref().ok_or(Rejection::malformed("candidate", must))?;
    let key = candidate_key(candidate)?;
    let key_id = KeyId(key.key_id());
    if key_id_parse(&envelope.key_id) != Some(key_id.0) {
        return Err(explain::unauthenticated(tools, O::METHOD, || {
            format!("key_id must be that of candidate.spki, which is {}", key_id_text(&key_id.0))
        }));
    }
    verify::<O>(&key, envelope, tools)?;
    let call = parse_call::<O>(envelope, key_id, expected, tools)?;
    if call.epoch != 0 {
        return Err(Rejection::malformed("epoch", "0 for a candidate"));
    }
    admit(envelope, &call, key_id, Caller::Candidate(key), tools)
}

/// A public key in full, as it stands in a message.
pub fn candidate_key(candidate: &pb::Candidate) -> Result<PublicKey, Rejection> {
    let form = match candidate.signature_form() {
        pb::SignatureForm::Der => SignatureForm::Der,
        pb::SignatureForm::Fixed => SignatureForm::Fixed,
        pb::SignatureForm::Unspecified => {
            return Err(Rejection::malformed(
                "candidate.signature_form",
                "SIGNATURE_FORM_DER or SIGNATURE_FORM_FIXED",
            ));
        }
    };
    let must = "91 bytes: DER SubjectPublicKeyInfo of an uncompressed P-256 point";
    PublicKey::from_spki(&candidate.spki, form).map_err(|_| Rejection::malformed("candidate.spki", must))
}

fn verify<O: Operation>(key: &PublicKey, envelope: &pb::Envelope, tools: &Tools) -> Result<(), Rejection> {
    key.verify(O::METHOD, &envelope.payload, &envelope.signature).map_err(|_| {
        explain::unauthenticated(tools, O::METHOD, || explain::signature(key, O::METHOD, envelope))
    })
}

/// A message that must be in canonical form is not: an unknown or repeated field is refused instead of
/// silently dropped. The field is named where it has a name, else what it stands in.
fn malformed(odd: &Odd, within: &'static str) -> Rejection {
    let is_private = within.starts_with("private");
    let field = odd.name.map_or(within, |name| if is_private { name.private } else { name.plain });
    Rejection::malformed(field, odd.what.must())
}

fn canonical<M: Message + Default>(bytes: &[u8], within: &'static str) -> Result<M, Rejection> {
    wire::canonical(bytes).map_err(|odd| malformed(&odd, within))
}

fn parse_call<O: Operation>(
    envelope: &pb::Envelope,
    key_id: KeyId,
    expected: &Expected<'_>,
    tools: &Tools,
) -> Result<pb::Call, Rejection> {
    let call = wire::canonical_call(&envelope.payload).map_err(|odd| malformed(&odd, "payload"))?;
    if call.key_id != key_id_text(&key_id.0) {
        return Err(explain::unauthenticated(tools, O::METHOD, || {
            "the key_id inside the signed Call must be the envelope's".to_owned()
        }));
    }
    if call.audience != expected.audience {
        return Err(explain::unauthenticated(tools, O::METHOD, || {
            format!("audience must be {}, and is {}", expected.audience, explain::shown(&call.audience))
        }));
    }
    let skew = Rejection::ClockSkew { now: expected.now };
    let issued_at = issued_at(&call).ok_or(skew)?;
    let age_us = expected.now.since_us(issued_at);
    if !(-MAX_AHEAD_US..=MAX_AGE_US).contains(&age_us) {
        return Err(skew);
    }
    Ok(call)
}

/// When a call says it was signed; nothing when that is no moment.
pub fn issued_at(call: &pb::Call) -> Option<Timestamp> {
    let at = call.issued_at.as_ref()?;
    let nanos = i64::from(at.nanos);
    if !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    at.seconds.checked_mul(SECOND_US)?.checked_add(nanos / 1_000).map(Timestamp)
}

fn admit<O: Operation>(
    envelope: &pb::Envelope,
    call: &pb::Call,
    key_id: KeyId,
    caller: Caller,
    tools: &Tools,
) -> Result<Admitted<O>, Rejection> {
    let issued_at = issued_at(call).ok_or(Rejection::Internal)?;
    let request_id =
        RequestId::from_slice(&call.request_id).ok_or(Rejection::malformed("request_id", "16 bytes"))?;
    tracing::Span::current().record("request_id", tracing::field::display(hex(&request_id.0)));
    let private = open_private::<O>(envelope, call, tools)?;
    let body: O::Body = canonical(&call.body, "body")?;
    let stamp_bits = stamp_bits(envelope, call, O::METHOD, &private.stamp)?;
    let private_body: O::Private = canonical(&private.body, "private.body")?;
    let code = code::<O>(private.second_factor)?;
    let digest = tools.keys.request.tag(&[O::METHOD.as_bytes(), &call.body, &private.body]);
    let signed = Signed {
        key_id,
        request_id,
        digest,
        payload_hash: sha256(&[&envelope.payload]),
        evidence: Evidence {
            method: O::METHOD,
            payload: envelope.payload.clone(),
            signature: envelope.signature.clone(),
        },
    };
    Ok(Admitted { stamp_bits, ..Admitted::new(signed, caller, issued_at, body, private_body, code) })
}

/// How much work a candidate's call shows; nobody else shows any.
fn stamp_bits(
    envelope: &pb::Envelope,
    call: &pb::Call,
    method: &str,
    stamp: &[u8],
) -> Result<u32, Rejection> {
    if stamp.is_empty() {
        return Ok(0);
    }
    if envelope.candidate.is_none() || stamp.len() != STAMP_BYTES {
        return Err(Rejection::malformed("private.stamp", "8 bytes in a candidate's call, or absent"));
    }
    Ok(subject_of(call, method).bits(stamp))
}

/// What a call's stamp is for.
pub fn subject_of<'a>(call: &'a pb::Call, method: &'a str) -> Subject<'a> {
    Subject {
        audience: &call.audience,
        method,
        key_id: &call.key_id,
        request_id: &call.request_id,
        issued_at_s: call.issued_at.as_ref().map_or(0, |at| at.seconds),
    }
}

fn open_private<O: Operation>(
    envelope: &pb::Envelope,
    call: &pb::Call,
    tools: &Tools,
) -> Result<pb::Private, Rejection> {
    if envelope.private.is_empty() {
        // The journal holds payload and signature. What it does not hold is this part, so nobody makes
        // an envelope of a row and has the secret of its reply.
        if O::SECRET_REPLY {
            let must = "a Private with 16 random bytes of salt, its SHA-256 in Call.private_sha256: the \
                        reply carries a secret";
            return Err(Rejection::malformed("private", must));
        }
        let must = "empty when there is no private part";
        return if call.private_sha256.is_empty() {
            Ok(pb::Private::default())
        } else {
            Err(Rejection::malformed("private_sha256", must))
        };
    }
    let hash = sha256(&[&envelope.private]);
    if !equal(&hash, &call.private_sha256) {
        return Err(explain::unauthenticated(tools, O::METHOD, || {
            let length = envelope.private.len();
            format!("private_sha256 must be that of the {length} bytes of private: {}", hex(&hash))
        }));
    }
    let private: pb::Private = canonical(&envelope.private, "private")?;
    if private.salt.len() != 16 {
        return Err(Rejection::malformed("private.salt", "16 random bytes"));
    }
    Ok(private)
}

/// The code of the call, when it is of the kind that the RPC takes.
fn code<O: Operation>(factor: Option<pb::SecondFactor>) -> Result<Option<Zeroizing<String>>, Rejection> {
    use pb::second_factor::Factor;
    let factor = factor.map(|factor| factor.factor);
    match (O::CODES, factor) {
        (Codes::Refused | Codes::Totp | Codes::NewTotp, None) => Ok(None),
        (Codes::Totp | Codes::NewTotp | Codes::Recovery, Some(Some(Factor::TotpCode(code))))
            if totp::is_code(&code) =>
        {
            Ok(Some(Zeroizing::new(code)))
        }
        (Codes::Contact | Codes::Recovery, Some(Some(Factor::ContactCode(code))))
            if codes::is_contact_code(&code) =>
        {
            Ok(Some(Zeroizing::new(code)))
        }
        (Codes::Recovery, Some(Some(Factor::SavedCode(code)))) if codes::is_recovery_code(&code) => {
            Ok(Some(Zeroizing::new(code)))
        }
        (Codes::Recovery, Some(Some(Factor::Passphrase(text)))) if passphrase::presentable(&text) => {
            Ok(Some(Zeroizing::new(text)))
        }
        (Codes::Refused, Some(_)) => {
            Err(Rejection::malformed("private.second_factor", "absent: this RPC takes no second factor"))
        }
        (Codes::Recovery, _) => Err(Rejection::malformed(
            "private.second_factor",
            "totp_code with six ASCII digits, contact_code with eight, saved_code with 26 characters, or a \
             passphrase",
        )),
        (Codes::Totp | Codes::NewTotp, Some(_)) => {
            Err(Rejection::malformed("private.second_factor", "totp_code with six ASCII digits, or absent"))
        }
        (Codes::Contact, _) => {
            Err(Rejection::malformed("private.second_factor", "contact_code with eight ASCII digits"))
        }
    }
}
