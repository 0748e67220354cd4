//! One checkpoint: what it says, its signature, and its line in the file.

use crate::crypto::hash::sha256;
use crate::crypto::system_key::{SystemKey, verify_system};
use crate::domain::id::{hex, unhex};

/// A lane's number, the sequence number of its last row, and that row's hash.
pub type LaneHead = (i64, i64, [u8; 32]);

/// A signed statement that the lanes had got so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Microseconds since the epoch.
    pub at_us: i64,
    /// Lane, sequence, hash.
    pub heads: Vec<LaneHead>,
    /// Ed25519 over time and root.
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Says it with the server's key.
    pub fn sign(at_us: i64, heads: Vec<LaneHead>, key: &SystemKey) -> Self {
        let signature = key.sign(&statement(at_us, &heads));
        Self { at_us, heads, signature }
    }

    /// Whether the server signed it.
    pub fn is_signed_by(&self, public: &[u8; 32]) -> bool {
        verify_system(public, &statement(self.at_us, &self.heads), &self.signature)
    }

    /// What it was signed over.
    pub fn root(&self) -> [u8; 32] {
        merkle_root(&self.heads)
    }

    /// Whether a lane has fewer rows than it had by then, or another one in their place.
    pub fn is_ahead_of(&self, heads: &[LaneHead]) -> bool {
        self.heads.iter().any(|head| lack(heads, head))
    }

    /// Its line, as the file has it.
    pub fn line(&self) -> String {
        let heads: Vec<String> = self
            .heads
            .iter()
            .map(|(lane, sequence, hash)| format!("{lane}:{sequence}:{}", hex(hash)))
            .collect();
        format!(
            "{} {} {} {}\n",
            self.at_us,
            heads.join(","),
            hex(&merkle_root(&self.heads)),
            hex(&self.signature)
        )
    }

    /// Reads a line; nothing when it is not a checkpoint.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let at_us = words.next()?.parse().ok()?;
        let heads = words.next()?.split(',').map(parse_head).collect::<Option<Vec<_>>>()?;
        let root = unhex::<32>(words.next()?)?;
        let signature = unhex::<64>(words.next()?)?;
        (words.next().is_none() && root == merkle_root(&heads)).then_some(Self { at_us, heads, signature })
    }
}

/// Whether a lane has not got as far as this, or has another row there.
pub(super) fn lack(heads: &[LaneHead], (lane, sequence, hash): &LaneHead) -> bool {
    let head = heads.iter().find(|(other, ..)| other == lane);
    head.is_none_or(|(_, reached, last)| reached < sequence || (reached == sequence && last != hash))
}

fn parse_head(text: &str) -> Option<LaneHead> {
    let mut parts = text.split(':');
    let head = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, unhex::<32>(parts.next()?)?);
    parts.next().is_none().then_some(head)
}

fn statement(at_us: i64, heads: &[LaneHead]) -> Vec<u8> {
    [b"saifu checkpoint v1".as_slice(), &at_us.to_be_bytes(), &merkle_root(heads)].concat()
}

/// RFC 9162, section 2.1.1: leaves and nodes are hashed apart.
fn merkle_root(heads: &[LaneHead]) -> [u8; 32] {
    match heads {
        [] => sha256(&[]),
        [(lane, sequence, hash)] => sha256(&[&[0], &lane.to_be_bytes(), &sequence.to_be_bytes(), hash]),
        _ => {
            let split = heads.len().next_power_of_two() / 2;
            let (left, right) = heads.split_at(split);
            sha256(&[&[1], &merkle_root(left), &merkle_root(right)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_reads_back_and_any_altered_figure_is_found() {
        let key = SystemKey::from_seed(&[7; 32]);
        let heads = vec![(0, 12, [1; 32]), (1, 3, [2; 32]), (2, 9, [3; 32])];
        let checkpoint = Checkpoint::sign(1_000, heads, &key);
        let read = Checkpoint::parse(checkpoint.line().trim_end());
        assert_eq!(read.as_ref(), Some(&checkpoint));
        assert!(checkpoint.is_signed_by(&key.public()));
        let forged = Checkpoint { heads: vec![(0, 11, [1; 32])], ..checkpoint.clone() };
        assert!(!forged.is_signed_by(&key.public()));
        assert!(Checkpoint::parse(&checkpoint.line().replace("0:12", "0:13")).is_none());
    }

    #[test]
    fn no_checkpoint_follows_one_that_the_lanes_do_not_reach() {
        let last =
            Checkpoint::sign(1_000, vec![(0, 12, [1; 32]), (1, 3, [2; 32])], &SystemKey::from_seed(&[7; 32]));
        for (heads, is_ahead) in [
            (vec![(0, 12, [1; 32]), (1, 3, [2; 32])], false),
            (vec![(0, 13, [5; 32]), (1, 3, [2; 32]), (2, 1, [6; 32])], false),
            (vec![(0, 11, [1; 32]), (1, 3, [2; 32])], true),
            (vec![(0, 12, [9; 32]), (1, 3, [2; 32])], true),
            (vec![(0, 12, [1; 32])], true),
            (vec![], true),
        ] {
            assert_eq!(last.is_ahead_of(&heads), is_ahead, "{heads:?}");
        }
    }
}
