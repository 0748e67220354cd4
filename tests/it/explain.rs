//! `saifu explain`: the example of protocol.md, and what clients usually get wrong.

use std::fs;
use std::process::{Command, Output, Stdio};

use prost::Message as _;
use saifu::client::method;
use saifu::client::signer::Signer;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::domain::id::hex;
use saifu::pb;
use tempfile::TempDir;

use crate::support::child::run;
use crate::support::pem::pem;

const PROTOCOL: &str = include_str!("../../docs/protocol.md");
const AUDIENCE: &str = "sandbox.saifu.invalid";

/// A value of the example, in hexadecimal and in one line.
fn value(name: &str) -> String {
    let (_, from) = PROTOCOL.split_once(&format!("\n{name}: ")).expect("it is in the example");
    let lines = from.lines().enumerate().take_while(|(at, line)| *at == 0 || line.starts_with("  "));
    lines.map(|(_, line)| line.trim()).collect()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn explain(envelope: &pb::Envelope, more: &[&str]) -> Output {
    run(&[&["explain", &hex(&envelope.encode_to_vec())], more].concat())
}

#[test]
fn the_protocols_example_is_explained_and_its_code_is_not_shown() {
    let (envelope, spki) = (value("envelope"), value("spki"));
    let output = run(&["explain", &envelope, "--method", method::PAY, "--public-key", &spki]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for words in [
        "audience                 \"sandbox.saifu.invalid\"",
        "issued_at.seconds        1767582000",
        "payee_name               \"Kanda Bakery\"",
        "amount_minor             1200",
        "salt                     16 bytes, not shown",
        "second_factor.totp_code  6 characters, not shown",
        "it holds, for this method",
        "nothing is wrong with it",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains("492039"), "{text}");
    // Without the method it is found; without the key nothing is said of the signature.
    let text = said(&run(&["explain", &envelope, "--public-key", &spki]));
    assert!(text.contains("it holds, for /saifu.v1.PaymentService/Pay"), "{text}");
    let text = said(&run(&["explain", &envelope]));
    assert!(text.contains("not checked: --public-key"), "{text}");
}

#[test]
fn an_envelope_is_read_from_a_file_and_from_a_pipe_and_a_key_from_pem() {
    let dir = TempDir::new().expect("a temporary directory");
    let key = DeviceKey::generate(SignatureForm::Der);
    let (path, key_path) = (dir.path().join("envelope.bin"), dir.path().join("key.pem"));
    fs::write(&key_path, pem(&key.public().spki())).expect("written");
    let signer = Signer::new(key, AUDIENCE);
    let envelope = signer.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&signer);
    fs::write(&path, envelope.encode_to_vec()).expect("written");
    let (path, key_path) = (path.display().to_string(), key_path.display().to_string());
    let more = ["--method", method::GET_BALANCE, "--public-key", &key_path];
    let output = run(&[&["explain", &path], &more[..]].concat());
    assert!(output.status.success(), "{}", said(&output));
    let mut command = Command::new(env!("CARGO_BIN_EXE_saifu"));
    command.args(["explain", "-"]).args(more).stdin(fs::File::open(&path).expect("the file"));
    let output = command.stdout(Stdio::piped()).output().expect("it runs");
    assert!(said(&output).contains("it holds, for this method"), "{}", said(&output));
}

#[test]
fn what_is_wrong_with_an_envelope_is_said_and_is_its_exit_status() {
    let key = DeviceKey::generate(SignatureForm::Der);
    let signer = Signer::new(key, AUDIENCE);
    let spki = hex(&signer.key().public().spki());
    let good = signer.draft(method::GET_BALANCE, &pb::GetBalanceRequest {}).seal(&signer);
    let call = pb::Call::decode(good.payload.as_slice()).expect("the signer made it");
    let signed = |payload: Vec<u8>| pb::Envelope {
        signature: signer.key().sign(method::GET_BALANCE, &payload),
        payload,
        ..good.clone()
    };
    let order = [pb::PayRequest { amount_minor: 1, ..Default::default() }.encode_to_vec(), vec![0x2a, 0]];
    let body = pb::Call { body: order.concat(), ..call.clone() };
    let bare = signer.key().sign("saifu.v1.WalletService/GetBalance", &good.payload);
    for (envelope, method, words) in [
        (
            pb::Envelope { signature: bare, ..good.clone() },
            method::GET_BALANCE,
            "another writing of the method",
        ),
        (good.clone(), method::LIST_ENTRIES, "it is for another method: /saifu.v1.WalletService/GetBalance"),
        (signed(body.encode_to_vec()), method::PAY, "body: order_id must be left out"),
        (
            signed([&good.payload[..], &[0x48, 1]].concat()),
            method::GET_BALANCE,
            "payload: 9 must be of its type",
        ),
        (pb::Envelope { private: vec![1], ..good.clone() }, method::GET_BALANCE, "private_sha256 must be"),
        (good.clone(), method::ENROLMENT_START, "candidate must be there"),
        (pb::Envelope { key_id: "k".into(), ..good.clone() }, method::GET_BALANCE, "43 characters"),
    ] {
        let output = explain(&envelope, &["--method", method, "--public-key", &spki]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let (_, wrong) = text.split_once("wrong:\n").expect("something is wrong");
        assert!(wrong.contains(words), "{words}: {wrong}");
    }
    let candidate = signer.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {}).as_candidate();
    let output = explain(&candidate.salted().seal(&signer), &[]);
    assert!(said(&output).contains("it holds, for /saifu.v1.EnrolmentService/Start"), "{}", said(&output));
    assert!(!run(&["explain", "no envelope!"]).status.success());
}
