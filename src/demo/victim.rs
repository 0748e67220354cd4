//! Somebody whose factors are known to a thief by and by, and the messages that come to her.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::customer::Customer;
use super::main_job::{self, PASSPHRASE};
use super::otherwise::Otherwise;
use super::shop::Street;
use super::teller::{Told, yen};
use crate::client::signer::RecoveryProof;
use crate::crypto::entropy::SystemEntropy;
use crate::domain::id::hex;
use crate::env::bytes16;
use crate::pb;
use crate::pb::recovery_start_private::Locator;

/// Timers and messages are the server's own work: looked after so often, so many times. A key may read 60
/// times at once, and a sandbox's clock may stand.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
const LOOKS: usize = 50;

/// Somebody whose factors are known to a thief by and by.
pub struct Victim {
    /// With her phone.
    pub customer: Customer,
    /// Her telephone.
    pub phone_number: String,
    /// How a message to her device is addressed.
    pub device: String,
    saved_code: String,
}

impl Victim {
    /// Enrols, with money, a card and a telephone number.
    pub async fn settle(
        hanako: &Customer,
        street: &Street<'_>,
        name: &str,
        amount_minor: i64,
    ) -> Result<Told<Self>, Otherwise> {
        let mut customer = hanako.another(street.address, street.ca_pem, name).await?;
        let email = customer.email.clone();
        let saved_code = customer.wallet.enrol(&email, PASSPHRASE).await.map_err(Otherwise::Enrol)?;
        let funding_id = customer.wallet.link_funding("sandbox-visa", "card").await?.funding_id;
        main_job::top_up(&mut customer, &funding_id, amount_minor, None).await?;
        let phone_number = number();
        let wallet = &customer.wallet;
        let contact = pb::add_contact_private::Contact::Phone(phone_number.clone());
        let pending = wallet.add_contact(contact, &customer.next_code().await?).await?;
        let contact_code = newest_code(&customer, &phone_number, 0).await?;
        let code = customer.next_code().await?;
        wallet.confirm_contact(pending.pending_contact_id, &contact_code, &code).await?;
        let devices = wallet.list_devices().await?.devices;
        let device = devices.first().ok_or(Otherwise::Answer("there is no device"))?;
        let device = hex(&device.device_id);
        let happened =
            format!("authenticator, saved code, card, mailbox and telephone; balance {}", yen(amount_minor));
        let saved_code = saved_code.to_string();
        Ok(Told::done(happened).with(Self { customer, phone_number, device, saved_code }))
    }

    /// Where messages to her go.
    pub fn addresses(&self) -> [&str; 3] {
        [&self.customer.email, &self.phone_number, &self.device]
    }

    /// Her account, as whoever asks for its recovery names it.
    pub fn locator(&self) -> Locator {
        Locator::Email(self.customer.email.clone())
    }

    /// Her saved code.
    pub fn saved(&self) -> RecoveryProof {
        RecoveryProof::SavedCode(self.saved_code.clone())
    }
}

/// A Japanese mobile number that nobody has here yet.
fn number() -> String {
    let random = bytes16(&SystemEntropy::new());
    let digits = u64::from_be_bytes(random[..8].try_into().expect("8 bytes")) % 90_000_000;
    format!("+8190{}", 10_000_000 + digits)
}

/// The newest message there, once there are more than before.
pub async fn message_after(reader: &Customer, address: &str, before: usize) -> Result<String, Otherwise> {
    patiently(async || {
        let messages = reader.wallet.read_messages(address).await?.messages;
        let is_new = messages.len() > before;
        Ok(messages.into_iter().next().filter(|_| is_new).map(|message| message.text))
    })
    .await
}

/// The code in it.
pub async fn newest_code(reader: &Customer, address: &str, before: usize) -> Result<String, Otherwise> {
    let text = message_after(reader, address, before).await?;
    let code = text.split(|sign: char| !sign.is_ascii_digit()).find(|digits| digits.len() == 8);
    code.map(str::to_owned).ok_or(Otherwise::Answer("the message holds no code"))
}

/// What is seen when it is there, looked for again and again.
pub async fn patiently<T>(look: impl AsyncFn() -> Result<Option<T>, Otherwise>) -> Result<T, Otherwise> {
    let mut ticks = interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _look in 0..LOOKS {
        ticks.tick().await;
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
    }
    Err(Otherwise::Answer("what must come did not come"))
}
