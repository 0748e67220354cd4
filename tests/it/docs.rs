//! The documents say what the code does: their tables are made again from it.

use std::fs;
use std::path::Path;

use saifu::domain::policy::{CodeAttempts, Policy};
use saifu::gate::limit::{LimitTable, Shares, WhenAway};
use saifu::gate::operation::{CallerKind, Codes, Cost, Effect};
use saifu::ratelimit::gcra::Limit;

const PROTOCOL: &str = include_str!("../../docs/protocol.md");
const ERRORS: &str = include_str!("../../docs/errors.md");
const ATTACKS: &str = include_str!("../../docs/attacks.md");

const SECOND_US: i64 = 1_000_000;
const UNITS: [(i64, &str, &str); 4] = [
    (SECOND_US, "s", "second"),
    (60 * SECOND_US, "min", "minute"),
    (3_600 * SECOND_US, "h", "hour"),
    (86_400 * SECOND_US, "d", "day"),
];

/// The rows of a table of protocol.md, without its two lines of head.
fn table(name: &str) -> Vec<&str> {
    let (_, from) = PROTOCOL.split_once(&format!("<!-- begin {name} -->\n")).expect("the table begins");
    let (rows, _) = from.split_once(&format!("<!-- end {name} -->")).expect("the table ends");
    rows.lines().skip(2).collect()
}

/// Fails with the rows as they should be.
fn compare(name: &str, rows: &[Vec<String>]) {
    let rows: Vec<String> = rows.iter().map(|cells| format!("| {} |", cells.join(" | "))).collect();
    assert!(
        rows == table(name),
        "docs/protocol.md, table {name}: the rows should be\n\n{}\n",
        rows.join("\n")
    );
}

/// With a comma before every three digits.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let group = |(at, digit): (usize, char)| match at {
        0 => digit.to_string(),
        at if at % 3 == first % 3 => format!(",{digit}"),
        _ => digit.to_string(),
    };
    digits.chars().enumerate().map(group).collect()
}

fn yen(amount_minor: i64) -> String {
    format!("¥{}", grouped(amount_minor))
}

/// In the largest unit in which it is a whole number; a day is told in hours.
fn duration(us: i64) -> String {
    let whole = |(unit_us, _, _): &&(i64, &str, &str)| us % unit_us == 0;
    let (unit_us, unit, _) = UNITS[..3].iter().rev().find(whole).expect("whole seconds");
    format!("{} {unit}", us / unit_us)
}

#[test]
fn the_error_catalogue_is_up_to_date() {
    assert!(
        saifu::rpc::catalogue::catalogue() == ERRORS,
        "docs/errors.md is not what the code says: cargo run --example errors > docs/errors.md"
    );
}

#[test]
fn every_rpc_stands_in_the_protocol_as_it_is_declared() {
    let rows: Vec<_> = saifu::rpc::declared()
        .into_iter()
        .map(|declared| {
            let caller = match declared.caller {
                CallerKind::Candidate => "candidate",
                CallerKind::Device => "device",
                CallerKind::Terminal => "till",
                CallerKind::Merchant => "merchant",
                CallerKind::Operator => "operator",
            };
            let effect = match declared.effect {
                Effect::Reads => "reads",
                Effect::Changes => "changes",
            };
            let code = match declared.codes {
                Codes::Refused => "refused",
                Codes::Totp => "taken",
                Codes::NewTotp => "the new authenticator's",
                Codes::Recovery => "what is proved",
                Codes::Contact => "the contact's",
            };
            let method = format!("`{}`", declared.method);
            vec![method, caller.into(), effect.into(), code.into(), class(declared.cost).into()]
        })
        .collect();
    compare("rpcs", &rows);
}

fn class(cost: Cost) -> &'static str {
    match cost {
        Cost::Enrolment => "enrolment",
        Cost::Recovery => "recovery",
        Cost::Reading => "reading",
        Cost::MoneyIn => "money in",
        Cost::MoneyOut => "money out",
        Cost::Security => "security",
        Cost::Stop => "stop",
        Cost::Till => "till",
        Cost::Merchant => "merchant",
        Cost::Operator => "operator",
        Cost::Sandbox => "sandbox",
    }
}

/// How many at once, and how many on the long run.
fn rate(limit: &Limit) -> [String; 2] {
    let fits = |(unit_us, _, _): &&(i64, &str, &str)| *unit_us >= limit.interval_us();
    let (unit_us, _, unit) = UNITS.iter().find(fits).expect("at least one a day");
    // The interval is rounded up, so the number of events is rounded to the nearest.
    let events = (unit_us + limit.interval_us() / 2) / limit.interval_us();
    let article = if *unit == "hour" { "an" } else { "a" };
    [grouped(limit.burst().into()), format!("{} {article} {unit}", grouped(events))]
}

#[test]
fn the_rate_limits_stand_in_the_protocol_as_they_are() {
    let table = LimitTable::standard();
    let mut rows = Vec::new();
    for (cost, limits) in [
        (Cost::Enrolment, table.enrolment),
        (Cost::Recovery, table.recovery),
        (Cost::Reading, table.reading),
        (Cost::MoneyIn, table.money_in),
        (Cost::MoneyOut, table.money_out),
        (Cost::Security, table.security),
        (Cost::Stop, table.stop),
        (Cost::Till, table.till),
        (Cost::Merchant, table.merchant),
        (Cost::Operator, table.operator),
        (Cost::Sandbox, table.sandbox),
    ] {
        let own =
            if cost == Cost::Sandbox { ["–".to_owned(), "–".to_owned()] } else { rate(&limits.own) };
        let away = match limits.when_away {
            WhenAway::Deny => "`UNAVAILABLE`",
            WhenAway::FallBack => "each process for itself",
        };
        let row = [&[class(cost).to_owned()][..], &rate(&limits.origin), &own, &[away.to_owned()]];
        rows.push(row.concat());
    }
    let none = || ["–".to_owned(), "–".to_owned()];
    let messages = "messages to one contact, whoever asks".to_owned();
    rows.push([&[messages][..], &none(), &rate(&table.messages), &["`UNAVAILABLE`".to_owned()]].concat());
    let targets =
        "recoveries and additions begun for one contact, whoever asks; above it each costs the heaviest stamp"
            .to_owned();
    rows.push(
        [&[targets][..], &none(), &rate(&table.recovery_target), &["`UNAVAILABLE`".to_owned()]].concat(),
    );
    let codes = "codes of recoveries by one contact, whoever asks; once something was proved, of one account";
    let codes = codes.to_owned();
    rows.push([&[codes][..], &none(), &rate(&table.codes_of), &["`UNAVAILABLE`".to_owned()]].concat());
    let Shares { messages, codes, attempts, joining } = table.shares;
    for (of, share) in [
        ("messages with an enrolment's code", messages),
        ("codes of recoveries", codes),
        ("attempts at an authenticator or a passphrase in recoveries", attempts),
        ("phones that ask to join", joining),
    ] {
        let of = format!("one contact's {of}, before anything is proved");
        rows.push([&[of][..], &rate(&share), &none(), &["`UNAVAILABLE`".to_owned()]].concat());
    }
    let accounts = grouped(table.crowd.accounts_per_hour.into());
    let crowd = format!("all together, once {accounts} accounts called from the origin in an hour");
    let throttled = rate(&table.crowd.throttled);
    rows.push([&[crowd][..], &throttled, &none(), &["as its class".to_owned()]].concat());
    compare("rates", &rows);
}

#[test]
fn what_strangers_may_do_together_stands_in_the_protocol_as_it_is() {
    let LimitTable { anonymous, budgets, .. } = LimitTable::standard();
    let [free, stamped] = [rate(&anonymous.free), rate(&anonymous.stamped)];
    let row = |cells: [String; 3]| cells.to_vec();
    let others = || "all others".to_owned();
    compare(
        "stamps",
        &[
            row(["none".to_owned(), free[0].clone(), free[1].clone()]),
            row([
                format!("{} bits", anonymous.stamp_bits),
                format!("{} more", stamped[0]),
                format!("{} more", stamped[1]),
            ]),
            row([format!("{} bits", anonymous.heavy_bits), others(), others()]),
        ],
    );
    let budget = |what: &str, limit: &Limit, hours: i64, period: &str| {
        // As much again as comes at once, in the course of the period.
        let later = hours * 3_600 * SECOND_US / limit.interval_us();
        let (later, at_once) = (later, i64::from(limit.burst()));
        row([what.to_owned(), format!("{} in any {period}", grouped(at_once + later)), grouped(at_once)])
    };
    let prefix = "text messages to numbers that begin with the same six digits";
    compare(
        "budgets",
        &[
            budget("text messages", &budgets.texts_hour, 1, "hour"),
            budget("text messages", &budgets.texts_day, 24, "day"),
            budget(prefix, &budgets.prefix_day, 24, "day"),
            budget("e-mail messages", &budgets.emails_hour, 1, "hour"),
            budget("e-mail messages", &budgets.emails_day, 24, "day"),
        ],
    );
}

/// How wrong codes are counted.
fn code_rows(codes: &CodeAttempts) -> [(&'static str, String); 7] {
    let blocks: Vec<_> = codes.blocks_us.map(duration).into();
    [
        ("Wrong codes of a device in a row that block its codes, each time", codes.block_after.to_string()),
        ("Blocked for, the first, the second and every further time", blocks.join(", ")),
        (
            "Wrong codes of a device in a day of UTC that block its codes until it is over",
            codes.per_day.to_string(),
        ),
        (
            "Wrong codes of all devices in a day of UTC that block all codes until it is over",
            codes.account_per_day.to_string(),
        ),
        (
            "Wrong codes of all devices without a right one between that end all codes",
            codes.without_success.to_string(),
        ),
        ("Wrong codes of a device, ever, that end its codes", codes.device_ever.to_string()),
        (
            "Wrong codes of all devices since the last recovery that end all codes",
            codes.account_ever.to_string(),
        ),
    ]
}

#[test]
fn the_policy_stands_in_the_protocol_as_it_is() {
    // Recovery's figures stand in docs/recovery.md, and those of cards in a table of their own.
    let Policy {
        step_up,
        codes,
        enrolment,
        payment_codes,
        payments,
        staff,
        open_request_us,
        secret_us,
        limits,
        top_ups,
        cards: _,
        settlement,
        reconciliation,
        recovery: _,
    } = Policy::standard();
    let rows = [
        ("After an accepted code its device is fresh for", duration(step_up.fresh_us)),
        ("Pay, Confirm, IssueCode, TopUp: a code in the call from this amount on", yen(step_up.amount_minor)),
        (
            "Pay, Confirm, IssueCode: a code in the call when what went out since its last code would pass",
            yen(step_up.sum_minor),
        ),
        (
            "Pay, Confirm, IssueCode: a code in the call when so many payments were made since its last code",
            step_up.payments.to_string(),
        ),
    ];
    let rest = [
        ("An enrolment's code is good for", duration(enrolment.code_us)),
        ("Wrong enrolment codes that end the enrolment", enrolment.attempts.to_string()),
        ("Activate within", duration(enrolment.activate_us)),
        ("A payment code is good for", duration(payment_codes.live_us)),
        ("Unusable payment codes that a till may send at once", payment_codes.misses.to_string()),
        ("… of which one is made up for in", duration(payment_codes.miss_us)),
        ("A customer is asked by a till for", duration(payments.ask_us)),
        ("A hold lasts, when its shop says nothing about it", duration(payments.hold_us)),
        ("A hold lasts at most", duration(payments.hold_longest_us)),
        ("A till gives back in a day of UTC, at most", yen(staff.refund_day_minor)),
        ("What was captured is undone by Reverse for", duration(staff.reversal_us)),
        ("Cash goes back at the till that took it for", duration(staff.cash_back_us)),
        ("A till's day is closed for it, after its calendar day, in", duration(staff.close_day_us)),
        ("A till's activation code is good for", duration(staff.activation_us)),
        ("A proposal may be approved for", duration(staff.proposal_us)),
        ("An answer that is open binds its request id for", duration(open_request_us)),
        ("A secret of a reply can be fetched again for", duration(secret_us)),
        ("Pause between two top-ups", duration(limits.top_up_pause_us)),
        ("A top-up's provider may take", duration(top_ups.deadline_us)),
        ("A merchant's day is settled so long after its end", duration(settlement.after_us)),
        ("Refunds take what a merchant is owed down to", yen(settlement.payable_floor_minor)),
        (
            "A provider's charge is compared, after its top-up's time, not before",
            duration(reconciliation.after_us),
        ),
        ("A provider's charge is compared until it is so old", duration(reconciliation.back_us)),
        ("New charges and open differences are looked at every", duration(reconciliation.every_us)),
        ("All charges are looked at again every", duration(reconciliation.again_us)),
        ("Linked funding sources at a time", limits.funding_sources.to_string()),
        ("A device is young for", duration(limits.young_us)),
    ];
    let rows = rows.into_iter().chain(code_rows(&codes)).chain(rest);
    let rows: Vec<_> = rows.map(|(rule, figure)| vec![rule.to_owned(), figure]).collect();
    compare("policy", &rows);
}

#[test]
fn the_figures_of_cards_stand_in_the_protocol_as_they_are() {
    let cards = Policy::standard().cards;
    let rows = [
        ("One card is in so many accounts at the most", cards.accounts.to_string()),
        ("An account counts for so long after it last linked or used the card", duration(cards.accounts_us)),
        ("One card brings in, in 24 hours and over all accounts, at most", yen(cards.day_minor)),
        ("By so many top-ups at most", cards.day_count.to_string()),
        ("A source is new until its first top-up was credited, and for", duration(cards.new_us)),
        ("From a new source, in 24 hours and with all top-ups of its account", yen(cards.new_day_minor)),
        ("3-D Secure for a source's first top-up, and from this amount on", yen(cards.challenge_minor)),
    ];
    compare("cards", &rows.map(|(rule, figure)| vec![rule.to_owned(), figure]));
}

#[test]
fn the_limits_stand_in_the_protocol_as_they_are() {
    let limits = Policy::standard().limits;
    let none = || "–".to_owned();
    let row = |what: &str, of: fn(&saifu::domain::policy::Caps) -> Option<i64>, tell: fn(i64) -> String| {
        let figure = |caps| of(caps).map_or_else(none, tell);
        vec![what.to_owned(), figure(&limits.standard), figure(&limits.young_device)]
    };
    let rows = [
        row("One payment", |caps| caps.payment_minor, yen),
        row("Payments in 24 hours", |caps| caps.day_minor, yen),
        row("Payments in 30 days", |caps| caps.month_minor, yen),
        row("Top-ups in 24 hours, number", |caps| caps.top_up_day_count, grouped),
        row("Top-ups in 24 hours", |caps| caps.top_up_day_minor, yen),
        row("Balance, with top-ups under way", |caps| caps.balance_minor, yen),
    ];
    compare("limits", &rows);
}

#[test]
fn the_transports_limits_stand_in_the_protocol_as_they_are() {
    let limits = saifu::door::Limits::standard();
    let seconds = |duration: std::time::Duration| format!("{} s", duration.as_secs());
    let count = |count: usize| grouped(i64::try_from(count).expect("a limit fits"));
    let rows = [
        ("Message, both ways", format!("{} KiB", saifu::rpc::MESSAGE_BYTES / 1_024)),
        ("Connections from one IPv4 address or IPv6 /64", count(limits.connections_per_origin)),
        ("Connections in all", count(limits.connections)),
        ("TLS handshake", seconds(limits.handshake)),
        ("From the handshake to the whole HTTP/2 preface", seconds(limits.preface)),
        ("From there to the first request's whole headers", seconds(limits.first_request)),
        ("Calls under way from one IPv4 address or IPv6 /64", count(limits.calls_per_origin)),
        ("Calls under way in all", count(limits.calls)),
        (
            "Watchers (calls whose answers go on) from one IPv4 address or IPv6 /64",
            count(limits.watchers_per_origin),
        ),
        ("Watchers in all", count(limits.watchers)),
        ("A call", seconds(limits.call)),
        ("From there until its answer is taken", seconds(limits.answer)),
        ("Silence until the server sends a PING", seconds(limits.keep_alive)),
        ("Its answer", seconds(limits.keep_alive_answer)),
        ("Age at which a connection is told to go (GOAWAY)", seconds(limits.connection_age)),
        ("… and after which it is cut off", seconds(limits.connection_grace)),
    ];
    compare("transport", &rows.map(|(what, limit)| vec![what.to_owned(), limit]));
}

fn rust_sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).expect("a directory of the package") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_sources(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            *text += &fs::read_to_string(&path).expect("a source file");
        }
    }
}

/// Rows look like `| ID | attack | safe result | test |`; the last cell names tests in backquotes,
/// or says what the row waits for.
#[test]
fn every_attack_names_a_test_that_exists_or_what_it_waits_for() {
    let mut sources = String::new();
    for directory in ["src", "tests"] {
        rust_sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(directory), &mut sources);
    }
    let (mut rows, mut wrong) = (0, Vec::new());
    for line in ATTACKS.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| ID ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 4, "four cells: {line}");
        rows += 1;
        let tests: Vec<_> = cells[3].split('`').skip(1).step_by(2).collect();
        if tests.is_empty() && !cells[3].starts_with("waits for ") {
            wrong.push(format!("{}: neither a test nor what it waits for", cells[0]));
        }
        let is_there =
            |test: &&&str| ["(", "<"].iter().any(|end| sources.contains(&format!("fn {test}{end}")));
        for test in tests.iter().filter(|test| !is_there(test)) {
            wrong.push(format!("{}: there is no test {test}", cells[0]));
        }
    }
    assert!(rows > 50, "the table is read");
    assert!(wrong.is_empty(), "docs/attacks.md:\n{}", wrong.join("\n"));
}
