//! What a command came to: the stored, final outcome, and the answers that leave the request id
//! open.
//!
//! Stored is the outcome (ids, amounts, a reason), never a reply: a secret or a person's name can
//! not get into the journal, since no variant has a place for one.

use super::id::{
    AccountId, AdditionId, CardTag, CaseId, CashTopUpId, ContactIndex, DeviceId, EnrolmentId, FundingId,
    KeyId, LedgerAccountId, MerchantId, OperatorId, PaymentCodeId, PaymentId, PendingContactId, ProposalId,
    StoreId, TerminalId, TopUpId,
};
use super::payment::{Moved, Sums};
use super::rows::{CodePurpose, KeyForm, Standing, TopUpState};
use super::time::Timestamp;

mod codec;
mod entry;
mod halt;
mod keys;
mod open_answer;
mod operator_key;
mod payment;
mod reconciliation;
mod recovery;
mod refusal;
mod settlement;
mod shop;
mod top_up;
mod webhook;

#[cfg(test)]
mod tests;

pub use halt::HaltOutcome;
pub use keys::KeyOutcome;
pub use open_answer::OpenAnswer;
pub use operator_key::OperatorKey;
pub use reconciliation::ReconciliationOutcome;
pub use recovery::{AccountStanding, RecoveryStep};
pub use refusal::Refusal;
pub use settlement::SettlementOutcome;
pub use shop::Late;
pub use top_up::Aftermath;
pub use webhook::WebhookOutcome;

pub(super) use codec::{read_operator, write_operator};

/// A final outcome, stored for good under its request id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The first row of a journal: who signs the system's own movements, and for which deployment.
    Genesis {
        /// Ed25519.
        system_key: [u8; 32],
        /// The deployment's name.
        audience: String,
    },
    /// The server goes on with an older database.
    Restored {
        /// Since then: what checkpoints until then say is given up.
        at: Timestamp,
    },
    /// A store can be paid.
    StoreRegistered {
        /// Its merchant.
        merchant_id: MerchantId,
        /// The store.
        store_id: StoreId,
        /// The merchant's account in the ledger.
        ledger_account_id: LedgerAccountId,
    },
    /// A code was sent, or a note that there is a wallet already; the same to the caller.
    EnrolmentStarted {
        /// Names it.
        enrolment_id: EnrolmentId,
        /// Until then.
        expires_at: Timestamp,
    },
    /// An account and its first device. Holds the public key, so that the journal alone verifies.
    Enrolled {
        /// The account.
        account_id: AccountId,
        /// The device.
        device_id: DeviceId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// The device's uncompressed point.
        point: [u8; 65],
        /// How it signs.
        form: KeyForm,
        /// Gone, then, unless activated.
        activate_by: Timestamp,
    },
    /// The account is active.
    Activated,
    /// An enrolment that was never activated is gone.
    Unactivated {
        /// The account.
        account_id: AccountId,
    },
    /// A code was accepted on its own.
    CodeAccepted {
        /// This device is fresh until then.
        fresh_until: Timestamp,
    },
    /// Outflow stopped.
    Frozen {
        /// Since then.
        frozen_at: Timestamp,
    },
    /// Outflow goes on.
    Unfrozen,
    /// A device signs no more.
    DeviceRevoked {
        /// Which.
        device_id: DeviceId,
        /// It was the last one.
        account_frozen: bool,
    },
    /// A funding source was linked.
    FundingLinked {
        /// Which.
        funding_id: FundingId,
        /// Which card it is; not known in rows from before cards were.
        card_tag: Option<CardTag>,
    },
    /// A funding source was unlinked.
    FundingUnlinked {
        /// Which.
        funding_id: FundingId,
    },
    /// A top-up is recorded and reserved.
    TopUpRequested {
        /// Which.
        top_up_id: TopUpId,
        /// It is credited only if its owner did 3-D Secure for it.
        wants_challenge: bool,
    },
    /// The provider's answer was booked.
    TopUpSettled {
        /// Which.
        top_up_id: TopUpId,
        /// Credited, in minor units; 0 when the provider declined.
        credited_minor: i64,
        /// What could be spent after it.
        available_after_minor: i64,
    },
    /// A provider has not said yet what became of a top-up.
    TopUpWaits {
        /// Which.
        top_up_id: TopUpId,
        /// Where it is.
        state: TopUpState,
    },
    /// A top-up was taken back.
    TopUpTakenBack {
        /// Which.
        top_up_id: TopUpId,
        /// Where it is.
        state: TopUpState,
        /// Taken from its owner, in minor units.
        taken_minor: i64,
        /// What he had no more, which is our loss until he pays it.
        lost_minor: i64,
        /// What could be spent after it.
        available_after_minor: i64,
        /// What it leaves its account with.
        aftermath: Aftermath,
    },
    /// The operators stopped an account's outflow, or let it go on.
    Halt(HaltOutcome),
    /// A payment.
    Paid {
        /// Which.
        payment_id: PaymentId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// What could be spent after it.
        available_after_minor: i64,
    },
    /// A payment code; its digits are a secret of the reply.
    CodeIssued {
        /// Names it.
        code_id: PaymentCodeId,
        /// What it is for.
        purpose: CodePurpose,
        /// It pays at most this.
        cap_minor: i64,
        /// Dead, then.
        expires_at: Timestamp,
    },
    /// A payment by a till, on a customer's code.
    Charged {
        /// Which.
        payment_id: PaymentId,
        /// On which code.
        code_id: PaymentCodeId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// A till asks for more than a code's cap: its customer is asked.
    PaymentAsked {
        /// Which.
        payment_id: PaymentId,
        /// On which code.
        code_id: PaymentCodeId,
        /// How much.
        amount_minor: i64,
        /// Until then.
        awaiting_until: Timestamp,
        /// What is then held, is held until then; captured at once when absent.
        hold_until: Option<Timestamp>,
    },
    /// A hold by a till, on a customer's code.
    Authorized {
        /// Which.
        payment_id: PaymentId,
        /// On which code.
        code_id: PaymentCodeId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// Until then.
        hold_until: Timestamp,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// A payment's next step: confirmed, declined, captured, voided, refunded or expired.
    PaymentStepped {
        /// Which.
        payment_id: PaymentId,
        /// When.
        at: Timestamp,
        /// What it moved, and what the payment's sums are after it.
        moved: Moved,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// Nothing to reverse; the order is a tombstone now, and no payment of it will be taken.
    NothingFound,
    /// A payment was undone.
    Reversed {
        /// Which.
        payment_id: PaymentId,
        /// When.
        at: Timestamp,
        /// Given back.
        refunded_minor: i64,
        /// Released of what was held.
        released_minor: i64,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// Undone before.
    AlreadyReversed,
    /// It stays as it is, and a refund is the way.
    ReversedTooLate {
        /// Which.
        payment_id: PaymentId,
        /// Where it is.
        sums: Sums,
        /// Why.
        why: Late,
    },
    /// A customer may pay an order.
    OrderCreated {
        /// Of which till.
        terminal_id: TerminalId,
        /// How much.
        asked_minor: i64,
        /// Until then.
        payable_until: Timestamp,
    },
    /// Nobody pays it any more.
    OrderCancelled,
    /// Cash was credited.
    CashToppedUp {
        /// Which.
        cash_top_up_id: CashTopUpId,
        /// On which code.
        code_id: PaymentCodeId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// Cash was taken back out of an account: its till gives it back over the counter.
    CashReversed {
        /// Which.
        cash_top_up_id: CashTopUpId,
        /// When.
        at: Timestamp,
        /// How much.
        amount_minor: i64,
        /// What the customer could spend after it; never told to the till.
        available_after_minor: i64,
    },
    /// A till's business day is over; nothing is added to it any more.
    DayClosed {
        /// Which.
        business_day: i64,
        /// When.
        closed_at: Timestamp,
    },
    /// The system closed the day before its till did; nothing is changed by asking.
    DayWasClosed {
        /// Which.
        business_day: i64,
        /// When.
        closed_at: Timestamp,
    },
    /// A store takes cash, or takes none any more.
    CashAllowed {
        /// By which proposal.
        proposal_id: ProposalId,
        /// The store.
        store_id: StoreId,
        /// The cash that it holds, in the ledger.
        ledger_account_id: LedgerAccountId,
    },
    /// A till may be activated; its code is a secret of the reply.
    TerminalRegistered {
        /// Which.
        terminal_id: TerminalId,
        /// Of which store.
        store_id: StoreId,
        /// The activation code is good until then.
        expires_at: Timestamp,
    },
    /// A till's key is enrolled.
    TerminalActivated {
        /// Which.
        terminal_id: TerminalId,
        /// Of which merchant.
        merchant_id: MerchantId,
        /// Of which store.
        store_id: StoreId,
    },
    /// A till was suspended or resumed.
    TerminalStanding {
        /// Which.
        terminal_id: TerminalId,
        /// Whether it charges.
        standing: Standing,
    },
    /// The first operators.
    OperatorsEnrolled {
        /// Each with his key.
        operators: Vec<OperatorKey>,
    },
    /// Something waits for another operator.
    Proposed {
        /// Names it.
        proposal_id: ProposalId,
        /// Until then.
        expires_at: Timestamp,
    },
    /// A merchant takes part: it has a key, an account and a store.
    MerchantApproved {
        /// By which proposal.
        proposal_id: ProposalId,
        /// The merchant.
        merchant_id: MerchantId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// Its first store.
        store_id: StoreId,
    },
    /// A merchant has another store.
    StoreApproved {
        /// By which proposal.
        proposal_id: ProposalId,
        /// The merchant.
        merchant_id: MerchantId,
        /// The store.
        store_id: StoreId,
    },
    /// There is another operator.
    OperatorApproved {
        /// By which proposal.
        proposal_id: ProposalId,
        /// The operator.
        operator_id: OperatorId,
    },
    /// A suspended merchant takes part again.
    MerchantResumed {
        /// By which proposal.
        proposal_id: ProposalId,
        /// The merchant.
        merchant_id: MerchantId,
    },
    /// A merchant takes no part any more.
    MerchantSuspended {
        /// The merchant.
        merchant_id: MerchantId,
    },
    /// A recovery was begun.
    RecoveryStarted {
        /// Names it.
        case_id: CaseId,
        /// Of which account; none behind a shadow. Never told.
        account_id: Option<AccountId>,
        /// Something is proved until then.
        expires_at: Timestamp,
    },
    /// A recovery went on.
    RecoveryStepped(Box<RecoveryStep>),
    /// Somebody with a secret spoke of cancelling; the same whether there is such a secret.
    CancellationHeard(Option<Box<RecoveryStep>>),
    /// An account has a new device, and no other. Holds the public key, so that the journal alone verifies.
    Recovered {
        /// The step that ended the case.
        step: Box<RecoveryStep>,
        /// The device.
        device_id: DeviceId,
        /// The account's epoch from now on.
        epoch: i64,
        /// The device's uncompressed point.
        point: [u8; 65],
        /// How it signs.
        form: KeyForm,
    },
    /// A device was reported lost.
    DeviceLost {
        /// Which.
        device_id: DeviceId,
    },
    /// A phone asks to join.
    AdditionAsked {
        /// Names it.
        addition_id: AdditionId,
        /// The number that it shows.
        number: i64,
        /// Approved until then, or never.
        expires_at: Timestamp,
    },
    /// A phone joined. Holds the public key, so that the journal alone verifies.
    DeviceAdded {
        /// The device.
        device_id: DeviceId,
        /// Its key.
        key_id: KeyId,
        /// The key's uncompressed point.
        point: [u8; 65],
        /// How it signs.
        form: KeyForm,
    },
    /// A new authenticator is begun; its URI is a secret of the reply.
    TotpBegun,
    /// Something about the account's factors or contacts is another by now.
    FactorChanged,
    /// A code was sent to a new contact, or a note that it is taken.
    ContactBegun {
        /// Names it.
        pending_contact_id: PendingContactId,
        /// Until then.
        expires_at: Timestamp,
    },
    /// A contact is the account's.
    ContactConfirmed {
        /// Which.
        contact_index: ContactIndex,
    },
    /// A merchant's webhooks.
    Webhook(WebhookOutcome),
    /// A merchant is settled, its fees are others, or its payouts are over.
    Settlement(SettlementOutcome),
    /// A difference from a funding provider's list.
    Reconciliation(ReconciliationOutcome),
    /// A merchant's or an operator's key is another, or none; something is barred, or no longer.
    Keys(KeyOutcome),
    /// Not done.
    Refused {
        /// Why.
        refusal: Refusal,
        /// When it may be tried anew; the epoch's beginning when time alone does not help.
        retry_at: Timestamp,
    },
}
