//! Checkpoints: the server's signature over the heads of all lanes, written outside the database.
//! So a journal whose tail was cut off, with everything that followed from it, is still found out.
//!
//! One line a checkpoint: `time lane:sequence:hash … root signature`, hexadecimal, appended and
//! synced. The root is the Merkle root over the heads.

mod line;
mod places;
pub mod revoked;

use std::io;

use self::line::lack;
pub use self::line::{Checkpoint, LaneHead};
use self::places::append;
pub use self::places::{CHECKPOINT_FILE, Place, Places, REVOKED_FILE, read};
use crate::domain::rows::{Lane, Table};
use crate::gate::Gate;
use crate::store::heads::is_signed_by;
use crate::store::query::{Query, Scan};

/// Signs and appends a checkpoint, when the lanes have moved since the last one, and before it the keys that
/// were revoked since then.
pub async fn run(gate: &Gate, places: &Places) {
    for place in places.each() {
        if let Err(error) = write(gate, place).await {
            let path = place.checkpoints();
            tracing::error!(%error, path = %path.display(), "a checkpoint was not written");
        }
    }
}

/// The lanes as they are, each as a server left it.
async fn heads(gate: &Gate) -> io::Result<Vec<LaneHead>> {
    let public = gate.tools().keys.system.public();
    let scan = Scan::All { table: Table::Lane, after: None, limit: i64::MAX };
    let fetched = gate.fetch(Query::scan(scan)).await;
    let fetched = fetched.map_err(|_failed| io::Error::other("the lanes could not be read"))?;
    fetched.scanned::<Lane>().map(|lane| left_by_a_server(lane, &public)).collect()
}

/// Several processes may keep theirs in one place: whoever has its lock reads the lanes only then, so no
/// checkpoint follows one that is newer.
async fn write(gate: &Gate, place: &Place) -> io::Result<()> {
    let Some(_lock) = place.lock()? else { return Ok(()) };
    let mut heads = heads(gate).await?;
    if lost(&mut heads, gate.hub().answered()) {
        tracing::error!(
            "the database lost rows that this server had answered, as a failover may: the checkpoint says \
             so, and no server starts on it before an operator takes it as it is, `saifu restore --accept`"
        );
    }
    let earlier = read(&place.checkpoints())?;
    let last = earlier.last();
    if last.is_some_and(|last| last.heads == heads) {
        return Ok(());
    }
    let is_given_up = |last: &Checkpoint| gate.restored_at().is_some_and(|at| last.at_us <= at.0);
    if last.is_some_and(|last| last.is_ahead_of(&heads) && !is_given_up(last)) {
        return Err(io::Error::other("the journal ends before the last checkpoint: run `saifu verify`"));
    }
    let system = &gate.tools().keys.system;
    let path = place.revoked();
    // From the beginning where there is no such file yet, or where the lanes went back.
    let behind = last.filter(|last| path.exists() && !is_given_up(last)).map_or(&[][..], |last| &last.heads);
    let revoked = revoked::between(gate, behind, &heads).await;
    let revoked = revoked.map_err(|_failed| io::Error::other("the keys that were revoked were not read"))?;
    revoked::write(&path, &revoked, system)?;
    let now_us = gate.tools().clock.now_us();
    append(&place.checkpoints(), &Checkpoint::sign(now_us, heads, system).line())
}

/// What this process answered is vouched for, also where the database does not have it any more. Whether that
/// is so of any lane.
fn lost(heads: &mut Vec<LaneHead>, answered: Vec<LaneHead>) -> bool {
    let lost: Vec<_> = answered.into_iter().filter(|head| lack(heads, head)).collect();
    heads.retain(|(lane, ..)| !lost.iter().any(|(other, ..)| other == lane));
    heads.extend(&lost);
    heads.sort_unstable();
    !lost.is_empty()
}

/// A checkpoint vouches for a head, so it takes only those that a server's signature vouches for.
fn left_by_a_server(lane: &Lane, public: &[u8; 32]) -> io::Result<LaneHead> {
    if is_signed_by(lane, public) {
        return Ok((lane.lane, lane.sequence, lane.hash));
    }
    Err(io::Error::other(format!(
        "the head of lane {} is not signed by this server: the database was changed by something else; \
         run `saifu verify`",
        lane.lane
    )))
}
