//! A change, as a plain value: who signed what when, what was found out about his factors, and the
//! new ids. Everything secret, slow or random happened before; a command can be decided twice with
//! the same result.
//!
//! The three kinds of callers have actions of their own types, so a device cannot be handed what
//! only the system may do: it does not compile.

use super::id::{
    AccountId, CommandId, ContactIndex, DeviceId, EnrolmentId, FundingId, KeyId, LedgerAccountId, MerchantId,
    MessageId, PaymentId, RequestId, StoreId, TopUpId,
};
use super::journal::Kind;
use super::ledger::PROVIDER_CLEARING;
use super::money::Amount;
use super::proof::Proof;
use super::rows::{KeyForm, RowKey};
use super::time::Timestamp;
use super::view::View;

/// What was signed, for good verifiable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The full gRPC method, or `system/<Kind>`.
    pub method: &'static str,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// The signature over PAE(method, payload).
    pub signature: Vec<u8>,
}

/// What every journalled command carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key that signed.
    pub key_id: KeyId,
    /// The idempotency key, in the scope of that key.
    pub request_id: RequestId,
    /// Keyed hash of method, body and private body.
    pub digest: [u8; 32],
    /// SHA-256 of the payload.
    pub payload_hash: [u8; 32],
    /// What was signed.
    pub evidence: Evidence,
}

/// A call by an enrolled device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCall {
    /// What was signed.
    pub signed: Signed,
    /// The account behind the key.
    pub account_id: AccountId,
    /// The device behind the key.
    pub device_id: DeviceId,
    /// The epoch in the signed call.
    pub epoch: i64,
    /// What comparing its code showed, if it brought one.
    pub proof: Option<Proof>,
}

/// A call by a key that is not enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateCall {
    /// What was signed.
    pub signed: Signed,
    /// The key's uncompressed point.
    pub point: [u8; 65],
    /// How it signs.
    pub form: KeyForm,
}

/// A new version of the account's sealed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentWrite {
    /// The version it was made from; another one by now means: prepare again.
    pub expected_version: i64,
    /// Sealed as version `expected_version + 1`.
    pub sealed: Vec<u8>,
}

/// A message to a person, sealed, and to be sent after the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageDraft {
    /// Names it, for the receiver to tell repetitions.
    pub message_id: MessageId,
    /// Destination and text, sealed.
    pub sealed: Vec<u8>,
}

/// What a device may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceAction {
    /// The first code.
    Activate {
        /// With the hash of the saved code.
        document: DocumentWrite,
        /// The saved code, sealed for the reply.
        secret: Vec<u8>,
    },
    /// Nothing but the code.
    VerifySecondFactor,
    /// Stop outflow.
    Freeze,
    /// Let it go on.
    Unfreeze,
    /// A device signs no more.
    RevokeDevice {
        /// Which.
        target_id: DeviceId,
    },
    /// Link a funding source.
    LinkFunding {
        /// Its id.
        funding_id: FundingId,
        /// With its token.
        document: DocumentWrite,
        /// How many are linked with it.
        sources: usize,
    },
    /// Unlink a funding source.
    UnlinkFunding {
        /// Which.
        funding_id: FundingId,
        /// Without its token.
        document: DocumentWrite,
    },
    /// Money in.
    RequestTopUp {
        /// Its id, and the provider's idempotency key.
        top_up_id: TopUpId,
        /// From where.
        funding_id: FundingId,
        /// How much.
        amount: Amount,
        /// ISO 4217 code, as signed.
        currency: String,
    },
    /// Money out.
    Pay {
        /// Its id.
        payment_id: PaymentId,
        /// To which store.
        store_id: StoreId,
        /// The name the customer saw.
        payee_name: String,
        /// How much.
        amount: Amount,
        /// ISO 4217 code, as signed.
        currency: String,
    },
}

/// What a candidate may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateAction {
    /// A code to a contact.
    StartEnrolment {
        /// Its id.
        enrolment_id: EnrolmentId,
        /// Which contact.
        contact_index: ContactIndex,
        /// The contact, sealed.
        sealed_contact: Vec<u8>,
        /// Keyed hash of the code.
        code_tag: [u8; 32],
        /// With the code; sent when the contact is free.
        code_message: MessageDraft,
        /// Sent when it is taken.
        taken_message: MessageDraft,
    },
    /// The code, and with it an account.
    ConfirmEnrolment {
        /// Which enrolment.
        enrolment_id: EnrolmentId,
        /// Its contact, as read ahead.
        contact_index: ContactIndex,
        /// What comparing the code showed.
        proof: Proof,
        /// The new account.
        account_id: AccountId,
        /// Its first device.
        device_id: DeviceId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// Its document, version 1.
        document: Vec<u8>,
        /// Its data key, sealed.
        data_key: Vec<u8>,
        /// Which key sealed that.
        kek_version: i64,
        /// The authenticator's URI, sealed for the reply.
        secret: Vec<u8>,
    },
}

/// What the system does on its own, signed by the server's key and journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemAction {
    /// The journal's first row.
    Genesis {
        /// Ed25519.
        system_key: [u8; 32],
        /// The deployment's name.
        audience: String,
    },
    /// A store of the seed file.
    RegisterStore {
        /// Its merchant.
        merchant_id: MerchantId,
        /// The merchant's account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// The store.
        store_id: StoreId,
        /// Its registered name.
        name: String,
        /// Its city.
        city: String,
        /// IANA name.
        time_zone: String,
    },
    /// The provider's answer to a top-up.
    SettleTopUp {
        /// Which.
        top_up_id: TopUpId,
        /// Whether the money is ours.
        succeeded: bool,
        /// The provider's name for it.
        provider_reference: String,
    },
    /// An enrolment was not activated in time.
    CloseUnactivated {
        /// Its account.
        account_id: AccountId,
        /// Its device.
        device_id: DeviceId,
        /// Its contact.
        contact_index: ContactIndex,
    },
}

/// Keeping house: nothing that money or a privilege depends on, so not journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Rows whose time is over.
    Expire(Vec<RowKey>),
    /// A message was accepted by its channel.
    MessageDelivered(MessageId),
    /// A message was not accepted; try again then.
    MessageDelayed(MessageId, Timestamp),
    /// A message was not accepted, for the last time.
    MessageFailed(MessageId),
}

/// Who wants what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// An enrolled device.
    Device(DeviceCall, DeviceAction),
    /// A key that is not enrolled.
    Candidate(CandidateCall, CandidateAction),
    /// The server.
    System(Signed, SystemAction),
    /// The server, keeping house.
    Chore(Chore),
}

/// One change, to be decided in its batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// This execution.
    pub id: CommandId,
    /// Who wants what.
    pub order: Order,
}

impl DeviceAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Activate { .. } => Kind::Activate,
            Self::VerifySecondFactor => Kind::VerifySecondFactor,
            Self::Freeze => Kind::Freeze,
            Self::Unfreeze => Kind::Unfreeze,
            Self::RevokeDevice { .. } => Kind::RevokeDevice,
            Self::LinkFunding { .. } => Kind::LinkFunding,
            Self::UnlinkFunding { .. } => Kind::UnlinkFunding,
            Self::RequestTopUp { .. } => Kind::RequestTopUp,
            Self::Pay { .. } => Kind::Pay,
        }
    }
}

impl CandidateAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::StartEnrolment { .. } => Kind::StartEnrolment,
            Self::ConfirmEnrolment { .. } => Kind::ConfirmEnrolment,
        }
    }
}

impl SystemAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Genesis { .. } => Kind::Genesis,
            Self::RegisterStore { .. } => Kind::RegisterStore,
            Self::SettleTopUp { .. } => Kind::SettleTopUp,
            Self::CloseUnactivated { .. } => Kind::CloseUnactivated,
        }
    }
}

impl Command {
    /// What was signed; chores are not.
    pub fn signed(&self) -> Option<&Signed> {
        match &self.order {
            Order::Device(call, _) => Some(&call.signed),
            Order::Candidate(call, _) => Some(&call.signed),
            Order::System(signed, _) => Some(signed),
            Order::Chore(_) => None,
        }
    }

    /// A candidate's own public key, point and form, for the journal.
    pub fn candidate_key(&self) -> Option<Vec<u8>> {
        match &self.order {
            Order::Candidate(call, _) => {
                let form = match call.form {
                    KeyForm::Der => 1,
                    KeyForm::Fixed => 2,
                };
                Some([&call.point[..], &[form]].concat())
            }
            Order::Device(..) | Order::System(..) | Order::Chore(_) => None,
        }
    }

    /// The rows that its decision looks at, as far as the command itself names them.
    pub fn keys(&self) -> Vec<RowKey> {
        let mut keys = match &self.order {
            Order::Device(call, action) => device_keys(call, action),
            Order::Candidate(call, action) => candidate_keys(call, action),
            Order::System(_, action) => system_keys(action),
            Order::Chore(chore) => chore_keys(chore),
        };
        if let Some(signed) = self.signed() {
            keys.push(RowKey::Finished(signed.request_id, signed.key_id));
            keys.push(RowKey::OpenRequest(signed.request_id, signed.key_id));
        }
        keys
    }

    /// The rows that the loaded ones name: a second round, the last.
    pub fn follow(&self, view: &View) -> Vec<RowKey> {
        use super::rows::{Contact, Device, Store, TopUp};
        match &self.order {
            Order::Device(_, DeviceAction::Pay { store_id, .. }) => view
                .get::<Store>((*store_id,))
                .map(|store| RowKey::Merchant(store.merchant_id))
                .into_iter()
                .collect(),
            Order::Device(_, DeviceAction::RevokeDevice { target_id }) => view
                .get::<Device>((*target_id,))
                .map(|target| RowKey::SigningKey(target.key_id))
                .into_iter()
                .collect(),
            Order::Candidate(
                _,
                CandidateAction::StartEnrolment { contact_index, .. }
                | CandidateAction::ConfirmEnrolment { contact_index, .. },
            ) => view
                .get::<Contact>((*contact_index,))
                .map(|contact| RowKey::Account(contact.account_id))
                .into_iter()
                .collect(),
            Order::System(_, SystemAction::SettleTopUp { top_up_id, .. }) => view
                .get::<TopUp>((*top_up_id,))
                .map(|top_up| RowKey::Account(top_up.account_id))
                .into_iter()
                .collect(),
            Order::System(_, SystemAction::CloseUnactivated { device_id, .. }) => view
                .get::<Device>((*device_id,))
                .map(|device| RowKey::SigningKey(device.key_id))
                .into_iter()
                .collect(),
            Order::Device(..) | Order::System(..) | Order::Chore(_) => Vec::new(),
        }
    }
}

fn device_keys(call: &DeviceCall, action: &DeviceAction) -> Vec<RowKey> {
    let mut keys = vec![
        RowKey::Account(call.account_id),
        RowKey::Device(call.device_id),
        RowKey::SigningKey(call.signed.key_id),
    ];
    match action {
        DeviceAction::Activate { .. } => {
            keys.push(RowKey::Document(call.account_id));
        }
        DeviceAction::VerifySecondFactor | DeviceAction::Freeze | DeviceAction::Unfreeze => {}
        DeviceAction::RevokeDevice { target_id } => keys.push(RowKey::Device(*target_id)),
        DeviceAction::LinkFunding { funding_id, .. } | DeviceAction::UnlinkFunding { funding_id, .. } => {
            keys.push(RowKey::Document(call.account_id));
            keys.push(RowKey::Funding(*funding_id));
        }
        DeviceAction::RequestTopUp { funding_id, .. } => keys.push(RowKey::Funding(*funding_id)),
        DeviceAction::Pay { store_id, .. } => keys.push(RowKey::Store(*store_id)),
    }
    keys
}

fn candidate_keys(call: &CandidateCall, action: &CandidateAction) -> Vec<RowKey> {
    let mut keys = vec![RowKey::SigningKey(call.signed.key_id)];
    match action {
        CandidateAction::StartEnrolment { contact_index, .. } => {
            keys.push(RowKey::Contact(*contact_index));
        }
        CandidateAction::ConfirmEnrolment { enrolment_id, contact_index, .. } => {
            keys.push(RowKey::Enrolment(*enrolment_id));
            keys.push(RowKey::Contact(*contact_index));
        }
    }
    keys
}

fn system_keys(action: &SystemAction) -> Vec<RowKey> {
    match action {
        SystemAction::Genesis { .. } => vec![RowKey::LedgerAccount(PROVIDER_CLEARING)],
        SystemAction::RegisterStore { merchant_id, store_id, .. } => {
            vec![RowKey::Merchant(*merchant_id), RowKey::Store(*store_id)]
        }
        SystemAction::SettleTopUp { top_up_id, .. } => vec![RowKey::TopUp(*top_up_id)],
        SystemAction::CloseUnactivated { account_id, device_id, contact_index } => vec![
            RowKey::Account(*account_id),
            RowKey::Device(*device_id),
            RowKey::Contact(*contact_index),
            RowKey::DataKey(*account_id),
        ],
    }
}

fn chore_keys(chore: &Chore) -> Vec<RowKey> {
    match chore {
        Chore::Expire(keys) => keys.clone(),
        Chore::MessageDelivered(id) | Chore::MessageDelayed(id, _) | Chore::MessageFailed(id) => {
            vec![RowKey::Message(*id)]
        }
    }
}
