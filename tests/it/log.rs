//! What a server's log says of calls: a line each, why an envelope was refused, and nothing of anybody.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::connection::unary;
use saifu::client::method;
use saifu::client::wallet::Wallet;
use saifu::env::clock::SystemClock;
use saifu::pb;
use saifu::server::SANDBOX_AUDIENCE;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::child::{Served, saifu};
use crate::support::receivers::eventually;
use crate::support::{PASSPHRASE, reason};

/// A sandbox whose log is a file.
fn logging(dir: &TempDir, options: &[&str]) -> Served {
    let mut command = saifu();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(dir.path().join("data"));
    command.args(options);
    Served::spawn_logging(command, File::create(dir.path().join("log")).expect("a file"))
}

fn lines(dir: &Path) -> Vec<String> {
    fs::read_to_string(dir.join("log")).expect("the log").lines().map(str::to_owned).collect()
}

async fn wallet(served: &Served) -> Wallet {
    let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, Arc::new(SystemClock));
    wallet.enrol("alice@example.jp", PASSPHRASE).await.expect("enrolment");
    wallet
}

// Its own thread answers the server's GOAWAY while this one waits for the process.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_line_with_method_reason_latency_and_request_id_and_no_person() {
    let dir = TempDir::new().expect("a temporary directory");
    let served = logging(&dir, &["--log", "info", "--log-format", "json"]);
    let alice = wallet(&served).await;
    // Its provider answers nothing, and the phone does not wait.
    let funding_id = alice.link_funding("sandbox-silent", "card").await.expect("link").funding_id;
    let request = pb::TopUpRequest { funding_id, amount_minor: 1_000, currency: "JPY".into() };
    timeout(Duration::from_millis(300), alice.top_up(request, None, None)).await.expect_err("it waits");
    let cancelled = |line: &String| line.contains("CANCELLED") && line.contains(method::TOP_UP);
    eventually("the line of a call that was given up", || lines(dir.path()).into_iter().find(cancelled))
        .await;

    let draft = alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).request_id([0xab; 16]);
    let good = draft.seal(&alice.signer);
    alice.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, good.clone()).await.expect("a balance");
    let again = alice.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, good.clone()).await;
    assert_eq!(reason(again), pb::Reason::Unauthenticated);
    let unknown = "/saifu.v1.WalletService/alice@example.jp";
    unary::<pb::GetBalanceReply>(&alice.channel, unknown, good.clone()).await.expect_err("no such method");
    let large = pb::Envelope { private: vec![0; 64 * 1024], ..good };
    unary::<pb::GetBalanceReply>(&alice.channel, method::GET_BALANCE, large).await.expect_err("too large");
    assert!(served.terminate());

    let told = lines(dir.path());
    let access: Vec<Value> = told
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).expect("a JSON object a line"))
        .filter(|line| line["target"] == "saifu::access")
        .collect();
    let seen = |line: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        assert!(line["latency_us"].as_i64().is_some_and(|us| us >= 0), "{line}");
        (text(&line["span"]["method"]), text(&line["reason"]), text(&line["span"]["request_id"]))
    };
    let last: Vec<_> = access.iter().rev().take(4).rev().map(seen).collect();
    let id = "ab".repeat(16);
    let balance = || method::GET_BALANCE.to_owned();
    assert_eq!(
        last,
        [
            (balance(), "OK".to_owned(), id.clone()),
            (balance(), "UNAUTHENTICATED".to_owned(), id),
            ("unknown".to_owned(), "UNIMPLEMENTED".to_owned(), String::new()),
            (balance(), "TOO_LARGE".to_owned(), String::new()),
        ]
    );
    // Start, Confirm, Activate, the sandbox's messages, and the four above.
    let methods: Vec<_> = access.iter().map(|line| seen(line).0).collect();
    for expected in [method::ENROLMENT_START, method::ENROLMENT_CONFIRM, method::ENROLMENT_ACTIVATE] {
        assert_eq!(methods.iter().filter(|method| *method == expected).count(), 1, "{methods:?}");
    }
    for line in &told {
        for nobodys in ["alice", "example.jp", "127.0.0.1", PASSPHRASE] {
            assert!(!line.contains(nobodys), "{line}");
        }
    }
}

#[test]
fn nothing_is_said_of_calls_that_nobody_made() {
    let dir = TempDir::new().expect("a temporary directory");
    assert!(logging(&dir, &["--log", "saifu=debug"]).terminate());
    for line in lines(dir.path()) {
        assert!(!line.contains("a call was"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_says_by_itself_why_an_envelope_was_refused_and_no_secret() {
    let dir = TempDir::new().expect("a temporary directory");
    let served = logging(&dir, &[]);
    let mut alice = wallet(&served).await;
    let draft = || alice.draft(method::GET_BALANCE, &pb::GetBalanceRequest {});
    let good = draft().seal(&alice.signer);
    let ask = |envelope: pb::Envelope| {
        let alice = &alice;
        async move {
            let refused = alice.send_sealed::<pb::GetBalanceReply>(method::GET_BALANCE, envelope).await;
            refused.expect_err("refused").to_string()
        }
    };
    let key = alice.signer.key();
    let signed = |signature: Vec<u8>| pb::Envelope { signature, ..good.clone() };
    let elsewhere = saifu::client::signer::Signer::new(
        saifu::crypto::device_key::DeviceKey::from_pkcs8(
            key.pkcs8(),
            saifu::crypto::envelope::SignatureForm::Der,
        )
        .expect("the same key"),
        "wallet.example.jp",
    );
    let mut foreign = elsewhere.draft(method::GET_BALANCE, &pb::GetBalanceRequest {});
    foreign = foreign.issued_at_us(alice.now_us());
    let mut private = draft().salted().seal(&alice.signer);
    private.private[3] ^= 1;
    let mut told = Vec::new();
    for (envelope, words) in [
        (
            signed(key.sign("saifu.v1.WalletService/GetBalance", &good.payload)),
            "another writing of the method",
        ),
        (signed(key.sign(method::PAY, &good.payload)), "another key's, or over other bytes"),
        (pb::Envelope { key_id: "k".into(), ..good.clone() }, "43 characters"),
        (pb::Envelope { key_id: "A".repeat(43), ..good.clone() }, "no key of this key_id is enrolled here"),
        (foreign.seal(&elsewhere), "audience must be sandbox.saifu.invalid, and is \"wallet.example.jp\""),
        (private, "private_sha256 must be that of the 18 bytes of private"),
        (draft().issued_at_us(alice.now_us() - 500_000_000).seal(&alice.signer), "issued_at must be within"),
    ] {
        told.push(ask(envelope).await);
        eventually(words, || lines(dir.path()).into_iter().find(|line| line.contains(words))).await;
    }
    let unauthenticated: Vec<_> = told[..6].iter().collect();
    assert!(unauthenticated.windows(2).all(|pair| pair[0] == pair[1]), "no caller is told which: {told:?}");
    let code = alice.code().expect("an authenticator").to_string();
    let wrong = if code == "000000" { "111111" } else { "000000" };
    assert_eq!(reason(alice.verify_second_factor(wrong).await), pb::Reason::Unauthenticated);
    let words = "the one-time code is wrong";
    eventually(words, || lines(dir.path()).into_iter().find(|line| line.contains(words))).await;
    alice.signer.epoch = 9;
    assert_eq!(reason(alice.get_balance().await), pb::Reason::EpochChanged);
    assert!(served.terminate());
    for line in lines(dir.path()) {
        for secret in [&code, wrong, "alice", PASSPHRASE] {
            assert!(!line.contains(secret) || !line.contains("saifu::refused"), "{line}");
        }
    }
}
