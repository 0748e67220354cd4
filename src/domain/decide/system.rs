//! What the system does on its own. Its movements exist for a listed set of account pairs only, and
//! never lower what a customer has available, but for a top-up whose money went back.

use super::ruling::Ruling;
use super::{Decision, Traceless, day, operator, recovery, settlement, step, top_up};
use crate::domain::command::{Signed, SystemAction};
use crate::domain::id::{AccountId, CommandId, ContactIndex, DeviceId, FIRST_TENANT};
use crate::domain::journal::Versions;
use crate::domain::ledger::SYSTEM_ACCOUNTS;
use crate::domain::money::Asset;
use crate::domain::outcome::Outcome;
use crate::domain::policy::Policy;
use crate::domain::record::Record as _;
use crate::domain::rows::{
    Account, AccountState, Contact, DataKey, Device, KeyState, LedgerAccount, LedgerKind, Merchant, RowKey,
    SigningKey, Standing, Store,
};
use crate::domain::view::View;
use crate::domain::write::Write;

/// Decides a system command whose request id is new.
pub(super) fn decide(
    command_id: CommandId,
    signed: &Signed,
    action: &SystemAction,
    view: &View,
    policy: &Policy,
) -> Decision {
    let result = match action {
        SystemAction::Genesis { system_key, audience } => Ok(genesis(*system_key, audience)),
        // What it changes is what the gate lets through from then on.
        SystemAction::Restore { given_up_at, .. } => {
            Ok(Ruling::plain(Vec::new(), Outcome::Restored { at: view.now().max(*given_up_at) }))
        }
        SystemAction::RegisterStore { .. } => register_store(action, view),
        SystemAction::AwaitTopUp { .. }
        | SystemAction::SettleTopUp { .. }
        | SystemAction::TakeBackTopUp { .. } => top_up::answered(command_id, action, view),
        SystemAction::CloseUnactivated { account_id, device_id, contact_index } => {
            close_unactivated(view, policy, *account_id, *device_id, *contact_index)
        }
        SystemAction::ExpirePayment { payment_id, .. } => step::by_time(command_id, *payment_id, view),
        SystemAction::CloseDay { terminal_id, business_day, ended_at } => {
            day::close_by_time(*terminal_id, (*business_day, *ended_at), view, policy)
        }
        SystemAction::SettleMerchant(draft) => settlement::settle(draft, view, policy),
        SystemAction::EnrolOperators { operators } => operator::enrol_first(operators, view),
        SystemAction::AnswerNotice { .. } | SystemAction::AdvanceRecovery { .. } => {
            match recovery::by_system(command_id, action, view, policy) {
                Ok(ruling) => Ok(ruling),
                Err(recovery::Halt::Stale(stale)) => return Decision::Stale(stale),
                // By now it is not so any more.
                Err(recovery::Halt::Refuse(_)) => Err(Traceless::NothingToDo),
            }
        }
    };
    match result {
        Ok(ruling) => ruling.decision(action.kind(), signed, view),
        Err(traceless) => Decision::Nothing(traceless),
    }
}

pub(super) fn ledger_account(
    ledger_account_id: crate::domain::id::LedgerAccountId,
    kind: LedgerKind,
    may_be_negative: bool,
) -> Write {
    Write::Insert(
        LedgerAccount {
            ledger_account_id,
            tenant_id: FIRST_TENANT,
            kind,
            asset: Asset::PrepaidJpy,
            may_be_negative,
            debits_posted_minor: 0,
            credits_posted_minor: 0,
            debits_pending_minor: 0,
            credits_pending_minor: 0,
        }
        .into_row(),
    )
}

fn genesis(system_key: [u8; 32], audience: &str) -> Ruling {
    let writes = SYSTEM_ACCOUNTS
        .iter()
        .map(|(id, kind, may_be_negative)| ledger_account(*id, *kind, *may_be_negative))
        .collect();
    Ruling::plain(writes, Outcome::Genesis { system_key, audience: audience.to_owned() })
}

fn register_store(action: &SystemAction, view: &View) -> Result<Ruling, Traceless> {
    let SystemAction::RegisterStore { merchant_id, ledger_account_id, store_id, name, city, time_zone } =
        action
    else {
        return Err(Traceless::NothingToDo);
    };
    if view.get::<Store>((*store_id,)).is_some() {
        return Err(Traceless::NothingToDo);
    }
    let mut writes = Vec::new();
    if view.get::<Merchant>((*merchant_id,)).is_none() {
        writes.push(ledger_account(*ledger_account_id, LedgerKind::MerchantPayable, true));
        let merchant = Merchant {
            merchant_id: *merchant_id,
            tenant_id: FIRST_TENANT,
            parent_id: None,
            settlement_party_id: *merchant_id,
            ledger_account_id: *ledger_account_id,
            standing: Standing::Active,
            fee_rule_version: 0,
            key_id: None,
            barred_at: None,
        };
        writes.push(Write::Insert(merchant.into_row()));
    }
    let store = Store {
        store_id: *store_id,
        tenant_id: FIRST_TENANT,
        merchant_id: *merchant_id,
        name: name.clone(),
        city: city.clone(),
        time_zone: time_zone.clone(),
        business_day: 1,
        standing: Standing::Active,
        barred_at: None,
    };
    writes.push(Write::Insert(store.into_row()));
    let outcome = Outcome::StoreRegistered {
        merchant_id: *merchant_id,
        store_id: *store_id,
        ledger_account_id: *ledger_account_id,
    };
    Ok(Ruling::plain(writes, outcome))
}

/// An account that was not activated in time, by this decision's clock and not by the caller's: its
/// device signs no more, its contact is free, and the key of its document is destroyed.
fn close_unactivated(
    view: &View,
    policy: &Policy,
    account_id: AccountId,
    device_id: DeviceId,
    contact_index: ContactIndex,
) -> Result<Ruling, Traceless> {
    let account = view
        .get::<Account>((account_id,))
        .filter(|account| account.state == AccountState::Pending)
        .filter(|account| view.now() >= account.created_at.plus_us(policy.enrolment.activate_us))
        .ok_or(Traceless::NothingToDo)?;
    let device = view
        .get::<Device>((device_id,))
        .filter(|device| device.account_id == account_id && device.state == KeyState::Active)
        .ok_or(Traceless::NothingToDo)?;
    let key = view.get::<SigningKey>((device.key_id,)).ok_or(Traceless::NothingToDo)?;
    let now = view.now().max(account.last_at);
    let closed = Account {
        state: AccountState::Closed,
        version: account.version + 1,
        active_devices: 0,
        last_at: now,
        ..account.clone()
    };
    let revoked = SigningKey { state: KeyState::Revoked, version: key.version + 1, ..key.clone() };
    let versions = Versions {
        accounts: vec![(account_id, closed.version)],
        keys: vec![(revoked.key_id, revoked.version)],
    };
    let gone = Device { state: KeyState::Revoked, revoked_at: Some(now), ..device.clone() };
    let mut writes = vec![
        Write::Update(closed.into_row()),
        Write::Update(gone.into_row()),
        Write::Update(revoked.into_row()),
    ];
    if view.get::<DataKey>((account_id,)).is_some() {
        writes.push(Write::Delete(RowKey::DataKey(account_id)));
    }
    // The contact may have become another account's in the meantime.
    if view.get::<Contact>((contact_index,)).is_some_and(|contact| contact.account_id == account_id) {
        writes.push(Write::Delete(RowKey::Contact(contact_index)));
    }
    Ok(Ruling { versions, ..Ruling::plain(writes, Outcome::Unactivated { account_id }) })
}
