//! The head of this process's lane: signed after each batch, and looked at before the next one.
//!
//! Whoever can write to the database could put a row into the journal, chain it and set the head to it. The
//! head's signature is what they lack, and an older head that was signed once is not the one that this
//! process left. Either way nothing is added to such a journal: the process writes nothing further.

use std::collections::HashMap;

use super::backend::{BackendError, Place};
use crate::crypto::integrity::{Head, Integrity, IntegritySlot};
use crate::domain::rows::Lane;

/// The keys, and how this process left its lanes.
pub(super) struct Heads {
    integrity: IntegritySlot,
    left: HashMap<i64, Left>,
}

/// How a lane was left.
struct Left {
    token: i64,
    /// As it may be found: as it was last found, or as a batch left it whose commit nobody confirmed.
    ways: Vec<Lane>,
}

impl Heads {
    pub(super) fn new(integrity: IntegritySlot) -> Self {
        Self { integrity, left: HashMap::new() }
    }

    /// Whether a batch may be added behind this head.
    pub(super) fn check(&mut self, place: Place, head: &Lane) -> Result<(), BackendError> {
        let is_good = match self.left.get(&place.lane) {
            Some(left) if left.token == place.token => left.ways.contains(head),
            // Another process had it in between. It went on, or left it as it was.
            Some(left) => {
                let was_there = left.ways.iter().any(|way| way.sequence <= head.sequence);
                was_there && self.is_signed(head)
            }
            None => self.is_signed(head),
        };
        if !is_good {
            tracing::error!(
                lane = place.lane,
                sequence = head.sequence,
                "the head of this lane of the journal is not the one that a server of this deployment left: \
                 the database was changed by something else; stop, and run `saifu verify`"
            );
            return Err(BackendError::Broken);
        }
        self.left.insert(place.lane, Left { token: place.token, ways: vec![head.clone()] });
        Ok(())
    }

    /// Signs what a batch leaves. Until its commit is confirmed the head may be found either way.
    pub(super) fn sign(&mut self, head: &Lane) -> Result<Lane, BackendError> {
        let head = signed(head, self.integrity.get().ok_or(BackendError::Broken)?);
        if let Some(left) = self.left.get_mut(&head.lane) {
            left.ways.push(head.clone());
        }
        Ok(head)
    }

    fn is_signed(&self, head: &Lane) -> bool {
        self.integrity.get().is_some_and(|integrity| is_signed_by(head, &integrity.public()))
    }
}

/// The head, with the server's signature.
pub(super) fn signed(head: &Lane, integrity: &Integrity) -> Lane {
    Lane { signature: Some(integrity.sign(&statement(head))), ..head.clone() }
}

fn statement(head: &Lane) -> Head {
    Head { lane: head.lane, sequence: head.sequence, hash: head.hash, at_us: head.at.0 }
}

/// Whether the server with this public key left a lane's head so. Before its first row there is nothing to
/// sign.
pub fn is_signed_by(head: &Lane, public: &[u8; 32]) -> bool {
    match &head.signature {
        Some(signature) => statement(head).is_signed_by(public, signature),
        None => head.sequence == 0 && head.hash == [0; 32],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::time::Timestamp;

    const PLACE: Place = Place { lane: 3, token: 1 };

    fn heads() -> Heads {
        Heads::new(IntegritySlot::filled(Arc::new(Integrity::of(&[7; 32]))))
    }

    fn head(sequence: i64) -> Lane {
        let hash = [u8::try_from(sequence).expect("a small number"); 32];
        Lane { lane: 3, sequence, hash, at: Timestamp(sequence), signature: None }
    }

    #[test]
    fn nothing_is_added_behind_a_head_that_no_server_signed() {
        let signed = heads().sign(&head(2)).expect("signed");
        let other = Heads::new(IntegritySlot::filled(Arc::new(Integrity::of(&[8; 32])))).sign(&head(2));
        for (found, is_good) in [
            (head(0), true),
            (signed.clone(), true),
            (head(2), false),
            (Lane { hash: [9; 32], ..signed.clone() }, false),
            (Lane { sequence: 3, ..signed.clone() }, false),
            (Lane { at: Timestamp(1), ..signed }, false),
            (other.expect("signed"), false),
        ] {
            assert_eq!(heads().check(PLACE, &found).is_ok(), is_good, "{found:?}");
        }
    }

    #[test]
    fn nothing_is_added_behind_a_head_that_this_process_did_not_leave() {
        let mut heads = heads();
        let (one, two) = (heads.sign(&head(1)).expect("signed"), heads.sign(&head(2)).expect("signed"));
        heads.check(PLACE, &one).expect("as some server left it");
        let two_again = heads.sign(&head(2)).expect("signed");
        assert_eq!(two, two_again);
        // Whether the commit was done, nobody knows: it may be found either way.
        heads.check(PLACE, &one).expect("it was not");
        heads.sign(&head(2)).expect("signed");
        heads.check(PLACE, &two).expect("it was");
        // Signed once, and taken back by somebody else.
        assert_eq!(heads.check(PLACE, &one), Err(BackendError::Broken));
        assert_eq!(heads.check(Place { token: 2, ..PLACE }, &one), Err(BackendError::Broken));
        heads.check(Place { token: 2, ..PLACE }, &two).expect("another process had it, and did nothing");
        let five = heads.sign(&head(5)).expect("signed");
        heads.check(Place { token: 3, ..PLACE }, &five).expect("another process went on");
    }

    #[test]
    fn without_its_keys_a_store_adds_nothing() {
        let mut heads = Heads::new(IntegritySlot::default());
        heads.check(PLACE, &head(0)).expect_err("it cannot tell");
        assert_eq!(heads.sign(&head(1)), Err(BackendError::Broken));
    }
}
