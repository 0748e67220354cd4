//! What identifies a person, and what is secret, stays in sealed documents: not in the database's
//! plaintext, not in the journal, not in logs at their most talkative.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use saifu::client::wallet::Wallet;
use saifu::env::clock::SystemClock;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;

use crate::support::child::{Served, saifu};
use crate::support::{available, bakery, code_in};

const EMAIL: &str = "canary-person@example.jp";
const PASSPHRASE: &str = "nine canaries in a coal mine";
const TOKEN: &str = "sandbox-canary-token";
const LABEL: &str = "canary card";

/// Everything in a folder but what holds secrets by its purpose: keys, and the sandbox's messages.
fn contents(folder: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "keys" && name != "messages" && name != "tls" {
            contents(&path, all);
        } else if path.is_file() {
            all.push((name, latin(&fs::read(&path).expect("a file"))));
        }
    }
}

/// One character a byte: text is searched faster than bytes.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

// Its own thread answers the server's GOAWAY while this one waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_person_is_in_logs_database_or_journal() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let mut command = saifu();
    command.args(["serve", "--listen", "127.0.0.1:0", "--log", "trace", "--data-dir"]).arg(&data);
    let served = Served::spawn_logging(command, File::create(&log).expect("a log file"));
    let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, Arc::new(SystemClock));
    let recovery_code = wallet.enrol(EMAIL, PASSPHRASE).await.expect("enrolment");
    let messages = wallet.read_messages(EMAIL).await.expect("messages").messages;
    let contact_code = code_in(&messages[0].text);
    let funding_id = wallet.link_funding(TOKEN, LABEL).await.expect("link").funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: 1_000, currency: "JPY".into() };
    wallet.top_up(request, None, None).await.expect("top-up");
    wallet.pay(bakery(&wallet, 10).await, None, None).await.expect("a payment");
    wallet.pay(bakery(&wallet, 5_000).await, None, None).await.expect_err("an overdraft");
    wallet.verify_second_factor("000000").await.expect_err("a wrong code");
    assert_eq!(available(&wallet).await, 990);
    assert!(served.terminate());

    let totp = wallet.totp.as_ref().expect("an authenticator");
    let canaries: [(&str, &[u8]); 7] = [
        ("address", EMAIL.as_bytes()),
        ("passphrase", PASSPHRASE.as_bytes()),
        ("token", TOKEN.as_bytes()),
        ("label", LABEL.as_bytes()),
        ("contact code", contact_code.as_bytes()),
        ("recovery code", recovery_code.as_bytes()),
        ("authenticator's secret", totp.bytes()),
    ];
    let mut files = Vec::new();
    contents(&data, &mut files);
    files.push(("log".into(), latin(&fs::read(&log).expect("the log"))));
    assert!(files.iter().any(|(name, text)| name == "saifu.db" && text.contains("Kanda Bakery")), "it looks");
    assert!(files.iter().any(|(name, text)| name == "log" && text.len() > 10_000), "it logs");
    for (what, canary) in canaries {
        let canary = latin(canary);
        for (name, text) in &files {
            assert!(!text.contains(&canary), "the {what} is in {name}");
        }
    }
}
