//! `saifu demo` as a person starts it: the built program, its output, its exit status, what it leaves.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use saifu::client::wallet::Wallet;
use saifu::env::clock::SystemClock;
use saifu::server::SANDBOX_AUDIENCE;

use crate::support::child::Served;
use crate::support::{PASSPHRASE, World};

/// What must be told as refused, with its reason, in this order.
const REFUSED: [(&str, &str); 20] = [
    ("Her request for the balance is sent again", "UNAUTHENTICATED"),
    ("Her payment's amount is raised to ¥4,000", "UNAUTHENTICATED"),
    ("Another phone signs a payment for her", "UNAUTHENTICATED"),
    ("What she signed for another method is sent as a payment", "UNAUTHENTICATED"),
    ("The code she just used is used again", "UNAUTHENTICATED"),
    ("The same request id comes with ¥900", "REQUEST_ID_REUSED"),
    ("The new phone asks for another ¥5,000 from the card", "LIMIT_PER_DAY"),
    ("Her phone asks to pay ¥12,000, without a code", "SECOND_FACTOR_REQUIRED"),
    ("She asks to pay ¥1 more than she has", "INSUFFICIENT_BALANCE"),
    ("The code is charged a second time", "CODE_NOT_USABLE"),
    ("The till charges it after its minute", "CODE_NOT_USABLE"),
    ("A reversal overtakes its charge", "ORDER_REVERSED"),
    ("He asks for her recovery, its code to his own address", "MALFORMED"),
    ("He reads her mail, and her text messages", "RECOVERY_UNPROVEN"),
    ("He completes ten seconds before the 48 hours are over", "RECOVERY_COOLING"),
    ("He completes when the 48 hours are over", "RECOVERY_OVER"),
    ("He tops up ¥30,000, three times in a row", "FUNDING_NOT_LINKED"),
    ("He wants to show a till a code for ¥95,000", "LIMIT_PER_PAYMENT"),
    ("He pays ¥3,001", "LIMIT_PER_DAY"),
    ("He sends her calls unsigned, or under her ids", "UNAUTHENTICATED"),
];

fn demo(arguments: &[&str], temporary: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_saifu"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the story is UTF-8")
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().expect("the folder is there").next().is_none()
}

/// The only sentence on standard error of a demonstration that failed.
fn complaint(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint.strip_prefix("saifu: ").expect("the program names itself")
}

#[test]
fn the_whole_story_on_a_server_of_its_own() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&[], temporary.path());
    let story = text(&output.stdout);
    assert!(output.status.success(), "{story}\n{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    assert!(!story.contains('\x1b'), "a pipe gets no escape codes");
    let refused: Vec<_> = story.lines().filter(|line| line.contains(" ms  refused  ")).collect();
    assert_eq!(refused.len(), REFUSED.len(), "{story}");
    for (line, (title, reason)) in refused.into_iter().zip(REFUSED) {
        assert!(line.contains(&format!(" refused  {title}: {reason}. ")), "{line}");
    }
    for done in [
        "done     The phone enrols: ",
        "done     She pays ¥1,200: signed with shop, name and amount; balance ¥6,800",
        "done     Her phone pays ¥800 and sends it again, and so does the thief: three times the \
         same answer, taken once; balance ¥6,000",
        "done     She types her code, and the same request goes again: balance ¥14,000",
        "done     She looks at her entries: ¥8,000 -¥1,200 -¥800 ¥20,000 -¥12,000 = ¥14,000",
        "████ ▄▄▄▄▄ █",
        "\nYen lost in all: ¥5,000, Taro's, ",
        "; at most the cap of ¥43,000 in 72 hours. Sachiko: ¥0.\n",
    ] {
        assert!(story.contains(done), "{done} is not in\n{story}");
    }
    assert!(
        story.ends_with("\ndemo: ok, 56 steps, 20 attacks refused, journal verified, sum 0\n"),
        "{story}"
    );
    assert!(is_empty(temporary.path()), "its folder is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_on_a_running_server_twice() {
    let world = World::start().await;
    let temporary = tempfile::tempdir().unwrap();
    let address = world.server.address().to_string();
    let ca = world.server.ca_path().to_str().unwrap().to_owned();
    let data = world.dir.path().join("data").to_str().unwrap().to_owned();
    let played = tokio::task::spawn_blocking(move || {
        let arguments = ["--moves-clock", "--address", &address, "--ca", &ca, "--data-dir", &data];
        let outputs = [demo(&arguments[..5], temporary.path()), demo(&arguments, temporary.path())];
        assert!(is_empty(temporary.path()), "it needs no folder");
        outputs
    });
    let [first, second] = played.await.unwrap();
    for (output, end) in [
        (first, "demo: ok, 43 steps, 17 attacks refused, journal not verified (another process owns it)"),
        (second, "demo: ok, 44 steps, 17 attacks refused, journal verified, sum 0"),
    ] {
        let story = text(&output.stdout);
        assert!(output.status.success(), "{story}\n{}", text(&output.stderr));
        assert_eq!(story.lines().last(), Some(end));
    }
    world.server.stop().await;
}

/// What a newcomer runs first is what `serve` prints, and what they run next is a client of their own.
#[tokio::test]
async fn what_serve_says_calls_it_can_be_run_and_leaves_its_clock_alone() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path());
    let words: Vec<_> = served.call.split_whitespace().collect();
    let ["saifu", "demo", arguments @ ..] = words.as_slice() else { panic!("{}", served.call) };
    let data = dir.path().display().to_string();
    let operators = served.operators.to_string();
    let all = [arguments, &["--data-dir", &data, "--operators", &operators]].concat();
    for (arguments, end) in [
        (arguments, "demo: ok, 14 steps, 5 attacks refused, journal not verified (another process owns it)"),
        (&all, "demo: ok, 23 steps, 7 attacks refused, journal verified, sum 0"),
    ] {
        let output = demo(arguments, dir.path());
        let story = text(&output.stdout);
        assert!(output.status.success(), "{story}\n{}", text(&output.stderr));
        assert_eq!(story.lines().last(), Some(end), "{story}");
        assert!(story.contains("--moves-clock plays it here"), "{story}");
    }
    // Its clock is the machine's: it has no skew to handle.
    let mut wallet = Wallet::new(served.connect().await, SANDBOX_AUDIENCE, Arc::new(SystemClock));
    wallet.enrol("alice@example.jp", PASSPHRASE).await.expect("enrolment");
    assert!(served.terminate());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_one_sentence() {
    let world = World::start().await;
    let address = world.server.address().to_string();
    let ca = world.server.ca_path().to_str().unwrap().to_owned();
    world.server.stop().await;
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&["--address", &address, "--ca", &ca], temporary.path());
    assert!(complaint(&output).contains("the server cannot be reached"), "{}", complaint(&output));
}

#[test]
fn other_machines_are_left_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(&["--address", "192.0.2.1:8443", "--ca", "absent.pem"], temporary.path());
    assert_eq!(text(&output.stdout), "");
    assert!(
        complaint(&output).contains("192.0.2.1:8443 is not a loopback address"),
        "{}",
        complaint(&output)
    );
}
