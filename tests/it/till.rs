//! `saifu till` as its clerk uses it: the built program, what it says, its exit status, on a line that
//! loses things.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::pb;

use crate::support::child::{complaint, run, saifu};
use crate::support::shop::{Shop, digits, secret};
use crate::support::{World, available, books_hold};

const DONE: i32 = 0;
const NO: i32 = 3;
const UNKNOWN: i32 = 4;
const DEAD: i32 = 5;
const AWAITING: i32 = 6;

/// A till in a folder of its own, at a shop of a world.
struct Counter {
    world: World,
    shop: Shop,
    alice: Wallet,
    terminal_id: Vec<u8>,
    activation_code: String,
    data: PathBuf,
}

impl Counter {
    async fn open(funds_minor: i64) -> Self {
        let world = World::start().await;
        let alice = world.funded("alice", funds_minor).await;
        let shop = world.shop("Bakery One").await;
        let data = world.dir.path().join("till-data");
        let (terminal_id, activation_code) = (Vec::new(), String::new());
        let mut counter = Self { world, shop, alice, terminal_id, activation_code, data };
        (counter.terminal_id, counter.activation_code) = counter.register().await;
        let (said, code) = counter.activate(&counter.activation_code).await;
        assert_eq!(code, Some(DONE), "{said}");
        counter
    }

    /// Registers a till: its id and its activation code.
    async fn register(&self) -> (Vec<u8>, String) {
        let store_id = self.shop.store_id.clone();
        let registered = self.shop.merchant.register_terminal(store_id, "till 2").await.expect("a till");
        (registered.terminal_id, secret(registered.activation_code))
    }

    /// What it says to whoever activates it, on either output.
    async fn activate(&self, code: &str) -> (String, Option<i32>) {
        let address = format!("https://{}", self.world.server.address());
        let ca = self.world.server.ca_path().display().to_string();
        let output = self.till(&["activate", "--address", &address, "--ca", &ca, "--code", code]).await;
        let said = [output.stdout, output.stderr].concat();
        (String::from_utf8(said).expect("text").trim_end().to_owned(), output.status.code())
    }

    async fn till(&self, arguments: &[&str]) -> Output {
        let data = self.data.display().to_string();
        let words = ["till", "--data", &data, "--timeout-ms", "1500"];
        let words: Vec<String> = words.iter().chain(arguments).map(|word| (*word).to_owned()).collect();
        let ran = tokio::task::spawn_blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            run(&words)
        });
        ran.await.expect("it runs")
    }

    /// Its line and its exit status.
    async fn says(&self, arguments: &[&str]) -> (String, Option<i32>) {
        let output = self.till(arguments).await;
        (String::from_utf8(output.stdout).expect("text").trim_end().to_owned(), output.status.code())
    }

    /// A sale on a new code of Alice's.
    async fn sell(&self, verb: &str, order_id: &str, amount: &str, more: &[&str]) -> (String, Option<i32>) {
        let code = digits(&self.alice, 1_000).await;
        self.says(&[&[verb, "--order", order_id, "--amount", amount, "--code", &code], more].concat()).await
    }

    /// The standing of an order in the till's own journal.
    async fn standing(&self, order_id: &str) -> String {
        let (lines, _) = self.says(&["orders", "--json"]).await;
        let of = |line: &&str| line.contains(&format!("\"order\":\"{order_id}\""));
        let line = lines.lines().find(of).unwrap_or_else(|| panic!("{order_id} is not in {lines}"));
        let word = |name: &str| {
            let (_, rest) = line.split_once(&format!("\"{name}\":")).expect("the field");
            rest.split([',', '}']).next().expect("a value").trim_matches('"').to_owned()
        };
        if word("is_settled") == "true" { word("standing") } else { "unknown".to_owned() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_line_loses_the_till_knows_in_the_end_and_the_customer_pays_what_it_knows() {
    let counter = Counter::open(9_000).await;
    let mut expected = 9_000;
    // How the command ends, how the order stands after it, and how after settling.
    for (fault, exit, standing, settled) in [
        ("lose-request", Some(DONE), "captured", "captured"),
        ("lose-answer", Some(DONE), "captured", "captured"),
        ("lose-requests", Some(DEAD), "reversed", "reversed"),
        ("lose-answers", Some(DONE), "captured", "captured"),
        ("lose-all", Some(UNKNOWN), "unknown", "reversed"),
        ("hang", Some(DONE), "captured", "captured"),
        ("crash-before-send", None, "unknown", "reversed"),
        ("crash-after-send", None, "unknown", "captured"),
    ] {
        // More than five are paid, and the sixth payment wants a code.
        counter.world.refresh(&counter.alice).await;
        let (said, code) = counter.sell("charge", fault, "100", &["--fault", fault]).await;
        assert_eq!(code, exit, "{fault}: {said}");
        assert_eq!(counter.standing(fault).await, standing, "{fault}: {said}");
        let (said, code) = counter.says(&["settle"]).await;
        assert_eq!((code, counter.standing(fault).await.as_str()), (Some(DONE), settled), "{fault}: {said}");
        expected -= if settled == "captured" { 100 } else { 0 };
        assert_eq!(available(&counter.alice).await, expected, "{fault}");
        let (said, code) = counter.sell("charge", fault, "100", &[]).await;
        assert_eq!(code, Some(NO), "{fault}: an order id is used once: {said}");
    }
    assert_eq!(available(&counter.alice).await, expected);
    books_hold(counter.world, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_is_one() {
    let counter = Counter::open(1_000).await;
    let code = digits(&counter.alice, 1_000).await;
    let data = counter.data.display().to_string();
    for fault in ["crash-before-send", "crash-after-send"] {
        let mut till = saifu();
        till.args(["till", "--data", &data, "charge", "--order", fault, "--amount", "1", "--code", &code]);
        till.args(["--fault", fault]);
        let ended =
            tokio::task::spawn_blocking(move || till.output().expect("it runs")).await.expect("it ran");
        assert_eq!((ended.status.signal(), ended.stdout.len()), (Some(6), 0), "{fault}: SIGABRT");
        counter.says(&["settle"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_its_captures_and_refunds_are_done_once_whatever_is_lost() {
    let counter = Counter::open(5_000).await;
    let (said, code) =
        counter.sell("authorize", "H-1", "900", &["--hold", "3600", "--fault", "lose-answers"]).await;
    assert_eq!((said.as_str(), code), ("H-1 held 900 JPY: not paid yet", Some(DONE)));
    let lost = ["--fault", "lose-answers"];
    let (said, code) =
        counter.says(&[&["capture", "H-1", "--amount", "300", "--more"], &lost[..]].concat()).await;
    assert_eq!(
        code,
        Some(UNKNOWN),
        "how an order stands does not tell whether this capture is in it: {said}"
    );
    // Only the call itself, repeated, tells; so asking leaves it open.
    assert_eq!(counter.says(&["status", "H-1"]).await.1, Some(UNKNOWN));
    // Whatever comes next settles first.
    let (said, code) = counter.says(&["void", "H-1"]).await;
    assert_eq!(
        (said.as_str(), code),
        ("H-1 captured 300 JPY, 600 JPY still held\nH-1 captured 300 JPY, 600 JPY released", Some(DONE))
    );
    let (said, code) = counter.says(&["refund", "H-1", "--amount", "100", "--fault", "lose-all"]).await;
    assert_eq!(code, Some(UNKNOWN), "{said}");
    for _ in 0..2 {
        assert_eq!(counter.says(&["settle"]).await.1, Some(DONE));
    }
    let (said, _) = counter.says(&["status", "H-1"]).await;
    assert_eq!(said, "H-1 captured 300 JPY, 100 JPY given back, 600 JPY released");
    let (said, code) = counter.says(&["refund", "H-1", "--amount", "201"]).await;
    assert!(said.starts_with("H-1 refused REFUND_TOO_MUCH: ") && code == Some(NO), "{said}");
    let (said, code) = counter.says(&["reverse", "H-1", "--fault", "lose-answer"]).await;
    assert!(said.starts_with("H-1 reversed: not paid") && code == Some(DONE), "{said}");
    assert_eq!(available(&counter.alice).await, 5_000);
    books_hold(counter.world, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_is_asked_has_not_paid() {
    let counter = Counter::open(5_000).await;
    let (said, code) = counter.sell("charge", "Q-1", "1500", &["--ask", "--fault", "lose-answers"]).await;
    assert_eq!(code, Some(AWAITING), "{said}");
    assert_eq!(counter.says(&["status", "Q-1"]).await.1, Some(AWAITING));
    let asked = counter.alice.watch_payments().await.expect("a stream").message().await.expect("a message");
    let payment = asked.expect("the first").payments.remove(0);
    counter.alice.confirm_payment(&payment, None).await.expect("yes");
    assert_eq!(counter.says(&["status", "Q-1"]).await, ("Q-1 captured 1500 JPY".to_owned(), Some(DONE)));
    let (said, code) = counter.sell("charge", "Q-2", "1500", &["--ask"]).await;
    assert_eq!(code, Some(AWAITING), "{said}");
    let (said, code) = counter.says(&["void", "Q-2"]).await;
    assert!(said.starts_with("Q-2 over: not paid") && code == Some(DONE), "{said}");
    assert_eq!(counter.says(&["status", "Q-2"]).await.1, Some(DEAD));
    let (said, code) = counter.sell("charge", "Q-3", "1500", &[]).await;
    assert!(said.starts_with("Q-3 refused DECLINED: ") && code == Some(NO), "{said}");
    let (said, code) = counter.sell("charge", "Q-3", "500", &["--receipt", "bread"]).await;
    assert_eq!((said.as_str(), code), ("Q-3 captured 500 JPY", Some(DONE)), "a declined order is open");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_is_charged_while_an_order_is_unknown_and_a_suspended_till_waits_for_its_merchant() {
    let counter = Counter::open(5_000).await;
    counter.sell("charge", "S-1", "100", &["--fault", "crash-before-send"]).await;
    let merchant = &counter.shop.merchant;
    merchant.suspend_terminal(counter.terminal_id.clone()).await.expect("suspended");
    for command in [&["settle"][..], &["settle"], &["reverse", "S-1"]] {
        let (said, code) = counter.says(command).await;
        assert!(said.contains("TERMINAL_SUSPENDED") && code == Some(UNKNOWN), "{said}");
    }
    let code = digits(&counter.alice, 1_000).await;
    let new = ["charge", "--order", "S-2", "--amount", "100", "--code", &code];
    let said = complaint(&counter.till(&new).await);
    assert!(said.contains("nothing new before the outcome of S-1 is known"), "{said}");
    merchant.resume_terminal(counter.terminal_id.clone()).await.expect("resumed");
    let (said, code) = counter.says(&new).await;
    let (settled, sold) = said.split_once('\n').expect("it settled S-1 first, and says so");
    assert!(settled.starts_with("S-1 reversed: not paid"), "{said}");
    assert_eq!((sold, code), ("S-2 captured 100 JPY", Some(DONE)));
    assert_eq!(counter.standing("S-1").await, "reversed");
    // The tombstone is the server's as well.
    let order = merchant.reverse_for(counter.terminal_id.clone(), "S-1").await.expect("a reversal");
    assert_eq!(order.result(), pb::ReverseResult::AlreadyReversed);
}

/// The business day is closed with the till's own key, by another program.
async fn close_day(counter: &Counter) {
    let pkcs8 = fs::read(counter.data.join("key.p8")).expect("the till's key");
    let key = DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Fixed).expect("a key");
    let other = counter.world.staff_at(counter.world.server.address(), key).await;
    other.close_day(1, Vec::new()).await.expect("the day ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_a_closed_day_is_not_taken_for_reversed() {
    let counter = Counter::open(5_000).await;
    let (_, code) = counter.sell("charge", "Z-1", "100", &["--fault", "lose-answers"]).await;
    assert_eq!(code, Some(DONE));
    // Paid, and nobody told the till: its reversal is still on its way.
    let (_, code) = counter.sell("charge", "Z-2", "100", &["--fault", "lose-all"]).await;
    assert_eq!((code, available(&counter.alice).await), (Some(UNKNOWN), 4_800));
    close_day(&counter).await;
    let (said, code) = counter.says(&["settle"]).await;
    assert!(said.contains("DAY_CLOSED") && code == Some(UNKNOWN), "{said}");
    let (said, code) = counter.says(&["settle"]).await;
    assert!(said.starts_with("Z-2 captured 100 JPY") && code == Some(DONE), "{said}");
    assert_eq!(counter.standing("Z-2").await, "captured");
    let (said, code) = counter.says(&["reverse", "Z-1"]).await;
    assert!(said.contains("DAY_CLOSED") && code == Some(NO), "{said}");
    assert_eq!(counter.standing("Z-1").await, "captured");
    assert_eq!(available(&counter.alice).await, 4_800, "nothing was given back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_till_that_stays_open_reads_its_commands_line_by_line() {
    let counter = Counter::open(5_000).await;
    let code = digits(&counter.alice, 1_000).await;
    let mut command = saifu();
    command.args(["till", "--data", &counter.data.display().to_string(), "run"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("piped");
    // It owns the folder from its first line on, which it has when it answered.
    let lines = format!(
        "charge --order R-1 --amount 300 --code {code} --receipt \"two rolls\"\nsell R-2\n\
         refund R-1 --amount 50\n\
         status R-9\norders\n"
    );
    input.write_all(lines.as_bytes()).expect("it reads");
    drop(input);
    let output = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    let output = output.await.expect("it ended");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        out,
        "R-1 captured 300 JPY\n\
         R-1 captured 300 JPY, 50 JPY given back\n\
         R-1 captured 300 JPY, 50 JPY given back\n"
    );
    assert!(err.contains("sell") && err.contains("the server knows no order R-9"), "{err}");
    assert_eq!(output.status.code(), Some(DONE));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_activation_is_fetched_with_the_same_code() {
    let counter = Counter::open(100).await;
    // As a crash after the server's answer leaves it: the request id is kept, the answer is not.
    let path = counter.data.join("till.json");
    let identity = fs::read_to_string(&path).expect("the identity");
    let (before, _) = identity.split_once("\"enrolled\"").expect("it is enrolled");
    fs::write(&path, format!("{before}\"enrolled\": null}}")).expect("written");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("is not active yet"), "{said}");
    let (_, other) = counter.register().await;
    let (said, code) = counter.activate(&other).await;
    assert!(said.contains("REQUEST_ID_REUSED") && code == Some(1), "another code is another call: {said}");
    let (said, code) = counter.activate(&counter.activation_code).await;
    assert_eq!(code, Some(DONE), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("the identity"), identity, "it is the till that it was");
    assert_eq!(counter.sell("charge", "T-1", "50", &[]).await.1, Some(DONE));
    let (said, code) = counter.activate(&other).await;
    assert!(said.contains("holds an active till already") && code == Some(1), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_activation_code_is_final_and_the_right_one_is_another_call() {
    let counter = Counter::open(100).await;
    let (_, code) = counter.register().await;
    let new = Counter { data: counter.data.with_extension("new"), ..counter };
    let (said, status) = new.activate("0000-0000-0000-0000-0000-0000-00").await;
    assert!(said.contains("ACTIVATION_OVER") && status == Some(1), "{said}");
    assert_eq!(new.activate(&code).await.1, Some(DONE));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_tills_folder_is_said_in_one_sentence_and_left_alone() {
    let counter = Counter::open(1_000).await;
    counter.sell("charge", "F-1", "100", &[]).await;
    let [journal, key, identity] = ["journal", "key.p8", "till.json"].map(|name| counter.data.join(name));
    let whole = fs::read_to_string(&journal).expect("the journal");
    let restore = || fs::write(&journal, &whole).expect("written");

    // Torn by a crash: as if it had never been written.
    fs::write(&journal, format!("{whole}0123456789abcdef {{\"sent\"")).expect("written");
    assert_eq!(counter.says(&["orders"]).await, ("F-1 captured 100 JPY".to_owned(), Some(DONE)));
    assert_eq!(fs::read_to_string(&journal).expect("the journal"), whole);

    let edited = whole.replace("\"amount_minor\":100", "\"amount_minor\":900");
    fs::write(&journal, &edited).expect("written");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("line 2 of the journal"), "{said}");
    assert_eq!(fs::read_to_string(&journal).expect("the journal"), edited);

    let other = Counter::open(100).await;
    fs::copy(other.data.join("journal"), &journal).expect("copied");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("is another till's"), "{said}");
    fs::remove_file(&journal).expect("removed");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("is missing, and with it the orders whose outcome is unknown"), "{said}");
    restore();

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("changed");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("others may read the key"), "{said}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("changed");
    fs::write(&identity, "cats").expect("written");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("till.json is damaged or not a till's"), "{said}");
    fs::remove_file(&identity).expect("removed");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("there is no till in"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_uses_a_folder() {
    let counter = Counter::open(1_000).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_saifu"));
    command.args(["till", "--data", &counter.data.display().to_string(), "run"]);
    let mut owner = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut input = owner.stdin.take().expect("piped");
    let code = digits(&counter.alice, 1_000).await;
    writeln!(input, "charge --order L-1 --amount 100 --code {code}").expect("it reads");
    let mut line = String::new();
    let mut out = std::io::BufReader::new(owner.stdout.take().expect("piped"));
    std::io::BufRead::read_line(&mut out, &mut line).expect("it answers");
    let said = complaint(&counter.till(&["orders"]).await);
    assert!(said.contains("is in use by another saifu till"), "{said}");
    drop(input);
    assert!(owner.wait().expect("it ends").success());
    assert_eq!(counter.says(&["orders"]).await, ("L-1 captured 100 JPY".to_owned(), Some(DONE)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_server_would_take_is_said_before_anything_is_sent() {
    let counter = Counter::open(1_000).await;
    let code = "771234567890123456";
    for (arguments, piece) in [
        (["charge", "--order", "two words", "--amount", "1", "--code", code], "an order id has"),
        (["charge", "--order", "", "--amount", "1", "--code", code], "an order id has"),
        (["charge", "--order", "N-1", "--amount", "1", "--code", "12"], "a payment code has 18 digits"),
    ] {
        let said = complaint(&counter.till(&arguments).await);
        assert!(said.contains(piece), "{said}");
    }
    assert_eq!(counter.says(&["orders"]).await, (String::new(), Some(DONE)));
    let (said, status) = counter.says(&["charge", "--order", "N-2", "--amount", "1", "--code", code]).await;
    assert!(said.starts_with("N-2 refused CODE_NOT_USABLE: ") && status == Some(NO), "{said}");
    let said = complaint(&counter.till(&["status", "N-3"]).await);
    assert!(said.contains("the server knows no order N-3"), "{said}");
}
