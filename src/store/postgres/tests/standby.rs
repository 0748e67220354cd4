//! What is acknowledged is on a standby as well, where that is promised.

use std::time::Duration;

use super::rig::{Cluster, until};
use super::services::Wanted;
use crate::store::postgres::connection::{Ask, Connection, Round};
use crate::store::postgres::failure::Failure;
use crate::store::postgres::settings::Settings;

const NAME: &str = "second";
const CONNECTED: &str = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'";

fn promised(cluster: &Cluster, database: &str) -> Settings {
    Settings { is_replicated: true, ..cluster.settings(database) }
}

/// A row in a transaction of its own.
async fn kept(settings: &Settings, row: i64) -> Result<(), Failure> {
    let mut connection = Connection::open(settings).await?;
    let text = format!("INSERT INTO kept VALUES ({row})");
    let asks = vec![Ask { text: &text, parameters: Vec::new() }];
    connection.round(&Round { before: Some("BEGIN"), asks, after: None }).await?;
    connection.round(&Round { after: Some("COMMIT"), ..Round::default() }).await.map(drop)
}

#[tokio::test]
async fn what_no_standby_has_is_not_acknowledged_where_one_is_promised() {
    // Whatever the server's own configuration says, our sessions wait for its disk, and for its standby.
    for lax in ["synchronous_commit=off", "synchronous_commit=local"] {
        let cluster = Cluster::start(Wanted { settings: &[lax], ..Wanted::default() }).await;
        let database = cluster.database().await;
        let without = Connection::open(&promised(&cluster, &database)).await.map(drop);
        let said = without.expect_err("nobody is waited for").to_string();
        assert!(said.contains("synchronous_standby_names") && !said.contains('\n'), "{said}");
        cluster.sql(&database, "CREATE TABLE kept (row BIGINT)").await;

        cluster.sql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{NAME}'")).await;
        cluster.sql("postgres", "SELECT pg_reload_conf()").await;
        until(&cluster, "it is read", "SELECT current_setting('synchronous_standby_names') <> ''").await;
        let hurried = Settings {
            statement_timeout: Duration::from_millis(300),
            lock_timeout: Duration::from_millis(200),
            ..promised(&cluster, &database)
        };
        // Longer than a statement may take, which PostgreSQL does not count a commit's waiting to.
        let silent = kept(&hurried, 1).await.expect_err("no standby has it");
        assert!(matches!(silent, Failure::Silent), "{silent}");

        let standby = cluster.server.standby(NAME);
        until(&cluster, "it follows", CONNECTED).await;
        kept(&promised(&cluster, &database), 2).await.expect("a standby has it");
        drop(standby);
        until(&cluster, "it is gone", "SELECT count(*) = 0 FROM pg_stat_replication").await;
        let silent = kept(&hurried, 3).await.expect_err("none has it any more");
        assert!(matches!(silent, Failure::Silent), "{silent}");
    }
}
