//! The journal, replayed: what accounts, keys, stores and top-ups must be, from evidence alone.

mod calls;
mod card;
mod chain;
mod counted;
mod factor;
mod halt;
mod keys;
mod ledger;
mod payments;
mod reconciliation;
mod recovery;
mod reversal;
mod settlement;
mod shop;
mod staff;
mod standing;
mod system;
mod top_up;
mod webhook;

use std::collections::{HashMap, HashSet};

pub(super) use self::chain::GIVEN_UP;
use self::chain::{Awaited, Head};
use self::counted::{Counted, DeviceReplay};
use self::keys::{OperatorReplay, ProposalReplay};
use self::payments::PaymentReplay;
use self::settlement::OwedReplay;
pub(super) use self::shop::DayReplay;
use self::shop::{CashReplay, DeskReplay, MovementReplay};
use self::top_up::TopUpReplay;
use crate::crypto::envelope::PublicKey;
use crate::domain::id::{
    AccountId, AdditionId, CaseId, CashTopUpId, DeviceId, KeyId, LedgerAccountId, MerchantId, MovementId,
    OperatorId, PaymentId, ProposalId, ReconciliationItemId, RequestId, StoreId, TerminalId, TopUpId,
    WebhookEndpointId,
};
use crate::domain::journal::{Kind, Versions};
use crate::domain::ledger::Postings;
use crate::domain::live_codes::LiveCodes;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::rows::{
    AccountState, FeeRule, HaltReason, Journal, KeyForm, KeyState, Settlement, Standing, TerminalState,
};
use crate::domain::time::Timestamp;
use crate::gate::system::system_key_id;
use crate::tasks::checkpoint::Checkpoint;

type Checked = Result<(), &'static str>;

/// What an account must be.
#[derive(Clone)]
pub(super) struct AccountReplay {
    pub ledger_account_id: LedgerAccountId,
    pub state: AccountState,
    pub frozen_at: Option<Timestamp>,
    pub frozen_until: Option<Timestamp>,
    pub restricted: bool,
    pub contested: bool,
    pub version: i64,
    pub epoch: i64,
    pub spent_total_minor: i64,
    pub payments_total: i64,
    pub active_devices: i64,
    pub totp_last_step: i64,
    pub live_codes: LiveCodes,
    /// Held for shops, out of what could be spent.
    pub held_minor: i64,
    pub incoming_minor: i64,
    pub debt_minor: i64,
    /// Since when and why the operators stop outflow.
    pub halted: Option<(Timestamp, HaltReason)>,
    counted: Counted,
}

impl AccountReplay {
    /// As its first device opens it.
    fn opened(ledger_account_id: LedgerAccountId, at: Timestamp) -> Self {
        Self {
            ledger_account_id,
            state: AccountState::Pending,
            frozen_at: None,
            frozen_until: None,
            restricted: false,
            contested: false,
            version: 1,
            epoch: 1,
            spent_total_minor: 0,
            payments_total: 0,
            active_devices: 1,
            totp_last_step: 0,
            live_codes: LiveCodes::default(),
            held_minor: 0,
            incoming_minor: 0,
            debt_minor: 0,
            halted: None,
            counted: Counted::enrolled(at),
        }
    }
}

/// What a key must be.
pub(super) struct KeyReplay {
    pub key: PublicKey,
    pub form: KeyForm,
    pub owner: OwnerReplay,
    pub state: KeyState,
    pub version: i64,
}

/// Whose a key is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnerReplay {
    Device { account_id: AccountId, device_id: DeviceId },
    Terminal(TerminalId),
    Merchant(MerchantId),
    Operator(OperatorId),
}

/// What a device's second factor must have been.
#[derive(Clone, Copy, Default)]
pub(super) struct FactorReplay {
    pub last_code_at: Option<Timestamp>,
    pub spent_at_code_minor: i64,
    pub payments_at_code: i64,
}

/// What a merchant must be.
pub(super) struct MerchantReplay {
    pub ledger_account_id: LedgerAccountId,
    pub standing: Standing,
    pub barred_at: Option<Timestamp>,
    pub key_id: Option<KeyId>,
    pub owed: OwedReplay,
}

impl MerchantReplay {
    fn new(merchant_id: MerchantId, ledger_account_id: LedgerAccountId, key_id: Option<KeyId>) -> Self {
        let owed = OwedReplay::nothing(merchant_id);
        Self { ledger_account_id, standing: Standing::Active, barred_at: None, key_id, owed }
    }
}

/// What a till must be.
pub(super) struct TerminalReplay {
    pub merchant_id: MerchantId,
    pub store_id: StoreId,
    pub key_id: Option<KeyId>,
    pub state: TerminalState,
    pub refund_day: i64,
    pub refunded_today_minor: i64,
    pub business_day: i64,
    pub day_began_at: Option<Timestamp>,
    pub cash_day: i64,
    pub cash_today_minor: i64,
    pub barred_at: Option<Timestamp>,
}

/// What an order must be.
#[derive(Clone, Copy)]
pub(super) struct OrderReplay {
    pub terminal_id: TerminalId,
    pub payment_id: Option<PaymentId>,
    pub cash_top_up_id: Option<CashTopUpId>,
    pub reversed: bool,
    /// How much its customer pays, and until when.
    pub asked: Option<(i64, Timestamp)>,
}

impl OrderReplay {
    /// One of this till's that nothing came of.
    fn of(terminal_id: TerminalId) -> Self {
        Self { terminal_id, payment_id: None, cash_top_up_id: None, reversed: false, asked: None }
    }

    /// Something came of it, or nothing may.
    fn is_taken(&self) -> bool {
        self.payment_id.is_some() || self.cash_top_up_id.is_some() || self.reversed
    }
}

/// What a store must be.
pub(super) struct StoreReplay {
    pub merchant_id: MerchantId,
    pub name: String,
    pub barred_at: Option<Timestamp>,
}

/// The journal so far.
#[derive(Default)]
pub(super) struct Replay {
    pub accounts: HashMap<AccountId, AccountReplay>,
    pub keys: HashMap<KeyId, KeyReplay>,
    devices: HashMap<DeviceId, DeviceReplay>,
    pub stores: HashMap<StoreId, StoreReplay>,
    pub merchants: HashMap<MerchantId, MerchantReplay>,
    /// The merchants' accounts.
    pub payables: HashSet<LedgerAccountId>,
    pub terminals: HashMap<TerminalId, TerminalReplay>,
    pub orders: HashMap<(MerchantId, String), OrderReplay>,
    pub desks: HashMap<StoreId, DeskReplay>,
    pub cash: HashMap<CashTopUpId, CashReplay>,
    pub closed_days: HashMap<(TerminalId, i64), DayReplay>,
    pub movements: HashMap<MovementId, MovementReplay>,
    pub fee_rules: HashMap<(MerchantId, i64), FeeRule>,
    pub settlements: HashMap<(MerchantId, i64), Settlement>,
    pub operators: HashMap<OperatorId, OperatorReplay>,
    pub proposals: HashMap<ProposalId, ProposalReplay>,
    pub webhooks: HashMap<WebhookEndpointId, webhook::WebhookReplay>,
    pub reconciled: HashMap<ReconciliationItemId, reconciliation::ItemReplay>,
    pub cases: HashMap<CaseId, recovery::CaseReplay>,
    /// Phones that asked to join, by the keys that signed for it.
    additions: HashMap<AdditionId, KeyId>,
    factors: HashMap<KeyId, FactorReplay>,
    pub cards: card::CardsReplay,
    factors_are_recorded: bool,
    debts_are_kept: bool,
    policy: Option<Policy>,
    /// When an older database was taken as it is, last.
    restored_at: Option<Timestamp>,
    pub top_ups: HashMap<TopUpId, TopUpReplay>,
    pub paid: HashMap<PaymentId, PaymentReplay>,
    /// Debits and credits.
    pub ledger: HashMap<LedgerAccountId, (i64, i64)>,
    customers: HashSet<LedgerAccountId>,
    heads: HashMap<i64, Head>,
    requests: HashSet<(RequestId, KeyId)>,
    system_key: Option<[u8; 32]>,
    awaited: HashMap<(i64, i64), Vec<Awaited>>,
    audience: String,
}

/// A row with its columns decoded.
struct Entry<'a> {
    row: &'a Journal,
    kind: Kind,
    outcome: Outcome,
    postings: Postings,
    versions: Versions,
}

impl Replay {
    pub(super) fn new(checkpoints: &[Checkpoint], policy: Policy) -> Self {
        let mut awaited: HashMap<_, Vec<_>> = HashMap::new();
        for checkpoint in checkpoints {
            for (lane, sequence, hash) in &checkpoint.heads {
                let one = Awaited { checkpoint: checkpoint.clone(), hash: *hash, met: None };
                awaited.entry((*lane, *sequence)).or_default().push(one);
            }
        }
        Self { awaited, policy: Some(policy), ..Self::default() }
    }

    pub(super) fn payments(&self) -> u64 {
        self.paid.len() as u64
    }

    pub(super) fn system_key(&self) -> Option<[u8; 32]> {
        self.system_key
    }

    /// Whether what a row rests on was taken in: the row's accounts and keys are at the versions before
    /// those that it makes, and its signer is known.
    pub(super) fn is_turn_of(&self, row: &Journal) -> bool {
        let Ok(versions) = Versions::decode(&row.versions) else { return true };
        let account = |id| self.accounts.get(id).map_or(0, |account| account.version);
        let key = |id| self.keys.get(id).map_or(0, |key| key.version);
        let signer = row.candidate_key.is_some()
            || self.keys.contains_key(&row.key_id)
            || row.kind == Kind::Genesis.number()
            || self.system_key.is_some_and(|key| system_key_id(&key) == row.key_id);
        signer
            && versions.accounts.iter().all(|(id, version)| account(id) + 1 == *version)
            && versions.keys.iter().all(|(id, version)| key(id) + 1 == *version)
    }

    /// Takes the next row in; the first thing that does not hold is told.
    pub(super) fn row(&mut self, row: &Journal) -> Checked {
        let chained = self.chain(row);
        if !self.requests.insert((row.request_id, row.key_id)) {
            return Err("a request id has a second effect");
        }
        let entry = Entry {
            row,
            kind: Kind::from_number(row.kind).map_err(|_| "its kind is unknown")?,
            outcome: Outcome::decode(&row.outcome).map_err(|_| "its outcome cannot be read")?,
            postings: Postings::decode(&row.postings).map_err(|_| "its postings cannot be read")?,
            versions: Versions::decode(&row.versions).map_err(|_| "its versions cannot be read")?,
        };
        // What the row says is replayed even when the chain is broken there, so that one changed
        // row is not reported a thousand times.
        let replayed = if entry.row.method == entry.kind.method() {
            self.apply(&entry)
        } else {
            Err("its method is not that of its kind")
        };
        chained.and(replayed)
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Checked {
        match entry.kind {
            Kind::Genesis
            | Kind::Restore
            | Kind::RegisterStore
            | Kind::SettleTopUp
            | Kind::CloseUnactivated
            | Kind::EnrolOperators
            | Kind::AnswerNotice
            | Kind::ExpirePayment
            | Kind::AdvanceRecovery
            | Kind::AwaitTopUp
            | Kind::SettleMerchant
            | Kind::CloseDayForTerminal
            | Kind::TakeBackTopUp => self.system(entry),
            Kind::StartEnrolment | Kind::ConfirmEnrolment | Kind::ActivateTerminal => self.candidate(entry),
            Kind::StartRecovery
            | Kind::SendRecoveryCode
            | Kind::ProveRecovery
            | Kind::FreezeInRecovery
            | Kind::ReportLostInRecovery
            | Kind::CompleteRecovery
            | Kind::CancelByNotice
            | Kind::RequestAddition => self.recovery(entry),
            Kind::Charge
            | Kind::Authorize
            | Kind::Capture
            | Kind::Void
            | Kind::Refund
            | Kind::CaptureByMerchant
            | Kind::VoidByMerchant
            | Kind::RefundByMerchant
            | Kind::Reverse
            | Kind::RegisterTerminal
            | Kind::SuspendTerminal
            | Kind::ResumeTerminal
            | Kind::ReverseForTerminal
            | Kind::CreateOrder
            | Kind::CancelOrder
            | Kind::CashTopUp
            | Kind::CloseDay
            | Kind::CreateOrderByMerchant
            | Kind::CancelOrderByMerchant
            | Kind::Propose
            | Kind::Approve
            | Kind::SuspendMerchant
            | Kind::FreezeAccount
            | Kind::CancelRecoveryByOperator
            | Kind::CreateWebhookEndpoint
            | Kind::RotateWebhookSecret
            | Kind::EndWebhookSecret
            | Kind::DeleteWebhookEndpoint
            | Kind::ReplayWebhooks
            | Kind::RotateOperatorKey
            | Kind::RotateMerchantKey
            | Kind::Bar
            | Kind::TakeReconciliationItem
            | Kind::ResolveReconciliationItem => self.staff(entry),
            Kind::Activate
            | Kind::RevokeDevice
            | Kind::VerifySecondFactor
            | Kind::Freeze
            | Kind::Unfreeze
            | Kind::LinkFunding
            | Kind::UnlinkFunding
            | Kind::RequestTopUp
            | Kind::IssueCode
            | Kind::CancelRecovery
            | Kind::ReportLost
            | Kind::ApproveAddition
            | Kind::BeginTotp
            | Kind::ConfirmTotp
            | Kind::ReplaceSavedCode
            | Kind::ChangePassphrase
            | Kind::AddContact
            | Kind::ConfirmContact
            | Kind::RemoveContact
            | Kind::ConfirmPayment
            | Kind::DeclinePayment
            | Kind::Pay => self.device(entry),
        }
    }

    /// Every journalled change of an account steps its version by one: a missing one shows.
    fn step_account(&mut self, entry: &Entry<'_>, account_id: AccountId) -> Checked {
        let account = self.account_mut(account_id)?;
        account.version += 1;
        account.counted.decided(entry.row.at);
        if entry.versions.accounts == [(account_id, account.version)] {
            Ok(())
        } else {
            Err("the account's version is not the next one")
        }
    }

    fn account(&self, account_id: AccountId) -> Result<&AccountReplay, &'static str> {
        self.accounts.get(&account_id).ok_or("its account was never opened")
    }

    fn account_mut(&mut self, account_id: AccountId) -> Result<&mut AccountReplay, &'static str> {
        self.accounts.get_mut(&account_id).ok_or("its account was never opened")
    }
}

fn nothing_posted(entry: &Entry<'_>) -> Checked {
    if entry.postings.0.is_empty() && entry.row.entry_account_id.is_none() {
        Ok(())
    } else {
        Err("it moves money, which its kind does not")
    }
}

fn nothing_moved(entry: &Entry<'_>) -> Checked {
    if entry.versions == Versions::default() {
        nothing_posted(entry)
    } else {
        Err("it touches an account or a key")
    }
}
