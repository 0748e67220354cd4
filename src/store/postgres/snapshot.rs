//! One long look at a whole database, also while servers write to it: everything that is read through
//! a snapshot is as of one moment.

use std::sync::Arc;

use super::connection::{Connection, Connector, Round};
use super::read::ScanText;
use super::settings::Settings;
use super::{OpenError, cells, migrate};
use crate::crypto::integrity::RowTag;
use crate::domain::rows::{Row, RowKey, Table};
use crate::store::query::Scan;

const PAGE: i64 = 1_000;

/// Nothing ends it but its owner: a verification takes as long as it takes.
const BEGIN: &str = "SET idle_in_transaction_session_timeout = 0; \
     BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// An open look; ends when dropped.
pub struct Snapshot {
    settings: Settings,
    connection: Connection,
}

impl Snapshot {
    /// Of a database whose schema this program knows. Nothing is locked, and nothing is written.
    pub async fn open(settings: &Settings) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(settings.clone()));
        let failed = |failure| migrate::unreachable(settings, &failure);
        let mut connection = connector.connect().await.map_err(failed)?;
        migrate::check(&mut connection, settings).await?;
        connection.client().batch_execute(BEGIN).await.map_err(|error| failed(error.into()))?;
        Ok(Self { settings: settings.clone(), connection })
    }

    /// The rows of a table that come after `after`, by key; none at its end.
    pub async fn page(&mut self, table: Table, after: Option<RowKey>) -> Result<Vec<Row>, OpenError> {
        Ok(self.tagged_page(table, after).await?.into_iter().map(|(row, _)| row).collect())
    }

    /// The same, each with its tag: whoever asks judges it.
    pub async fn tagged_page(
        &mut self,
        table: Table,
        after: Option<RowKey>,
    ) -> Result<Vec<(Row, Option<RowTag>)>, OpenError> {
        let scan = ScanText::of(&Scan::All { table, after, limit: PAGE });
        let round = Round { asks: vec![scan.ask()], ..Round::default() };
        let failed = |failure| migrate::unreachable(&self.settings, &failure);
        let replies = self.connection.round(&round).await.map_err(failed)?;
        let rows = replies.iter().flat_map(|reply| &reply.rows);
        rows.map(|row| cells::read_row(table, row))
            .collect::<Result<_, _>>()
            .map_err(|corrupt| failed(corrupt.into()))
    }
}
