//! A change, as a plain value: who signed what when, what was found out about his factors, and the
//! new ids. Everything secret, slow or random happened before; a command can be decided twice with
//! the same result.
//!
//! Each kind of caller has actions of their own types, so a device cannot be handed what
//! only the system may do: it does not compile.

use super::id::{
    AccountId, AdditionId, CardTag, CaseId, CodeTag, CommandId, ContactIndex, DeviceId, EnrolmentId,
    FundingId, KeyId, LedgerAccountId, MessageId, PaymentCodeId, PaymentId, PendingContactId, RequestId,
    StoreId, TerminalId, TopUpId, WorkerId,
};
use super::money::Amount;
use super::proof::Proof;
use super::recovery::factor::Channel;
use super::rows::{CodePurpose, KeyForm};
use super::time::Timestamp;

mod deed;
mod keys;
mod kind;
mod reconciliation;
mod recovery;
mod staff;
mod system;
mod webhook;

pub use reconciliation::{Comparison, ReconciliationAction, ReconciliationChore};
pub use recovery::{CaseAction, CaseRef, Completion, ContactDraft, NoticeDraft, Notices};
pub use staff::{
    Approved, CashDraft, HaltSubject, MerchantAction, MerchantCall, NewKey, NewStore, OperatorAction,
    OperatorCall, OrderDraft, PayableOrder, PayoutEnd, SaleDraft, ShopStep, TerminalAction, TerminalCall,
};
pub use system::{SettlementDraft, SystemAction};
pub use webhook::{MerchantDocumentWrite, Replayed, Verdict, WebhookAction, WebhookChore};

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
        /// Whose token it is.
        provider: i64,
        /// Which card it is.
        card_tag: CardTag,
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
        /// The order that it pays, when its code named one.
        order: Option<PayableOrder>,
    },
    /// A code for a till to scan.
    IssueCode {
        /// Its id.
        code_id: PaymentCodeId,
        /// Keyed hash of its digits.
        code_tag: CodeTag,
        /// What it is for.
        purpose: CodePurpose,
        /// It pays at most this.
        cap: Amount,
        /// ISO 4217 code, as signed.
        currency: String,
        /// Its digits, sealed for the reply.
        secret: Vec<u8>,
    },
    /// Yes to a till that asked for more than a code's cap.
    ConfirmPayment {
        /// Which payment.
        payment_id: PaymentId,
        /// The name the customer saw.
        payee_name: String,
        /// The amount the customer saw.
        amount: Amount,
        /// ISO 4217 code, as signed.
        currency: String,
    },
    /// No to it.
    DeclinePayment {
        /// Which payment.
        payment_id: PaymentId,
    },
    /// No recovery.
    CancelRecovery {
        /// Which.
        case: CaseRef,
        /// Told to everybody.
        notices: Notices,
    },
    /// Another device is lost.
    ReportLost {
        /// Which.
        target_id: DeviceId,
    },
    /// A phone may join.
    ApproveAddition {
        /// Which.
        addition_id: AdditionId,
        /// The number that it shows, as its owner typed it.
        number: i64,
        /// The new device.
        device_id: DeviceId,
        /// With its name.
        document: DocumentWrite,
        /// Told to everybody.
        messages: Vec<MessageDraft>,
    },
    /// A new authenticator.
    BeginTotp {
        /// With its secret beside the old one.
        document: DocumentWrite,
        /// Its URI, sealed for the reply.
        secret: Vec<u8>,
    },
    /// It works.
    ConfirmTotp {
        /// With its secret alone; nothing when none was begun.
        document: Option<DocumentWrite>,
        /// Told to everybody.
        messages: Vec<MessageDraft>,
    },
    /// A new saved code.
    ReplaceSavedCode {
        /// With its hash.
        document: DocumentWrite,
        /// The saved code, sealed for the reply.
        secret: Vec<u8>,
        /// Told to everybody.
        messages: Vec<MessageDraft>,
    },
    /// Another passphrase.
    ChangePassphrase {
        /// With its hash.
        document: DocumentWrite,
        /// Told to everybody.
        messages: Vec<MessageDraft>,
    },
    /// A code to a new contact.
    AddContact {
        /// Its id.
        pending_contact_id: PendingContactId,
        /// The contact.
        contact: ContactDraft,
    },
    /// The code of a new contact.
    ConfirmContact {
        /// Which.
        pending_contact_id: PendingContactId,
        /// As read ahead.
        contact_index: ContactIndex,
        /// What comparing its code showed.
        proof: Proof,
        /// With its address.
        document: DocumentWrite,
        /// Told to everybody, to the new one too.
        messages: Vec<MessageDraft>,
    },
    /// A contact goes.
    RemoveContact {
        /// Which; nothing when there is none of that name.
        contact_index: Option<ContactIndex>,
        /// With its address among the removed ones.
        document: DocumentWrite,
        /// Told to everybody, to the removed one too.
        messages: Vec<MessageDraft>,
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
        /// How it is reached.
        channel: Channel,
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
    /// A till enrols its key.
    ActivateTerminal {
        /// Keyed hash of its activation code.
        activation_tag: CodeTag,
    },
    /// A recovery of whatever account has this contact.
    StartRecovery {
        /// Its id.
        case_id: CaseId,
        /// The contact.
        contact_index: ContactIndex,
        /// It waits for proofing in person.
        with_proofing: bool,
        /// Keyed hash of the secret with which a notice's reader cancels.
        cancel_tag: CodeTag,
        /// The secret and the phone's model, sealed.
        sealed: Vec<u8>,
    },
    /// A step of a recovery.
    Recovery {
        /// Which.
        case: CaseRef,
        /// What is wanted.
        action: CaseAction,
        /// What may be told of it.
        notices: Notices,
    },
    /// To join whatever account has this contact.
    RequestAddition {
        /// Its id.
        addition_id: AdditionId,
        /// The contact.
        contact_index: ContactIndex,
        /// The number that the phone shows.
        number: i64,
        /// The phone's model, sealed.
        sealed: Vec<u8>,
    },
}

/// Keeping house: nothing that money or a privilege depends on, so not journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chore {
    /// Rows whose time is over.
    Expire(Vec<super::rows::RowKey>),
    /// A message was accepted by its channel.
    MessageDelivered(MessageId),
    /// A message was not accepted; try again then.
    MessageDelayed(MessageId, Timestamp),
    /// A message was not accepted, for the last time.
    MessageFailed(MessageId),
    /// A worker asks a top-up's provider, and nobody else does until then.
    ClaimTopUp {
        /// Which.
        top_up_id: TopUpId,
        /// Who.
        worker_id: WorkerId,
        /// Until then, or until it is done.
        until: Timestamp,
    },
    /// A provider was asked in vain, or is asked again later whether it stays so.
    DelayTopUp {
        /// Which.
        top_up_id: TopUpId,
        /// Who asked.
        worker_id: WorkerId,
        /// When it was due as it was asked: what became due meanwhile stays so.
        seen_due_at: Timestamp,
        /// When it is asked next; never, when absent.
        due_at: Option<Timestamp>,
    },
    /// Somebody says that there is news of a top-up: its provider is asked.
    HintTopUp(TopUpId),
    /// A till's key is used at two places at once.
    AlarmTerminal(TerminalId),
    /// A worker takes its turn at a piece of work, or keeps it.
    Lease {
        /// What work.
        name: &'static str,
        /// Who.
        worker_id: WorkerId,
        /// Until then.
        until: Timestamp,
    },
    /// Merchants' webhooks.
    Webhook(WebhookChore),
    /// A funding provider's list beside ours.
    Reconciliation(ReconciliationChore),
}

/// Who wants what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// An enrolled device.
    Device(DeviceCall, DeviceAction),
    /// A key that is not enrolled.
    Candidate(CandidateCall, CandidateAction),
    /// A till.
    Terminal(TerminalCall, TerminalAction),
    /// A merchant's server.
    Merchant(MerchantCall, MerchantAction),
    /// An operator.
    Operator(OperatorCall, OperatorAction),
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

impl Command {
    /// What was signed; chores are not.
    pub fn signed(&self) -> Option<&Signed> {
        match &self.order {
            Order::Device(call, _) => Some(&call.signed),
            Order::Candidate(call, _) => Some(&call.signed),
            Order::Terminal(call, _) => Some(&call.signed),
            Order::Merchant(call, _) => Some(&call.signed),
            Order::Operator(call, _) => Some(&call.signed),
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
            Order::Device(..)
            | Order::Terminal(..)
            | Order::Merchant(..)
            | Order::Operator(..)
            | Order::System(..)
            | Order::Chore(_) => None,
        }
    }
}
