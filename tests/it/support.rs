//! A server of one's own, and wallets on it.

pub mod child;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use saifu::client::connection::connect;
use saifu::client::refused::Refused;
use saifu::client::wallet::Wallet;
use saifu::env::clock::{Clock, ManualClock};
use saifu::pb;
use saifu::server::{SANDBOX_AUDIENCE, Server, Settings};
use tempfile::TempDir;

/// 2026-01-05 03:00:00 UTC, noon in Tokyo, on a 30 s step.
pub const START_US: i64 = 1_767_582_000_000_000;
/// A suitable passphrase.
pub const PASSPHRASE: &str = "four wet umbrellas";

/// A server over TLS on a temporary data directory, and its clock.
pub struct World {
    pub server: Server,
    pub clock: Arc<ManualClock>,
    pub dir: TempDir,
}

impl World {
    /// With the documented policy and limits.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With some settings changed.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let clock = Arc::new(ManualClock::new(START_US));
        let server = serve(dir.path(), &clock, change).await;
        Self { server, clock, dir }
    }

    /// Stops the server and starts it again on the same data and the same clock.
    pub async fn restart(self) -> Self {
        let Self { server, clock, dir } = self;
        server.stop().await;
        let server = serve(dir.path(), &clock, |_| {}).await;
        Self { server, clock, dir }
    }

    /// A phone that is not enrolled.
    pub async fn phone(&self) -> Wallet {
        let ca = std::fs::read(self.server.ca_path()).expect("the server wrote its CA certificate");
        let channel = connect(self.server.address(), &ca).await.expect("the server listens");
        Wallet::new(channel, SANDBOX_AUDIENCE, Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// A phone with an active wallet, fresh by the activation's code.
    pub async fn wallet(&self, name: &str) -> Wallet {
        let mut wallet = self.phone().await;
        wallet.enrol(&format!("{name}@example.jp"), PASSPHRASE).await.expect("enrolment");
        wallet
    }

    /// An active wallet with so many yen on it, at most ¥10,000, still fresh.
    pub async fn funded(&self, name: &str, amount_minor: i64) -> Wallet {
        let wallet = self.wallet(name).await;
        self.fund(&wallet, amount_minor).await;
        wallet
    }

    /// Links a card and tops up, with a code of its own where one is needed.
    pub async fn fund(&self, wallet: &Wallet, amount_minor: i64) {
        let funding_id = wallet.link_funding("sandbox-visa", "card").await.expect("link").funding_id;
        let request = pb::TopUpRequest { funding_id, amount_minor, currency: "JPY".into() };
        let code = (amount_minor >= 10_000).then(|| self.next_code(wallet));
        let reply = wallet.top_up(request, code.as_deref(), None).await.expect("top-up");
        let state = reply.top_up.expect("a status").state();
        assert_eq!(state, pb::TopUpState::Succeeded);
    }

    /// Moves the clock by seconds.
    pub fn pass(&self, seconds: i64) {
        self.clock.advance_us(seconds * 1_000_000);
    }

    /// Waits for the next TOTP step and reads the code.
    pub fn next_code(&self, wallet: &Wallet) -> String {
        self.pass(30);
        wallet.code().expect("an authenticator").to_string()
    }

    /// Makes the wallet's device fresh.
    pub async fn refresh(&self, wallet: &Wallet) {
        let code = self.next_code(wallet);
        wallet.verify_second_factor(&code).await.expect("the code is right");
    }
}

async fn serve(dir: &Path, clock: &Arc<ManualClock>, change: impl FnOnce(&mut Settings)) -> Server {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = Settings::sandbox(dir.join("data"), listen);
    settings.clock = Some(Arc::clone(clock) as Arc<_>);
    change(&mut settings);
    Server::start(settings).await.expect("the server starts")
}

/// The first shop of the seed file, as a request of this amount.
pub async fn bakery(wallet: &Wallet, amount_minor: i64) -> pb::PayRequest {
    let shop = wallet.list_shops().await.expect("shops").shops.remove(0);
    pb::PayRequest { store_id: shop.store_id, payee_name: shop.name, amount_minor, currency: "JPY".into() }
}

/// What can be spent.
pub async fn available(wallet: &Wallet) -> i64 {
    wallet.get_balance().await.expect("a balance").available_minor
}

/// The reason of a refusal.
pub fn reason<T: std::fmt::Debug>(result: Result<T, Refused>) -> pb::Reason {
    let refused = result.expect_err("a refusal");
    refused.reason().unwrap_or_else(|| panic!("no reason: {refused}"))
}
