//! Receivers that must not be reached: whatever a URL or a name says, nothing on a private network is
//! connected to.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use saifu::outbound::guard::Reach;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;

/// Answers each question with the next of its answers; the last one for ever.
struct Changing(Mutex<Vec<Vec<IpAddr>>>);

impl Changing {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parsed = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("an address")).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(parsed).collect())))
    }
}

impl Resolve for Changing {
    fn resolve(&self, _name: Name) -> Resolving {
        let mut answers = self.0.lock().expect("whole");
        let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
        Box::pin(async move { Ok(Box::new(answer.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs) })
    }
}

#[tokio::test]
async fn a_name_that_comes_to_stand_for_a_private_address_is_not_connected_to() {
    // At first it stands for nobody, and then for what only the server reaches.
    let resolver = Changing::new(&[&[], &["127.0.0.1"], &["::1", "127.0.0.1"], &["::ffff:127.0.0.1"]]);
    let world = World::start_with(|settings| {
        generous(settings);
        settings.merchant_webhooks.resolver = Some(resolver);
    })
    .await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    let url = format!("https://hooks.example.com:{}/", receiver.port);
    shop.merchant.create_webhook(&url).await.expect("an endpoint");
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("one", 10), &code).await.expect("a charge");
    for (attempts, pause) in [(1, 7), (2, 37), (3, 145), (4, 721)] {
        let all = shop.deliveries_until("it was tried", |all| !all.is_empty() && all[0].attempts == attempts);
        assert_eq!(states(&all.await), [(1, Due, attempts, 0)]);
        world.pass(pause);
    }
    assert_eq!(receiver.connections(), 0);
    world.server.stop().await;
}

/// TLS in front of a receiver: its port.
async fn over_tls(receiver: &Receiver, issued: &rcgen::CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivateKeyDer::try_from(issued.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .expect("its key");
    let (acceptor, port) = (TlsAcceptor::from(Arc::new(config)), receiver.port);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            // Whoever does not trust the certificate hangs up.
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let mut plain = TcpStream::connect(("127.0.0.1", port)).await.expect("the receiver listens");
            drop(copy_bidirectional(&mut tls, &mut plain).await);
        }
    });
    at
}

#[tokio::test]
async fn what_is_https_is_sent_to_whoever_shows_a_certificate_and_to_nobody_else() {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    for (authority, expected) in [(Some(issued.cert.pem()), (Delivered, 200)), (None, (Due, 0))] {
        let world = World::start_with(|settings| {
            generous(settings);
            here(settings);
            settings.merchant_webhooks.ca_pem = authority.map(String::into_bytes);
        })
        .await;
        let alice = world.funded("alice", 9_000).await;
        let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
        let port = over_tls(&receiver, &issued).await;
        shop.merchant.create_webhook(&format!("https://localhost:{port}/")).await.expect("an endpoint");
        let code = digits(&alice, 500).await;
        shop.till.charge(&order("one", 10), &code).await.expect("a charge");
        let all = shop.deliveries_until("it was tried", |all| !all.is_empty() && all[0].attempts == 1).await;
        let (state, status) = expected;
        assert_eq!(states(&all), [(1, state, 1, status)]);
        assert_eq!(receiver.hooks().len(), usize::from(state == Delivered));
        world.server.stop().await;
    }
}

#[tokio::test]
async fn urls_of_private_hosts_are_refused_with_what_to_write_instead() {
    let world = World::start().await;
    let shop = world.shop("Bakery One").await;
    for url in [
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::1]:8443/",
        "https://[::ffff:169.254.169.254]/",
        "https://10.1.2.3/",
        "https://localhost/",
        "http://hooks.example.com/",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com:25/",
    ] {
        let refused = shop.merchant.create_webhook(url).await.expect_err(url);
        assert_eq!(refused.reason(), Some(pb::Reason::Malformed), "{url}");
        assert!(refused.to_string().contains("https://host/path of a public host"), "{refused}");
    }
    world.server.stop().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver, inner) =
        (world.shop("Bakery One").await, Receiver::start().await, Receiver::start().await);
    shop.told(&receiver).await;
    receiver.plan([Act::Redirect(inner.url())]);
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("one", 10), &code).await.expect("a charge");
    let all = shop.deliveries_until("it was tried", |all| !all.is_empty() && all[0].attempts == 1).await;
    assert_eq!(states(&all), [(1, Due, 1, 307)]);
    assert_eq!(inner.connections(), 0);
    world.server.stop().await;
}

#[tokio::test]
async fn what_a_configuration_allowed_once_is_not_sent_under_one_that_does_not() {
    let world = world().await;
    let alice = world.funded("alice", 9_000).await;
    let (shop, receiver) = (world.shop("Bakery One").await, Receiver::start().await);
    shop.told(&receiver).await;
    let world = world
        .restart_with(|settings| {
            generous(settings);
            settings.merchant_webhooks.reach = Reach::Public;
        })
        .await;
    let channel = world.phone().await.channel;
    let (mut alice, mut shop) = (alice, shop);
    (alice.channel, shop.till.channel, shop.merchant.channel) = (channel.clone(), channel.clone(), channel);
    let code = digits(&alice, 500).await;
    shop.till.charge(&order("one", 10), &code).await.expect("a charge");
    let all = shop.deliveries_until("it was tried", |all| !all.is_empty() && all[0].attempts == 1).await;
    assert_eq!(states(&all), [(1, Due, 1, 0)]);
    assert_eq!(receiver.connections(), 0);
    world.server.stop().await;
}
