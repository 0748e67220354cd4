//! A database is taken as it is: its lanes' heads are signed and its rows tagged, with the server's keys.
//!
//! For one from before there were signatures and tags, and for one that was mended by hand. Whoever does it
//! vouches for the rows; a server never does it by itself.

use super::StoreError;
use super::backend::{Backend, BackendError, Change, Net};
use super::heads::signed;
use crate::crypto::integrity::Integrity;
use crate::domain::rows::{Row, RowKey, Table};

/// Reads the rows of a table that come after a key, whoever wrote them; none at its end.
pub(super) trait Pages {
    fn page(
        &mut self,
        table: Table,
        after: Option<RowKey>,
    ) -> impl Future<Output = Result<Vec<Row>, StoreError>>;
}

/// Writes every row that carries a tag or a signature anew, a page a transaction. How many there were.
pub(super) async fn adopt(
    backend: &mut impl Backend,
    pages: &mut impl Pages,
    integrity: &Integrity,
) -> Result<u64, StoreError> {
    let mut rows = 0;
    for table in Table::ALL.iter().filter(|table| table.is_tagged() || **table == Table::Lane) {
        let mut after = None;
        loop {
            let page = pages.page(*table, after.take()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            rows += page.len() as u64;
            let changes = page.into_iter().map(|row| Change::Update(made(row, integrity))).collect();
            write(backend, changes).await.map_err(|_error| StoreError::Unavailable)?;
        }
    }
    backend.release().await;
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

async fn write(backend: &mut impl Backend, changes: Vec<Change>) -> Result<(), BackendError> {
    let place = backend.begin().await?;
    // A transaction begins with its first read, and tagged rows cannot be read yet.
    backend.load(&[RowKey::Lane(place.lane)]).await?;
    backend.apply(&Net { changes, credits: Vec::new() }).await?;
    backend.commit().await
}
