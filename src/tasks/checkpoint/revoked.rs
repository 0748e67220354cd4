//! Keys that were revoked, kept beside the checkpoints: whoever is put back with an older database stays
//! without power.
//!
//! One line a key: `key id signature`, hexadecimal.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::line::LaneHead;
use super::places::{append, lines};
use crate::crypto::system_key::{SystemKey, verify_system};
use crate::domain::id::{KeyId, hex, unhex};
use crate::domain::journal::Versions;
use crate::domain::rows::{Journal, KeyState, RowKey, SigningKey};
use crate::gate::Gate;
use crate::store::StoreError;
use crate::store::query::{Query, Scan};

const PAGE: i64 = 1_000;

fn statement(key_id: KeyId) -> Vec<u8> {
    [b"saifu revoked key v1".as_slice(), &key_id.0].concat()
}

/// The keys of a file, each with this server's signature; none where the file is absent.
pub fn read(path: &Path, public: &[u8; 32]) -> io::Result<HashSet<KeyId>> {
    let revoked = |line: &str| {
        let (key_id, signature) = line.split_once(' ')?;
        let (key_id, signature) = (KeyId(unhex(key_id)?), unhex::<64>(signature)?);
        verify_system(public, &statement(key_id), &signature).then_some(key_id)
    };
    let not_one = || io::Error::other("a line is not a revoked key that this server signed");
    lines(path)?.lines().map(|line| revoked(line).ok_or_else(not_one)).collect()
}

/// Appends keys, each with the server's signature.
pub(super) fn write(path: &Path, keys: &[KeyId], system: &SystemKey) -> io::Result<()> {
    let line = |key_id: &KeyId| format!("{} {}\n", hex(&key_id.0), hex(&system.sign(&statement(*key_id))));
    let lines: String = keys.iter().map(line).collect::<Vec<_>>().concat();
    append(path, &lines)
}

/// The keys that were revoked in the rows behind these heads, up to those.
pub(super) async fn between(
    gate: &Gate,
    behind: &[LaneHead],
    up_to: &[LaneHead],
) -> Result<Vec<KeyId>, StoreError> {
    let mut revoked = Vec::new();
    for (lane, until, _) in up_to {
        let mut after = behind.iter().find(|(other, ..)| other == lane).map_or(0, |(_, reached, _)| *reached);
        while after < *until {
            let scan = Scan::RevokingRows { lane: *lane, after, until: *until, limit: PAGE };
            let fetched = gate.fetch(Query::scan(scan)).await?;
            let rows: Vec<_> = fetched.scanned::<Journal>().collect();
            let Some(last) = rows.last() else { break };
            after = last.sequence;
            let touched = rows.iter().filter_map(|row| Versions::decode(&row.versions).ok());
            let keys: Vec<_> =
                touched.flat_map(|versions| versions.keys).map(|(id, _)| RowKey::SigningKey(id)).collect();
            let fetched = gate.fetch(Query { rows: keys, ..Query::default() }).await?;
            let keys = fetched.rows.iter().filter_map(<SigningKey as crate::domain::record::Record>::of);
            revoked.extend(keys.filter(|key| key.state == KeyState::Revoked).map(|key| key.key_id));
        }
    }
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revoked_key_reads_back_and_one_that_the_server_did_not_sign_is_an_error() {
        let directory = tempfile::TempDir::new().expect("a temporary directory");
        let path = directory.path().join(super::super::REVOKED_FILE);
        let system = SystemKey::from_seed(&[7; 32]);
        assert_eq!(read(&path, &system.public()).expect("nothing yet"), HashSet::new());
        write(&path, &[KeyId([1; 32])], &system).expect("written");
        write(&path, &[KeyId([2; 32]), KeyId([3; 32])], &system).expect("written");
        let expected = HashSet::from([KeyId([1; 32]), KeyId([2; 32]), KeyId([3; 32])]);
        assert_eq!(read(&path, &system.public()).expect("they read back"), expected);
        std::fs::write(&path, &std::fs::read(&path).expect("its bytes")[..200]).expect("cut off");
        write(&path, &[KeyId([4; 32])], &system).expect("written");
        let expected = HashSet::from([KeyId([1; 32]), KeyId([4; 32])]);
        assert_eq!(read(&path, &system.public()).expect("an unfinished line is none"), expected);
        assert!(read(&path, &SystemKey::from_seed(&[8; 32]).public()).is_err());
    }
}
