//! Messages reach people by real receivers: a mail relay and a webhook's other end, which refuse, are
//! busy, slow, gone and back again. What was accepted comes once or under the same id; what cannot be
//! trusted is told nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::wallet::Wallet;
use saifu::domain::id::{MessageId, hex};
use saifu::env::clock::{Clock as _, SystemClock};
use saifu::gate::message::Letter;
use saifu::notify::smtp::{Login, Smtp, SmtpSettings, Tls};
use saifu::notify::webhook::{Webhook, WebhookSecret, WebhookSettings};
use saifu::notify::{Channel, NotAccepted, Notifier};
use saifu::pb::enrolment_start_private::Contact;
use saifu::server::SANDBOX_AUDIENCE;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::support::child::{Served, saifu};
use crate::support::receivers::{Mail, PASSWORD, Posted, SECRET, SmtpServer, WebhookReceiver, eventually};
use crate::support::{START_US, World, code_in, confirmation, email, set_up};

const PATIENCE: Duration = Duration::from_secs(8);
const FOR_NOW: Result<(), NotAccepted> = Err(NotAccepted::ForNow);
const FOR_GOOD: Result<(), NotAccepted> = Err(NotAccepted::ForGood);

/// A sandbox whose e-mail goes to this relay.
async fn world(relay: &SmtpServer) -> World {
    let smtp = Smtp::new(relay.settings()).expect("good settings");
    World::start_with(|settings| settings.channels.email = Some(Arc::new(smtp))).await
}

/// Asks for an enrolment's code.
async fn ask(world: &World, contact: Contact) {
    world.phone().await.start_enrolment(contact).await.expect("an enrolment");
}

/// As many mails, while the clock goes on so that pauses between attempts pass.
async fn mails(world: &World, relay: &SmtpServer, count: usize) -> Vec<Mail> {
    eventually(&format!("{count} mails"), || {
        world.pass(2);
        Some(relay.messages()).filter(|mails| mails.len() >= count)
    })
    .await
}

fn letter(channel: Channel, destination: &str) -> Letter {
    Letter {
        channel: channel.name().into(),
        destination: destination.into(),
        text: "your code is 12345678".into(),
        subject: String::new(),
    }
}

async fn mail_to(smtp: &Smtp, number: u8, address: &str) -> Result<(), NotAccepted> {
    let sent = smtp.deliver(MessageId([number; 16]), START_US, &letter(Channel::Email, address)).await;
    assert!(smtp.reaches(Channel::Email) && !smtp.reaches(Channel::Sms) && !smtp.reaches(Channel::Push));
    sent
}

#[tokio::test]
async fn an_enrolments_code_comes_by_e_mail() {
    let relay = SmtpServer::start();
    let world = world(&relay).await;
    let mut wallet = world.phone().await;
    let started = wallet.start_enrolment(email("alice@example.jp")).await.expect("an enrolment");
    let mail = relay.wait_for(1).await.remove(0);
    let confirmed = wallet.confirm_enrolment(started.enrolment_id, &confirmation(&code_in(&mail.text))).await;
    set_up(&mut wallet, &confirmed.expect("the code is right"));

    assert_eq!(mail.to, ["alice@example.jp"]);
    assert_eq!((mail.from.as_str(), mail.subject.as_str()), ("no-reply@wallet.example.jp", "saifu"));
    assert_eq!((mail.automatic.as_str(), mail.user.as_str(), mail.tls), ("auto-generated", "saifu", true));
    let id = mail.message_id.strip_prefix('<').and_then(|id| id.strip_suffix("@wallet.example.jp>"));
    let id = id.expect("an id in our domain");
    assert!(id.len() == 32 && id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{id}");
}

#[tokio::test]
async fn a_busy_relay_is_asked_again_until_it_accepts_once() {
    let mut relay = SmtpServer::start();
    let world = world(&relay).await;
    relay.be_busy(2);
    ask(&world, email("alice@example.jp")).await;
    let mails = mails(&world, &relay, 1).await;
    assert_eq!((mails.len(), relay.recipients()), (1, 3));
}

#[tokio::test]
async fn a_refused_address_is_refused_for_good_and_the_others_mail_goes_on() {
    let mut relay = SmtpServer::start();
    let world = world(&relay).await;
    relay.refuse("alice@example.jp");
    ask(&world, email("alice@example.jp")).await;
    ask(&world, email("bob@example.jp")).await;
    mails(&world, &relay, 1).await;
    world.pass(300);
    ask(&world, email("carol@example.jp")).await;
    let mails = mails(&world, &relay, 2).await;
    let to: Vec<_> = mails.iter().map(|mail| mail.to[0].as_str()).collect();
    assert_eq!(to, ["bob@example.jp", "carol@example.jp"]);
    // Each was named once, the refused one too.
    assert_eq!(relay.recipients(), 3);
}

#[tokio::test]
async fn nothing_is_lost_while_the_relay_is_down() {
    let mut relay = SmtpServer::start();
    let world = world(&relay).await;
    let everybody = ["alice@example.jp", "bob@example.jp", "carol@example.jp"];
    ask(&world, email(everybody[0])).await;
    relay.wait_for(1).await;
    relay.stop();
    ask(&world, email(everybody[1])).await;
    ask(&world, email(everybody[2])).await;
    world.pass(2);
    relay.resume();
    let mut to: Vec<_> =
        mails(&world, &relay, 3).await.into_iter().map(|mut mail| mail.to.remove(0)).collect();
    to.sort_unstable();
    assert_eq!(to, everybody);
}

#[tokio::test]
async fn what_was_accepted_without_a_word_comes_again_under_the_same_id() {
    let mut relay = SmtpServer::start();
    let world = world(&relay).await;
    relay.hang_up(1);
    ask(&world, email("alice@example.jp")).await;
    let mails = mails(&world, &relay, 2).await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0], mails[1]);
}

#[tokio::test]
async fn a_relay_without_tls_is_told_nothing() {
    let mut relay = SmtpServer::plaintext();
    for tls in [Tls::StartTls, Tls::Implicit] {
        for login in [relay.settings().login, None] {
            let smtp = Smtp::new(SmtpSettings { tls, login, ..relay.settings() }).expect("good settings");
            assert_eq!(mail_to(&smtp, 1, "alice@example.jp").await, FOR_NOW);
        }
    }
    assert_eq!((relay.connections(), relay.logins(), relay.recipients()), (4, 0, 0));
}

#[tokio::test]
async fn a_relay_of_another_authority_is_told_nothing() {
    let (mut starttls, mut implicit) = (SmtpServer::start(), SmtpServer::implicit());
    let other = starttls.settings().ca_pem;
    for (settings, ca_pem) in
        [(starttls.settings(), None), (implicit.settings(), None), (implicit.settings(), other)]
    {
        let smtp = Smtp::new(SmtpSettings { ca_pem, ..settings }).expect("good settings");
        assert_eq!(mail_to(&smtp, 1, "alice@example.jp").await, FOR_NOW);
    }
    for relay in [&mut starttls, &mut implicit] {
        assert!(relay.connections() > 0);
        assert_eq!((relay.logins(), relay.recipients()), (0, 0));
    }
}

#[tokio::test]
async fn a_wrong_password_is_our_trouble_and_no_addressees() {
    let mut relay = SmtpServer::start();
    let wrong = Login { username: "saifu".into(), password: "another".to_owned().into() };
    let nobody = SmtpSettings { login: None, ..relay.settings() };
    for settings in [SmtpSettings { login: Some(wrong), ..relay.settings() }, nobody] {
        let smtp = Smtp::new(settings).expect("good settings");
        assert_eq!(mail_to(&smtp, 1, "alice@example.jp").await, FOR_NOW);
    }
    assert!(relay.logins() > 0);
    assert!(relay.messages().is_empty());
}

#[tokio::test]
async fn a_relay_with_tls_from_the_first_byte_accepts() {
    let relay = SmtpServer::implicit();
    let smtp = Smtp::new(relay.settings()).expect("good settings");
    assert_eq!(mail_to(&smtp, 1, "a..b@example.jp").await, Ok(()));
    let mail = relay.messages().remove(0);
    assert!(mail.tls);
    assert_eq!(mail.to, ["a..b@example.jp"]);
}

#[tokio::test]
async fn a_slow_relay_is_not_waited_for_and_its_late_answer_is_nobodys() {
    let mut relay = SmtpServer::start();
    let settings = SmtpSettings { timeout: Duration::from_secs(2), ..relay.settings() };
    let smtp = Smtp::new(settings).expect("good settings");
    assert_eq!(mail_to(&smtp, 1, "alice@example.jp").await, Ok(()));
    // It answers while the next message is on its way: on the same connection that would be its answer.
    relay.set_delay_ms(2_500);
    assert_eq!(mail_to(&smtp, 2, "bob@example.jp").await, FOR_NOW);
    relay.set_delay_ms(0);
    assert_eq!(mail_to(&smtp, 3, "carol@example.jp").await, Ok(()));
    let to: Vec<_> = relay.messages().into_iter().flat_map(|mail| mail.to).collect();
    assert_eq!(to, ["alice@example.jp", "carol@example.jp"]);
    assert_eq!(relay.connections(), 2);
}

#[tokio::test]
async fn mails_share_a_connection_until_it_is_no_good_any_more() {
    let mut relay = SmtpServer::start();
    let smtp = Smtp::new(relay.settings()).expect("good settings");
    relay.refuse("bob@example.jp");
    assert_eq!(mail_to(&smtp, 1, "alice@example.jp").await, Ok(()));
    assert_eq!(mail_to(&smtp, 2, "bob@example.jp").await, FOR_GOOD);
    assert_eq!(mail_to(&smtp, 3, "carol@example.jp").await, Ok(()));
    assert_eq!(relay.connections(), 1);
    // What was kept is found to be gone before a message is put into it.
    relay.stop();
    relay.resume();
    assert_eq!(mail_to(&smtp, 4, "alice@example.jp").await, Ok(()));
    relay.stop();
    assert_eq!(mail_to(&smtp, 5, "alice@example.jp").await, FOR_NOW);
    assert_eq!(relay.messages().len(), 3);
}

/// Posts one text message at the real time, which the standard's library compares.
async fn post(settings: WebhookSettings) -> Result<(), NotAccepted> {
    let webhook = Webhook::new(settings).expect("good settings");
    assert!(webhook.reaches(Channel::Sms) && !webhook.reaches(Channel::Email));
    let letter = letter(Channel::Sms, "+819012345678");
    webhook.deliver(MessageId([0xab; 16]), SystemClock.now_us(), &letter).await
}

#[tokio::test]
async fn a_posts_signature_is_verified_by_the_standards_own_library() {
    let receiver = WebhookReceiver::start();
    let other = WebhookSecret::parse("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("a secret");
    let ours = receiver.settings().secrets.remove(0);
    for secrets in [vec![ours.clone()], vec![other.clone(), ours], vec![other]] {
        assert_eq!(post(WebhookSettings { secrets, ..receiver.settings() }).await, Ok(()));
    }
    let posts = receiver.messages();
    let told: Vec<_> = posts.iter().map(|post| (post.signatures.len(), post.problem.as_str())).collect();
    assert_eq!(told, [(1, ""), (2, ""), (1, "No matching signature found")]);

    let Posted { path, id, timestamp, content_type, body, .. } = &posts[0];
    assert_eq!((path.as_str(), content_type.as_str()), ("/messages", "application/json"));
    assert_eq!(id, &format!("msg_{}", hex(&[0xab; 16])));
    let sent_at: i64 = timestamp.parse().expect("seconds");
    let expected = json!({
        "id": id,
        "channel": "sms",
        "destination": "+819012345678",
        "subject": "saifu",
        "text": "your code is 12345678",
        "sent_at": sent_at,
    });
    assert_eq!(body, &expected);
}

#[tokio::test]
async fn a_status_says_whether_to_try_again() {
    let mut receiver = WebhookReceiver::start();
    for (status, expected) in [
        (201, Ok(())),
        (202, Ok(())),
        (301, FOR_NOW),
        (400, FOR_GOOD),
        (401, FOR_NOW),
        (403, FOR_NOW),
        (404, FOR_GOOD),
        (405, FOR_NOW),
        (408, FOR_NOW),
        (410, FOR_GOOD),
        (422, FOR_GOOD),
        (429, FOR_NOW),
        (500, FOR_NOW),
        (503, FOR_NOW),
    ] {
        receiver.answer(status);
        assert_eq!(post(receiver.settings()).await, expected, "{status}");
    }
    receiver.answer(200);
    receiver.be_busy(1);
    assert_eq!(post(receiver.settings()).await, FOR_NOW);
    assert_eq!(post(receiver.settings()).await, Ok(()));
    assert_eq!(receiver.messages().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (mut receiver, mut elsewhere) = (WebhookReceiver::start(), WebhookReceiver::start());
    for status in [301, 302, 303, 307, 308] {
        receiver.redirect(status, &elsewhere.url());
        assert_eq!(post(receiver.settings()).await, FOR_NOW, "{status}");
    }
    assert_eq!((receiver.requests(), elsewhere.requests()), (5, 0));
}

#[tokio::test]
async fn a_slow_receiver_is_not_waited_for_and_a_body_not_read() {
    let mut receiver = WebhookReceiver::start();
    receiver.be_endless();
    let endless = timeout(PATIENCE, post(receiver.settings()));
    assert_eq!(endless.await.expect("its body is not waited for"), Ok(()));
    receiver.set_delay_ms(20_000);
    let settings = WebhookSettings { timeout: Duration::from_millis(500), ..receiver.settings() };
    assert_eq!(timeout(PATIENCE, post(settings)).await.expect("in time"), FOR_NOW);
    receiver.stop();
    assert_eq!(post(receiver.settings()).await, FOR_NOW);
    receiver.resume();
    assert_eq!(post(receiver.settings()).await, Ok(()));
}

#[tokio::test]
async fn a_receiver_of_another_authority_is_told_nothing() {
    let mut receiver = WebhookReceiver::start_tls();
    let other = WebhookReceiver::start().settings().ca_pem;
    for ca_pem in [None, other] {
        assert_eq!(post(WebhookSettings { ca_pem, ..receiver.settings() }).await, FOR_NOW);
    }
    assert_eq!(receiver.requests(), 0);
    assert_eq!(post(receiver.settings()).await, Ok(()));
    assert_eq!(receiver.messages().remove(0).problem, "");
}

#[tokio::test]
async fn an_enrolments_code_comes_by_text_message_again_under_the_same_id() {
    let mut receiver = WebhookReceiver::start();
    let webhook = Webhook::new(receiver.settings()).expect("good settings");
    let world = World::start_with(|settings| settings.channels.sms = Some(Arc::new(webhook))).await;
    receiver.hang_up(1);
    let mut wallet = world.phone().await;
    let contact = Contact::Phone("+81 90-1234-5678".to_owned());
    let started = wallet.start_enrolment(contact).await.expect("an enrolment");
    let posts = eventually("two posts", || {
        world.pass(2);
        Some(receiver.messages()).filter(|posts| posts.len() >= 2)
    })
    .await;
    assert_eq!(
        (posts.len(), &posts[0].id, &posts[0].body["text"]),
        (2, &posts[1].id, &posts[1].body["text"])
    );
    assert_eq!(posts[0].body["destination"], "+819012345678");
    let code = code_in(posts[0].body["text"].as_str().expect("a text"));
    let confirmed = wallet.confirm_enrolment(started.enrolment_id, &confirmation(&code)).await;
    set_up(&mut wallet, &confirmed.expect("the code is right"));
}

/// The binary as a sandbox, with more in its configuration and environment; its log is in the directory.
fn sandbox(dir: &TempDir, more: &str, password: &str, proxy: &str) -> Served {
    let config = dir.path().join("saifu.toml");
    let server = "[server]\nlisten = \"127.0.0.1:0\"\noperators_listen = \"127.0.0.1:0\"\n";
    fs::write(&config, format!("mode = \"sandbox\"\n{server}{more}")).expect("written");
    for (name, content) in [("password", password), ("secret", SECRET)] {
        let path = dir.path().join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
    }
    let mut command = saifu();
    command.args(["serve", "--log", "debug", "--config"]).arg(config);
    command.envs(["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"].map(|name| (name, proxy)));
    command.env_remove("NO_PROXY").env_remove("no_proxy").env("NO_COLOR", "1");
    Served::spawn_logging(command, fs::File::create(dir.path().join("log")).expect("a log"))
}

async fn phone(served: &Served) -> Wallet {
    Wallet::new(served.connect().await, SANDBOX_AUDIENCE, Arc::new(SystemClock))
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_told_nothing() {
    let (receiver, mut proxy) = (WebhookReceiver::start(), WebhookReceiver::start());
    let dir = TempDir::new().expect("a temporary directory");
    let section = "[notify.webhook]\nsecret_file = \"secret\"\nchannels = [\"sms\"]\n";
    let section = format!("{section}url = \"{}\"\n", receiver.url());
    let served = sandbox(&dir, &section, PASSWORD, &proxy.url());
    let contact = Contact::Phone("+81 90-1234-5678".to_owned());
    phone(&served).await.start_enrolment(contact).await.expect("an enrolment");
    let post = receiver.wait_for(1).await.remove(0);
    assert_eq!((post.problem.as_str(), post.signatures.len()), ("", 1));
    assert_eq!(proxy.requests(), 0);
}

/// The log of a sandbox that was asked for an enrolment's code, once it tells this.
async fn log_of(relay: &SmtpServer, password: &str, line: &str) -> String {
    let dir = TempDir::new().expect("a temporary directory");
    let section = format!(
        "[notify.email]\nhost = \"localhost\"\nport = {}\ntls = \"starttls\"\nusername = \"saifu\"\n\
         password_file = \"password\"\nfrom = \"no-reply@wallet.example.jp\"\nca_file = \"{}\"\n",
        relay.port(),
        relay.ca_path().display()
    );
    let served = sandbox(&dir, &section, password, "");
    phone(&served).await.start_enrolment(email("alice@example.jp")).await.expect("an enrolment");
    eventually(line, || {
        let log = fs::read_to_string(dir.path().join("log")).expect("the log");
        log.contains(line).then_some(log)
    })
    .await
}

#[tokio::test]
async fn the_log_tells_what_became_of_a_message_and_not_whose_it_was_or_what_it_said() {
    const ERROR: &str = "ERROR saifu::notify::smtp";
    let mut relay = SmtpServer::start();
    relay.refuse("alice@example.jp");
    let refused = log_of(&relay, PASSWORD, "the mail relay refuses a message for good").await;
    assert!(refused.contains("550") && !refused.contains(ERROR), "{refused}");
    let ours = log_of(&relay, "another password", "the mail relay cannot be used: look at").await;
    assert!(ours.contains("535") && ours.contains(ERROR), "{ours}");
    for log in [refused, ours] {
        for secret in ["alice", "no such mailbox", "your code", PASSWORD, "another password"] {
            assert!(!log.contains(secret), "{secret}: {log}");
        }
    }
}
