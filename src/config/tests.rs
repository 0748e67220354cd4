//! Each refusal with the sentence that it is told in, and the example file in both its halves.

mod cards;
mod limits;
mod variables;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;
use crate::crypto::entropy::SeededEntropy;
use crate::crypto::keyring::Keyring;
use crate::notify::Channel;
use crate::notify::smtp::Tls;

const EXAMPLE: &str = include_str!("../../config/saifu.example.toml");
const POSTGRES: &str = "postgresql://saifu:hunter2@db1:5432,db2/wallet?sslmode=verify-full";
const REDIS: &str = "rediss://saifu:hunter3@cache:6379/0";

/// A directory with everything that the example names.
fn place() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    Keyring::load_or_create(&dir.path().join("keys"), &SeededEntropy::new(1), true).unwrap();
    for (name, content) in [
        ("tls/server.pem", "a chain"),
        ("tls/server-key.pem", "a key"),
        ("tls/database-ca.pem", "an authority"),
        ("secrets/store-url", POSTGRES),
        ("secrets/redis-url", &format!("{REDIS}\n")),
        ("secrets/mail-password", "hunter4"),
        ("secrets/webhook-secret", "whsec_hunter5"),
        ("secrets/webhook-next-secret", "whsec_hunter6"),
        ("secrets/stripe-key", "sk_live_hunter7"),
        ("secrets/stripe-test-key", "sk_test_hunter7"),
        ("secrets/stripe-webhook-secret", "whsec_hunter8"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    dir
}

/// The example's halves: as it stands, and what its second part says.
fn halves() -> [String; 2] {
    let (first, second) = EXAMPLE.split_once("# ── the second half").unwrap();
    let lines =
        second.lines().skip(2).map(|line| line.strip_prefix("# ").unwrap_or(line.trim_start_matches('#')));
    [first.to_owned(), lines.collect::<Vec<_>>().join("\n")]
}

fn parse_in(dir: &TempDir, text: &str, environment: &Environment) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("saifu.toml"), dir.path(), environment)
}

pub(super) fn parse(text: &str) -> Result<Config, ConfigError> {
    parse_in(&place(), text, &Environment::default())
}

fn sentence(text: &str) -> String {
    let said = parse(text).expect_err(text).to_string();
    assert!(!said.contains('\n'), "one sentence: {said}");
    said
}

#[test]
fn the_example_is_production_on_an_embedded_database() {
    let dir = place();
    let config = parse_in(&dir, &halves()[0], &Environment::default()).unwrap();
    assert_eq!(config.mode, Mode::Production);
    assert_eq!(config.audience, "wallet.example.jp");
    assert_eq!(config.store, StoreAt::Sqlite(dir.path().join("data")));
    assert_eq!(config.buckets, Buckets::InProcess);
    assert_eq!(config.keys, KeysAt::Directory { path: dir.path().join("keys"), may_create: false });
    assert_eq!(config.funding, Funding::None);
    assert_eq!(config.health_listen.unwrap().port(), 8081);
    assert_eq!((config.notify.folder, config.notify.webhook), (None, None));
    let email = config.notify.email.unwrap();
    assert_eq!((email.host.as_str(), email.port, email.tls), ("smtp.example.jp", 587, Tls::StartTls));
    assert_eq!(email.login, Some(("saifu".to_owned(), Secret::new("hunter4".to_owned()))));
}

#[test]
fn the_examples_second_half_is_production_on_postgresql_and_redis() {
    let config = parse(&halves()[1]).unwrap();
    let StoreAt::Postgres(url, Some(_), Standby::Synchronous) = &config.store else {
        panic!("{:?}", config.store)
    };
    assert_eq!((url.url.expose(), url.database.as_str()), (POSTGRES, "wallet"));
    assert_eq!(url.hosts, ["db1:5432", "db2"]);
    let Buckets::Redis(url, None) = &config.buckets else { panic!("{:?}", config.buckets) };
    assert_eq!((url.url.expose(), url.host.as_str()), (REDIS, "cache:6379"));
    assert!(matches!(config.keys, KeysAt::Files(_)));
    let webhook = config.notify.webhook.as_ref().unwrap();
    assert_eq!(webhook.channels, [Channel::Sms, Channel::Push]);
    let secrets: Vec<_> = webhook.secrets.iter().map(Secret::expose).collect();
    assert_eq!(secrets, ["whsec_hunter5", "whsec_hunter6"]);
    assert!(config.notify.email.is_none());
    let Funding::Stripe(stripe) = &config.funding else { panic!("{:?}", config.funding) };
    assert_eq!(
        (stripe.base_url.as_str(), stripe.secret_key.expose()),
        (funding::STRIPE_URL, "sk_live_hunter7")
    );
    let (address, secret) = stripe.webhook.as_ref().unwrap();
    assert_eq!((address.port(), secret.expose()), (8082, "whsec_hunter8"));
    assert_eq!(config.top_up_deadline_us, Some(900_000_000));
    let told = format!("{config:?}");
    assert!(!told.contains("hunter"), "no secret in Debug: {told}");
}

#[test]
fn what_the_example_leaves_out_is_the_standard_and_can_be_written() {
    let lines: Vec<&str> = EXAMPLE
        .lines()
        .skip_while(|line| !line.starts_with("# [server.limits]"))
        .take_while(|line| line.starts_with('#'))
        .map(|line| &line[2..])
        .collect();
    let figures = lines.join("\n");
    let config = parse(&format!("mode = \"sandbox\"\n{figures}")).unwrap();
    assert_eq!(format!("{:?}", config.door), format!("{:?}", door::Limits::standard()));
    assert!(figures.lines().count() > 10);
    let config = parse("mode = \"sandbox\"\n[server.limits]\ncall_ms = 7\ncalls = 8\n").unwrap();
    assert_eq!((config.door.call.as_millis(), config.door.calls), (7, 8));
    let rates = "[limits.rates.reading]\nown = { events = 1, per = \"minute\", burst = 9 }\n";
    let config = parse(&format!("mode = \"sandbox\"\n{rates}")).unwrap();
    assert_eq!((config.limits.reading.own.burst(), config.limits.reading.own.interval_us()), (9, 60_000_000));
    assert_eq!(config.limits.reading.origin, LimitTable::standard().reading.origin);
}

/// The figures of recovery as the example has them, in comments: key and documented value.
fn recovery_figures() -> Vec<(&'static str, i64)> {
    let lines = EXAMPLE.lines().skip_while(|line| *line != "# [recovery]").skip(1);
    let figures = lines.map_while(|line| line.strip_prefix("# ")?.split_once(" = "));
    figures.map(|(key, value)| (key, value.parse().unwrap())).collect()
}

#[test]
fn each_figure_of_recovery_is_the_documented_or_stricter_unless_money_is_a_sandboxs() {
    let figures = recovery_figures();
    assert_eq!(figures.len(), 22);
    let written = |key: &str, value: i64| format!("[recovery]\n{key} = {value}\n");
    let production = |key: &str, value: i64| {
        let section = format!("\n{}[notify.email]\n", written(key, value));
        parse(&halves()[0].replacen("\n[notify.email]\n", &section, 1))
    };
    let all = figures.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join("\n");
    let config = parse(&format!("mode = \"sandbox\"\n[recovery]\n{all}")).unwrap();
    assert_eq!(config.recovery, Figures::standard());
    for (key, documented) in figures {
        assert_eq!(production(key, documented).unwrap().recovery, Figures::standard(), "{key}");
        let (weaker, stricter, or) =
            if ["requested", "proven", "window", "again", "restricted", "day", "percent"]
                .iter()
                .any(|word| key.split('_').any(|part| part == *word))
            {
                (documented + 1, documented - 1, "less")
            } else {
                (documented - 1, documented + 1, "more")
            };
        let said = production(key, weaker).expect_err(key).to_string();
        let words = format!("[recovery] {key} is weaker than the documented figure");
        assert!(said.starts_with(&words) && said.contains(&format!("write {documented} or {or}")), "{said}");
        assert_ne!(production(key, stricter).unwrap().recovery, Figures::standard(), "{key}");
        let sandbox = |value| parse(&format!("mode = \"sandbox\"\n{}", written(key, value)));
        let least = if ["second_stage_seconds", "third_stage_seconds"].contains(&key) { weaker } else { 1 };
        assert_ne!(sandbox(least).unwrap().recovery, Figures::standard(), "{key}");
        assert!(sandbox(-1).unwrap_err().to_string().contains(&format!("[recovery] {key} must be ")));
    }
}

#[test]
fn a_sandbox_needs_one_line() {
    let dir = place();
    let config = parse_in(&dir, "mode = \"sandbox\"\n", &Environment::default()).unwrap();
    assert_eq!((config.audience.as_str(), config.funding), (SANDBOX_AUDIENCE, Funding::Sandbox));
    assert_eq!(config.store, StoreAt::Sqlite(dir.path().join("saifu-data")));
    assert!(config.listen.ip().is_loopback() && config.operators_listen.ip().is_loopback());
    assert_eq!(config.notify.folder, Some(dir.path().join("saifu-data/messages")));
}

/// A line of the example, what stands in its place, and words of the refusal.
const REFUSED: &[(&str, &str, &str)] = &[
    ("mode = \"production\"", "", "missing field `mode`"),
    ("mode = \"production\"", "mode = \"test\"", "unknown variant `test`"),
    ("executors = 1", "executor = 1", "unknown field `executor`"),
    ("executors = 1", "executors = 0", "[server] executors must be 1 or more"),
    ("audience = \"wallet.example.jp\"", "", "[server] audience is missing: write a name of your own"),
    (
        "audience = \"wallet.example.jp\"",
        "audience = \"sandbox.saifu.invalid\"",
        "[server] audience is the sandbox's, and this is production: write a name of your own",
    ),
    ("audience = \"wallet.example.jp\"", "audience = \"a b\"", "[server] audience must be 1 to 253"),
    ("listen = \"0.0.0.0:8443\"", "", "[server] listen is missing: write the address"),
    ("data_dir = \"data\"", "", "[server] data_dir is missing"),
    (
        "certificate_file = \"tls/server.pem\"",
        "",
        "[tls] certificate_file is missing: write the PEM file of your chain",
    ),
    ("key_file = \"tls/server-key.pem\"", "", "[tls] key_file is missing"),
    (
        "key_file = \"tls/server-key.pem\"",
        "key_file = \"tls/none.pem\"",
        "tls/none.pem, which cannot be read",
    ),
    ("sqlite_dir = \"data\"", "", "[store] is missing: write sqlite_dir = \"…\", or url_file"),
    ("sqlite_dir = \"data\"", "sqlite_dir = \"d\"\nurl_file = \"secrets/store-url\"", "same thing twice"),
    ("sqlite_dir = \"data\"", "url_file = \"tls/none\"", "[store] url_file names"),
    ("sqlite_dir = \"data\"", "url_file = \"keys/kek.key\"", "[store] url must be postgresql://"),
    ("sqlite_dir = \"data\"", "url = \"postgresql://u:hunter2@h/d\"", "[store] url holds a password: put"),
    (
        "sqlite_dir = \"data\"",
        "url = \"postgresql://u@h/d?password=hunter2\"",
        "[store] url holds a password: put",
    ),
    ("sqlite_dir = \"data\"", "url = \"postgresql://u@h/d\"", "[store] goes over the network unprotected"),
    (
        "sqlite_dir = \"data\"",
        "url = \"postgresql://u@h/d?sslmode=prefer\"\nca_file = \"tls/database-ca.pem\"",
        "[store] goes over the network unprotected",
    ),
    ("sqlite_dir = \"data\"", "url = \"mysql://u@h/d\"", "[store] url must be postgresql://user@host"),
    ("redis = \"none\"", "", "[limits] is missing: write redis_url_file = \"…\", or redis = \"none\""),
    ("redis = \"none\"", "redis = \"some\"", "unknown variant `some`"),
    ("redis = \"none\"", "redis_url = \"rediss://u:hunter3@h/0\"", "[limits] redis_url holds a password"),
    ("redis = \"none\"", "redis_url = \"redis://h/0\"", "write a URL that begins with rediss://"),
    ("redis = \"none\"", "redis_url = \"http://h/0\"", "[limits] redis_url must be rediss://"),
    (
        "redis = \"none\"",
        "redis = \"none\"\nredis_url_file = \"secrets/redis-url\"",
        "[limits] redis and [limits] redis_url or redis_url_file say the same thing twice",
    ),
    ("dir = \"keys\"", "", "[keys] is missing: write dir = \"…\" or a file for each key"),
    ("dir = \"keys\"", "dir = \"none\"", "where there are no keys: production makes none by itself"),
    ("dir = \"keys\"", "kek_file = \"keys/kek.key\"", "[keys] index_file is missing"),
    ("dir = \"keys\"", "dir = \"keys\"\nkek_file = \"keys/kek.key\"", "same thing twice"),
    (
        "provider = \"none\"",
        "provider = \"sandbox\"",
        "[funding] provider is the sandbox's, and this is production: write \"stripe\"",
    ),
    ("provider = \"none\"", "", "[funding] provider is missing"),
    (
        "[notify.email]",
        "[notify]\nspool_dir = \"spool\"\n[notify.email]",
        "[notify] spool_dir is the sandbox's, and this is production: write [notify.email]",
    ),
    ("host = \"smtp.example.jp\"", "", "[notify.email] host is missing: write the mail relay's name"),
    ("port = 587", "port = 0", "[notify.email] port is missing: write 587"),
    ("tls = \"starttls\"", "", "[notify.email] tls is missing: write \"starttls\" or \"implicit\""),
    ("tls = \"starttls\"", "tls = \"none\"", "unknown variant `none`"),
    ("username = \"saifu\"", "", "[notify.email] username is missing: write the user"),
    ("username = \"saifu\"", "username = \"saifu\"\npassword = \"hunter4\"", "unknown field `password`"),
    ("password_file = \"secrets/mail-password\"", "", "[notify.email] password_file is missing"),
    ("from = \"saifu <no-reply@wallet.example.jp>\"", "", "[notify.email] from is missing: write the sender"),
    (
        "[notify.email]",
        "[server.limits]\ncalls = 0\n[notify.email]",
        "[server.limits], a count must be 1 to 1000000",
    ),
    (
        "[notify.email]",
        "[server.limits]\ncall_ms = 3600001\n[notify.email]",
        "[server.limits], a time must be 1 to",
    ),
    (
        "[notify.email]",
        "[limits.rates]\nmessages = { events = 0, per = \"day\", burst = 1 }\n[notify.email]",
        "[limits.rates], events and burst must be 1 to 1000000",
    ),
    (
        "[notify.email]",
        "[recovery]\ndelay_seconds = 172800\n[notify.email]",
        "unknown field `delay_seconds`, expected one of",
    ),
    (
        "[notify.email]",
        "[recovery]\ndelay_email_seconds = 172799\n[notify.email]",
        "[recovery] delay_email_seconds is weaker than the documented figure, and this is production: write \
         172800 or more, or leave it out",
    ),
    (
        "[notify.email]",
        "[recovery]\nfirst_day_yen = 3001\n[notify.email]",
        "[recovery] first_day_yen is weaker than the documented figure, and this is production: write 3000 \
         or less, or leave it out",
    ),
    (
        "[notify.email]",
        "[recovery]\nlocked_seconds = 31536001\n[notify.email]",
        "[recovery] locked_seconds must be 1 to 31536000 seconds",
    ),
    (
        "[notify.email]",
        "[recovery]\nfirst_stage_seconds = 604800\n[notify.email]",
        "[recovery] first_stage_seconds must be less than second_stage_seconds",
    ),
];

/// The same for the webhook, which is in the example's second half.
const REFUSED_WEBHOOKS: &[(&str, &str, &str)] = &[
    (URL, "", "[notify.webhook] url is missing: write the address"),
    (URL, "url = \"ftp://h/\"", "[notify.webhook] url must be https://host/path"),
    (URL, "url = \"https://u:hunter@h/\"", "[notify.webhook] url must be https://host/path"),
    (URL, "url = \"http://h/\"", "[notify.webhook] url goes over the network unprotected: write a URL"),
    (URL, "url = \"http://127.0.0.1:1/\"", "[notify.webhook] url goes over the network unprotected"),
    (
        "secret_file = \"secrets/webhook-secret\"",
        "",
        "[notify.webhook] secret_file is missing: write the file",
    ),
    (
        "second_secret_file = \"secrets/webhook-next-secret\"",
        "second_secret_file = \"secrets/webhook-secret\"",
        "[notify.webhook] secret_file and [notify.webhook] second_secret_file say the same thing twice",
    ),
    (CHANNELS, "", "[notify.webhook] channels must be [\"sms\"]"),
    (CHANNELS, "channels = []", "[notify.webhook] channels must be [\"sms\"]"),
    (CHANNELS, "channels = [\"sms\", \"sms\"]", "[notify.webhook] channels must be [\"sms\"]"),
    (CHANNELS, "channels = [\"email\"]", "[notify.webhook] channels must be [\"sms\"]"),
    (CHANNELS, "channels = [\"push\"]", "[notify] is missing: write [notify.email] with a mail relay"),
];
/// The same in the second half, about Stripe.
const REFUSED_STRIPE: [(&str, &str, &str); 8] = [
    (STRIPE_KEY, "", "[funding.stripe] secret_key_file is missing: write the file of the account's secret"),
    (STRIPE_KEY, "secret_key_file = \"secrets/none\"", "[funding.stripe] secret_key_file names"),
    (
        STRIPE_KEY,
        "secret_key_file = \"secrets/stripe-test-key\"",
        "[funding.stripe] secret_key_file is the sandbox's, and this is production: write the file of a live",
    ),
    (
        STRIPE_KEY,
        "secret_key_file = \"secrets/stripe-key\"\nbase_url = \"http://127.0.0.1:1\"",
        "[funding.stripe] base_url goes over the network unprotected",
    ),
    (
        "webhook_secret_file = \"secrets/stripe-webhook-secret\"",
        "",
        "[funding.stripe] webhook_secret_file is missing",
    ),
    ("webhook_listen = \"127.0.0.1:8082\"", "", "[funding.stripe] webhook_listen is missing"),
    ("deadline_seconds = 900", "deadline_seconds = 59", "[funding] deadline_seconds must be 60 to 86400"),
    ("deadline_seconds = 900", "deadline_seconds = 86401", "[funding] deadline_seconds must be 60 to 86400"),
];
const STRIPE_KEY: &str = "secret_key_file = \"secrets/stripe-key\"";
const URL: &str = "url = \"https://messages.example.jp/saifu\"";
const CHANNELS: &str = "channels = [\"sms\", \"push\"]";

#[test]
fn production_refuses_what_it_must_not_run_on_and_says_what_to_write() {
    let [first, second] = halves();
    let rows = REFUSED.iter().map(|row| (&first, row));
    let more = REFUSED_WEBHOOKS.iter().chain(&REFUSED_STRIPE).map(|row| (&second, row));
    for (whole, (line, instead, words)) in rows.chain(more) {
        let with_line = format!("\n{line}\n");
        assert!(whole.contains(&with_line), "{line}");
        // A section's own line stays in its section.
        let said = sentence(&whole.replacen(&with_line, &format!("\n{instead}\n"), 1));
        assert!(said.contains(words), "{instead:?} for {line:?}: {said}");
        assert!(!said.contains("hunter"), "{said}");
    }
}

#[test]
fn merchants_webhooks_go_to_the_public_network_unless_a_sandbox_allows_others() {
    let [production, _] = halves();
    let allowed = format!("{production}\n[merchant_webhooks]\nallow_private = true\n");
    let said = sentence(&allowed);
    assert!(said.contains("[merchant_webhooks] allow_private is the sandbox's"), "{said}");
    let read = |text: &str| parse(text).unwrap();
    assert!(!read("mode = \"sandbox\"").private_webhooks);
    assert!(read("mode = \"sandbox\"\n[merchant_webhooks]\nallow_private = true").private_webhooks);
}

#[test]
fn merchants_are_paid_as_written_within_its_range() {
    let read = |lines: &str| parse(&format!("mode = \"sandbox\"\n[settlement]\n{lines}"));
    let given = |lines: &str| {
        let settlement = read(lines).unwrap().settlement;
        (settlement.utc_offset_us, settlement.payable_floor_minor)
    };
    assert_eq!(given(""), (None, None));
    let written = "utc_offset_minutes = -60\npayable_floor_yen = 0";
    assert_eq!(given(written), (Some(-3_600_000_000), Some(0)));
    for wrong in ["utc_offset_minutes = 841", "payable_floor_yen = 1", "payable_floor_yen = -1000000001"] {
        let said = read(wrong).unwrap_err().to_string();
        assert!(said.contains("[settlement]") && said.contains(" must be -"), "{wrong}: {said}");
    }
}

#[test]
fn production_without_e_mail_and_text_messages_is_refused_for_nobody_could_enrol() {
    let [first, second] = halves();
    for (whole, section) in [(first, "[notify.email]"), (second, "[notify.webhook]")] {
        let said = parse(whole.split_once(section).unwrap().0).unwrap_err().to_string();
        let said = said.lines().find(|line| line.starts_with("[notify] is missing")).expect("that line");
        assert!(said.contains("nobody could enrol"), "{said}");
    }
}

#[test]
fn a_sandboxs_webhook_may_be_plain_on_this_machine_alone() {
    let sandbox = |url: &str| {
        parse(&format!(
            "mode = \"sandbox\"\n[notify.webhook]\nurl = \"{url}\"\n\
             secret_file = \"secrets/webhook-secret\"\nchannels = [\"sms\"]\n"
        ))
    };
    for url in ["http://127.0.0.1:8080/in", "http://[::1]:8080", "http://localhost/in", "https://h/in"] {
        assert!(sandbox(url).is_ok(), "{url}");
    }
    for url in ["http://10.0.0.1/in", "http://h/in", "http://127.0.0.1.example.jp/", "http://localhost.jp"] {
        let said = sandbox(url).unwrap_err().to_string();
        assert!(said.contains("write a URL that begins with https://"), "{url}: {said}");
    }
}

#[test]
fn a_secret_that_others_can_read_is_refused() {
    for (half, name, key) in [
        (0, "tls/server-key.pem", "[tls] key_file"),
        (1, "secrets/store-url", "[store] url_file"),
        (1, "secrets/redis-url", "[limits] redis_url_file"),
        (1, "keys/pepper.key", "[keys] pepper_file"),
        (0, "secrets/mail-password", "[notify.email] password_file"),
        (1, "secrets/webhook-secret", "[notify.webhook] secret_file"),
        (1, "secrets/webhook-next-secret", "[notify.webhook] second_secret_file"),
    ] {
        for mode in [0o640, 0o604, 0o620, 0o602] {
            let dir = place();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
            let said = parse_in(&dir, &halves()[half], &Environment::default()).unwrap_err().to_string();
            assert!(said.contains(key) && said.contains("chmod 600"), "{mode:o}: {said}");
        }
    }
}

#[test]
fn a_secrets_file_holds_one_line() {
    for content in ["", "\n", "postgresql://u@h/d\nmore", &"x".repeat(5_000)] {
        let dir = place();
        fs::write(dir.path().join("secrets/store-url"), content).unwrap();
        let said = parse_in(&dir, &halves()[1], &Environment::default()).unwrap_err().to_string();
        assert!(said.contains("must hold one line"), "{said}");
    }
}

#[test]
fn a_missing_file_and_broken_toml_are_said_with_their_place() {
    let said =
        Config::load(Path::new("/absent/saifu.toml"), &Environment::default()).unwrap_err().to_string();
    assert!(said.contains("/absent/saifu.toml") && said.contains("--config"), "{said}");
    let said = sentence("mode = \"sandbox\"\n\n[server\n");
    assert!(said.contains("saifu.toml, line 3"), "{said}");
}
