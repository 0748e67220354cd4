//! A database is taken as it is: its lanes' heads are signed and its rows tagged, with the server's keys.
//!
//! For one from before there were signatures and tags, and for one that was mended by hand. Whoever does it
//! vouches for the rows; a server never does it by itself.

use super::AdoptError;
use super::backend::{Backend, Change, Net};
use super::heads::signed;
use crate::crypto::integrity::Integrity;
use crate::domain::rows::{Row, RowKey, Table};

/// Reads the rows of a table that come after a key, whoever wrote them; none at its end.
pub(super) trait Pages {
    fn page(
        &mut self,
        table: Table,
        after: Option<RowKey>,
    ) -> impl Future<Output = Result<Vec<Row>, AdoptError>>;
}

/// Writes every row that carries a tag or a signature anew, in the transaction that `backend` is in: all of
/// them or none. How many there were.
pub(super) async fn adopt(
    backend: &mut impl Backend,
    pages: &mut impl Pages,
    integrity: &Integrity,
) -> Result<u64, AdoptError> {
    let mut rows = 0;
    for table in Table::ALL.iter().filter(|table| table.is_tagged() || **table == Table::Lane) {
        let mut after = None;
        loop {
            let page = pages.page(*table, after.take()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            rows += page.len() as u64;
            let changes = page.into_iter().map(|row| Change::Update(made(row, integrity))).collect();
            backend.apply(&Net { changes, credits: Vec::new() }).await?;
        }
    }
    backend.commit().await?;
    Ok(rows)
}

/// Tags are made as rows are written; a head is signed before.
#[expect(clippy::wildcard_enum_match_arm, reason = "a head is the one row that is signed")]
fn made(row: Row, integrity: &Integrity) -> Row {
    match row {
        Row::Lane(head) if head.sequence > 0 => Row::Lane(Box::new(signed(&head, integrity))),
        row => row,
    }
}
