//! One look at a whole database as of one moment, whichever store it is.

use std::path::Path;

use tokio::runtime::{Builder, Runtime};

use super::VerifyError;
use crate::crypto::integrity::RowTag;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::postgres::settings::Settings;
use crate::store::{postgres, sqlite};

/// An open look. Nothing is locked, and nothing is written.
pub(super) enum Look {
    /// At a data directory.
    Embedded(sqlite::snapshot::Snapshot),
    /// At a PostgreSQL database.
    Remote(Runtime, Box<postgres::snapshot::Snapshot>),
}

impl Look {
    /// At a data directory.
    pub(super) fn directory(data_dir: &Path) -> Result<Self, VerifyError> {
        Ok(Self::Embedded(sqlite::snapshot::Snapshot::open(data_dir)?))
    }

    /// At a PostgreSQL database; on a thread that may block.
    pub(super) fn database(settings: &Settings) -> Result<Self, VerifyError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_no_runtime| VerifyError::BrokeOff)?;
        let snapshot = runtime.block_on(postgres::snapshot::Snapshot::open(settings))?;
        Ok(Self::Remote(runtime, Box::new(snapshot)))
    }

    /// Whether the database itself finds its structure damaged.
    pub(super) fn is_damaged(&self) -> Result<bool, VerifyError> {
        match self {
            Self::Embedded(snapshot) => Ok(snapshot.structure()?.is_some()),
            Self::Remote(..) => Ok(false),
        }
    }

    /// The rows of a table that come after `after`, by key; none at its end.
    pub(super) fn page(&mut self, table: Table, after: Option<RowKey>) -> Result<Vec<Row>, VerifyError> {
        Ok(self.tagged_page(table, after)?.into_iter().map(|(row, _)| row).collect())
    }

    fn tagged_page(
        &mut self,
        table: Table,
        after: Option<RowKey>,
    ) -> Result<Vec<(Row, Option<RowTag>)>, VerifyError> {
        match self {
            Self::Embedded(snapshot) => Ok(snapshot.tagged_page(table, after)?),
            Self::Remote(runtime, snapshot) => Ok(runtime.block_on(snapshot.tagged_page(table, after))?),
        }
    }

    /// Every row of a table and its tag, by key.
    pub(super) fn each(
        &mut self,
        table: Table,
        mut told: impl FnMut(&Row, Option<RowTag>),
    ) -> Result<(), VerifyError> {
        let mut after = None;
        loop {
            let rows = self.tagged_page(table, after.take())?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = Some(last.key());
            for (row, tag) in &rows {
                told(row, *tag);
            }
        }
    }
}
