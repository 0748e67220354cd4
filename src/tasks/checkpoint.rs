//! Checkpoints: the server's signature over the heads of all lanes, written outside the database.
//! So a journal whose tail was cut off, with everything that followed from it, is still found out.
//!
//! One line a checkpoint: `time lane:sequence:hash … root signature`, hexadecimal, appended and
//! synced. The root is the Merkle root over the heads.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::crypto::hash::sha256;
use crate::crypto::system_key::{SystemKey, verify_system};
use crate::domain::id::{hex, unhex};
use crate::domain::rows::{Lane, Table};
use crate::gate::Gate;
use crate::store::heads::is_signed_by;
use crate::store::query::{Query, Scan};

/// The file in the data directory.
pub const CHECKPOINT_FILE: &str = "checkpoints";

/// A signed statement that the lanes had got so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Microseconds since the epoch.
    pub at_us: i64,
    /// Lane, sequence, hash.
    pub heads: Vec<(i64, i64, [u8; 32])>,
    /// Ed25519 over time and root.
    pub signature: [u8; 64],
}

impl Checkpoint {
    fn sign(at_us: i64, heads: Vec<(i64, i64, [u8; 32])>, key: &SystemKey) -> Self {
        let signature = key.sign(&statement(at_us, &heads));
        Self { at_us, heads, signature }
    }

    /// Whether the server signed it.
    pub fn is_signed_by(&self, public: &[u8; 32]) -> bool {
        verify_system(public, &statement(self.at_us, &self.heads), &self.signature)
    }

    /// Whether a lane has fewer rows than it had by then, or another one in their place.
    fn is_ahead_of(&self, heads: &[(i64, i64, [u8; 32])]) -> bool {
        self.heads.iter().any(|(lane, sequence, hash)| {
            let now = heads.iter().find(|(other, ..)| other == lane);
            now.is_none_or(|(_, reached, last)| reached < sequence || (reached == sequence && last != hash))
        })
    }

    fn line(&self) -> String {
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

fn parse_head(text: &str) -> Option<(i64, i64, [u8; 32])> {
    let mut parts = text.split(':');
    let head = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, unhex::<32>(parts.next()?)?);
    parts.next().is_none().then_some(head)
}

fn statement(at_us: i64, heads: &[(i64, i64, [u8; 32])]) -> Vec<u8> {
    [b"saifu checkpoint v1".as_slice(), &at_us.to_be_bytes(), &merkle_root(heads)].concat()
}

/// RFC 9162, section 2.1.1: leaves and nodes are hashed apart.
fn merkle_root(heads: &[(i64, i64, [u8; 32])]) -> [u8; 32] {
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

/// All checkpoints of a file, oldest first; an unfinished last line is left out, any other line
/// that is not a checkpoint is an error.
pub fn read(path: &Path) -> io::Result<Vec<Checkpoint>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole
        .lines()
        .map(|line| Checkpoint::parse(line).ok_or_else(|| io::Error::other("a line is not a checkpoint")))
        .collect()
}

/// Signs and appends a checkpoint, when the lanes have moved since the last one.
pub async fn run(gate: &Gate, path: &Path) {
    let query = Query::scan(Scan::All { table: Table::Lane, after: None, limit: i64::MAX });
    let Ok(fetched) = gate.fetch(query).await else { return };
    let tools = gate.tools();
    let public = tools.keys.system.public();
    let heads = fetched.scanned::<Lane>().map(|lane| left_by_a_server(lane, &public));
    let written = heads.collect::<io::Result<Vec<_>>>().and_then(|heads| {
        let earlier = read(path)?;
        match earlier.last() {
            Some(last) if last.heads == heads => Ok(()),
            Some(last) if last.is_ahead_of(&heads) => {
                Err(io::Error::other("the journal ends before the last checkpoint: run `saifu verify`"))
            }
            Some(_) | None => {
                append(path, &Checkpoint::sign(tools.clock.now_us(), heads, &tools.keys.system))
            }
        }
    });
    if let Err(error) = written {
        tracing::error!(%error, "a checkpoint was not written");
    }
}

/// A checkpoint vouches for a head, so it takes only those that a server's signature vouches for.
fn left_by_a_server(lane: &Lane, public: &[u8; 32]) -> io::Result<(i64, i64, [u8; 32])> {
    if is_signed_by(lane, public) {
        return Ok((lane.lane, lane.sequence, lane.hash));
    }
    Err(io::Error::other(format!(
        "the head of lane {} is not signed by this server: the database was changed by something else; \
         run `saifu verify`",
        lane.lane
    )))
}

/// A line that a crash left unfinished is cut off first.
fn append(path: &Path, checkpoint: &Checkpoint) -> io::Result<()> {
    let mut file = File::options().create(true).read(true).append(true).open(path)?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        file.set_len(whole as u64)?;
    }
    file.write_all(checkpoint.line().as_bytes())?;
    file.sync_all()
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
