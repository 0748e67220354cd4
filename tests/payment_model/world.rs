//! One customer with one live code, one till with one order, and the rows about them. What never changes is
//! made anew for each decision; what does is the state.

use std::collections::BTreeMap;

use saifu::domain::command::Command;
use saifu::domain::decide::{Decision, decide};
use saifu::domain::id::{
    AccountId, CodeTag, DeviceId, FIRST_TENANT, KeyId, LedgerAccountId, LotId, MerchantId, OwnerId,
    PaymentCodeId, PaymentId, RequestId, StoreId, TerminalId,
};
use saifu::domain::live_codes::LiveCode;
use saifu::domain::lots::Lot;
use saifu::domain::money::Asset;
use saifu::domain::policy::Policy;
use saifu::domain::record::Record as _;
use saifu::domain::rows::{
    Account, AccountState, CodePurpose, Device, Finished, KeyForm, KeyState, LedgerAccount, LedgerKind,
    Merchant, OrderSlot, Payment, PaymentCode, Principal, Row, RowKey, SigningKey, Standing, Store, Terminal,
    TerminalState,
};
use saifu::domain::time::{HOUR_US, SECOND_US, Timestamp};
use saifu::domain::view::View;
use saifu::domain::write::Write;

pub const ACCOUNT: AccountId = AccountId([1; 16]);
pub const DEVICE: DeviceId = DeviceId([2; 16]);
pub const DEVICE_KEY: KeyId = KeyId([2; 32]);
pub const TERMINAL: TerminalId = TerminalId([3; 16]);
pub const TILL_KEY: KeyId = KeyId([3; 32]);
pub const MERCHANT: MerchantId = MerchantId([4; 16]);
pub const MERCHANT_KEY: KeyId = KeyId([4; 32]);
pub const STORE: StoreId = StoreId([5; 16]);
pub const SYSTEM_KEY: KeyId = KeyId([6; 32]);
pub const PAYMENT: PaymentId = PaymentId([7; 16]);
pub const CODE_TAG: CodeTag = CodeTag([8; 32]);
pub const PAYABLE: LedgerAccountId = LedgerAccountId([4; 16]);
pub const ORDER: &str = "order";
/// What the customer has, in two lots.
pub const BALANCE_MINOR: i64 = 300;
/// What his code covers.
pub const CAP_MINOR: i64 = 100;
/// Shorter than a question: so both ends of time fit into one run.
pub const HOLD_US: i64 = 200 * SECOND_US;
const CODE: PaymentCodeId = PaymentCodeId([9; 16]);
const START: Timestamp = Timestamp(1_800_000_000 * SECOND_US);
/// Moments that matter: before everything, when a question is over, when any hold is, and when nothing that
/// was captured until then may be undone.
const MOMENTS_US: [i64; 4] = [0, 120 * SECOND_US, 330 * SECOND_US, 1_231 * SECOND_US];

/// The rows that change, and the shop's account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    pub moment: usize,
    pub account: Account,
    pub terminal: Terminal,
    pub slot: Option<OrderSlot>,
    pub payment: Option<Payment>,
    pub finished: BTreeMap<(RequestId, KeyId), Finished>,
    /// Credits less debits of what is owed to the shop.
    pub payable_minor: i64,
}

impl World {
    pub fn new() -> Self {
        let mut account = Account {
            state: AccountState::Active,
            activated_at: Some(START),
            credits_posted_minor: BALANCE_MINOR,
            ..Account::enrolled(ACCOUNT, LedgerAccountId([1; 16]), Timestamp(START.0 - 48 * HOUR_US))
        };
        for number in [1, 2] {
            let remaining_minor = BALANCE_MINOR / 2;
            account.lots.add(Lot { lot_id: LotId([number; 16]), remaining_minor, expires_at: None });
        }
        let live = LiveCode {
            code_id: CODE,
            device_id: DEVICE,
            purpose: CodePurpose::Pay,
            cap_minor: CAP_MINOR,
            expires_at: START.plus_us(60 * SECOND_US),
        };
        account.live_codes.issue(live, START);
        let terminal = Terminal {
            terminal_id: TERMINAL,
            tenant_id: FIRST_TENANT,
            merchant_id: MERCHANT,
            store_id: STORE,
            label: "till".into(),
            key_id: Some(TILL_KEY),
            state: TerminalState::Active,
            misses_until: Timestamp(0),
            refund_day: 0,
            refunded_today_minor: 0,
            registered_at: START,
            activated_at: Some(START),
            business_day: 1,
            cash_day: 0,
            cash_today_minor: 0,
            day_began_at: None,
            alarmed_at: None,
            alarms: 0,
            barred_at: None,
        };
        Self {
            moment: 0,
            account,
            terminal,
            slot: None,
            payment: None,
            finished: BTreeMap::new(),
            payable_minor: 0,
        }
    }

    pub fn now(&self) -> Timestamp {
        START.plus_us(MOMENTS_US[self.moment])
    }

    /// The next moment, if there is one.
    pub fn later(&self) -> Option<Self> {
        let moment = self.moment + 1;
        (moment < MOMENTS_US.len()).then(|| Self { moment, ..self.clone() })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "of other tables nobody looks at a row")]
    fn row(&self, key: &RowKey) -> Option<Row> {
        let name_of = |key_id: &KeyId, principal, owner: [u8; 16], account_id| SigningKey {
            key_id: *key_id,
            tenant_id: FIRST_TENANT,
            principal,
            owner_id: OwnerId(owner),
            account_id,
            point: vec![4; 65],
            form: KeyForm::Fixed,
            state: KeyState::Active,
            version: 1,
        };
        match key {
            RowKey::Account(ACCOUNT) => Some(self.account.clone().into_row()),
            RowKey::Device(DEVICE) => Some(
                Device {
                    enrolled_at: self.account.created_at,
                    last_code_at: Some(self.now()),
                    ..Device::joined(DEVICE, &World::new().account, DEVICE_KEY, START)
                }
                .into_row(),
            ),
            RowKey::SigningKey(key_id @ DEVICE_KEY) => {
                Some(name_of(key_id, Principal::Device, DEVICE.0, Some(ACCOUNT)).into_row())
            }
            RowKey::SigningKey(key_id @ TILL_KEY) => {
                Some(name_of(key_id, Principal::Terminal, TERMINAL.0, None).into_row())
            }
            RowKey::SigningKey(key_id @ MERCHANT_KEY) => {
                Some(name_of(key_id, Principal::Merchant, MERCHANT.0, None).into_row())
            }
            RowKey::Terminal(TERMINAL) => Some(self.terminal.clone().into_row()),
            RowKey::Merchant(MERCHANT) => Some(merchant().into_row()),
            RowKey::Store(STORE) => Some(store().into_row()),
            RowKey::PaymentCode(CODE_TAG) => Some(code().into_row()),
            RowKey::OrderSlot(..) => self.slot.clone().map(OrderSlot::into_row),
            RowKey::Payment(PAYMENT) => self.payment.clone().map(Payment::into_row),
            RowKey::Finished(request_id, key_id) => {
                self.finished.get(&(*request_id, *key_id)).cloned().map(Finished::into_row)
            }
            RowKey::OpenRequest(..) | RowKey::Payable(MERCHANT) => None,
            RowKey::LedgerAccount(PAYABLE) => Some(self.payable().into_row()),
            other => panic!("nobody looks at {other:?}"),
        }
    }

    fn payable(&self) -> LedgerAccount {
        LedgerAccount {
            ledger_account_id: PAYABLE,
            tenant_id: FIRST_TENANT,
            kind: LedgerKind::MerchantPayable,
            asset: Asset::PrepaidJpy,
            may_be_negative: true,
            debits_posted_minor: 0,
            credits_posted_minor: self.payable_minor,
            debits_pending_minor: 0,
            credits_pending_minor: 0,
        }
    }

    /// What `decide` says, over the rows that the command names and those which they name.
    pub fn decide(&self, command: &Command) -> Decision {
        let mut view = View::new(self.now());
        for key in command.keys() {
            let row = self.row(&key);
            view.insert(key, row);
        }
        for key in command.follow(&view) {
            if !view.knows(&key) {
                let row = self.row(&key);
                view.insert(key, row);
            }
        }
        decide(command, &view, &Policy::standard())
    }

    /// Takes a write in.
    pub fn fold(&mut self, write: &Write) {
        match write {
            Write::Insert(row) | Write::Update(row) => self.put(row),
            Write::Delete(key) => panic!("nothing of a payment is deleted: {key:?}"),
            Write::Credit { debits_minor, credits_minor, .. } => {
                self.payable_minor += credits_minor - debits_minor;
            }
        }
    }

    fn put(&mut self, row: &Row) {
        if let Some(row) = Account::of(row) {
            self.account = row.clone();
        } else if let Some(row) = Terminal::of(row) {
            self.terminal = row.clone();
        } else if let Some(row) = OrderSlot::of(row) {
            self.slot = Some(row.clone());
        } else if let Some(row) = Payment::of(row) {
            self.payment = Some(row.clone());
        }
        // Events tell, and nothing is decided by them; the device's row says when its last code was.
    }
}

fn merchant() -> Merchant {
    Merchant {
        merchant_id: MERCHANT,
        tenant_id: FIRST_TENANT,
        parent_id: None,
        settlement_party_id: MERCHANT,
        ledger_account_id: PAYABLE,
        standing: Standing::Active,
        fee_rule_version: 0,
        key_id: Some(MERCHANT_KEY),
        barred_at: None,
    }
}

fn store() -> Store {
    Store {
        store_id: STORE,
        tenant_id: FIRST_TENANT,
        merchant_id: MERCHANT,
        name: "bakery".into(),
        city: "Tokyo".into(),
        time_zone: "Asia/Tokyo".into(),
        business_day: 1,
        standing: Standing::Active,
        barred_at: None,
    }
}

fn code() -> PaymentCode {
    PaymentCode {
        code_tag: CODE_TAG,
        tenant_id: FIRST_TENANT,
        code_id: CODE,
        account_id: ACCOUNT,
        device_id: DEVICE,
        expires_at: START.plus_us(60 * SECOND_US),
    }
}
