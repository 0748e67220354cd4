//! A good call of one RPC, which whoever signs it makes anew.

use std::sync::atomic::{AtomicU64, Ordering};

use prost::Message;
use saifu::client::signer::timestamp;
use saifu::client::wallet::Wallet;
use saifu::gate::operation::{CallerKind, Declared};
use saifu::pb;
use saifu::pb::second_factor::Factor;
use saifu::rpc::declared;
use saifu::server::SANDBOX_AUDIENCE;

use super::attacks::Parts;

/// A good call of one RPC, but for who signs it.
#[derive(Clone)]
pub struct Case {
    pub policy: Declared,
    pub body: Vec<u8>,
    pub private: Vec<u8>,
    /// Whether the call brings the authenticator's code.
    pub code: bool,
    /// What else it proves.
    pub given: Option<Factor>,
    /// Which of the stage's phones makes it, where it is not the usual one of its kind.
    pub phone: Option<usize>,
    /// What it comes to when another account's device or another candidate signs it, where the body
    /// names something.
    pub foreign: Option<pb::Reason>,
}

impl Case {
    pub fn new(method: &str, body: &impl Message) -> Self {
        let policy = declared().into_iter().find(|policy| policy.method == method).expect("a declared RPC");
        Self {
            policy,
            body: body.encode_to_vec(),
            private: Vec::new(),
            code: false,
            given: None,
            phone: None,
            foreign: None,
        }
    }

    pub fn private(mut self, private: &impl Message) -> Self {
        self.private = private.encode_to_vec();
        self
    }

    pub fn code(mut self) -> Self {
        self.code = true;
        self
    }

    pub fn given(mut self, factor: Factor) -> Self {
        self.given = Some(factor);
        self
    }

    pub fn by_phone(mut self, phone: usize) -> Self {
        self.phone = Some(phone);
        self
    }

    /// The second factor as this wallet would give it now.
    pub fn factor(&self, wallet: &Wallet) -> Option<pb::SecondFactor> {
        let shown = || wallet.code().map_or("123456".to_owned(), |code| code.to_string());
        match &self.given {
            Some(factor) => Some(pb::SecondFactor { factor: Some(factor.clone()) }),
            None => self.code.then(|| second_factor(shown())),
        }
    }

    pub fn foreign(mut self, reason: pb::Reason) -> Self {
        self.foreign = Some(reason);
        self
    }

    pub fn is_anonymous(&self) -> bool {
        self.policy.caller == CallerKind::Candidate
    }

    /// The call as this wallet would make it now.
    pub fn by(&self, wallet: &Wallet) -> Parts {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let second_factor = self.factor(wallet);
        let has_private = second_factor.is_some() || !self.private.is_empty() || self.policy.secret_reply;
        let (body, stamp) = (self.private.clone(), Vec::new());
        let private = pb::Private { salt: vec![7; 16], second_factor, body, stamp };
        let mut parts = Parts {
            method: self.policy.method,
            call: pb::Call {
                audience: SANDBOX_AUDIENCE.to_owned(),
                key_id: wallet.signer.key_id(),
                request_id: [[0xab; 8], id.to_be_bytes()].concat(),
                issued_at: Some(timestamp(wallet.now_us())),
                epoch: u64::from(!self.is_anonymous()),
                body: self.body.clone(),
                private_sha256: Vec::new(),
            },
            private: Vec::new(),
            is_anonymous: self.is_anonymous(),
        };
        if has_private {
            parts.bind(private.encode_to_vec());
        }
        parts
    }
}

pub fn second_factor(code: String) -> pb::SecondFactor {
    pb::SecondFactor { factor: Some(pb::second_factor::Factor::TotpCode(code)) }
}

pub fn contact_factor(code: String) -> pb::SecondFactor {
    pb::SecondFactor { factor: Some(pb::second_factor::Factor::ContactCode(code)) }
}
