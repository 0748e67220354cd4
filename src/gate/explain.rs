//! A sandbox says in its log why an envelope was refused. Whoever called is told no more than anywhere else,
//! and no secret is said: of codes, salts and private parts at most their lengths and hashes.

use super::rejection::Rejection;
use super::tools::Tools;
use crate::crypto::envelope::{Mistake, PublicKey, pae};
use crate::crypto::hash::sha256;
use crate::domain::id::hex;
use crate::domain::outcome::OpenAnswer;
use crate::domain::time::SECOND_US;
use crate::pb;

/// What its lines are called.
pub const TARGET: &str = "saifu::refused";

/// A text of a caller's is shown up to here.
const SHOWN: usize = 80;

/// Refused as not authenticated, and why.
pub(super) fn unauthenticated(tools: &Tools, method: &str, why: impl FnOnce() -> String) -> Rejection {
    if tools.explains {
        tracing::info!(target: TARGET, method, "an envelope was refused: {}", why());
    }
    Rejection::Unauthenticated
}

/// Says what the caller is told as well.
pub(super) fn told(tools: &Tools, method: &str, rejection: &Rejection) {
    if !tools.explains {
        return;
    }
    let why = match rejection {
        Rejection::Malformed { field, must } => format!("{field} must be {must}"),
        Rejection::ClockSkew { now } => format!(
            "issued_at must be within 120 s before and 30 s after the server's time, {} s since 1970",
            now.0 / SECOND_US
        ),
        Rejection::EpochChanged { epoch } => format!("epoch must be {epoch}"),
        Rejection::PermissionDenied => "the key belongs to another kind of caller than the RPC's".to_owned(),
        Rejection::Open { answer: OpenAnswer::CodeWrong, .. } => {
            "the one-time code is wrong, was used before, or is neither of this nor of the last 30 s"
                .to_owned()
        }
        // Said where it happens, or told to the caller in full.
        Rejection::Unauthenticated
        | Rejection::NotFound
        | Rejection::RequestIdReused
        | Rejection::PassphraseUnsuitable(_)
        | Rejection::NotAPaymentCode
        | Rejection::Throttled { .. }
        | Rejection::StampNeeded { .. }
        | Rejection::Unavailable
        | Rejection::Unsettled { .. }
        | Rejection::Internal
        | Rejection::Open { .. }
        | Rejection::Refused { .. } => return,
    };
    tracing::info!(target: TARGET, method, "an envelope was refused: {why}");
}

/// Why a signature does not hold: what it should be over, and what it is over instead, as far as that can be
/// found.
pub fn signature(key: &PublicKey, method: &str, envelope: &pb::Envelope) -> String {
    let pb::Envelope { payload, signature, .. } = envelope;
    let digest = hex(&sha256(&[&pae(method, payload)]));
    let instead = match key.mistake(method, payload, signature) {
        Some(Mistake::Form) => "it is right, but for its form: this key's is another (DER or r||s)",
        Some(Mistake::Payload) => "it is over the payload alone, without PAE",
        Some(Mistake::Method) => {
            "it is over another writing of the method: the one that gRPC uses begins with /"
        }
        Some(Mistake::Hash) => "it is over the hash of PAE: PAE is hashed once, by ECDSA with SHA-256 itself",
        None => "it is another key's, or over other bytes",
    };
    format!("the signature must be over PAE({method}, payload), whose SHA-256 is {digest}: {instead}")
}

/// A text of a caller's, so that it breaks no line and fills no disk.
pub(super) fn shown(text: &str) -> String {
    let begin: String = text.chars().take(SHOWN).collect();
    format!("{begin:?}")
}
