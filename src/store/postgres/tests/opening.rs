//! What is opened and what is refused: schemas, hosts, certificates; and migrations that start at once.

use std::sync::Arc;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::rig::Cluster;
use super::services::{PostgresServer, Wanted, free_port};
use crate::domain::tests::fixture::{Ledger, NOW};
use crate::env::clock::ManualClock;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::settings::Settings;
use crate::store::postgres::snapshot::Snapshot;
use crate::store::postgres::{OpenError, Options, Remote, migrate};
use crate::store::tests::rig::integrity;

#[tokio::test]
async fn a_database_is_ours_and_of_this_schema_or_refused() {
    let cluster = Cluster::start(Wanted::default()).await;
    migrations_that_start_at_once_all_end_well(&cluster).await;
    a_foreign_database_is_left_alone(&cluster).await;
    a_schema_that_is_missing_older_or_newer_is_refused(&cluster).await;
    the_first_host_that_can_be_written_is_taken(&cluster).await;
}

async fn refusal(settings: Settings) -> String {
    let clock = Arc::new(ManualClock::new(NOW.0));
    let policy = Arc::new(Ledger::parse("alice 1 jpy | bakery").policy.clone());
    match Remote::open(settings, Options::new(policy, clock, integrity(), [1; 16])).await {
        Ok(_) => panic!("it opened"),
        Err(error) => error.to_string(),
    }
}

async fn migrations_that_start_at_once_all_end_well(cluster: &Cluster) {
    let database = cluster.empty().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let settings = cluster.settings(&database);
        tasks.spawn(async move { migrate(&settings).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("no task panics").expect("each finds it done or does it");
    }
    let mut session = cluster.session(&database).await;
    let text = "SELECT (SELECT count(*) FROM refinery_schema_history WHERE version = 1), count(*) FROM lane";
    let row = session.client().query_one(text, &[]).await.expect("it counts");
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1, 1), "it ran once");
    migrate(&cluster.settings(&database)).await.expect("there is nothing left to do");
    cluster.open(&database, &Ledger::parse("alice 1 jpy | bakery"), 1).await.close().await;
}

async fn a_foreign_database_is_left_alone(cluster: &Cluster) {
    let database = cluster.empty().await;
    cluster.sql(&database, "CREATE TABLE somebody (elses BIGINT)").await;
    let error = migrate(&cluster.settings(&database)).await.expect_err("it is not ours");
    assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    let mut session = cluster.session(&database).await;
    let tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'";
    let count: i64 = session.client().query_one(tables, &[]).await.expect("it counts").get(0);
    assert_eq!(count, 1, "nothing was added");
    assert!(refusal(cluster.settings(&database)).await.contains("tables of something else"));
}

async fn a_schema_that_is_missing_older_or_newer_is_refused(cluster: &Cluster) {
    let database = cluster.empty().await;
    let settings = || cluster.settings(&database);
    assert!(refusal(settings()).await.contains("no tables yet; make them with saifu migrate"));
    migrate(&settings()).await.expect("the migrations run");
    cluster.sql(&database, "CREATE TABLE kept AS SELECT * FROM refinery_schema_history").await;
    cluster.sql(&database, "DELETE FROM refinery_schema_history").await;
    assert!(refusal(settings()).await.contains("older than this saifu"));
    cluster.sql(&database, "INSERT INTO refinery_schema_history SELECT * FROM kept").await;
    let newer = "INSERT INTO refinery_schema_history SELECT 999, name, applied_on, checksum FROM kept \
                 WHERE version = 1";
    cluster.sql(&database, newer).await;
    assert!(refusal(settings()).await.contains("made by a newer saifu"));
    let error = migrate(&settings()).await.expect_err("it is from the future");
    assert!(matches!(error, OpenError::FutureSchema(_)), "{error}");
    assert!(Snapshot::open(&settings()).await.is_err());
}

async fn the_first_host_that_can_be_written_is_taken(cluster: &Cluster) {
    let database = cluster.database().await;
    let alive = cluster.server.port();
    let url = cluster.server.url(&database);
    let several = |dead: u16| url.replace(&format!(":{alive}/"), &format!(":{dead},127.0.0.1:{alive}/"));
    let settings = Settings::parse(&several(free_port()), None).expect("two hosts");
    let remote = Remote::open(settings, options()).await.expect("the second host answers");
    remote.close().await;
    // A server that may only be read is passed over as well.
    cluster
        .sql("postgres", &format!("ALTER DATABASE {database} SET default_transaction_read_only = on"))
        .await;
    let said = refusal(cluster.settings(&database)).await;
    assert!(said.contains("cannot be used"), "{said}");
}

fn options() -> Options {
    let policy = Arc::new(Ledger::parse("alice 1 jpy | bakery").policy.clone());
    Options::new(policy, Arc::new(ManualClock::new(NOW.0)), integrity(), [1; 16])
}

/// An authority, and a certificate that it signed for one name.
struct Signed {
    authority: String,
    chain: String,
    key: String,
}

fn signed(name: &str) -> Signed {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
    let authority = authority.expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let chain = params.signed_by(&key, &authority).expect("a certificate").pem();
    Signed { authority: authority.pem(), chain, key: key.serialize_pem() }
}

#[tokio::test]
async fn only_the_right_certificate_by_the_right_authority_is_talked_to() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let (ours, others) = (signed("localhost"), signed("localhost"));
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    };
    let (ca, other_ca) = (file("ca.pem", &ours.authority), file("other.pem", &others.authority));
    let wanted = Wanted { tls: Some((&ours.chain, &ours.key)), ..Wanted::default() };
    let server = PostgresServer::start(wanted);
    let reach = async |host: &str, ca: Option<&std::path::Path>| {
        let settings = Settings::parse(&server.verified_url(host, "postgres"), ca).expect("an address");
        Connection::open(&settings).await.map(drop).map_err(|failure| failure.to_string())
    };
    assert_eq!(reach("localhost", Some(&ca)).await, Ok(()));
    let wrong_name = reach("127.0.0.1", Some(&ca)).await.expect_err("another name");
    assert!(wrong_name.contains("not valid for name"), "{wrong_name}");
    for authority in [Some(other_ca.as_path()), None] {
        let unknown = reach("localhost", authority).await.expect_err("an authority nobody knows");
        assert!(unknown.contains("UnknownIssuer") || unknown.contains("BadSignature"), "{unknown}");
    }
    // The server takes encrypted sessions only, so this proves that the first one was.
    let plain = Settings::parse(&server.url("postgres"), None).expect("an address");
    assert!(Connection::open(&plain).await.is_err());
}
