//! `saifu sandbox`: the other people that a till needs, on a sandbox server of this machine: a shop that
//! was let in, and a customer with a phone.
//!
//! Their keys lie in a folder in plain files. That is what makes them a sandbox's: a phone never gives
//! its key away.

use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Failure;
use super::person::{follow, told};
use super::till::server_address;
use crate::client::clock::FollowingClock;
use crate::client::method::MERCHANT_KEY;
use crate::client::{Refused, Signer, Staff, Wallet, connect};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::crypto::envelope::SignatureForm;
use crate::crypto::totp::TotpSecret;
use crate::domain::id::hex;
use crate::domain::time::SECOND_US;
use crate::env::{bytes16, file, pause, uuid_v7};
use crate::pb;
use crate::pb::propose_request::Proposal;
use crate::server::SANDBOX_AUDIENCE;
use crate::server::operators::SANDBOX_FILES;

/// Anybody may know it: it protects nothing here.
const PASSPHRASE: &str = "a sandbox has no secrets";

/// The period of a one-time code.
const CODE_STEP_SECONDS: i64 = 30;

/// What `saifu sandbox` takes.
#[derive(Debug, clap::Args)]
pub struct SandboxArguments {
    /// Where these people's keys are kept.
    #[arg(long, global = true, value_name = "DIR", default_value = "sandbox-people")]
    people: PathBuf,
    #[command(subcommand)]
    command: SandboxCommand,
}

/// Where the sandbox is.
#[derive(Debug, clap::Args)]
struct At {
    /// Where the server listens: a loopback address.
    #[arg(long, value_name = "ADDRESS", default_value = "https://127.0.0.1:8443",
          value_parser = server_address)]
    address: SocketAddr,
    /// The server's data directory.
    #[arg(long, value_name = "DIR", default_value = "saifu-data")]
    data_dir: PathBuf,
}

#[derive(Debug, clap::Subcommand)]
enum SandboxCommand {
    /// Registers a till and prints its activation code; the first time two operators let its shop in.
    Activation {
        #[command(flatten)]
        at: At,
        /// Where the server listens to operators, as it printed it.
        #[arg(long, value_name = "ADDRESS", value_parser = server_address)]
        operators: SocketAddr,
    },
    /// Enrols a customer and tops her wallet up.
    Customer {
        #[command(flatten)]
        at: At,
        /// With so many yen: at most 9,999, for her phone is new.
        #[arg(long, value_name = "YEN", default_value_t = 9_000,
              value_parser = clap::value_parser!(i64).range(1..=9_999))]
        amount: i64,
    },
    /// Prints a payment code of the customer's: 18 digits, good once, for a minute.
    Code {
        /// The most that a till may take by it, in yen.
        #[arg(long, value_name = "YEN", value_parser = clap::value_parser!(i64).range(1..))]
        cap: i64,
    },
    /// Answers a till that asks the customer.
    Answer {
        /// What she says.
        #[arg(value_enum)]
        answer: Answer,
    },
    /// Prints what the customer can spend, in yen.
    Balance,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Answer {
    /// She pays.
    Yes,
    /// She does not.
    No,
}

/// The customer's phone and authenticator.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phone {
    address: SocketAddr,
    authority: PathBuf,
    key_pkcs8: Vec<u8>,
    totp_secret: Vec<u8>,
    epoch: u64,
    /// The step of the last code that was used; no code of it, or of one before, is good again.
    last_step: i64,
}

/// The shop's server.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shop {
    key_pkcs8: Vec<u8>,
    store_id: Vec<u8>,
}

pub(super) fn run(arguments: SandboxArguments) -> Result<(), Failure> {
    let people = People { path: arguments.people };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            SandboxCommand::Activation { at, operators } => activation(&people, &at, operators).await,
            SandboxCommand::Customer { at, amount } => customer(&people, &at, amount).await,
            SandboxCommand::Code { cap } => code(&people, cap).await,
            SandboxCommand::Answer { answer: given } => answer(&people, given).await,
            SandboxCommand::Balance => {
                let customer = Customer::of(&people).await?;
                println!("{}", customer.wallet.get_balance().await?.available_minor);
                Ok(())
            }
        }
    })
}

/// The folder.
struct People {
    path: PathBuf,
}

impl People {
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Failure> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(serde_json::from_slice(&content).map_err(|_malformed| {
                format!("{} is not what saifu sandbox wrote: remove it, and begin anew", path.display())
            })?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("{} cannot be read: {error}", path.display()).into()),
        }
    }

    fn write(&self, name: &str, content: &impl Serialize) -> Result<(), Failure> {
        let path = self.path.join(name);
        let unwritable = |error| format!("{} cannot be written: {error}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path).map_err(unwritable)?;
        Ok(file::replace(&path, &serde_json::to_vec(content)?).map_err(unwritable)?)
    }
}

impl At {
    fn authority(&self) -> PathBuf {
        self.data_dir.join("tls/ca.pem")
    }
}

/// Trusts what this file says.
fn trusted(authority: &Path) -> Result<Vec<u8>, Failure> {
    Ok(fs::read(authority).map_err(|error| {
        format!(
            "the CA certificate {} cannot be read: {error}; --data-dir is the server's",
            authority.display()
        )
    })?)
}

async fn staff(
    address: SocketAddr,
    ca: &[u8],
    key: DeviceKey,
    now: &Arc<FollowingClock>,
) -> Result<Staff, Failure> {
    Ok(Staff::new(connect(address, ca).await?, key, SANDBOX_AUDIENCE, Arc::clone(now) as Arc<_>))
}

async fn activation(people: &People, at: &At, operators: SocketAddr) -> Result<(), Failure> {
    const SHOP: &str = "shop.json";
    let ca = trusted(&at.authority())?;
    let clock = Arc::new(FollowingClock::default());
    let channel = connect(at.address, &ca).await?;
    let wallet = Wallet::new(channel, SANDBOX_AUDIENCE, Arc::clone(&clock) as Arc<_>);
    follow(wallet.list_shops().await, &clock)?;
    let shop = if let Some(shop) = people.read::<Shop>(SHOP)? {
        shop
    } else {
        let shop = let_in(at, &ca, operators, &clock).await?;
        people.write(SHOP, &shop)?;
        shop
    };
    let key = DeviceKey::from_pkcs8(&shop.key_pkcs8, SignatureForm::Fixed)?;
    let merchant = staff(at.address, &ca, key, &clock).await?;
    let registered = merchant.register_terminal(shop.store_id, "till").await?;
    println!("{}", told(registered.activation_code)?);
    Ok(())
}

/// One operator proposes the shop, and the other approves.
async fn let_in(
    at: &At,
    ca: &[u8],
    operators: SocketAddr,
    now: &Arc<FollowingClock>,
) -> Result<Shop, Failure> {
    let mut approvers = Vec::new();
    for name in SANDBOX_FILES {
        let path = at.data_dir.join("operators").join(name);
        let pkcs8 = fs::read(&path)
            .map_err(|error| format!("the operator's key {} cannot be read: {error}", path.display()))?;
        let key = DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der)?;
        approvers.push(staff(operators, ca, key, now).await?);
    }
    let [first, second] = approvers.as_slice() else { return Err("a sandbox has two operators".into()) };
    let key = DeviceKey::generate(SignatureForm::Fixed);
    let key_pkcs8 = key.pkcs8().to_vec();
    let signer = Signer::new(key, SANDBOX_AUDIENCE);
    let (candidate, key_proof) = (signer.candidate(), signer.possession(MERCHANT_KEY, &[]));
    let proposed = first
        .propose(Proposal::RegisterMerchant(pb::RegisterMerchant {
            key: Some(candidate),
            key_proof,
            store: Some(pb::StoreDetails {
                name: "Kissaten Yuki".into(),
                city: "Kyoto".into(),
                time_zone: "Asia/Tokyo".into(),
            }),
        }))
        .await?;
    let listed = second.list_proposals().await?.proposals;
    let proposal = listed.into_iter().find(|one| one.proposal_id == proposed.proposal_id);
    let approved = second.approve(&proposal.ok_or("the proposal is not listed")?).await?;
    Ok(Shop { key_pkcs8, store_id: approved.store_id })
}

const PHONE: &str = "customer.json";

async fn customer(people: &People, at: &At, amount_minor: i64) -> Result<(), Failure> {
    if people.read::<Phone>(PHONE)?.is_some() {
        return Err("there is a customer already: another --people is for another one".into());
    }
    let ca = trusted(&at.authority())?;
    let clock = Arc::new(FollowingClock::default());
    let key = DeviceKey::generate(SignatureForm::Der);
    let key_pkcs8 = key.pkcs8().to_vec();
    let signer = Signer::new(key, SANDBOX_AUDIENCE);
    let channel = connect(at.address, &ca).await?;
    let mut wallet = Wallet::with_signer(channel, signer, SANDBOX_AUDIENCE, Arc::clone(&clock) as Arc<_>);
    follow(wallet.list_shops().await, &clock)?;
    let email = format!("hanako-{}@example.jp", &hex(&bytes16(&SystemEntropy::new()))[..8]);
    wallet.enrol(&email, PASSPHRASE).await?;
    let totp = wallet.totp.as_ref().ok_or("the phone has no authenticator")?;
    let phone = Phone {
        address: at.address,
        authority: at.authority(),
        key_pkcs8,
        totp_secret: totp.bytes().to_vec(),
        epoch: wallet.signer.epoch,
        last_step: step(wallet.now_us()),
    };
    people.write(PHONE, &phone)?;
    let funding_id = wallet.link_funding("sandbox-visa", "card").await?.funding_id;
    wallet.top_up(pb::TopUpRequest { funding_id, amount_minor, currency: "JPY".into() }, None, None).await?;
    println!("{email} has {} yen", wallet.get_balance().await?.available_minor);
    Ok(())
}

/// The customer again, with the phone that was kept.
struct Customer<'a> {
    people: &'a People,
    phone: Phone,
    wallet: Wallet,
}

impl<'a> Customer<'a> {
    async fn of(people: &'a People) -> Result<Self, Failure> {
        let phone = people.read::<Phone>(PHONE)?;
        let phone = phone.ok_or("there is no customer yet: saifu sandbox customer enrols one")?;
        let clock = Arc::new(FollowingClock::default());
        let channel = connect(phone.address, &trusted(&phone.authority)?).await?;
        let mut signer =
            Signer::new(DeviceKey::from_pkcs8(&phone.key_pkcs8, SignatureForm::Der)?, SANDBOX_AUDIENCE);
        signer.epoch = phone.epoch;
        let mut wallet = Wallet::with_signer(channel, signer, SANDBOX_AUDIENCE, Arc::clone(&clock) as Arc<_>);
        wallet.totp = TotpSecret::from_bytes(&phone.totp_secret);
        follow(wallet.list_shops().await, &clock)?;
        Ok(Self { people, phone, wallet })
    }

    /// The authenticator's code, once it is one that was not used: after half a minute at most.
    async fn next_code(&mut self) -> Result<String, Failure> {
        while step(self.wallet.now_us()) <= self.phone.last_step {
            pause(Duration::from_millis(200)).await;
        }
        self.phone.last_step = step(self.wallet.now_us());
        self.people.write(PHONE, &self.phone)?;
        Ok(self.wallet.code().ok_or("the phone has no authenticator")?.to_string())
    }
}

async fn code(people: &People, cap_minor: i64) -> Result<(), Failure> {
    let mut customer = Customer::of(people).await?;
    let id = Some(uuid_v7(&SystemEntropy::new(), customer.wallet.now_us()));
    let issued = match customer.wallet.issue_code(cap_minor, None, id).await {
        Err(refused) if wants_code(&refused) => {
            let code = customer.next_code().await?;
            customer.wallet.issue_code(cap_minor, Some(&code), id).await
        }
        issued => issued,
    };
    println!("{}", told(issued?.payment_code)?);
    Ok(())
}

async fn answer(people: &People, answer: Answer) -> Result<(), Failure> {
    let mut customer = Customer::of(people).await?;
    let mut asked = customer.wallet.watch_payments().await?;
    let first = asked.message().await.map_err(Refused::from)?;
    let payment = first.and_then(|first| first.payments.into_iter().next()).ok_or("no till asks her now")?;
    match answer {
        Answer::No => {
            customer.wallet.decline_payment(payment.payment_id).await?;
        }
        Answer::Yes => match customer.wallet.confirm_payment(&payment, None).await {
            Err(refused) if wants_code(&refused) => {
                let code = customer.next_code().await?;
                customer.wallet.confirm_payment(&payment, Some(&code)).await?;
            }
            confirmed => {
                confirmed?;
            }
        },
    }
    println!("{} yen to {}", payment.authorised_minor, payment.payee_name);
    Ok(())
}

fn wants_code(refused: &Refused) -> bool {
    refused.reason() == Some(pb::Reason::SecondFactorRequired)
}

fn step(now_us: i64) -> i64 {
    now_us.div_euclid(CODE_STEP_SECONDS * SECOND_US)
}
