//! What a command comes to. Pure, synchronous and total: the same command and the same rows give
//! the same decision, whoever asks.
//!
//! The order of the checks is a contract, and tables walk it: request id → device, key, epoch →
//! account's state → factor blocked → attempt spent → proof read → subject → limits → balance →
//! post. All of it is row writes of one commit.

mod book;
mod candidate;
mod cash;
mod chore;
mod code;
mod day;
mod device;
mod factor;
mod funding;
mod halt;
mod inflow;
mod keys;
mod merchant;
mod message;
mod operator;
mod order;
mod pay;
mod reconciliation;
mod recovery;
mod reverse;
mod ruling;
mod settlement;
mod step;
mod system;
mod terminal;
mod top_up;
mod webhook;

use super::command::{Command, Order, Signed};
use super::journal::{Entry, Kind};
use super::outcome::{OpenAnswer, Outcome};
use super::policy::Policy;
use super::record::Record as _;
use super::rows::{Finished, KeyState, OpenRequest, RowKey, SigningKey};
use super::time::Timestamp;
use super::view::View;
use super::write::Write;

/// What was read ahead and is not so any more: prepare again, without a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stale {
    /// The key, its device or the epoch: start again at the envelope.
    Key,
    /// The sealed document: prepare again.
    Document,
}

/// An answer that leaves no trace at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traceless {
    /// The request id was used before, with another body.
    RequestIdReused,
    /// An enrolled key came as a candidate.
    NotACandidate,
    /// A row that the system itself named is not there: a defect, or a repetition.
    NothingToDo,
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Known: the stored final outcome, again.
    Repeat(Outcome),
    /// Known: the identical payload gets the identical open answer, uncounted.
    RepeatOpen(OpenAnswer),
    /// Done. Journalled, final.
    Commit {
        /// Row writes.
        writes: Vec<Write>,
        /// For the journal.
        entry: Box<Entry>,
    },
    /// Not done, for good. Journalled, final; its counters are written.
    Refuse {
        /// Row writes.
        writes: Vec<Write>,
        /// For the journal.
        entry: Box<Entry>,
    },
    /// Not done, open: counters and events are written, the request id stays free.
    Reject {
        /// Row writes.
        writes: Vec<Write>,
        /// The answer.
        answer: OpenAnswer,
    },
    /// House kept; nothing to journal.
    Keep {
        /// Row writes.
        writes: Vec<Write>,
    },
    /// Prepare again.
    Stale(Stale),
    /// Nothing is written.
    Nothing(Traceless),
}

/// Decides one command over the rows it named.
pub fn decide(command: &Command, view: &View, policy: &Policy) -> Decision {
    let decision = decided(command, view, policy);
    debug_assert!(is_found_again(&decision), "a kind that revokes keys and is not in Kind::REVOKING");
    decision
}

/// A key that is revoked is revoked by a row of a kind whose rows are read for revoked keys.
fn is_found_again(decision: &Decision) -> bool {
    let Decision::Commit { writes, entry } = decision else { return true };
    let revokes = |write: &Write| {
        let Write::Update(row) = write else { return false };
        SigningKey::of(row).is_some_and(|key| key.state == KeyState::Revoked)
    };
    Kind::REVOKING.contains(&entry.kind) || !writes.iter().any(revokes)
}

fn decided(command: &Command, view: &View, policy: &Policy) -> Decision {
    match &command.order {
        Order::Device(call, action) => known(&call.signed, view)
            .unwrap_or_else(|| device::decide(command.id, call, action, view, policy)),
        Order::Candidate(call, action) => known(&call.signed, view)
            .unwrap_or_else(|| candidate::decide(command.id, call, action, view, policy)),
        Order::Terminal(call, action) => known(&call.signed, view)
            .unwrap_or_else(|| terminal::decide(command.id, call, action, view, policy)),
        Order::Merchant(call, action) => known(&call.signed, view)
            .unwrap_or_else(|| merchant::decide(command.id, call, action, view, policy)),
        Order::Operator(call, action) => known(&call.signed, view)
            .unwrap_or_else(|| operator::decide(command.id, call, action, view, policy)),
        Order::System(signed, action) => {
            known(signed, view).unwrap_or_else(|| system::decide(command.id, signed, action, view, policy))
        }
        Order::Chore(chore) => chore::decide(chore, view),
    }
}

/// The request id comes first: what was answered for good is answered so again, before any key,
/// factor or limit is looked at.
fn known(signed: &Signed, view: &View) -> Option<Decision> {
    if let Some(finished) = view.get::<Finished>((signed.request_id, signed.key_id)) {
        if finished.digest != signed.digest {
            return Some(Decision::Nothing(Traceless::RequestIdReused));
        }
        // An outcome of the journal that cannot be read means a changed database: nothing is done.
        return Some(
            Outcome::decode(&finished.outcome)
                .map_or(Decision::Nothing(Traceless::NothingToDo), Decision::Repeat),
        );
    }
    let open = open_request(signed, view)?;
    if open.digest != signed.digest {
        return Some(Decision::Nothing(Traceless::RequestIdReused));
    }
    if open.payload_hash == signed.payload_hash {
        return OpenAnswer::decode(&open.answer).ok().map(Decision::RepeatOpen);
    }
    None
}

fn open_request<'a>(signed: &Signed, view: &'a View) -> Option<&'a OpenRequest> {
    view.get::<OpenRequest>((signed.request_id, signed.key_id)).filter(|open| view.now() < open.expires_at)
}

/// Binds the request id to its body until the answer is forgotten.
fn remember_open(signed: &Signed, answer: OpenAnswer, expires_at: Timestamp, view: &View) -> Write {
    let row = OpenRequest {
        request_id: signed.request_id,
        key_id: signed.key_id,
        digest: signed.digest,
        payload_hash: signed.payload_hash,
        answer: answer.encode(),
        expires_at,
    };
    match view.get::<OpenRequest>((signed.request_id, signed.key_id)) {
        Some(_) => Write::Update(row.into_row()),
        None => Write::Insert(row.into_row()),
    }
}

/// A final answer takes the open one's place.
fn forget_open(signed: &Signed, view: &View) -> Option<Write> {
    view.get::<OpenRequest>((signed.request_id, signed.key_id))
        .map(|_| Write::Delete(RowKey::OpenRequest(signed.request_id, signed.key_id)))
}
