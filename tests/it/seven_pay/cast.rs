//! Two victims, a till, and a thief who has as many addresses as he likes.

use std::net::Ipv4Addr;

use saifu::client::wallet::Wallet;
use saifu::domain::id::hex;
use saifu::gate::limit::LimitTable;
use saifu::pb;
use saifu::server::Settings;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::redis::shared;
use crate::support::recovery::{DAY, MINUTE, Owner};
use crate::support::redis_server::RedisServer;
use crate::support::shop::Shop;
use crate::support::street::Street;
use crate::support::{World, available, bakery, code_in, texts};

/// The thief's own mail address.
pub const THIEF_EMAIL: &str = "thief@example.net";
/// What each victim has.
pub const BALANCE_MINOR: i64 = 5_000;

/// Everybody, on a server with the documented policy, whose limits are counted in a Redis.
pub struct Stage {
    pub world: World,
    pub redis: RedisServer,
    pub alice: Victim,
    pub bob: Victim,
    pub shop: Shop,
}

/// Somebody with a device, an authenticator, a saved code, a card, a mailbox and a telephone number.
pub struct Victim {
    pub owner: Owner,
    pub phone_number: &'static str,
    /// How a message to the device is addressed.
    pub device: String,
    /// What must be there if nobody stole.
    pub balance_minor: i64,
}

/// The documented limits, but for reads: a test looks again and again while its clock stands.
fn arranged(settings: &mut Settings, redis: &RedisServer) {
    settings.limits.reading = LimitTable::unlimited().reading;
    shared(settings, redis);
}

impl Stage {
    pub async fn set() -> Self {
        let redis = RedisServer::start();
        let world = World::start_with(|settings| arranged(settings, &redis)).await;
        let shop = world.shop("Bakery One").await;
        let alice = Victim::settle(&world, "alice", "+819012345678").await;
        let bob = Victim::settle(&world, "bob", "+819087654321").await;
        // A contact that changed within 30 days would lengthen the delay.
        world.pass(31 * DAY);
        Self { world, redis, alice, bob, shop }
    }

    /// The server is stopped and started again, and Redis has lost everything meanwhile.
    pub async fn restart(self) -> Self {
        let Self { world, redis, mut alice, mut bob, mut shop } = self;
        redis.flush();
        let world = world.restart_with(|settings| arranged(settings, &redis)).await;
        for victim in [&mut alice, &mut bob] {
            victim.owner.wallet.channel = world.phone().await.channel;
        }
        shop.till.channel = world.phone().await.channel;
        Self { world, redis, alice, bob, shop }
    }

    /// A new key of the thief's.
    pub async fn thief(&self) -> Wallet {
        self.world.phone().await
    }

    /// Where connections come from is his to choose.
    pub fn street(&self) -> Street {
        self.world.street()
    }
}

impl Victim {
    async fn settle(world: &World, name: &str, phone_number: &'static str) -> Self {
        let owner = world.owner(name, BALANCE_MINOR).await;
        let wallet = &owner.wallet;
        let contact = pb::add_contact_private::Contact::Phone(phone_number.into());
        let code = world.next_code(wallet);
        let pending = wallet.add_contact(contact, &code).await.expect("a pending contact");
        let contact_code = code_in(&texts(wallet, phone_number, 1).await[0]);
        let code = world.next_code(wallet);
        let confirmed = wallet.confirm_contact(pending.pending_contact_id, &contact_code, &code).await;
        confirmed.expect("a telephone number");
        let device = hex(&wallet.list_devices().await.expect("devices").devices[0].device_id);
        Self { owner, phone_number, device, balance_minor: BALANCE_MINOR }
    }

    /// Where messages to this victim go.
    pub fn addresses(&self) -> [&str; 3] {
        [&self.owner.email, self.phone_number, &self.device]
    }

    /// Pays as ever.
    pub async fn pays(&mut self, world: &World, amount_minor: i64) {
        let wallet = &self.owner.wallet;
        world.refresh(wallet).await;
        wallet.pay(bakery(wallet, amount_minor).await, None, None).await.expect("a payment as ever");
        self.balance_minor -= amount_minor;
    }

    /// What is gone that the victim did not spend.
    pub async fn lost_minor(&self) -> i64 {
        self.balance_minor - available(&self.owner.wallet).await
    }
}

/// How many messages there are to an address.
pub async fn messages(reader: &Wallet, destination: &str) -> usize {
    reader.read_messages(destination).await.expect("the sandbox's messages").messages.len()
}

/// What is done next sends exactly one message there: its code, read by whoever has the mailbox or the SIM.
pub async fn code_sent(
    world: &World,
    thief: &Wallet,
    (case_id, channel): (&[u8], pb::RecoveryChannel),
    destination: &str,
) -> String {
    world.pass(MINUTE);
    let before = messages(thief, destination).await;
    thief.send_recovery_code(case_id.to_vec(), channel).await.expect("sent");
    code_in(&texts(thief, destination, before + 1).await[0])
}

/// One of the thief's many addresses.
pub fn origin(net: u8, number: usize) -> Ipv4Addr {
    let part = |value: usize| u8::try_from(value).expect("few enough origins");
    Ipv4Addr::new(127, net, part(number / 250), part(1 + number % 250))
}

/// A call as it is, to any method by its name, with whatever metadata.
pub async fn call<Reply>(
    channel: &Channel,
    method: &str,
    request: Request<pb::Envelope>,
) -> Result<Reply, Status>
where
    Reply: prost::Message + Default + 'static,
{
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.expect("connected");
    let path = PathAndQuery::try_from(method).expect("a method's name");
    let codec = ProstCodec::<pb::Envelope, Reply>::default();
    Ok(grpc.unary(request, path, codec).await?.into_inner())
}
