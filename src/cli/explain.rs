//! `saifu explain`: what is in an envelope, and what is wrong with it, for whoever writes a client. It asks
//! nobody, and shows no code, salt or private text.

mod findings;
mod input;

use std::process::ExitCode;

use prost::Message as _;

use findings::{Findings, shown};
use input::{bytes_of, public_key};

use super::Failure;
use crate::crypto::envelope::{PublicKey, SignatureForm, key_id_parse, key_id_text};
use crate::crypto::hash::sha256;
use crate::domain::id::hex;
use crate::gate::explain;
use crate::gate::operation::{CallerKind, Declared};
use crate::gate::rejection::Rejection;
use crate::gate::signature::{candidate_key, issued_at};
use crate::pb;
use crate::rpc;
use crate::wire;
use crate::wire::walk::{Defaults, Odd, Seen, Value, walk};

/// What `saifu explain` takes.
#[derive(Debug, clap::Args)]
pub struct ExplainArguments {
    /// The envelope: base64 or hexadecimal, a file that holds it so or as it is, or "-" for standard input.
    envelope: String,
    /// The method it is for: then its body is read, and a signature that does not hold is looked into.
    #[arg(long, value_name = "/saifu.v1.SERVICE/METHOD")]
    method: Option<String>,
    /// The signing key's public half, DER SubjectPublicKeyInfo in base64 or hexadecimal, or a PEM file: then
    /// the signature is checked. A candidate's stands in its envelope.
    #[arg(long, value_name = "KEY")]
    public_key: Option<String>,
}

/// Status 1 when something is wrong.
pub(super) fn run(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let bytes = bytes_of(&arguments.envelope)?;
    let declared = arguments.method.as_deref().map(declared).transpose()?;
    let given = arguments.public_key.as_deref().map(public_key).transpose()?;
    let mut findings = Findings::default();
    explained(&bytes, declared.as_ref(), given.as_deref(), &mut findings);
    for line in findings.lines() {
        println!("{line}");
    }
    Ok(if findings.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn declared(method: &str) -> Result<Declared, Failure> {
    let found = rpc::declared().into_iter().find(|declared| declared.method == method);
    Ok(found.ok_or_else(|| {
        format!(
            "there is no method {method}: docs/protocol.md has them all, such as /saifu.v1.PaymentService/Pay"
        )
    })?)
}

fn explained(bytes: &[u8], declared: Option<&Declared>, spki: Option<&[u8]>, findings: &mut Findings) {
    let Ok(envelope) = pb::Envelope::decode(bytes) else {
        findings.wrong("these bytes are no Envelope: they cannot be decoded");
        return;
    };
    outer(&envelope, bytes.len(), findings);
    let call = call(&envelope, findings);
    let private = private(&envelope, call.as_ref(), findings);
    if let Some(declared) = declared {
        by_method(declared, &envelope, call.as_ref(), private.as_ref(), findings);
    }
    signature(&envelope, declared, spki, findings);
}

fn outer(envelope: &pb::Envelope, length: usize, findings: &mut Findings) {
    let pb::Envelope { payload, signature, key_id, private, candidate } = envelope;
    findings.head(&format!("Envelope, {length} bytes"));
    findings.field("payload", format!("{} bytes", payload.len()));
    let form = if signature.len() == 64 { "r||s, or none" } else { "DER, or none" };
    findings.field("signature", format!("{} bytes: {form}", signature.len()));
    findings.field("key_id", shown(key_id));
    findings.field("private", format!("{} bytes", private.len()));
    if key_id_parse(key_id).is_none() {
        findings.wrong("key_id must be base64url of 32 bytes without padding: 43 characters");
    }
    let Some(candidate) = candidate else {
        findings.field("candidate", "absent: the call of an enrolled key");
        return;
    };
    findings.field("candidate", format!("{} bytes of spki", candidate.spki.len()));
    match candidate_key(candidate) {
        Ok(key) if key_id_text(&key.key_id()) != *key_id => {
            findings.wrong(&format!("key_id must be that of candidate.spki: {}", key_id_text(&key.key_id())));
        }
        Ok(_) => {}
        Err(rejection) => findings.wrong(&said(rejection)),
    }
}

fn said(rejection: Rejection) -> String {
    if let Rejection::Malformed { field, must } = rejection {
        format!("{field} must be {must}")
    } else {
        "candidate must be a public key".to_owned()
    }
}

fn call(envelope: &pb::Envelope, findings: &mut Findings) -> Option<pb::Call> {
    findings.head("Call, the signed part");
    seen(&envelope.payload, "Call", false, findings);
    let call = match wire::canonical_call(&envelope.payload) {
        Ok(call) => call,
        Err(odd) => {
            findings.odd("payload", &odd);
            pb::Call::decode(envelope.payload.as_slice()).ok()?
        }
    };
    if call.key_id != envelope.key_id {
        findings.wrong("key_id inside the signed Call must be the envelope's");
    }
    if call.request_id.len() != 16 {
        findings.wrong("request_id must be 16 bytes");
    }
    if issued_at(&call).is_none() {
        findings.wrong("issued_at must be a moment: seconds since 1970, and nanos below 1000000000");
    }
    if envelope.candidate.is_some() && call.epoch != 0 {
        findings.wrong("epoch must be 0 in a candidate's call");
    }
    Some(call)
}

fn private(envelope: &pb::Envelope, call: Option<&pb::Call>, findings: &mut Findings) -> Option<pb::Private> {
    let hash = call.map(|call| call.private_sha256.as_slice());
    if envelope.private.is_empty() {
        if hash.is_some_and(|hash| !hash.is_empty()) {
            findings.wrong("private_sha256 must be empty when there is no private part");
        }
        return None;
    }
    findings.head("Private, of which only the hash is signed");
    seen(&envelope.private, "Private", true, findings);
    let expected = sha256(&[&envelope.private]);
    if hash.is_some_and(|hash| hash != expected) {
        findings.wrong(&format!("private_sha256 must be the SHA-256 of private: {}", hex(&expected)));
    }
    match wire::canonical::<pb::Private>(&envelope.private) {
        Ok(private) => {
            if private.salt.len() != 16 {
                findings.wrong("private.salt must be 16 random bytes");
            }
            Some(private)
        }
        Err(odd) => {
            findings.odd("private", &odd);
            None
        }
    }
}

/// What its method says of body, private part and candidate.
fn by_method(
    declared: &Declared,
    envelope: &pb::Envelope,
    call: Option<&pb::Call>,
    private: Option<&pb::Private>,
    findings: &mut Findings,
) {
    match (declared.caller == CallerKind::Candidate, envelope.candidate.is_some()) {
        (true, false) => findings.wrong("candidate must be there: this RPC's callers are not enrolled"),
        (false, true) => findings.wrong("candidate must be absent: this RPC's callers are enrolled"),
        (true, true) | (false, false) => {}
    }
    if declared.secret_reply && envelope.private.is_empty() {
        findings.wrong("private must be there, if with a salt alone: the reply carries a secret");
    }
    if let Some(call) = call {
        part("body", &call.body, declared.body, false, findings);
    }
    let private = private.map_or(&[][..], |private| &private.body);
    if declared.private.is_empty() {
        if !private.is_empty() {
            findings.wrong("private.body must be empty: this RPC has no private message");
        }
    } else {
        part("private.body", private, declared.private, true, findings);
    }
}

/// A message within a message.
fn part(name: &str, bytes: &[u8], message: &'static str, is_private: bool, findings: &mut Findings) {
    findings.head(&format!("{message}, the {name}"));
    seen(bytes, message, is_private, findings);
    if let Err(odd) = walk(bytes, message, Defaults::Refused, &mut |_| {}) {
        findings.odd(name, &odd);
    }
}

/// What stands in a message, up to what cannot be read. Nothing of a private part is shown but its length.
fn seen(bytes: &[u8], message: &'static str, is_private: bool, findings: &mut Findings) {
    // What is odd is told by whoever reads it in earnest.
    drop::<Result<(), Odd>>(walk(bytes, message, Defaults::Allowed, &mut |seen: &Seen<'_>| {
        let value = match seen.value {
            Value::Message(_) => return,
            Value::Text(text) if is_private => format!("{} characters, not shown", text.chars().count()),
            Value::Bytes(bytes) if is_private => format!("{} bytes, not shown", bytes.len()),
            Value::Number(_) if is_private => "a number, not shown".to_owned(),
            Value::Text(text) => shown(text),
            Value::Bytes(bytes) if bytes.len() > 32 => format!("{} bytes", bytes.len()),
            Value::Bytes(bytes) => hex(bytes),
            Value::Number(number) => number.to_string(),
        };
        findings.field(seen.path, value);
    }));
}

fn signature(
    envelope: &pb::Envelope,
    declared: Option<&Declared>,
    spki: Option<&[u8]>,
    findings: &mut Findings,
) {
    findings.head("Signature");
    let candidates = envelope.candidate.as_ref().and_then(|candidate| candidate_key(candidate).ok());
    let form = if envelope.signature.len() == 64 { SignatureForm::Fixed } else { SignatureForm::Der };
    let key = match (spki, candidates) {
        (Some(spki), _) => match PublicKey::from_spki(spki, form) {
            Ok(key) => key,
            Err(error) => return findings.wrong(&format!("--public-key: {error}")),
        },
        (None, Some(key)) => key,
        (None, None) => {
            return findings.note("not checked: --public-key says whose it must be");
        }
    };
    if key_id_text(&key.key_id()) != envelope.key_id {
        findings.wrong(&format!("key_id must be that of the public key: {}", key_id_text(&key.key_id())));
    }
    let holds = |method: &str| key.verify(method, &envelope.payload, &envelope.signature).is_ok();
    let known = rpc::declared();
    match declared {
        Some(declared) if holds(declared.method) => findings.note("it holds, for this method"),
        Some(declared) => {
            if let Some(other) = known.iter().find(|other| holds(other.method)) {
                findings.wrong(&format!("it is for another method: {}", other.method));
            } else {
                findings.wrong(&explain::signature(&key, declared.method, envelope));
            }
        }
        None => match known.iter().find(|declared| holds(declared.method)) {
            Some(declared) => findings.note(&format!("it holds, for {}", declared.method)),
            None => {
                findings.wrong("it holds for no method; --method says which it must be, and looks into it");
            }
        },
    }
}
