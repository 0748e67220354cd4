//! The binary as an operator meets it: it starts, survives, stops; and what is wrong is said in one
//! sentence, with nothing lost.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rusqlite::Connection;
use saifu::client::wallet::Wallet;
use saifu::domain::rows::Table;
use saifu::env::clock::SystemClock;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::store::sqlite::DATABASE_FILE;
use tempfile::TempDir;

use crate::support::child::{Served, complaint, run, saifu};
use crate::support::{PASSPHRASE, available, bakery};

fn serve(data: &Path) -> String {
    complaint(&run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data.display().to_string()]))
}

/// A data directory that a server has used.
fn used() -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    assert!(Served::start(dir.path()).terminate(), "SIGTERM ends it with status 0");
    dir
}

fn database(dir: &TempDir) -> Vec<u8> {
    fs::read(dir.path().join(DATABASE_FILE)).expect("the database")
}

#[test]
fn a_port_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    let dir = TempDir::new().expect("a temporary directory");
    let said =
        complaint(&run(&["serve", "--listen", &address, "--data-dir", &dir.path().display().to_string()]));
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[test]
fn a_data_directory_in_use_is_said_and_its_owner_goes_on() {
    let dir = TempDir::new().expect("a temporary directory");
    let owner = Served::start(dir.path());
    let said = serve(dir.path());
    assert!(said.contains("is in use by another saifu"), "{said}");
    assert!(owner.terminate());
}

#[test]
fn a_corrupt_database_is_said_and_left_alone() {
    let dir = used();
    let path = dir.path().join(DATABASE_FILE);
    // The log alone could still bring the pages back.
    fs::remove_file(dir.path().join("saifu.db-wal")).expect("removed");
    fs::write(&path, vec![b'x'; 8_192]).expect("written");
    let said = serve(dir.path());
    assert!(said.contains("is damaged or not a saifu database"), "{said}");
    assert_eq!(database(&dir), vec![b'x'; 8_192]);
    let verified = complaint(&run(&["verify", "--data-dir", &dir.path().display().to_string()]));
    assert!(verified.contains("is damaged"), "{verified}");
}

#[test]
fn somebody_elses_database_is_left_alone() {
    let dir = TempDir::new().expect("a temporary directory");
    let other = Connection::open(dir.path().join(DATABASE_FILE)).expect("a database");
    other.execute_batch("CREATE TABLE cats (name TEXT)").expect("a table");
    drop(other);
    let before = database(&dir);
    // Its keys would otherwise be missed first.
    let said = serve(dir.path());
    assert!(said.contains("not a saifu database"), "{said}");
    let tables: i64 = Connection::open(dir.path().join(DATABASE_FILE))
        .and_then(|db| db.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)))
        .expect("readable");
    assert_eq!((tables, before.is_empty()), (1, false));
}

#[test]
fn a_schema_from_the_future_is_refused() {
    let dir = used();
    let connection = Connection::open(dir.path().join(DATABASE_FILE)).expect("the database");
    connection
        .execute(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
             VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')",
            [],
        )
        .expect("a migration of the future");
    drop(connection);
    for said in
        [serve(dir.path()), complaint(&run(&["verify", "--data-dir", &dir.path().display().to_string()]))]
    {
        assert!(said.contains("was made by a newer saifu"), "{said}");
    }
}

#[test]
fn an_unreadable_missing_or_foreign_key_is_said_and_none_is_made_anew() {
    let keys = |dir: &TempDir| dir.path().join("keys");
    let open = used();
    fs::set_permissions(keys(&open).join("kek.key"), fs::Permissions::from_mode(0o644)).expect("changed");
    let short = used();
    fs::write(keys(&short).join("kek.key"), "abc\n").expect("written");
    let missing = used();
    fs::remove_file(keys(&missing).join("kek.key")).expect("removed");
    for dir in [&open, &short, &missing] {
        let said = serve(dir.path());
        assert!(said.contains("kek.key"), "{said}");
    }
    assert!(!keys(&missing).join("kek.key").exists());
    let none = used();
    fs::remove_dir_all(keys(&none)).expect("removed");
    serve(none.path());
    assert!(!keys(&none).join("kek.key").exists(), "a database without its keys is not given new ones");

    let foreign = used();
    let other = used();
    fs::remove_dir_all(keys(&foreign)).expect("removed");
    fs::rename(keys(&other), keys(&foreign)).expect("moved");
    let said = serve(foreign.path());
    assert!(said.contains("are not those that its database was made with"), "{said}");
}

#[test]
fn a_first_start_that_was_cut_short_before_its_keys_is_begun_again() {
    let dir = used();
    let connection = Connection::open(dir.path().join(DATABASE_FILE)).expect("the database");
    connection.pragma_update(None, "foreign_keys", false).expect("off");
    for table in ["journal", "lane", "merchant", "store", "ledger_account", "operator", "signing_key"] {
        connection.execute(&format!("DELETE FROM {table}"), []).expect("emptied");
    }
    connection
        .execute("INSERT INTO lane (lane, sequence, hash, at) VALUES (0, 0, zeroblob(32), 0)", [])
        .expect("as the migration does");
    drop(connection);
    fs::remove_dir_all(dir.path().join("keys")).expect("removed");
    fs::remove_file(dir.path().join("checkpoints")).expect("removed");
    assert!(Served::start(dir.path()).terminate());
    assert!(dir.path().join("keys/kek.key").exists());
}

#[test]
fn verify_ends_with_another_status_when_it_could_not_look_at_everything() {
    let dir = used();
    let data = dir.path().display().to_string();
    let verify = |more: &[&str]| {
        let output = run(&[&["verify", "--data-dir", &data], more].concat());
        (output.status.code(), String::from_utf8(output.stdout).expect("text"))
    };
    let (whole, said) = verify(&[]);
    assert_eq!(whole, Some(0), "{said}");
    let key = said.split("signed by the system key ").nth(1).expect("the key").trim_end();
    let key = key.lines().next().expect("a line").to_owned();
    fs::rename(dir.path().join("keys"), dir.path().join("elsewhere")).expect("moved");
    for (more, weaker) in
        [(vec![], "--system-key"), (vec!["--system-key", &key], "rows' tags were not checked")]
    {
        let (status, said) = verify(&more);
        assert_eq!(status, Some(3), "{said}");
        assert!(said.contains("weaker: ") && said.contains(weaker), "{said}");
    }
    fs::rename(dir.path().join("elsewhere"), dir.path().join("keys")).expect("back");
    fs::write(dir.path().join("keys/pepper.key"), "x").expect("damaged");
    let (status, said) = verify(&["--system-key", &key]);
    assert_eq!(status, Some(3), "{said}");
    assert!(said.contains("pepper.key is damaged"), "{said}");
    assert!(complaint(&run(&["adopt", "--data-dir", &data])).contains("pepper.key is damaged"));
    let (status, _) = verify(&["--system-key", &"0".repeat(64)]);
    assert_eq!(status, Some(1), "another server's key");
    assert!(
        complaint(&run(&["verify", "--data-dir", &data, "--system-key", "k"])).contains("64 hexadecimal")
    );
}

#[test]
fn verify_tells_a_terminal_how_far_it_is_and_nobody_else() {
    let dir = used();
    let data = dir.path().display().to_string();
    assert_eq!(run(&["verify", "--data-dir", &data]).stderr, b"", "a pipe gets nothing");
    let command = format!("{} verify --data-dir {data}", saifu().get_program().display());
    // A pseudoterminal: what is written to it comes out as it is.
    let output = Command::new("script").args(["-qec", &command, "/dev/null"]).output().expect("script runs");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{told}");
    for words in ["1 journal rows replayed", "the tables are compared", "verified: everything follows"] {
        assert!(told.contains(words), "{told:?}");
    }
}

#[test]
fn adopt_takes_a_database_from_before_signing_and_any_other_when_somebody_vouches_for_it() {
    let dir = used();
    let data = dir.path().display().to_string();
    let change = |sql: &str| {
        let connection = Connection::open(dir.path().join(DATABASE_FILE)).expect("the database");
        connection.execute_batch(sql).expect("changed");
    };
    let status = |arguments: &[&str]| run(&[arguments, &["--data-dir", &data]].concat()).status.code();
    let tables = Table::ALL.iter().filter(|table| table.is_tagged());
    let untagged =
        tables.map(|table| format!("UPDATE {} SET tag = NULL; ", table.name())).collect::<Vec<_>>().concat();
    change(&format!("{untagged} UPDATE lane SET signature = NULL"));
    assert!(serve(dir.path()).contains("saifu adopt"));
    assert_eq!(status(&["verify"]), Some(1), "nobody signed it");
    assert_eq!(status(&["adopt"]), Some(0));
    assert_eq!(status(&["verify"]), Some(0));
    assert!(Served::start(dir.path()).terminate(), "it serves again");

    for foreign in [
        // Signed in part: somebody took away the rest.
        "UPDATE store SET tag = NULL",
        "UPDATE lane SET signature = NULL",
        // The journal says nothing of where a store is: only its tag does.
        "UPDATE store SET city = 'elsewhere'",
        "UPDATE store SET name = 'Somebody'",
    ] {
        change(foreign);
        let said = complaint(&run(&["adopt", "--data-dir", &data]));
        assert!(said.contains("--accept"), "{foreign}: {said}");
        assert_eq!(status(&["adopt", "--accept"]), Some(0), "{foreign}");
    }
}

#[test]
fn a_bad_seed_file_or_filter_is_said() {
    let dir = TempDir::new().expect("a temporary directory");
    let seed = dir.path().join("seed.toml");
    fs::write(&seed, "[[merchant]]\nname = \"A\"\nlogo = \"x\"\n").expect("written");
    let data = dir.path().join("data").display().to_string();
    let seed = seed.display().to_string();
    let said = complaint(&run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data, "--seed", &seed]));
    assert!(said.contains("logo") && said.contains("seed.toml"), "{said}");
    let said = complaint(&run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data, "--log", "=="]));
    assert!(said.contains("--log"), "{said}");
}

#[test]
fn what_a_server_keeps_is_for_its_owner_alone() {
    let dir = TempDir::new().expect("a temporary directory");
    let data = dir.path().join("data");
    assert!(Served::start(&data).terminate());
    let mode = fs::metadata(&data).expect("made").permissions().mode() & 0o777;
    assert_eq!(mode, 0o700);
}

/// On a disk of 4 MiB: payments until it is full, then room is made, and they go on.
#[tokio::test]
async fn a_full_disk_refuses_payments_keeps_reads_and_loses_nothing() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" && \
                  exec \"$2\" serve --listen 127.0.0.1:0 --data-dir \"$1/data\"";
    command.args(["-rm", "sh", "-c", script, "sh"]);
    command.arg(dir.path()).arg(saifu().get_program());
    let served = Served::spawn(command);
    let disk = format!("/proc/{}/root{}", served.id(), dir.path().display());
    let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, Arc::new(SystemClock));
    wallet.enrol("alice@example.jp", PASSPHRASE).await.expect("enrolment");
    let funding_id = wallet.link_funding("sandbox-visa", "card").await.expect("link").funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: 5_000, currency: "JPY".into() };
    wallet.top_up(request, None, None).await.expect("top-up");
    let ballast = format!("{disk}/ballast");
    let full = fs::write(&ballast, vec![1; 8 << 20]).expect_err("the disk is small");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    let request = bakery(&wallet, 10).await;
    let mut paid = 0;
    let refused = loop {
        // Room that the log had already taken may still be used up.
        match wallet.pay(request.clone(), None, Some([paid; 16])).await {
            Ok(_) => paid += 1,
            Err(refused) => break refused,
        }
        assert!(paid < 5, "a code is needed after five: the disk was not full");
    };
    assert_eq!(refused.reason(), Some(pb::Reason::Unavailable), "{refused}");
    assert_eq!(available(&wallet).await, 5_000 - i64::from(paid) * 10, "reads go on, nothing is half done");
    fs::remove_file(&ballast).expect("room is made");
    wallet.pay(request, None, Some([paid; 16])).await.expect("the same request id, now done");
    assert_eq!(available(&wallet).await, 5_000 - i64::from(paid + 1) * 10);
    served.kill();
}
