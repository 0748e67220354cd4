//! The journal's lanes as chains: each row behind the one before it, and the checkpoints along them.

use super::{Checked, Replay};
use crate::domain::rows::Journal;
use crate::domain::time::Timestamp;
use crate::store::pending::chain_hash;
use crate::tasks::checkpoint::Checkpoint;

/// What is said of a checkpoint that was given up.
pub(in crate::verify) const GIVEN_UP: &str = "it was given up when an older database was taken as it is";

/// How far a lane is read.
pub(super) struct Head {
    sequence: i64,
    hash: [u8; 32],
    at: Timestamp,
}

/// A checkpoint's word on one lane's row.
pub(super) struct Awaited {
    pub checkpoint: Checkpoint,
    pub hash: [u8; 32],
    pub met: Option<bool>,
}

impl Replay {
    /// The last sequence number and hash of a lane.
    pub(in crate::verify) fn head(&self, lane: i64) -> (i64, [u8; 32]) {
        self.heads.get(&lane).map_or((0, [0; 32]), |head| (head.sequence, head.hash))
    }

    /// How many lanes have rows.
    pub(in crate::verify) fn lanes(&self) -> usize {
        self.heads.len()
    }

    /// Each row behind the one before it, in time as well.
    pub(super) fn chain(&mut self, row: &Journal) -> Checked {
        let (sequence, hash) = self.head(row.lane);
        let at = self.heads.get(&row.lane).map_or(Timestamp(0), |head| head.at);
        let expected = chain_hash(&hash, row);
        self.heads.insert(row.lane, Head { sequence: row.sequence, hash: row.hash, at: row.at.max(at) });
        for awaited in self.awaited.get_mut(&(row.lane, row.sequence)).into_iter().flatten() {
            awaited.met = Some(awaited.hash == row.hash);
        }
        if row.sequence != sequence + 1 {
            return Err("a row before it is missing");
        }
        if expected != row.hash {
            return Err(
                "its hash is not that of the row before and its own columns: it or that one was changed",
            );
        }
        if row.at < at {
            return Err("it is older than the row before it");
        }
        Ok(())
    }

    /// Whether it was signed before an older database was taken as it is.
    fn gives_up(&self, checkpoint: &Checkpoint) -> bool {
        self.restored_at.is_some_and(|at| checkpoint.at_us <= at.0)
    }

    /// Checkpoints that the journal does not bear out: when, and why. Those that were given up when an older
    /// database was taken as it is are told apart.
    pub(in crate::verify) fn unmet_checkpoints(&self) -> Vec<(i64, &'static str)> {
        let judge = |sequence: i64, awaited: &Awaited| {
            let signed = self.system_key.is_some_and(|key| awaited.checkpoint.is_signed_by(&key));
            match awaited.met {
                _ if !signed => Some("the server's key did not sign it"),
                Some(true) => None,
                _ if self.gives_up(&awaited.checkpoint) => Some(GIVEN_UP),
                Some(false) => Some("the journal's row there is another by now"),
                None if sequence == 0 => None,
                None => Some("the journal ends before it: its tail was cut off"),
            }
        };
        let mut unmet: Vec<_> = self
            .awaited
            .iter()
            .flat_map(|((_, sequence), awaited)| awaited.iter().map(move |awaited| (*sequence, awaited)))
            .filter_map(|(sequence, awaited)| {
                judge(sequence, awaited).map(|what| (awaited.checkpoint.at_us, what))
            })
            .collect();
        unmet.sort_unstable();
        unmet
    }
}
