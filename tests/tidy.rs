//! Reads the sources and fails on what the compiler lets pass: a layer that reaches up, a crate outside
//! the one module it belongs to, a file or a function that has grown too long, a dependency without a
//! reason. Whoever must break a rule writes it into [`DEBTS`], where it is seen.

#[path = "tidy/source.rs"]
mod source;

use std::collections::BTreeSet;

use source::{Source, block_end, mentions, paths, read, sources};

/// What is known to break a rule: the rule, the file, which offence, and why it may for now. An entry
/// without its offence is an offence too, so the list only shrinks.
const DEBTS: &[(&str, &str, &str, &str)] = &[
    ("layers", "src/funding.rs", "store::Later", "an alias for a boxed future; it belongs to no layer"),
    ("layers", "src/funding/sandbox.rs", "store::Later", "as above"),
    ("layers", "src/funding/none.rs", "store::Later", "as above"),
    ("layers", "src/funding/stripe.rs", "store::Later", "as above"),
    ("layers", "src/verify/replay.rs", "gate::system", "the id of the server's key is made there"),
    ("layers", "src/verify/evidence.rs", "gate::system", "the id of the server's key is made there"),
    ("layers", "src/verify/evidence.rs", "gate::signature", "the window that a call is judged by"),
    ("crates", "src/demo/attacks.rs", "tonic", "tells a refusal's gRPC code"),
    ("crates", "src/demo/customer.rs", "tonic", "as above"),
    ("crates", "src/demo/otherwise.rs", "tonic", "as above"),
    ("crates", "src/demo/recovery.rs", "tonic", "as above"),
    ("crates", "src/demo/shop.rs", "tonic", "as above"),
    ("homes", "src/cli/demo.rs", "env::var", "NO_COLOR is the terminal's, not the wallet's, configuration"),
    ("file length", "src/domain/rows.rs", "lines", "every table's row in one place, nearly without logic"),
    ("file length", "src/domain/tests/fixture.rs", "lines", "the one small ledger of all rule tables"),
    ("file length", "src/domain/tests/order.rs", "lines", "one table for each action"),
    (
        "function length",
        "src/rpc/status/entry.rs",
        "entry",
        "a table, one row a reason, that must be exhaustive",
    ),
    (
        "function length",
        "src/domain/journal.rs",
        "method",
        "a table, one row a kind, that must be exhaustive",
    ),
    ("function length", "src/verify/replay.rs", "apply", "which kinds of rows go where, all of them"),
    ("function length", "src/domain/decide/candidate.rs", "open_account", "the nine rows of a new account"),
];

/// Which modules of ours a module may name; a path allows what is below it. `pb`, the generated
/// messages, may be named by every layer above `domain`.
const LAYERS: &[(&str, &[&str])] = &[
    ("env", &[]),
    ("contact", &[]),
    ("crockford", &[]),
    ("label", &[]),
    ("symbol", &[]),
    ("emvco", &["crockford"]),
    ("outbound", &[]),
    ("wire", &["pb"]),
    ("ratelimit", &["crypto::hash", "env::clock"]),
    ("domain", &[]),
    ("crypto", &["domain::proof", "env", "contact", "crockford"]),
    ("store", &["domain", "crypto", "env"]),
    ("notify", &["domain", "crypto", "gate::message", "outbound", "store::Later"]),
    ("funding", &["domain", "crypto::hash", "outbound"]),
    ("gate", &["store", "domain", "crypto", "env", "contact", "ratelimit", "funding", "pb", "wire"]),
    (
        "rpc",
        &[
            "gate",
            "store::query",
            "domain",
            "crypto",
            "env",
            "contact",
            "emvco",
            "label",
            "notify",
            "outbound::guard",
            "funding::ClientAction",
            "door::Methods",
            "door::peer",
            "door::Refusals",
            "door::Watched",
            "pb",
        ],
    ),
    (
        "tasks",
        &[
            "gate",
            "store::Answer",
            "store::StoreError",
            "store::heads",
            "store::query",
            "domain",
            "crypto",
            "notify",
            "outbound",
            "funding",
        ],
    ),
    ("door", &["ratelimit", "env"]),
    (
        "config",
        &[
            "crypto::keyring",
            "domain::policy",
            "domain::recovery",
            "domain::time",
            "door",
            "env",
            "gate::limit",
            "ratelimit::gcra",
            "notify::Channel",
            "notify::smtp",
        ],
    ),
    ("client", &["crypto", "domain::time", "env", "contact", "door::tls", "pb"]),
    ("till", &["client", "crypto", "domain::id", "env", "pb"]),
    ("verify", &["store", "domain", "crypto", "tasks::checkpoint", "pb", "wire"]),
];

/// Modules that put the others together, and may name all of them.
const WIRING: [&str; 6] = ["lib", "main", "cli", "server", "demo", "bench"];

/// Crates that belong to some modules alone.
const CRATES: &[(&[&str], &[&str])] = &[
    (
        &["tonic", "tonic_prost", "tonic_types", "tonic_health"],
        &["src/rpc", "src/door", "src/client", "src/bench", "src/lib.rs"],
    ),
    (&["rusqlite", "refinery"], &["src/store"]),
    (&["tokio_postgres", "tokio_postgres_rustls"], &["src/store/postgres"]),
    (&["webpki_roots"], &["src/store/postgres", "src/outbound.rs"]),
    (&["ring", "totp_rs", "argon2", "zxcvbn"], &["src/crypto"]),
    (&["unicode_security", "unicode_script"], &["src/label.rs"]),
    (&["redis"], &["src/ratelimit/redis.rs"]),
    (&["lettre"], &["src/notify/smtp.rs"]),
    (&["reqwest"], &["src/outbound.rs", "src/notify/webhook.rs", "src/tasks/webhook", "src/funding/stripe"]),
    (&["hyper", "http_body_util"], &["src/server/news.rs"]),
];

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 110;

/// Fails with all offences but the known ones, and with debts that are paid.
fn report(rule: &str, offences: &[(String, String)]) {
    let debts = || DEBTS.iter().filter(|(debt, ..)| *debt == rule);
    let is_known =
        |path: &str, what: &str| debts().any(|(_, file, piece, _)| *file == path && what.contains(piece));
    let mut told: BTreeSet<String> = offences
        .iter()
        .filter(|(path, what)| !is_known(path, what))
        .map(|(path, what)| format!("{path}: {what}"))
        .collect();
    for (_, file, piece, _) in debts() {
        if !offences.iter().any(|(path, what)| path == file && what.contains(piece)) {
            told.insert(format!("{file}: {piece} keeps the rule by now: take it off the list of debts"));
        }
    }
    assert!(told.is_empty(), "{rule}:\n{}", told.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn layers_are_named_downwards_only() {
    let mut offences = Vec::new();
    for source in sources() {
        let Some(module) = source.module().filter(|module| !WIRING.contains(module)) else { continue };
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == module) else {
            offences.push((source.path.clone(), format!("which layer is {module}? LAYERS does not say")));
            continue;
        };
        for (line, rest) in mentions(&source.shipped, "crate") {
            for path in paths(rest) {
                let is_in = |place: &str| path == place || path.starts_with(&format!("{place}::"));
                if !is_in(module) && !allowed.iter().any(|place| is_in(place)) {
                    offences
                        .push((source.path.clone(), format!("line {line}: {module} may not name {path}")));
                }
            }
        }
    }
    report("layers", &offences);
}

#[test]
fn crates_stay_in_their_modules() {
    let mut offences = Vec::new();
    for source in sources() {
        for (names, places) in CRATES {
            let is_home = places.iter().any(|place| source.is_below(place.trim_end_matches(".rs")));
            for name in names.iter().filter(|_| !is_home) {
                for (line, _) in mentions(&source.shipped, name) {
                    offences
                        .push((source.path.clone(), format!("line {line}: {name} belongs to {places:?}")));
                }
            }
        }
    }
    report("crates", &offences);
}

#[test]
fn some_names_have_one_home() {
    const ENV: &str = "time, chance and environment come in through env";
    const INFLOW: &str = "what comes in for a customer pays what he owes first, through inflow alone";
    const VARIANT: &str = "the store never learns what a command is";
    let sql = ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE ", "PRAGMA ", "CREATE TABLE"];
    let homes: Vec<(&str, &[&str], &str)> = vec![
        ("Proof::new", &["src/crypto"], "a proof is made by comparing"),
        ("SystemTime::now", &["src/env", "build"], ENV),
        ("Instant::now", &["src/env", "build"], ENV),
        ("env::var", &["src/env", "build"], ENV),
        ("thread::sleep", &["src/env"], ENV),
        ("time::sleep", &["src/env"], ENV),
        ("lots.add(", &["src/domain/decide/inflow"], INFLOW),
        ("lots.give_back(", &["src/domain/decide/inflow"], INFLOW),
    ];
    let variants = ["Order::", "DeviceAction::", "CandidateAction::", "SystemAction::", "Chore::"];
    let mut offences = Vec::new();
    for source in sources() {
        let mut offend = |what: String| offences.push((source.path.clone(), what));
        for (name, places, why) in &homes {
            if source.shipped.contains(name) && !places.iter().any(|place| source.is_below(place)) {
                offend(format!("{name}: {why}"));
            }
        }
        if source.is_below("src/store") {
            variants
                .iter()
                .filter(|name| source.shipped.contains(**name))
                .for_each(|name| offend(format!("{name}: {VARIANT}")));
        } else {
            sql.iter()
                .filter(|word| source.literals.contains(**word))
                .for_each(|word| offend(format!("{word}: SQL is the store's")));
        }
        let is_server = source.module().is_some_and(|module| module != "client" && module != "bench");
        let made = source.shipped.match_indices("Status::").any(|(at, name)| {
            let in_word = source.shipped[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
            !in_word && source.shipped[at + name.len()..].starts_with(|c: char| c.is_lowercase())
        });
        if is_server && made && source.path != "src/rpc/status.rs" {
            offend("a status is made in rpc/status.rs alone".into());
        }
    }
    report("homes", &offences);
}

#[test]
fn nothing_is_left_undone() {
    let mut offences = Vec::new();
    for source in sources() {
        let mut offend = |what: &str| offences.push((source.path.clone(), what.to_owned()));
        for name in ["todo!", "unimplemented!", "dbg!", "#[ignore"] {
            if source.code.contains(name) {
                offend(name);
            }
        }
        if source.shipped.contains(".unwrap()") {
            offend(".unwrap() outside tests: say why it cannot fail, with expect");
        }
        if source.path.ends_with("/mod.rs") {
            offend("a module is foo.rs beside foo/, never mod.rs");
        }
        if !source.text.starts_with("//!") {
            offend("a file opens with //!: what it is, why it is here, what it promises");
        }
    }
    report("undone", &offences);
}

#[test]
fn files_are_not_too_long() {
    let long = |source: &Source| source.text.lines().count() > FILE_LINES_MAX;
    let tell = |source: Source| {
        let lines = source.text.lines().count();
        (source.path, format!("{lines} lines, {FILE_LINES_MAX} are the most"))
    };
    report("file length", &sources().into_iter().filter(long).map(tell).collect::<Vec<_>>());
}

#[test]
fn lines_are_not_too_long() {
    let mut offences = Vec::new();
    for source in sources() {
        for (line, at) in source.text.lines().zip(1..).filter(|(line, _)| line.chars().count() > COLUMNS_MAX)
        {
            offences.push((source.path.clone(), format!("line {at}: {} columns", line.chars().count())));
        }
    }
    report("line length", &offences);
}

#[test]
fn functions_are_not_too_long() {
    let mut offences = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.code.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = line.split("fn ").nth(1).filter(|_| begins_function(line)) else { continue };
            if !has_body(&lines[at..]) {
                continue;
            }
            let length = block_end(&lines, at) + 1 - at;
            if length > FUNCTION_LINES_MAX {
                let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                offences.push((
                    source.path.clone(),
                    format!("{name}: {length} lines, {FUNCTION_LINES_MAX} are the most"),
                ));
            }
        }
    }
    report("function length", &offences);
}

/// Whether a brace comes before the semicolon that ends a declaration; `[u8; 4]` holds another.
fn has_body(lines: &[&str]) -> bool {
    let mut depth = 0;
    for character in lines.iter().flat_map(|line| line.chars()) {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            '{' | ';' if depth == 0 => return character == '{',
            _ => {}
        }
    }
    false
}

fn begins_function(line: &str) -> bool {
    let head = line.trim_start().split("fn ").next().unwrap_or_default();
    head.split_whitespace()
        .all(|word| ["pub", "const", "async", "unsafe"].contains(&word) || word.starts_with("pub("))
        && line.contains("fn ")
}

/// The direct dependencies of `Cargo.toml`: name, and its whole line.
fn dependencies(manifest: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) {
            found.push((name.trim().to_owned(), line.to_owned()));
        }
    }
    found
}

/// Every package of `Cargo.lock`: what could be built, for whatever platform.
fn locked(lock: &str) -> Vec<(String, String)> {
    let value = |line: &str| line.split('"').nth(1).unwrap_or_default().to_owned();
    let lines: Vec<&str> = lock.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].starts_with("name = ") && pair[1].starts_with("version = "))
        .map(|pair| (value(pair[0]), value(pair[1])))
        .collect()
}

#[test]
fn every_dependency_says_why_it_is_here() {
    let silent = dependencies(&read("Cargo.toml")).into_iter().filter(|(_, line)| !line.contains(" # "));
    let offences: Vec<_> =
        silent.map(|(name, _)| ("Cargo.toml".to_owned(), format!("{name}: why?"))).collect();
    report("reasons", &offences);
}

#[test]
fn the_lock_file_holds_nothing_unwanted() {
    let locked = locked(&read("Cargo.lock"));
    assert!(locked.len() > 100, "Cargo.lock is read");
    let mut offences = Vec::new();
    let mut offend = |what: String| offences.push(("Cargo.lock".to_owned(), what));
    for (name, version) in &locked {
        if name.starts_with("aws-lc-") || name == "openssl-sys" || name == "native-tls" {
            offend(format!("{name} {version}: ring is the one provider"));
        }
    }
    for name in ["tonic", "rustls", "ring", "hyper"] {
        let versions: Vec<_> = locked.iter().filter(|(locked, _)| locked == name).collect();
        if versions.len() != 1 {
            offend(format!("{name}: {} versions", versions.len()));
        }
    }
    for (name, line) in dependencies(&read("Cargo.toml")) {
        let is_pre_release = |version: &str| version.split('+').next().is_some_and(|core| core.contains('-'));
        let mut versions = locked.iter().filter(|(locked, _)| *locked == name).peekable();
        assert!(versions.peek().is_some(), "{name} is in Cargo.lock");
        if versions.any(|(_, version)| is_pre_release(version)) {
            offend(format!("{line}: a pre-release"));
        }
    }
    report("lock file", &offences);
}
