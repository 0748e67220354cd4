//! `saifu check-config`: all that is wrong at once, and, when it is asked to, whether everybody whom a server
//! would call is there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;

use saifu::door::Sandbox;
use saifu::store::postgres;
use saifu::store::postgres::settings::Settings;
use tempfile::TempDir;

use crate::support::child::{Served, run, saifu};
use crate::support::receivers::{PASSWORD, SECRET, SmtpServer, USERNAME, WebhookReceiver, eventually};
use crate::support::redis_server::RedisServer;
use crate::support::services::{PostgresServer, Wanted};
use crate::support::stripe::StripeServer;

/// Everybody whom a server calls, and a sandbox's configuration that names them.
struct Place {
    dir: TempDir,
    postgres: PostgresServer,
    redis: RedisServer,
    relay: SmtpServer,
    receiver: WebhookReceiver,
    stripe: StripeServer,
}

impl Place {
    async fn start() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let postgres = PostgresServer::start(Wanted::default());
        let (redis, relay) = (RedisServer::start(), SmtpServer::start());
        let (receiver, stripe) = (WebhookReceiver::start_tls(), StripeServer::start().await);
        let place = Self { dir, postgres, redis, relay, receiver, stripe };
        place.write("store-url", &place.postgres.url("postgres"));
        place.write("mail-password", PASSWORD);
        place.write("webhook-secret", SECRET);
        place.write("stripe-key", "sk_test_0123456789abcdef");
        place.configure();
        place
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    }

    fn configure(&self) {
        let Self { redis, relay, receiver, stripe, .. } = self;
        let text = format!(
            "mode = \"sandbox\"\n[server]\nlisten = \"127.0.0.1:0\"\noperators_listen = \"127.0.0.1:0\"\n\
             [store]\nurl_file = \"store-url\"\n\
             [limits]\nredis_url = \"{redis}\"\n\
             [notify.email]\nhost = \"localhost\"\nport = {port}\ntls = \"starttls\"\n\
             username = \"{USERNAME}\"\npassword_file = \"mail-password\"\nca_file = \"{mail_ca}\"\n\
             from = \"no-reply@wallet.example.jp\"\n\
             [notify.webhook]\nurl = \"{hook}\"\nsecret_file = \"webhook-secret\"\nchannels = [\"sms\"]\n\
             ca_file = \"{hook_ca}\"\n\
             [funding]\nprovider = \"stripe\"\n\
             [funding.stripe]\nsecret_key_file = \"stripe-key\"\nbase_url = \"http://{stripe}\"\n",
            redis = redis.url(),
            port = relay.port(),
            mail_ca = relay.ca_path().display(),
            hook = receiver.url(),
            hook_ca = receiver.ca_path().display(),
            stripe = stripe.proxy,
        );
        self.write("saifu.toml", &text);
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.dir.path().join("saifu.toml")).expect("the configuration");
        assert!(text.contains(from), "{from}");
        self.write("saifu.toml", &text.replacen(from, to, 1));
    }

    fn check(&self, more: &[&str]) -> Output {
        let config = self.dir.path().join("saifu.toml").display().to_string();
        run(&[&["check-config", "--config", &config], more].concat())
    }
}

/// Every line of a command that failed, without the program's name.
fn complaints(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text.lines()
        .map(|line| line.strip_prefix("saifu: ").expect("the program names itself").to_owned())
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_connect_tries_everybody_whom_a_server_would_call() {
    let mut place = Place::start().await;
    assert_eq!(
        complaints(&place.check(&["--connect"])).len(),
        1,
        "the database has no tables yet: {}",
        text(&place.check(&["--connect"]).stderr)
    );
    let settings = Settings::parse(&place.postgres.url("postgres"), None).expect("an address");
    postgres::migrate(&settings).await.expect("the migrations run");
    let good = place.check(&["--connect"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    let said = text(&good.stdout);
    let whom: Vec<_> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
    let named = ["[store]", "[limits] redis", "[notify.email]", "[notify.webhook]", "[funding.stripe]", "ok"];
    assert_eq!(whom, named, "{said}");
    assert_eq!(place.receiver.requests(), 0, "nothing is asked of a receiver");
    assert_eq!((place.stripe.seen(), place.relay.messages()), (vec![], vec![]));

    place.redis.freeze();
    let said = complaints(&place.check(&["--connect"]));
    assert!(said.len() == 1 && said[0].starts_with("[limits] redis: Redis cannot be used: "), "{said:?}");
    place.redis.thaw();

    // Let in by nobody: wrong password, wrong authority, wrong port; a Redis that wants to know who calls.
    place.write("mail-password", "another");
    let stranger = Sandbox::load_or_create(&place.dir.path().join("stranger")).expect("a certificate");
    let (own, strangers) = (place.receiver.ca_path(), stranger.ca_path);
    place.edit(&own.display().to_string(), &strangers.display().to_string());
    place.edit(&place.stripe.proxy.to_string(), "127.0.0.1:1");
    assert_eq!(place.redis.say("CONFIG SET requirepass somebody"), "+OK");
    place.postgres.crash();
    let said = complaints(&place.check(&["--connect"]));
    assert_eq!(said.len(), 5, "{said:?}");
    for (line, words) in said.iter().zip([
        "[store]: the database postgres at 127.0.0.1",
        "[limits] redis: Redis cannot be used: ",
        "[notify.email]: the mail relay does not let us in: auth is answered with 535",
        "[notify.webhook]: the receiver of messages cannot be reached: invalid peer certificate",
        "[funding.stripe]: Stripe cannot be reached: Connection refused",
    ]) {
        assert!(line.starts_with(words), "{line}");
    }
    assert!(place.check(&[]).status.success(), "without a network nothing of it is known");
}

#[test]
fn all_that_is_wrong_with_what_a_configuration_names_is_told_at_once() {
    let dir = TempDir::new().expect("a temporary directory");
    let write = |name: &str, content: &str| {
        let path = dir.path().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    };
    for name in ["chain.pem", "key.pem", "relay.pem", "password", "secret", "first.pem", "second.pem"] {
        write(name, "rubbish");
    }
    write(
        "saifu.toml",
        "mode = \"sandbox\"\n[server]\ndata_dir = \"data\"\n\
         [tls]\ncertificate_file = \"chain.pem\"\nkey_file = \"key.pem\"\n\
         [operators]\nfirst_key_file = \"first.pem\"\nsecond_key_file = \"second.pem\"\n\
         [notify.email]\nhost = \"localhost\"\nport = 1\ntls = \"implicit\"\nfrom = \"a@example.jp\"\n\
         ca_file = \"relay.pem\"\n\
         [notify.webhook]\nurl = \"https://localhost:1/\"\nsecret_file = \"secret\"\nchannels = [\"sms\"]\n",
    );
    let config = dir.path().join("saifu.toml").display().to_string();
    let said = complaints(&run(&["check-config", "--config", &config]));
    assert_eq!(said.len(), 4, "{said:?}");
    for words in ["[notify.email] ca_file", "[notify.webhook] secret_file", "certificate", "first.pem"] {
        assert!(said.iter().any(|line| line.contains(words)), "{words}: {said:?}");
    }
    assert!(!dir.path().join("data").exists(), "nothing was made");
}

#[tokio::test]
async fn a_redis_that_is_away_at_the_start_is_said_before_anybody_calls() {
    let dir = TempDir::new().expect("a temporary directory");
    let mut redis = RedisServer::start();
    redis.stop();
    let text = format!(
        "mode = \"sandbox\"\n[server]\nlisten = \"127.0.0.1:0\"\noperators_listen = \"127.0.0.1:0\"\n\
         [limits]\nredis_url = \"{}\"\n",
        redis.url()
    );
    fs::write(dir.path().join("saifu.toml"), text).expect("written");
    let log = dir.path().join("log");
    let mut command = saifu();
    command.args(["serve", "--config", &dir.path().join("saifu.toml").display().to_string()]);
    let served = Served::spawn_logging(command, fs::File::create(&log).expect("a file"));
    eventually("a word about Redis", || {
        fs::read_to_string(&log).ok().filter(|said| said.contains("Redis is away at the start"))
    })
    .await;
    assert!(served.terminate());
}

#[test]
fn an_address_to_listen_on_that_is_none_is_answered_with_an_example() {
    let output = run(&["serve", "--listen", "localhost:8443"]);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("such as 127.0.0.1:8443"), "{}", text(&output.stderr));
}
