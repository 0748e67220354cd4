//! Runs a measurement: starts the servers, loads them in turns, and sums up.

use std::ffi::OsStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::bench::accounts::payers;
use crate::bench::directory::Directory;
use crate::bench::load::Round;
use crate::bench::process::{ServerProcess, runtime};
use crate::bench::report::{Conditions, FloorReport, PayReport, Side, Spread, rounded};
use crate::bench::subject::{CONNECTIONS, Payer, Subject, channels};
use crate::bench::{Against, BenchError, Load};
use crate::client::{Refused, Signer};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::pb;
use crate::server::SANDBOX_AUDIENCE;

/// Measures the floor alone.
pub(super) fn floor(load: &Load) -> Result<FloorReport, BenchError> {
    let directory = Directory::new(load.dir.as_deref())?;
    let runtime = runtime()?;
    let mut floor = runtime.block_on(floor_subject(&directory, load))?;
    for _ in 0..load.rounds {
        runtime.block_on(floor.round())?;
    }
    say_errors("the floor", &floor.total);
    let side = Side::new(&floor.total, floor.cpu_us);
    Ok(FloorReport { floor_per_s: side.per_s, side, conditions: conditions(load) })
}

async fn floor_subject(directory: &Directory, load: &Load) -> Result<Subject, BenchError> {
    let signer = Signer::new(DeviceKey::generate(SignatureForm::Der), SANDBOX_AUDIENCE);
    let key = URL_SAFE_NO_PAD.encode(signer.key().public().spki());
    let dir = directory.join("floor");
    let process = ServerProcess::start(&[
        "bench".as_ref(),
        "serve-floor".as_ref(),
        "--dir".as_ref(),
        dir.as_os_str(),
        // With "=": a key may begin with a dash.
        format!("--key={key}").as_ref(),
    ])?;
    // As long as a real one.
    let request = pb::PayRequest {
        store_id: vec![7; 16],
        payee_name: "Bench Shop".to_owned(),
        amount_minor: 1,
        currency: "JPY".to_owned(),
        order_id: String::new(),
    };
    Subject::prepare(process, vec![Payer { signer, request }], load.clone()).await
}

async fn pay_subject(
    directory: &Directory,
    name: &str,
    batch_bound: Option<usize>,
    load: &Load,
) -> Result<Subject, BenchError> {
    let dir = directory.join(name);
    let bound = batch_bound.map(|bound| format!("--batch-bound={bound}"));
    let mut arguments: Vec<&OsStr> =
        vec!["bench".as_ref(), "serve-pay".as_ref(), "--dir".as_ref(), dir.as_os_str()];
    arguments.extend(bound.as_deref().map(OsStr::new));
    if let Some(config) = &load.config {
        arguments.extend([OsStr::new("--config"), config.as_os_str()]);
    }
    let process = ServerProcess::start(&arguments)?;
    let payers = payers(&channels(&process).await?).await?;
    Subject::prepare(process, payers, load.clone()).await
}

/// Measures payments against the floor, or against themselves with a commit for each.
pub(super) fn pay(against: Against, load: &Load) -> Result<PayReport, BenchError> {
    let directory = Directory::new(load.dir.as_deref())?;
    let runtime = runtime()?;
    let mut pay = runtime.block_on(pay_subject(&directory, "pay", None, load))?;
    let mut other = match against {
        Against::Floor => runtime.block_on(floor_subject(&directory, load))?,
        Against::SingleCommit => runtime.block_on(pay_subject(&directory, "single-commit", Some(1), load))?,
    };
    let mut ratios = Vec::new();
    for round in 0..load.rounds {
        // A B B A …: what drifts with time weighs on both sides alike.
        let (pay_per_s, other_per_s) = if round % 2 == 0 {
            let first = runtime.block_on(pay.round())?;
            (first, runtime.block_on(other.round())?)
        } else {
            let first = runtime.block_on(other.round())?;
            (runtime.block_on(pay.round())?, first)
        };
        ratios.push(pay_per_s / other_per_s);
    }
    say_errors("payments", &pay.total);
    say_errors("the other side", &other.total);
    let (payments, other) = (Side::new(&pay.total, pay.cpu_us), Side::new(&other.total, other.cpu_us));
    let (name, floor_per_s, single_commit_per_s) = match against {
        Against::Floor => ("floor", Some(other.per_s), None),
        Against::SingleCommit => ("single-commit", None, Some(other.per_s)),
    };
    Ok(PayReport {
        against: name,
        ratio: rounded(payments.per_s / other.per_s, 3),
        spread: Spread::of(&ratios),
        pay_per_s: payments.per_s,
        floor_per_s,
        single_commit_per_s,
        p50_ms: payments.p50_ms,
        p99_ms: payments.p99_ms,
        server_cpu_us: payments.server_cpu_us,
        errors: payments.errors,
        conditions: conditions(load),
        accounts: pay.accounts(),
        other,
    })
}

// The figures count them; here is what they were.
fn say_errors(side: &str, total: &Round) {
    if let Some(first) = &total.first_error {
        let first = Refused::from(first.clone());
        eprintln!("saifu: {side}: {} calls were not answered well; the first: {first}", total.errors);
    }
}

fn conditions(load: &Load) -> Conditions {
    Conditions {
        rounds: load.rounds,
        seconds: load.seconds,
        in_flight: load.in_flight,
        connections: CONNECTIONS,
        optimised: !cfg!(debug_assertions),
    }
}
