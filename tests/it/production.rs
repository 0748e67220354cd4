//! Production from a configuration file: what it has not, what it refuses, how it is checked, migrated,
//! asked for its health, and stopped.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::connection::{connect, unary};
use saifu::client::method;
use saifu::client::wallet::Wallet;
use saifu::config::Config;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::entropy::SystemEntropy;
use saifu::crypto::envelope::SignatureForm;
use saifu::crypto::keyring::Keyring;
use saifu::door::Sandbox;
use saifu::env::clock::SystemClock;
use saifu::env::environment::Environment;
use saifu::pb;
use saifu::server::{Server, Settings};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::child::{Served, complaint, run, saifu};
use crate::support::guide::commands;
use crate::support::pem::pem;
use crate::support::receivers::{PASSWORD, SmtpServer};
use crate::support::{code_in, confirmation, email, reason, set_up};

/// From keys to a till: the guide, on a configuration whose keys it makes itself.
const GUIDE: &str = include_str!("../../docs/first-merchant.md");

const AUDIENCE: &str = "wallet.example.jp";
const CONTACT: &str = "alice@example.jp";
const PATIENCE: Duration = Duration::from_secs(10);

/// An operator's directory: keys, a certificate and a configuration on free ports.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        Keyring::load_or_create(&dir.path().join("keys"), &SystemEntropy::new(), true).expect("keys");
        Sandbox::load_or_create(&dir.path().join("tls")).expect("a certificate");
        let example = include_str!("../../config/saifu.example.toml");
        let config = example.replace("0.0.0.0:8443", "127.0.0.1:0").replace("0.0.0.0:8081", "127.0.0.1:0");
        let config = config.replace("127.0.0.1:8444", "127.0.0.1:0");
        fs::create_dir(dir.path().join("operators")).expect("made");
        for name in ["first.pem", "second.pem"] {
            let key = DeviceKey::generate(SignatureForm::Der).public();
            fs::write(dir.path().join("operators").join(name), pem(&key.spki())).expect("written");
        }
        // Nobody's: who wants mail says which relay.
        let config = config.replace("smtp.example.jp", "localhost").replace("port = 587", "port = 1");
        fs::write(dir.path().join("saifu.toml"), config).expect("written");
        let place = Self { dir };
        place.secret("secrets/mail-password", PASSWORD);
        place
    }

    /// A file that only its owner can read.
    fn secret(&self, name: &str, content: &str) {
        let path = self.dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    }

    /// E-mail goes to this relay.
    fn mail_by(&self, relay: &SmtpServer) {
        self.edit("port = 1\n", &format!("port = {}\n", relay.port()));
        self.edit("# ca_file = \"tls/mail-ca.pem\"", &format!("ca_file = \"{}\"", relay.ca_path().display()));
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("saifu.toml")
    }

    fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("the configuration");
        assert!(text.contains(from), "{from}");
        fs::write(self.config(), text.replacen(from, to, 1)).expect("written");
    }

    fn settings(&self) -> Settings {
        Config::load(&self.config(), &Environment::default())
            .expect("a good configuration")
            .try_into()
            .expect("good settings")
    }

    fn run(&self, command: &str) -> std::process::Output {
        run(&[command, "--config", &self.config().display().to_string()])
    }

    async fn wallet(&self, address: SocketAddr) -> Wallet {
        let ca = fs::read(self.dir.path().join("tls/ca.pem")).expect("the authority");
        let channel = connect(address, &ca).await.expect("it listens");
        Wallet::new(channel, AUDIENCE, Arc::new(SystemClock))
    }
}

/// Enrols by the code in the mailbox.
async fn enrol(wallet: &mut Wallet, relay: &SmtpServer) {
    let started = wallet.start_enrolment(email(CONTACT)).await.expect("an enrolment");
    let mail = relay.wait_for(1).await.remove(0);
    assert_eq!(mail.to, [CONTACT]);
    let confirmed = wallet
        .confirm_enrolment(started.enrolment_id, &confirmation(&code_in(&mail.text)))
        .await
        .expect("the code is right");
    set_up(wallet, &confirmed);
    let code = wallet.code().expect("an authenticator");
    wallet.activate(&code).await.expect("the wallet is active");
}

#[tokio::test]
async fn production_serves_wallets_and_has_nothing_of_the_sandbox() {
    let (place, relay) = (Place::new(), SmtpServer::start());
    place.mail_by(&relay);
    let server = Server::start(place.settings()).await.expect("it starts");
    let mut wallet = place.wallet(server.address()).await;
    enrol(&mut wallet, &relay).await;
    assert_eq!(wallet.get_balance().await.expect("a balance").available_minor, 0);

    let sandbox = "/saifu.v1.SandboxService/AdvanceClock";
    let envelope = wallet.draft(sandbox, &pb::AdvanceClockRequest { seconds: 1 }).seal(&wallet.signer);
    let refused = unary::<pb::AdvanceClockReply>(&wallet.channel, sandbox, envelope).await;
    assert_eq!(refused.expect_err("not there").code(), Code::Unimplemented);
    let linked = wallet.link_funding("sandbox-visa", "card").await;
    assert_eq!(reason(linked), pb::Reason::Malformed);
    server.stop().await;
}

async fn health(address: SocketAddr) -> HealthClient<tonic::transport::Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("it listens"))
}

async fn status(client: &mut HealthClient<tonic::transport::Channel>) -> ServingStatus {
    let request = HealthCheckRequest { service: String::new() };
    client.check(request).await.expect("an answer").into_inner().status()
}

#[tokio::test]
async fn health_is_serving_until_the_server_drains() {
    let place = Place::new();
    let server = Server::start(place.settings()).await.expect("it starts");
    let mut client = health(server.health_address().expect("configured")).await;
    assert_eq!(status(&mut client).await, ServingStatus::Serving);
    let mut watched =
        client.watch(HealthCheckRequest { service: String::new() }).await.expect("an answer").into_inner();
    let first = watched.message().await.expect("told").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);

    // Nothing but health is there.
    let endpoint = Endpoint::from_shared(format!("http://{}", server.health_address().expect("configured")));
    let channel = endpoint.expect("an address").connect().await.expect("it listens");
    let balance = unary::<pb::GetBalanceReply>(&channel, method::GET_BALANCE, pb::Envelope::default()).await;
    assert_eq!(balance.expect_err("not there").code(), Code::Unimplemented);

    let stopping = tokio::spawn(server.stop());
    let second =
        timeout(PATIENCE, watched.message()).await.expect("in time").expect("told").expect("a status");
    assert_eq!(second.status(), ServingStatus::NotServing);
    timeout(PATIENCE, stopping).await.expect("it stops").expect("without a panic");
}

#[tokio::test]
async fn the_health_listener_has_a_few_connections_room() {
    let place = Place::new();
    let server = Server::start(place.settings()).await.expect("it starts");
    let address = server.health_address().expect("configured");
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(tokio::net::TcpStream::connect(address).await.expect("the kernel accepts"));
    }
    // Those beyond the share are closed at once, long before any deadline.
    let mut closed = 0;
    for stream in &mut held {
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(stream, &mut byte);
        if let Ok(Ok(0) | Err(_)) = timeout(Duration::from_millis(100), read).await {
            closed += 1;
        }
    }
    assert_eq!(closed, 24);
    server.stop().await;
}

/// The disk's file system answers writes with an error: what was committed is unknown, so the process
/// says that it serves no more, and ends.
#[tokio::test]
async fn a_store_that_ends_is_told_to_probes_and_ends_the_process() {
    let place = Place::new();
    let mut command = Command::new("bash");
    // Past its limit on the size of files a process is killed, unless it doesn't mind.
    command.args([
        "-c",
        "trap '' XFSZ; exec \"$@\"",
        "bash",
        env!("CARGO_BIN_EXE_saifu"),
        "serve",
        "--config",
    ]);
    command.arg(place.config());
    let served = Served::spawn(command);
    let mut client = health(served.health.expect("configured")).await;
    let request = HealthCheckRequest { service: String::new() };
    let mut watched = client.watch(request).await.expect("an answer").into_inner();
    let first = watched.message().await.expect("told").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);

    let wallet = place.wallet(served.address).await;
    let limited = Command::new("prlimit").args(["--fsize=0", "--pid", &served.id().to_string()]).status();
    assert!(limited.expect("prlimit runs").success());
    // By the store, or because a timer of the server's own wrote first and the process is gone already.
    assert!(wallet.start_enrolment(email(CONTACT)).await.is_err());
    let second = timeout(PATIENCE, watched.message()).await.expect("in time").expect("told");
    assert_eq!(second.expect("a status").status(), ServingStatus::NotServing);
    drop((watched, client, wallet));
    assert_eq!(served.wait().code(), Some(1));
}

/// Which of several things was wrong is nobody's business but a developer's.
#[tokio::test(flavor = "multi_thread")]
async fn production_does_not_say_why_an_envelope_was_refused() {
    let place = Place::new();
    let log = place.dir.path().join("log");
    let mut command = saifu();
    command.args(["serve", "--log", "saifu=trace", "--config"]).arg(place.config());
    let served = Served::spawn_logging(command, fs::File::create(&log).expect("a file"));
    let wallet = place.wallet(served.address).await;
    assert_eq!(reason(wallet.get_balance().await), pb::Reason::Unauthenticated);
    drop(wallet);
    assert!(served.terminate());
    let said = fs::read_to_string(log).expect("the log");
    assert!(said.contains("UNAUTHENTICATED") && !said.contains("an envelope was refused"), "{said}");
}

#[tokio::test]
async fn a_new_certificate_is_seen_by_new_connections_of_a_running_server() {
    let place = Place::new();
    let settings = Settings { certificate_interval: Duration::from_millis(10), ..place.settings() };
    let server = Server::start(settings).await.expect("it starts");
    let new = TempDir::new().expect("a temporary directory");
    let identity = Sandbox::load_or_create(new.path()).expect("another certificate");
    for name in ["server-key.pem", "server.pem"] {
        fs::copy(new.path().join(name), place.dir.path().join("tls").join(name)).expect("copied");
    }
    let ca = fs::read(identity.ca_path).expect("the new authority");
    let seen = async { while connect(server.address(), &ca).await.is_err() {} };
    timeout(PATIENCE, seen).await.expect("the new certificate is in use");
    server.stop().await;
}

#[test]
fn a_configuration_is_checked_with_everything_that_it_names() {
    let good = Place::new();
    let checked = good.run("check-config");
    assert!(checked.status.success(), "{checked:?}");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.starts_with("ok: production for wallet.example.jp"), "{said}");
    assert!(!good.dir.path().join("data").exists(), "nothing was made");

    let unknown = Place::new();
    unknown.edit("executors = 1", "executers = 1");
    let certificate = Place::new();
    fs::write(certificate.dir.path().join("tls/server.pem"), "rubbish").expect("written");
    let keys = Place::new();
    fs::remove_file(keys.dir.path().join("keys/kek.key")).expect("removed");
    let open = Place::new();
    let key = open.dir.path().join("tls/server-key.pem");
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).expect("changed");
    let sender = Place::new();
    sender.edit("saifu <no-reply@wallet.example.jp>", "nobody");
    let authority = Place::new();
    authority.edit("# ca_file = \"tls/mail-ca.pem\"", "ca_file = \"tls/server-key.pem\"");
    let webhook = Place::new();
    webhook.edit(
        "\n[notify.email]",
        "\n[notify.webhook]\nurl = \"https://localhost:1/\"\nsecret_file = \"secrets/mail-password\"\n\
         channels = [\"sms\"]\n[notify.email]",
    );
    for (place, words) in [
        (&sender, "[notify.email] from is not an address"),
        (&authority, "[notify.email] ca_file cannot be used"),
        (&webhook, "[notify.webhook] secret_file does not hold a secret"),
        (&unknown, "unknown field `executers`"),
        (&certificate, "certificate"),
        (&keys, "kek.key"),
        (&open, "[tls] key_file"),
    ] {
        for command in ["check-config", "serve"] {
            let said = complaint(&place.run(command));
            assert!(said.contains(words), "{command}: {said}");
        }
    }
}

#[test]
fn a_schema_is_migrated_before_it_is_served_and_only_by_one_at_a_time() {
    let place = Place::new();
    let config = place.config().display().to_string();
    let mut both = [(); 2].map(|()| {
        let mut command = saifu();
        command.args(["migrate", "--config", &config]).stderr(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::null()).spawn().expect("it starts")
    });
    let ended = both.each_mut().map(|child| child.wait().expect("it ends"));
    assert!(ended.iter().any(std::process::ExitStatus::success));
    for child in both {
        let output = child.wait_with_output().expect("ended");
        if !output.status.success() {
            let said = complaint(&output);
            assert!(said.contains("is in use by another saifu"), "{said}");
        }
    }
    assert!(place.run("migrate").status.success(), "once more does no harm");

    let mut command = saifu();
    command.args(["serve", "--config", &config]);
    let served = Served::spawn(command);
    let said = complaint(&place.run("migrate"));
    assert!(said.contains("is in use by another saifu"), "{said}");
    assert!(served.terminate());
}

#[test]
fn a_deployment_keeps_its_name_and_its_keys() {
    let place = Place::new();
    let config = place.config().display().to_string();
    let start = || {
        let mut command = saifu();
        command.args(["serve", "--config", &config]);
        Served::spawn(command)
    };
    assert!(start().terminate());
    place.edit("wallet.example.jp", "purse.example.jp");
    let said = complaint(&place.run("serve"));
    assert!(said.contains("the audience is another"), "{said}");
    place.edit("purse.example.jp", "wallet.example.jp");
    assert!(start().terminate());
}

#[test]
fn a_database_that_is_not_there_is_said_without_its_password() {
    let place = Place::new();
    place.secret("store-url", "postgresql://u:hunter2@127.0.0.1:1/d");
    place.edit("sqlite_dir = \"data\"", "url_file = \"store-url\"\nca_file = \"tls/ca.pem\"");
    for command in [&["migrate"][..], &["serve", "--log", "off"]] {
        let config = place.config().display().to_string();
        let said = complaint(&run(&[command, &["--config", &config]].concat()));
        assert!(said.contains("the database") && !said.contains("hunter2"), "{command:?}: {said}");
    }
}

#[test]
fn a_configuration_says_everything_or_nothing() {
    let place = Place::new();
    let config = place.config().display().to_string();
    let output = run(&["serve", "--config", &config, "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2), "clap refuses both");
}

/// What an image and a cluster are told to run is what the binary takes, and what they copy is there.
#[test]
fn the_image_copies_what_there_is_and_runs_what_the_binary_takes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dockerfile = fs::read_to_string(root.join("Dockerfile")).expect("the Dockerfile");
    let mut copied = 0;
    for line in dockerfile.lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from")) {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        let (_, sources) = words.split_last().expect("a destination");
        for source in sources {
            assert!(root.join(source).exists(), "{line}");
            copied += 1;
        }
    }
    assert!(copied > 5, "the sources are copied");
    assert!(dockerfile.lines().any(|line| line == "USER 10001:10001"), "not root");
    let lists = |text: &str, key: &str| -> Vec<Vec<String>> {
        let lines = text.lines().filter_map(|line| line.trim().strip_prefix(key));
        lines.map(|list| serde_json::from_str(list.trim()).expect("a JSON list")).collect()
    };
    let command = [lists(&dockerfile, "ENTRYPOINT").remove(0), lists(&dockerfile, "CMD").remove(0)].concat();
    let mut commands = vec![command];
    for name in ["deployment.yaml", "migration-job.yaml"] {
        let yaml = fs::read_to_string(root.join("k8s/base").join(name)).expect("a manifest");
        let arguments = lists(&yaml, "args:");
        assert!(!arguments.is_empty(), "{name}");
        commands.extend(arguments.into_iter().map(|list| [vec!["saifu".to_owned()], list].concat()));
    }
    for command in commands {
        assert!(saifu::cli::accepts(command.iter().map(String::as_str)), "{command:?}");
    }
    assert!(!saifu::cli::accepts(["saifu", "serve", "--root"]));
}

#[test]
fn the_configuration_of_the_kubernetes_base_is_a_good_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = Place::new();
    for (name, content) in [
        ("store/url", "postgresql://saifu:x@db/saifu?sslmode=verify-full"),
        ("redis/url", "rediss://saifu:x@cache:6379/0"),
        ("tls/tls.crt", "x"),
        ("tls/tls.key", "x"),
        ("mail/password", "x"),
    ] {
        place.secret(name, content);
    }
    let text = fs::read_to_string(root.join("k8s/base/saifu.toml")).expect("the configuration");
    assert!(text.contains("\"/run/saifu/"), "secrets are mounted there");
    let here = text.replace("/run/saifu/", &format!("{}/", place.dir.path().display()));
    fs::write(place.config(), here).expect("written");
    let config = Config::load(&place.config(), &Environment::default()).expect("a good configuration");
    let deployment = fs::read_to_string(root.join("k8s/base/deployment.yaml")).expect("the deployment");
    let grace: u64 = deployment
        .lines()
        .find_map(|line| line.trim().strip_prefix("terminationGracePeriodSeconds: "))
        .expect("a grace period")
        .parse()
        .expect("seconds");
    assert!(Duration::from_secs(grace) > 2 * config.door.drain, "the drain ends before the pod is killed");
    for port in [config.listen.port(), config.health_listen.expect("probed").port()] {
        assert!(deployment.contains(&format!("containerPort: {port}")), "{port}");
    }
}

/// As Pod Security calls *restricted*, in every pod that the base renders.
#[test]
fn every_pod_of_the_base_is_restricted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rendered = fs::read_to_string(root.join("k8s/rendered.yaml")).expect("the rendered base");
    let mut pods = 0;
    for object in rendered.split("\n---\n").filter(|object| object.contains("\n      containers:")) {
        pods += 1;
        for line in [
            "runAsNonRoot: true",
            "type: RuntimeDefault",
            "allowPrivilegeEscalation: false",
            "privileged: false",
            "readOnlyRootFilesystem: true",
            "automountServiceAccountToken: false",
            "- ALL",
        ] {
            assert!(object.contains(&format!("{line}\n")), "{line} in {object}");
        }
        for word in ["hostPath", "hostNetwork", "hostPID", "hostIPC", "hostPort", "add:"] {
            assert!(!object.contains(word), "{word} in {object}");
        }
        assert!(object.contains("limits:") && object.contains("requests:"), "resources: {object}");
    }
    assert_eq!(pods, 2, "the server and the migration");
    assert!(!rendered.contains("kind: Secret"), "no secret is committed");
}

#[test]
fn check_k8s_is_a_script_that_can_be_run() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/check-k8s");
    let mode = fs::metadata(&script).expect("the script").permissions().mode();
    assert_ne!(mode & 0o111, 0);
    assert!(Command::new("bash").arg("-n").arg(&script).status().expect("bash").success());
}

#[test]
fn the_first_merchants_guide_says_what_its_commands_say() {
    let place = Place::new();
    for made in ["keys", "operators"] {
        fs::remove_dir_all(place.dir.path().join(made)).expect("the guide makes it");
    }
    let commands = commands(GUIDE);
    assert!(commands.len() > 15, "the guide is read");
    crate::support::guide::run(&commands, place.dir.path());
}
