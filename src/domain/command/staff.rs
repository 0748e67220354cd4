//! What tills, merchants' servers and operators may ask for.

use std::collections::BTreeMap;

use super::{CaseRef, Notices, ReconciliationAction, Signed, WebhookAction};
use crate::domain::fee::BasisPoints;
use crate::domain::id::{
    AccountId, CashTopUpId, CodeTag, KeyId, LedgerAccountId, MerchantId, OperatorId, PaymentId, ProposalId,
    StoreId, TerminalId, TopUpId,
};
use crate::domain::journal::Kind;
use crate::domain::money::Amount;
use crate::domain::rows::KeyForm;
use crate::domain::standing::BarSubject;

/// A call by a till.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TerminalCall {
    /// What was signed.
    pub signed: Signed,
    /// The till behind the key.
    pub terminal_id: TerminalId,
    /// Its merchant.
    pub merchant_id: MerchantId,
    /// Its store.
    pub store_id: StoreId,
}

/// A call by a merchant's server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantCall {
    /// What was signed.
    pub signed: Signed,
    /// The merchant behind the key.
    pub merchant_id: MerchantId,
}

/// A call by an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorCall {
    /// What was signed.
    pub signed: Signed,
    /// The operator behind the key.
    pub operator_id: OperatorId,
}

/// What a till may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalAction {
    /// Money out of the account behind a customer's code.
    Charge(SaleDraft),
    /// A hold on the account behind a customer's code.
    Authorize {
        /// As of a charge.
        sale: SaleDraft,
        /// Held for so long.
        hold_us: i64,
    },
    /// A step of a payment of this till's.
    Step {
        /// Which order.
        order_id: String,
        /// What is done to it.
        step: ShopStep,
    },
    /// Undoes what an order came to, or sees to it that it comes to nothing.
    Reverse {
        /// Which order.
        order_id: String,
    },
    /// An order that a customer pays by himself.
    CreateOrder(OrderDraft),
    /// Nobody pays it any more.
    CancelOrder {
        /// Which order.
        order_id: String,
    },
    /// Cash for the account behind a customer's code.
    CashTopUp(CashDraft),
    /// Its business day is over.
    CloseDay {
        /// Which.
        business_day: i64,
    },
}

/// An order that a customer pays by himself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderDraft {
    /// The merchant's name for it.
    pub order_id: String,
    /// How much.
    pub amount: Amount,
    /// ISO 4217 code, as signed.
    pub currency: String,
    /// A line for the receipt.
    pub receipt_line: Option<String>,
    /// The merchant's own reference.
    pub external_reference: Option<String>,
    /// It may be paid for so long.
    pub payable_us: i64,
}

/// An order as its code names it, and the till whose it is, as read ahead: that never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayableOrder {
    /// Whose.
    pub merchant_id: MerchantId,
    /// The merchant's name for it.
    pub order_id: String,
    /// Its till; nothing when there is no such order.
    pub terminal_id: Option<TerminalId>,
}

/// Cash that a till took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashDraft {
    /// Its id.
    pub cash_top_up_id: CashTopUpId,
    /// The merchant's name for the order.
    pub order_id: String,
    /// Keyed hash of the customer's code.
    pub code_tag: CodeTag,
    /// How much.
    pub amount: Amount,
    /// ISO 4217 code, as signed.
    pub currency: String,
}

/// What a till wants of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaleDraft {
    /// The payment's id.
    pub payment_id: PaymentId,
    /// The merchant's name for the order.
    pub order_id: String,
    /// Keyed hash of the customer's code.
    pub code_tag: CodeTag,
    /// How much.
    pub amount: Amount,
    /// ISO 4217 code, as signed.
    pub currency: String,
    /// A line for the receipt.
    pub receipt_line: Option<String>,
    /// The merchant's own reference.
    pub external_reference: Option<String>,
    /// Above the code's cap its customer is asked.
    pub ask: bool,
}

/// What a shop may do to a payment that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShopStep {
    /// Takes a part of what is held, or all.
    Capture {
        /// How much; all that is held when absent.
        amount: Option<Amount>,
        /// The rest is released.
        is_final: bool,
    },
    /// Releases what is held.
    Void,
    /// Gives back.
    Refund {
        /// How much.
        amount: Amount,
    },
}

/// What a merchant's server may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MerchantAction {
    /// Another till, and a code to activate it with.
    RegisterTerminal {
        /// Its id.
        terminal_id: TerminalId,
        /// Of which store.
        store_id: StoreId,
        /// What the merchant calls it.
        label: String,
        /// Keyed hash of the activation code.
        activation_tag: CodeTag,
        /// The activation code, sealed for the reply.
        secret: Vec<u8>,
    },
    /// A till charges no more.
    SuspendTerminal {
        /// Which.
        terminal_id: TerminalId,
    },
    /// A suspended or blocked till goes on.
    ResumeTerminal {
        /// Which.
        terminal_id: TerminalId,
    },
    /// A step of a payment of one of its tills.
    Step {
        /// Which order.
        order_id: String,
        /// What is done to it.
        step: ShopStep,
    },
    /// Reverses an order for a till that cannot.
    Reverse {
        /// The till.
        terminal_id: TerminalId,
        /// Its order.
        order_id: String,
    },
    /// An order of one of its tills that a customer pays by himself.
    CreateOrder {
        /// The till.
        terminal_id: TerminalId,
        /// Its order.
        order: OrderDraft,
    },
    /// Nobody pays it any more.
    CancelOrder {
        /// Which order.
        order_id: String,
    },
    /// Something about its webhooks.
    Webhook(WebhookAction),
    /// Another key in the place of the one that signed.
    RotateKey(NewKey),
}

/// A key to be enrolled, in full. Whoever makes one has seen it sign for its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub key_id: KeyId,
    /// Its uncompressed point.
    pub point: [u8; 65],
    /// How it signs.
    pub form: KeyForm,
}

/// A store to be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStore {
    /// Its id.
    pub store_id: StoreId,
    /// Its registered name.
    pub name: String,
    /// Its city.
    pub city: String,
    /// IANA name.
    pub time_zone: String,
}

/// What an approval sets going: the proposal's payload, with new ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// A merchant with its key and first store.
    RegisterMerchant {
        /// Its id.
        merchant_id: MerchantId,
        /// Its account in the ledger.
        ledger_account_id: LedgerAccountId,
        /// Its server's key.
        key: NewKey,
        /// Its first store.
        store: NewStore,
    },
    /// Another store.
    RegisterStore {
        /// Of which merchant.
        merchant_id: MerchantId,
        /// The store.
        store: NewStore,
    },
    /// Another operator.
    AddOperator {
        /// Their id.
        operator_id: OperatorId,
        /// Their key.
        key: NewKey,
    },
    /// An operator leaves.
    RevokeOperator {
        /// Who.
        operator_id: OperatorId,
    },
    /// An operator has another key.
    SetOperatorKey {
        /// Who.
        operator_id: OperatorId,
        /// The new key.
        key: NewKey,
    },
    /// A merchant has no key any more.
    RevokeMerchantKey {
        /// Whose.
        merchant_id: MerchantId,
    },
    /// A merchant has another key.
    SetMerchantKey {
        /// Whose.
        merchant_id: MerchantId,
        /// The new key.
        key: NewKey,
    },
    /// A bar ends.
    LiftBar(BarSubject),
    /// A suspended merchant takes part again.
    ResumeMerchant {
        /// Which.
        merchant_id: MerchantId,
    },
    /// A store takes cash for customers' accounts, or takes none any more.
    AllowCash {
        /// Which.
        store_id: StoreId,
        /// The cash that it will hold, in the ledger, unless it holds some already.
        ledger_account_id: LedgerAccountId,
        /// It holds at most so much, in minor units; 0 for none.
        ceiling_minor: i64,
        /// A till of it takes at most so much in a calendar day.
        till_day_minor: i64,
    },
    /// A merchant's payments cost another share from now on.
    SetFee {
        /// Whose.
        merchant_id: MerchantId,
        /// The share.
        basis_points: BasisPoints,
    },
    /// The bank said what became of payouts of a day.
    ClosePayouts {
        /// Which day, counted from the epoch.
        day: i64,
        /// Whose, each once, and what became of it.
        ends: BTreeMap<MerchantId, PayoutEnd>,
    },
    /// An account whose outflow the operators stopped goes on.
    UnfreezeAccount {
        /// Whose.
        account_id: AccountId,
    },
    /// A person was seen: the owner of the account that a recovery is about.
    ProofRecovery {
        /// Which recovery.
        case: CaseRef,
        /// Told to everybody.
        notices: Notices,
    },
}

/// What became of a payout at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayoutEnd {
    /// It was paid.
    Paid,
    /// It came back: it is owed again.
    Returned,
}

/// How an operator names an account, of whose owner he knows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltSubject {
    /// By its id, as its owner's app shows it.
    Account(AccountId),
    /// By one of its top-ups, as a difference from a provider's list names it.
    TopUp(TopUpId),
}

/// What an operator may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperatorAction {
    /// Something that raises money or privilege: it waits for another operator.
    Propose {
        /// Its id.
        proposal_id: ProposalId,
        /// The signed request.
        payload: Vec<u8>,
        /// SHA-256 of it.
        payload_sha256: [u8; 32],
        /// The operator whom it is about, who takes no part in it.
        concerned: Option<OperatorId>,
    },
    /// Approves what another proposed.
    Approve {
        /// Which.
        proposal_id: ProposalId,
        /// SHA-256 of what was proposed, as the approver signed it.
        payload_sha256: [u8; 32],
        /// SHA-256 of the bytes that `approved` was read from.
        read_sha256: [u8; 32],
        /// What it sets going.
        approved: Box<Approved>,
    },
    /// A merchant takes no part any more. One operator suffices: it only takes away.
    SuspendMerchant {
        /// Which.
        merchant_id: MerchantId,
    },
    /// Nothing at all is done for somebody any more. One operator suffices: it only takes away.
    Bar(BarSubject),
    /// Another key in the place of the one that signed.
    RotateKey(NewKey),
    /// Nothing leaves an account any more. One operator suffices: it only takes away.
    FreezeAccount(HaltSubject),
    /// A recovery ends. One operator suffices: it only takes away.
    CancelRecovery {
        /// Which.
        case: CaseRef,
        /// Told to everybody.
        notices: Notices,
    },
    /// Something about a difference from a funding provider's list.
    Reconciliation(ReconciliationAction),
}

impl TerminalAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Charge(_) => Kind::Charge,
            Self::Authorize { .. } => Kind::Authorize,
            Self::Step { step: ShopStep::Capture { .. }, .. } => Kind::Capture,
            Self::Step { step: ShopStep::Void, .. } => Kind::Void,
            Self::Step { step: ShopStep::Refund { .. }, .. } => Kind::Refund,
            Self::Reverse { .. } => Kind::Reverse,
            Self::CreateOrder(_) => Kind::CreateOrder,
            Self::CancelOrder { .. } => Kind::CancelOrder,
            Self::CashTopUp(_) => Kind::CashTopUp,
            Self::CloseDay { .. } => Kind::CloseDay,
        }
    }
}

impl MerchantAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::RegisterTerminal { .. } => Kind::RegisterTerminal,
            Self::SuspendTerminal { .. } => Kind::SuspendTerminal,
            Self::ResumeTerminal { .. } => Kind::ResumeTerminal,
            Self::Step { step: ShopStep::Capture { .. }, .. } => Kind::CaptureByMerchant,
            Self::Step { step: ShopStep::Void, .. } => Kind::VoidByMerchant,
            Self::Step { step: ShopStep::Refund { .. }, .. } => Kind::RefundByMerchant,
            Self::Reverse { .. } => Kind::ReverseForTerminal,
            Self::CreateOrder { .. } => Kind::CreateOrderByMerchant,
            Self::CancelOrder { .. } => Kind::CancelOrderByMerchant,
            Self::Webhook(action) => action.kind(),
            Self::RotateKey(_) => Kind::RotateMerchantKey,
        }
    }
}

impl OperatorAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Propose { .. } => Kind::Propose,
            Self::Approve { .. } => Kind::Approve,
            Self::SuspendMerchant { .. } => Kind::SuspendMerchant,
            Self::Bar(_) => Kind::Bar,
            Self::RotateKey(_) => Kind::RotateOperatorKey,
            Self::FreezeAccount(_) => Kind::FreezeAccount,
            Self::CancelRecovery { .. } => Kind::CancelRecoveryByOperator,
            Self::Reconciliation(action) => action.kind(),
        }
    }
}
