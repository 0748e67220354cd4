//! People and servers who sign on the command line: an operator, a merchant's server. Their keys, whom they
//! call, and how a new one introduces itself to whoever lets it in.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::Failure;
use super::till::server_address;
use crate::client::clock::FollowingClock;
use crate::client::method::{MERCHANT_KEY, OPERATOR_KEY};
use crate::client::{Refused, Signer, Staff, connect_as};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::domain::id::unhex;
use crate::env::file;
use crate::pb;
use crate::server::SANDBOX_AUDIENCE;

/// Who signs, and whom they call.
#[derive(Debug, clap::Args)]
pub(super) struct PersonArguments {
    /// Where the server listens to them.
    #[arg(long, global = true, value_name = "ADDRESS", default_value = "https://127.0.0.1:8443",
          value_parser = server_address)]
    address: SocketAddr,
    /// The name that the server's certificate is for.
    #[arg(long, global = true, value_name = "NAME", default_value = "localhost")]
    server_name: String,
    /// The certificate that the server's is signed by.
    #[arg(long, global = true, value_name = "FILE", default_value = "saifu-data/tls/ca.pem")]
    ca: PathBuf,
    /// The deployment's name.
    #[arg(long, global = true, value_name = "NAME", default_value = SANDBOX_AUDIENCE)]
    audience: String,
    /// The private key to sign with, as `saifu keygen person` writes it.
    #[arg(long, global = true, value_name = "FILE", default_value = "key.p8")]
    key: PathBuf,
}

impl PersonArguments {
    /// Calls with the key.
    pub(super) async fn staff(&self) -> Result<(Staff, Arc<FollowingClock>), Failure> {
        let key = private_key(&self.key)?;
        let ca = fs::read(&self.ca)
            .map_err(|error| format!("the certificate {} cannot be read: {error}", self.ca.display()))?;
        let channel = connect_as(self.address, &self.server_name, &ca).await?;
        let clock = Arc::new(FollowingClock::default());
        Ok((Staff::new(channel, key, &self.audience, Arc::clone(&clock) as Arc<_>), clock))
    }
}

/// What a call says first where the clocks differ: the server's is followed.
pub(super) fn follow<T>(answer: Result<T, Refused>, clock: &FollowingClock) -> Result<(), Failure> {
    match answer {
        Err(refused) if refused.reason() == Some(pb::Reason::ClockSkew) => {
            let server_us = refused.metadata("server_time").and_then(|text| text.parse().ok());
            clock.follow(server_us.ok_or("the server does not say what time it is")?);
            Ok(())
        }
        answered => {
            answered?;
            Ok(())
        }
    }
}

/// A person's key signs in DER, as the first operators' do.
pub(super) fn private_key(path: &Path) -> Result<DeviceKey, Failure> {
    let unreadable = |error| format!("the key {} cannot be read: {error}", path.display());
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !file::is_private(&metadata) {
        return Err(format!(
            "{} can be read by other users of this machine: chmod 600 it, and think about who may have read \
             it",
            path.display()
        )
        .into());
    }
    let pkcs8 = fs::read(path).map_err(unreadable)?;
    let malformed = |_malformed| format!("{} is not a P-256 private key in PKCS #8, DER", path.display());
    Ok(DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der).map_err(malformed)?)
}

/// What a new key is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    /// An operator's.
    Operator,
    /// A merchant's server's.
    Merchant,
}

/// A public key and its own word that it wants to be somebody's: what operators are given.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Introduction {
    role: Role,
    spki: String,
    proof: String,
}

impl Introduction {
    /// For a new operator or merchant, or for one that is there already and has this id.
    pub(super) fn of(key: DeviceKey, audience: &str, role: Role, owner_id: &[u8]) -> Self {
        let signer = Signer::new(key, audience);
        let type_name = match role {
            Role::Operator => OPERATOR_KEY,
            Role::Merchant => MERCHANT_KEY,
        };
        let spki = BASE64.encode(&signer.candidate().spki);
        Self { role, spki, proof: BASE64.encode(signer.possession(type_name, owner_id)) }
    }

    pub(super) fn read(path: &Path, role: Role) -> Result<(pb::Candidate, Vec<u8>), Failure> {
        let text = fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let strange = || format!("{} is not what saifu keygen introduction writes", path.display());
        let introduction: Self = serde_json::from_slice(&text).map_err(|_malformed| strange())?;
        if introduction.role != role {
            return Err(format!("{} introduces no {role:?}", path.display()).to_lowercase().into());
        }
        let spki = BASE64.decode(&introduction.spki).map_err(|_malformed| strange())?;
        let proof = BASE64.decode(&introduction.proof).map_err(|_malformed| strange())?;
        let signature_form = pb::SignatureForm::Der.into();
        Ok((pb::Candidate { spki, signature_form }, proof))
    }
}

/// An id as this program prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id(pub Vec<u8>);

impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = unhex::<16>(text).ok_or("write 32 hexadecimal digits, as saifu prints ids")?;
        Ok(Self(bytes.to_vec()))
    }
}

/// A secret of a reply that is shown once.
pub(super) fn told(secret: Option<pb::Secret>) -> Result<String, Failure> {
    match secret.and_then(|secret| secret.state) {
        Some(pb::secret::State::Value(value)) => Ok(value),
        Some(pb::secret::State::Gone(_)) | None => Err("the reply lacks its secret".into()),
    }
}
