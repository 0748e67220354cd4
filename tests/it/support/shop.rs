//! A merchant with a store and a till, set up as it is done in earnest: two operators, the merchant's own
//! key, an activation code.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use saifu::client::connection::connect;
use saifu::client::method::{MERCHANT_KEY, OPERATOR_KEY};
use saifu::client::refused::Refused;
use saifu::client::staff::Staff;
use saifu::client::wallet::Wallet;
use saifu::crypto::device_key::DeviceKey;
use saifu::crypto::envelope::SignatureForm;
use saifu::env::clock::Clock;
use saifu::pb;
use saifu::pb::propose_request::Proposal;
use saifu::server::SANDBOX_AUDIENCE;
use saifu::server::operators::SANDBOX_FILES;
use tokio::time::interval;

use super::World;

/// A merchant's server, its store, and one till.
pub struct Shop {
    pub merchant: Staff,
    pub merchant_id: Vec<u8>,
    pub store_id: Vec<u8>,
    pub till: Staff,
    pub terminal_id: Vec<u8>,
}

impl World {
    /// A key's connection to one of the listeners.
    pub async fn staff_at(&self, address: SocketAddr, key: DeviceKey) -> Staff {
        let ca = std::fs::read(self.server.ca_path()).expect("the server wrote its CA certificate");
        let channel = connect(address, &ca).await.expect("the server listens");
        Staff::new(channel, key, SANDBOX_AUDIENCE, Arc::clone(&self.clock) as Arc<dyn Clock>)
    }

    /// A key that nobody enrolled yet.
    pub async fn staff(&self, form: SignatureForm) -> Staff {
        self.staff_at(self.server.address(), DeviceKey::generate(form)).await
    }

    /// The sandbox's two operators.
    pub async fn operators(&self) -> [Staff; 2] {
        self.operators_of(&self.dir.path().join("data/operators")).await
    }

    /// The operators whose keys are in this directory.
    pub async fn operators_of(&self, directory: &Path) -> [Staff; 2] {
        let key = |name: &str| {
            let path = directory.join(name);
            let pkcs8 = std::fs::read(path).expect("the sandbox wrote its operators' keys");
            DeviceKey::from_pkcs8(&pkcs8, SignatureForm::Der).expect("a key")
        };
        let address = self.server.operators_address();
        [
            self.staff_at(address, key(SANDBOX_FILES[0])).await,
            self.staff_at(address, key(SANDBOX_FILES[1])).await,
        ]
    }

    /// A merchant with one store, proposed by one operator and approved by the other.
    pub async fn merchant(&self, name: &str) -> (Staff, pb::ApproveReply) {
        self.merchant_by(self.operators().await, name).await
    }

    async fn merchant_by(&self, [first, second]: [Staff; 2], name: &str) -> (Staff, pb::ApproveReply) {
        let merchant = self.staff(SignatureForm::Fixed).await;
        let proposed = first.propose(register(&merchant, name)).await.expect("a proposal");
        let listed = second.list_proposals().await.expect("proposals").proposals;
        let proposal =
            listed.into_iter().find(|one| one.proposal_id == proposed.proposal_id).expect("it is listed");
        let approved = second.approve(&proposal).await.expect("an approval");
        (merchant, approved)
    }

    /// Two operators let a store take cash: so much in all, and so much a till and day.
    pub async fn allow_cash(&self, store_id: &[u8], ceiling_minor: i64, till_day_minor: i64) {
        let allowed = pb::AllowCash { store_id: store_id.to_vec(), ceiling_minor, till_day_minor };
        self.approved(Proposal::AllowCash(allowed)).await.expect("an approval");
    }

    /// What one operator proposes and another approves.
    pub async fn approved(&self, proposal: Proposal) -> Result<pb::ApproveReply, Refused> {
        let [first, second] = self.operators().await;
        approved_by(&first, &second, proposal).await
    }

    /// A merchant with one store and one active till.
    pub async fn shop(&self, name: &str) -> Shop {
        self.shop_of(self.merchant(name).await).await
    }

    /// The same, by the operators whose keys are in this directory.
    pub async fn shop_by(&self, operators: &Path, name: &str) -> Shop {
        let operators = self.operators_of(operators).await;
        self.shop_of(self.merchant_by(operators, name).await).await
    }

    async fn shop_of(&self, (merchant, approved): (Staff, pb::ApproveReply)) -> Shop {
        let (till, terminal_id) = self.till(&merchant, approved.store_id.clone()).await;
        let pb::ApproveReply { merchant_id, store_id, .. } = approved;
        Shop { merchant, merchant_id, store_id, till, terminal_id }
    }

    /// Another till of a store.
    pub async fn till(&self, merchant: &Staff, store_id: Vec<u8>) -> (Staff, Vec<u8>) {
        let registered = merchant.register_terminal(store_id, "till 1").await.expect("a till");
        let till = self.staff(SignatureForm::Fixed).await;
        till.activate(&secret(registered.activation_code)).await.expect("an activation");
        (till, registered.terminal_id)
    }
}

/// What one operator proposes and another approves.
pub async fn approved_by(
    first: &Staff,
    second: &Staff,
    proposal: Proposal,
) -> Result<pb::ApproveReply, Refused> {
    let proposal = proposed_by(first, second, proposal).await?;
    second.approve(&proposal).await
}

/// What one operator proposes, as another reads it.
pub async fn proposed_by(first: &Staff, second: &Staff, proposal: Proposal) -> Result<pb::Proposal, Refused> {
    let proposed = first.propose(proposal).await?;
    let listed = second.list_proposals().await?.proposals;
    Ok(listed.into_iter().find(|one| one.proposal_id == proposed.proposal_id).expect("it is listed"))
}

/// The proposal of a merchant with this name.
pub fn register(merchant: &Staff, name: &str) -> Proposal {
    Proposal::RegisterMerchant(pb::RegisterMerchant {
        key: Some(merchant.signer.candidate()),
        key_proof: merchant.signer.possession(MERCHANT_KEY, &[]),
        store: Some(pb::StoreDetails {
            name: name.into(),
            city: "Tokyo".into(),
            time_zone: "Asia/Tokyo".into(),
        }),
    })
}

/// The proposal of another operator.
pub fn add_operator(operator: &Staff) -> Proposal {
    Proposal::AddOperator(pb::AddOperator {
        key: Some(operator.signer.candidate()),
        key_proof: operator.signer.possession(OPERATOR_KEY, &[]),
    })
}

/// A secret of a reply.
pub fn secret(secret: Option<pb::Secret>) -> String {
    match secret.and_then(|secret| secret.state) {
        Some(pb::secret::State::Value(value)) => value,
        Some(pb::secret::State::Gone(_)) | None => panic!("the secret is gone"),
    }
}

/// The digits of a code of this cap.
pub async fn digits(wallet: &Wallet, cap_minor: i64) -> String {
    secret(wallet.issue_code(cap_minor, None, None).await.expect("a code").payment_code)
}

/// An order of this amount that a customer pays.
pub fn payable(order_id: &str, amount_minor: i64) -> pb::CreateOrderRequest {
    pb::CreateOrderRequest {
        order_id: order_id.into(),
        amount_minor,
        currency: "JPY".into(),
        receipt_line: "Coffee".into(),
        ..pb::CreateOrderRequest::default()
    }
}

/// An order to be held, for the usual time.
pub fn hold(order_id: &str, amount_minor: i64) -> pb::AuthorizeRequest {
    pb::AuthorizeRequest {
        order_id: order_id.into(),
        amount_minor,
        currency: "JPY".into(),
        ask: true,
        ..pb::AuthorizeRequest::default()
    }
}

/// An order of this amount.
pub fn order(order_id: &str, amount_minor: i64) -> pb::ChargeRequest {
    pb::ChargeRequest {
        order_id: order_id.into(),
        amount_minor,
        currency: "JPY".into(),
        receipt_line: "bread".into(),
        external_reference: "ref-1".into(),
        ask: false,
    }
}

/// The same, for which the customer is asked when it is more than his code's cap.
pub fn asking(order_id: &str, amount_minor: i64) -> pb::ChargeRequest {
    pb::ChargeRequest { ask: true, ..order(order_id, amount_minor) }
}

impl Shop {
    /// The merchant's settlements, newest first, once there are so many.
    pub async fn settlements(&self, count: usize) -> Vec<pb::Settlement> {
        let mut looks = interval(Duration::from_millis(50));
        for _ in 0..200 {
            looks.tick().await;
            let listed = self.merchant.list_settlements(pb::ListSettlementsRequest::default()).await;
            let listed = listed.expect("a list").settlements;
            if listed.len() >= count {
                assert_eq!(listed.len(), count, "{listed:?}");
                return listed;
            }
        }
        panic!("there are no {count} settlements");
    }

    /// The merchant's server captures a part and releases the rest.
    pub async fn merchant_capture(&self, order_id: &str, amount_minor: i64) -> pb::PaymentStepReply {
        let request = pb::CaptureRequest { order_id: order_id.into(), amount_minor, more_follows: false };
        let draft = self.merchant.draft(saifu::client::method::MERCHANT_CAPTURE, &request);
        self.merchant.send(draft).await.expect("a capture")
    }
}

/// What a call came to, in one word.
pub fn word<T>(result: &Result<T, Refused>, done: &'static str) -> &'static str {
    match result {
        Ok(_) => done,
        Err(refused) => refused.reason().expect("a reason").as_str_name(),
    }
}
