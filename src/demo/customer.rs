//! The customer of the story, her phone, and what she knows must be in her wallet.

use std::net::SocketAddr;
use std::sync::Arc;

use super::otherwise::Otherwise;
use crate::client::clock::{FollowingClock, moment_us};
use crate::client::{Refused, Staff, Wallet, connect};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::entropy::SystemEntropy;
use crate::domain::id::hex;
use crate::domain::time::SECOND_US;
use crate::env::{Clock as _, bytes16};
use crate::pb;
use crate::server::SANDBOX_AUDIENCE;

/// The period of a one-time code.
const CODE_STEP_SECONDS: i64 = 30;

/// Somebody with a phone.
pub struct Customer {
    /// Her phone.
    pub wallet: Wallet,
    /// An address that no wallet has yet.
    pub email: String,
    /// What she must have to spend.
    pub balance_minor: i64,
    clock: Arc<FollowingClock>,
}

impl Customer {
    /// Connects a new phone and sets its clock by the server's.
    pub async fn arrive(address: SocketAddr, ca_pem: &[u8]) -> Result<Self, Otherwise> {
        let customer = Self::with_clock(Arc::default(), address, ca_pem, "hanako").await?;
        customer.set_clock().await?;
        Ok(customer)
    }

    /// Somebody else with a new phone, whose clock is the customer's.
    pub async fn another(&self, address: SocketAddr, ca_pem: &[u8], name: &str) -> Result<Self, Otherwise> {
        Self::with_clock(Arc::clone(&self.clock), address, ca_pem, name).await
    }

    async fn with_clock(
        clock: Arc<FollowingClock>,
        address: SocketAddr,
        ca_pem: &[u8],
        name: &str,
    ) -> Result<Self, Otherwise> {
        let channel = connect(address, ca_pem).await.map_err(Otherwise::Connect)?;
        let wallet = Wallet::new(channel, SANDBOX_AUDIENCE, Arc::clone(&clock) as Arc<_>);
        let email = format!("{name}-{}@example.jp", &hex(&bytes16(&SystemEntropy::new()))[..8]);
        Ok(Self { wallet, email, balance_minor: 0, clock })
    }

    /// Somebody else's key, whose clock is the customer's.
    pub async fn staff(
        &self,
        address: SocketAddr,
        ca_pem: &[u8],
        key: DeviceKey,
    ) -> Result<Staff, Otherwise> {
        let channel = connect(address, ca_pem).await.map_err(Otherwise::Connect)?;
        Ok(Staff::new(channel, key, SANDBOX_AUDIENCE, Arc::clone(&self.clock) as Arc<_>))
    }

    /// A sandbox may have been put forward before; it tells its time to whoever is wrong about it.
    async fn set_clock(&self) -> Result<(), Otherwise> {
        match self.wallet.list_shops().await {
            Ok(_) => Ok(()),
            Err(refused) if refused.reason() == Some(pb::Reason::ClockSkew) => {
                let server_time = refused.metadata("server_time").and_then(|text| text.parse().ok());
                self.clock.follow(server_time.ok_or(Otherwise::Refused(refused))?);
                Ok(())
            }
            Err(refused) => Err(refused.into()),
        }
    }

    /// Waits, by moving the sandbox's clock and the phone's with it.
    pub async fn wait(&self, seconds: u32) -> Result<(), Otherwise> {
        let reply = self.wallet.advance_clock(seconds).await?;
        let now = reply.now.ok_or(Otherwise::Answer("the server does not say what time it is"))?;
        self.clock.follow(moment_us(&now));
        Ok(())
    }

    /// Waits for a code that was not shown before, and reads it.
    pub async fn next_code(&self) -> Result<String, Otherwise> {
        let into_step = (self.clock.now_us() / SECOND_US).rem_euclid(CODE_STEP_SECONDS);
        // A second past the step's beginning: the phone's clock is a little late.
        let seconds = CODE_STEP_SECONDS - into_step + 1;
        self.wait(u32::try_from(seconds).expect("at most 31 seconds")).await?;
        let code = self.wallet.code().ok_or(Otherwise::Answer("the phone has no authenticator"))?;
        Ok(code.to_string())
    }

    /// Looks whether exactly what must be there is there, and nothing is under way.
    pub async fn check_balance(&self) -> Result<(), Otherwise> {
        let balance = self.wallet.get_balance().await?;
        if (balance.held_minor, balance.incoming_minor) != (0, 0) {
            return Err(Otherwise::Answer("money is held or on its way that should not be"));
        }
        let (expected_minor, available_minor) = (self.balance_minor, balance.available_minor);
        if expected_minor == available_minor {
            Ok(())
        } else {
            Err(Otherwise::Balance { expected_minor, available_minor })
        }
    }

    /// Takes note of a payment's reply, which must say what she expects.
    pub fn paid(&mut self, amount_minor: i64, reply: &pb::PayReply) -> Result<(), Otherwise> {
        self.balance_minor -= amount_minor;
        let (expected_minor, available_minor) = (self.balance_minor, reply.available_after_minor);
        if expected_minor == available_minor {
            Ok(())
        } else {
            Err(Otherwise::Balance { expected_minor, available_minor })
        }
    }

    /// An attempt must have been refused like this, and have moved no money.
    pub async fn must_refuse<T>(
        &self,
        attempt: Result<T, Refused>,
        code: tonic::Code,
        reason: pb::Reason,
    ) -> Result<(), Otherwise> {
        let came = attempt.err().ok_or(Otherwise::WentThrough)?;
        if came.status.code() != code || came.reason() != Some(reason) {
            return Err(Otherwise::RefusedOtherwise { code, reason, came });
        }
        self.check_balance().await
    }
}
