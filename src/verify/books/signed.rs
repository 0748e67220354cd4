//! What a server signs with keys that are not in the database: a tag in each row, and each lane's head.

use super::{Replay, Report};
use crate::crypto::integrity::{Integrity, RowTag};
use crate::domain::rows::{Lane, Row};
use crate::store::heads::is_signed_by;
use crate::store::tagged::is_tag_of;

/// Of rows and heads as servers left them before they signed; or as somebody else did.
pub const UNSIGNED: &str =
    "they carry no tag or signature: they are from before servers signed, or somebody else put them there";

/// Whether a server wrote a row. One without a tag is counted; without keys no other is judged.
pub(super) fn row(
    row: &Row,
    tag: Option<RowTag>,
    integrity: Option<&Integrity>,
    report: &mut Report,
) -> Result<(), &'static str> {
    match tag {
        _ if !row.table().is_tagged() => {}
        None => report.unsigned += 1,
        Some(_) => report.signed += 1,
    }
    if tag.is_none() || integrity.is_none() || is_tag_of(row, tag, integrity) {
        Ok(())
    } else {
        Err("no server wrote it so: its tag is wrong")
    }
}

/// Whether a server left a lane so. A head without a signature is counted; before its first row there is
/// nothing to sign.
pub(super) fn head(row: &Lane, replay: &Replay, report: &mut Report) -> Result<(), &'static str> {
    if (row.sequence, row.hash) != replay.head(row.lane) {
        return Err("it is not at the journal's last row");
    }
    match row.signature {
        None if row.sequence == 0 => return Ok(()),
        None => report.unsigned += 1,
        Some(_) => report.signed += 1,
    }
    if row.signature.is_none() || replay.system_key().is_some_and(|key| is_signed_by(row, &key)) {
        Ok(())
    } else {
        Err("the server did not sign it: the lane's last rows are somebody else's")
    }
}

/// All that carry none are one problem: a database from before would hide any other behind them.
pub(super) fn told(report: &mut Report) {
    if report.unsigned > 0 {
        report.problem(format!("{} rows", report.unsigned), UNSIGNED);
    }
}
