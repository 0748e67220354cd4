//! Who pays whom: rows of payers and merchants, and the commands of payments, as the gate would make them.

use std::sync::Arc;

use saifu::crypto::integrity::{Integrity, IntegritySlot};
use saifu::domain::command::{Command, DeviceAction, DeviceCall, Evidence, Order, Signed};
use saifu::domain::id::{
    AccountId, CommandId, DeviceId, FIRST_TENANT, KeyId, LedgerAccountId, LotId, MerchantId, OwnerId,
    PaymentId, RequestId, StoreId,
};
use saifu::domain::lots::{Lot, Lots};
use saifu::domain::money::{Amount, Asset};
use saifu::domain::policy::Policy;
use saifu::domain::record::{ColumnType, Record as _, Value};
use saifu::domain::rows::{
    Account, AccountState, Device, KeyForm, KeyState, LedgerAccount, LedgerKind, Merchant, Principal, Row,
    SigningKey, Standing, Store,
};
use saifu::domain::time::{DAY_US, Timestamp};
use saifu::store::tagged;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

/// As many customers; more than pay at one moment.
pub const PAYERS: u64 = 4_096;
/// As many merchants where payments are spread.
pub const MERCHANTS: u64 = 1_000;
const BALANCE_MINOR: i64 = 100_000_000;

/// An id of this kind.
pub fn id<const N: usize>(kind: u8, number: u64) -> [u8; N] {
    let mut bytes = [kind; N];
    bytes[1..9].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The usual rules, but that nobody is asked for a code or runs into a limit: what is measured is
/// payments.
pub fn policy() -> Policy {
    let mut policy = Policy::standard();
    policy.step_up.fresh_us = 400 * DAY_US;
    (policy.step_up.sum_minor, policy.step_up.payments) = (i64::MAX, i64::MAX);
    policy.limits.standard.day_minor = None;
    policy.limits.standard.month_minor = None;
    policy
}

/// The keys that are not in the database.
pub fn integrity() -> IntegritySlot {
    IntegritySlot::filled(Arc::new(Integrity::of(&[9; 32])))
}

/// Everybody's rows.
pub fn rows(now: Timestamp) -> Vec<Row> {
    let merchants = (0..MERCHANTS).flat_map(merchant);
    merchants.chain((0..PAYERS).flat_map(|number| payer(number, now))).collect()
}

fn merchant(number: u64) -> [Row; 3] {
    let (merchant_id, ledger_account_id) = (MerchantId(id(b'm', number)), LedgerAccountId(id(b'l', number)));
    let account = LedgerAccount {
        ledger_account_id,
        tenant_id: FIRST_TENANT,
        kind: LedgerKind::MerchantPayable,
        asset: Asset::PrepaidJpy,
        may_be_negative: false,
        debits_posted_minor: 0,
        credits_posted_minor: 0,
        debits_pending_minor: 0,
        credits_pending_minor: 0,
    };
    let merchant = Merchant {
        merchant_id,
        tenant_id: FIRST_TENANT,
        parent_id: None,
        settlement_party_id: merchant_id,
        ledger_account_id,
        standing: Standing::Active,
        fee_rule_version: 0,
        key_id: None,
        barred_at: None,
    };
    let store = Store {
        store_id: StoreId(id(b's', number)),
        tenant_id: FIRST_TENANT,
        merchant_id,
        name: format!("store {number}"),
        city: "Tokyo".into(),
        time_zone: "Asia/Tokyo".into(),
        business_day: 1,
        standing: Standing::Active,
        barred_at: None,
    };
    [account.into_row(), merchant.into_row(), store.into_row()]
}

fn payer(number: u64, now: Timestamp) -> [Row; 3] {
    let (account_id, key_id) = (AccountId(id(b'a', number)), KeyId(id(b'k', number)));
    let device_id = DeviceId(id(b'd', number));
    let key = SigningKey {
        key_id,
        tenant_id: FIRST_TENANT,
        principal: Principal::Device,
        owner_id: OwnerId(device_id.0),
        account_id: Some(account_id),
        point: vec![4; 65],
        form: KeyForm::Der,
        state: KeyState::Active,
        version: 1,
    };
    let device = Device {
        device_id,
        tenant_id: FIRST_TENANT,
        account_id,
        key_id,
        state: KeyState::Active,
        enrolled_at: now.plus_us(-30 * DAY_US),
        revoked_at: None,
        last_code_at: Some(now),
        spent_at_code_minor: 0,
        payments_at_code: 0,
        lost_at: None,
        code_failures: 0,
        code_failures_day: 0,
        code_failures_today: 0,
        code_blocked_until: Timestamp(0),
        code_failures_ever: 0,
    };
    [account(number, account_id, now).into_row(), key.into_row(), device.into_row()]
}

fn account(number: u64, account_id: AccountId, now: Timestamp) -> Account {
    let mut lots = Lots::default();
    lots.add(Lot { lot_id: LotId(id(b'o', number)), remaining_minor: BALANCE_MINOR, expires_at: None });
    Account {
        state: AccountState::Active,
        created_at: now.plus_us(-30 * DAY_US),
        activated_at: Some(now.plus_us(-30 * DAY_US)),
        credits_posted_minor: BALANCE_MINOR,
        lots,
        ..Account::enrolled(account_id, LedgerAccountId(id(b'L', number)), now)
    }
}

/// One yen to a merchant, under a number of its own. The store does not look at signatures.
pub fn payment(number: u64, merchant: u64) -> Command {
    let payer = number % PAYERS;
    let signed = Signed {
        key_id: KeyId(id(b'k', payer)),
        request_id: RequestId(id(b'r', number)),
        digest: id(b'b', number),
        payload_hash: id(b'h', number),
        evidence: Evidence {
            method: "/saifu.v1.PaymentService/Pay",
            payload: vec![5; 300],
            signature: vec![7; 71],
        },
    };
    let call = DeviceCall {
        signed,
        account_id: AccountId(id(b'a', payer)),
        device_id: DeviceId(id(b'd', payer)),
        epoch: 1,
        proof: None,
    };
    let action = DeviceAction::Pay {
        payment_id: PaymentId(id(b'p', number)),
        store_id: StoreId(id(b's', merchant)),
        payee_name: format!("store {merchant}"),
        amount: Amount::new(1).expect("a yen is an amount"),
        currency: "JPY".into(),
        order: None,
    };
    Command { id: CommandId(id(b'x', number)), order: Order::Device(call, action) }
}

/// Writes the rows into an empty database.
pub async fn insert(client: &mut Client, rows: &[Row]) {
    let (transaction, slot) = (client.transaction().await.expect("a transaction"), integrity());
    for row in rows {
        let columns = tagged::columns(row.table());
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
        let (columns, places) = (columns.join(", "), places.join(", "));
        let text = format!("INSERT INTO {} ({columns}) VALUES ({places})", row.table().name());
        let values: Vec<Box<dyn ToSql + Sync + Send>> = tagged::types(row.table())
            .iter()
            .zip(tagged::values(row, slot.get()).expect("there are keys"))
            .map(|(kind, value)| parameter(*kind, value))
            .collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value.as_ref() as _).collect();
        transaction.execute(&text, &values).await.expect("the row keeps to the schema");
    }
    transaction.commit().await.expect("the rows are committed");
}

fn parameter(kind: ColumnType, value: Value<'_>) -> Box<dyn ToSql + Sync + Send> {
    match (kind, value) {
        (_, Value::Int(int)) => Box::new(int),
        (_, Value::Bytes(bytes)) => Box::new(bytes.into_owned()),
        (_, Value::Text(text)) => Box::new(text.into_owned()),
        (ColumnType::Int, Value::Null) => Box::new(None::<i64>),
        (ColumnType::Bytes, Value::Null) => Box::new(None::<Vec<u8>>),
        (ColumnType::Text, Value::Null) => Box::new(None::<String>),
    }
}
