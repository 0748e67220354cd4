//! A journal row's evidence: the signature over the signed bytes, and what those bytes say.

use prost::Message;

use crate::crypto::envelope::{PublicKey, SignatureForm, key_id_text, pae};
use crate::crypto::system_key::verify_system;
use crate::domain::command::SystemAction;
use crate::domain::id::{MerchantId, StoreId, TerminalId};
use crate::domain::rows::{Journal, KeyForm};
use crate::domain::standing::BarSubject;
use crate::domain::time::SECOND_US;
use crate::gate::signature::{MAX_AGE_US, MAX_AHEAD_US, candidate_key as key_in_full, issued_at, possession};
use crate::gate::system::system_key_id;
use crate::pb;
use crate::wire;

/// Whose a new key becomes.
pub(super) use possession::Owner as KeyOwner;

/// A call is judged by its age at receipt; until its decision it may wait so long in the queue.
const QUEUED_US: i64 = 30 * SECOND_US;

const NOT_CANONICAL: &str = "the signed bytes are not canonical";

/// A row's signed call, when a key of this point signed it.
pub(super) fn signed_call(row: &Journal, key: &PublicKey, audience: &str) -> Result<pb::Call, &'static str> {
    key.verify(&row.method, &row.payload, &row.signature)
        .map_err(|_| "the signature is not this key's over this method and payload")?;
    let call = wire::canonical_call(&row.payload).map_err(|_odd| NOT_CANONICAL)?;
    if call.key_id != key_id_text(&row.key_id.0) {
        return Err("the signed key is another than the row's");
    }
    if call.request_id != row.request_id.0 {
        return Err("the signed request id is another than the row's");
    }
    if call.audience != audience {
        return Err("it was signed for another deployment");
    }
    let age_us = row.at.since_us(issued_at(&call).ok_or("it does not say when it was signed")?);
    if !(-MAX_AHEAD_US..=MAX_AGE_US + QUEUED_US).contains(&age_us) {
        return Err("it was signed at another time than the row's");
    }
    Ok(call)
}

/// The body of a signed call.
pub(super) fn body<M: Message + Default>(call: &pb::Call) -> Result<M, &'static str> {
    wire::canonical(&call.body).map_err(|_odd| NOT_CANONICAL)
}

/// The public key in a candidate's row; its hash must be the row's key.
pub(super) fn candidate_key(row: &Journal) -> Result<PublicKey, &'static str> {
    let bytes = row.candidate_key.as_deref().ok_or("a candidate's row lacks its public key")?;
    let key = match bytes.split_last() {
        Some((1, point)) => point.try_into().ok().map(|point| stored_key(point, KeyForm::Der)),
        Some((2, point)) => point.try_into().ok().map(|point| stored_key(point, KeyForm::Fixed)),
        Some(_) | None => None,
    };
    let key = key.ok_or("a candidate's public key cannot be read")?;
    if key.key_id() == row.key_id.0 { Ok(key) } else { Err("a candidate's public key is not the row's key") }
}

/// A public key as rows hold it.
pub(super) fn stored_key(point: &[u8; 65], form: KeyForm) -> PublicKey {
    let form = match form {
        KeyForm::Der => SignatureForm::Der,
        KeyForm::Fixed => SignatureForm::Fixed,
    };
    PublicKey::from_point(point, form)
}

/// Whether this key signed that it is this owner's.
pub(super) fn is_proved(key: &PublicKey, proof: &[u8], owner: KeyOwner, audience: &str) -> bool {
    possession::is_proved(key, proof, owner, audience)
}

/// Who or what is barred, in a signed body.
pub(super) fn bar_subject(subject: &pb::BarSubject) -> Option<BarSubject> {
    use pb::bar_subject::Subject;
    match subject.subject.as_ref()? {
        Subject::MerchantId(id) => MerchantId::from_slice(id).map(BarSubject::Merchant),
        Subject::StoreId(id) => StoreId::from_slice(id).map(BarSubject::Store),
        Subject::TerminalId(id) => TerminalId::from_slice(id).map(BarSubject::Terminal),
    }
}

/// A public key in a signed proposal.
pub(super) fn proposed_key(key: &pb::Candidate) -> Option<PublicKey> {
    key_in_full(key).ok()
}

/// The server's own action, when its key signed it.
pub(super) fn system_action(row: &Journal, system_key: &[u8; 32]) -> Result<SystemAction, &'static str> {
    if row.key_id != system_key_id(system_key) {
        return Err("a system row names another key than the server's");
    }
    if !verify_system(system_key, &pae(&row.method, &row.payload), &row.signature) {
        return Err("the server's key did not sign this");
    }
    let action = SystemAction::decode(&row.payload).map_err(|_| "the signed action cannot be read")?;
    if action.method() != row.method || action.request_id() != row.request_id {
        return Err("the signed action is another than the row's");
    }
    Ok(action)
}
