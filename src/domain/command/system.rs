//! What the system does on its own.

use super::recovery::{CaseRef, Notices};
use crate::domain::id::{
    AccountId, ContactIndex, DeviceId, LedgerAccountId, MerchantId, MessageId, PaymentId, StoreId,
    TerminalId, TopUpId,
};
use crate::domain::outcome::OperatorKey;
use crate::domain::recovery::factor::Channel;
use crate::domain::settlement::{Span, Sums};
use crate::domain::time::Timestamp;

/// A merchant's day, as its lines amount to: those of times gone by, which nobody adds to any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettlementDraft {
    /// Whose.
    pub merchant_id: MerchantId,
    /// Which day, counted from the epoch.
    pub day: i64,
    /// Which lines.
    pub span: Span,
    /// What they amount to.
    pub sums: Sums,
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
    /// An operator took a database that is older than the server's checkpoints as it is.
    Restore {
        /// The first, the second, … of this journal.
        number: i64,
        /// When the checkpoint was signed that is given up; 0 where there was none.
        given_up_at: Timestamp,
        /// The root that it was signed over.
        given_up_root: [u8; 32],
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
        /// Whether its owner did 3-D Secure for it.
        challenged: bool,
        /// The provider's name for it; empty when it never had one.
        provider_reference: String,
    },
    /// A provider named a top-up, or does not say yet what became of it.
    AwaitTopUp {
        /// Which.
        top_up_id: TopUpId,
        /// The row's `turn` when the provider was asked.
        turn: i64,
        /// Its owner has to do something first.
        requires_action: bool,
        /// The provider's name for it, as far as it is known.
        provider_reference: Option<String>,
        /// What its owner has to do, sealed; not part of what is signed.
        sealed_action: Option<Vec<u8>>,
    },
    /// A provider's money went back after it was ours.
    TakeBackTopUp {
        /// Which.
        top_up_id: TopUpId,
        /// By the payer's bank, and not by us.
        charged_back: bool,
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
    /// The first operators, once, at set-up.
    EnrolOperators {
        /// Each with his key.
        operators: Vec<OperatorKey>,
    },
    /// A channel took a recovery's notice, or refused it for good.
    AnswerNotice {
        /// Which recovery.
        case: CaseRef,
        /// Which message.
        message_id: MessageId,
        /// Which channel.
        channel: Channel,
        /// Whether it took it.
        accepted: bool,
    },
    /// A payment's time is over: its customer did not answer, or its hold ends.
    ExpirePayment {
        /// Which.
        payment_id: PaymentId,
        /// The moment for which it was found.
        due_at: Timestamp,
    },
    /// A till left its business day open, and the calendar day in which that began is long over.
    CloseDay {
        /// Which till.
        terminal_id: TerminalId,
        /// Which business day.
        business_day: i64,
        /// When the calendar day ended.
        ended_at: Timestamp,
    },
    /// A merchant's day is over, and settled.
    SettleMerchant(Box<SettlementDraft>),
    /// A recovery's time has come.
    AdvanceRecovery {
        /// Which.
        case: CaseRef,
        /// The moment for which it was found.
        due_at: Timestamp,
        /// What may be told of it.
        notices: Notices,
    },
}
