//! Rows that the server signed itself.

use super::{Checked, Entry, MerchantReplay, Replay, StoreReplay, nothing_moved, nothing_posted};
use crate::domain::command::SystemAction;
use crate::domain::id::{AccountId, LedgerAccountId, StoreId};
use crate::domain::journal::Kind;
use crate::domain::outcome::Outcome;
use crate::domain::rows::AccountState;
use crate::verify::evidence;

impl Replay {
    /// A store of the seed file, and its merchant where it is the first.
    fn store_registered(
        &mut self,
        (store_id, store): (StoreId, StoreReplay),
        ledger_account_id: LedgerAccountId,
    ) -> Checked {
        let merchant_id = store.merchant_id;
        if self.stores.insert(store_id, store).is_some() {
            return Err("a store's id is used a second time");
        }
        let new = MerchantReplay::new(merchant_id, ledger_account_id, None);
        let known = self.merchants.entry(merchant_id).or_insert(new);
        if known.ledger_account_id != ledger_account_id {
            return Err("a merchant has two accounts");
        }
        self.payables.insert(ledger_account_id);
        Ok(())
    }

    /// The server's own movements: signed by its key, and only the listed ones.
    pub(super) fn system(&mut self, entry: &Entry<'_>) -> Checked {
        if entry.kind == Kind::Genesis {
            let Outcome::Genesis { system_key, audience } = &entry.outcome else {
                return Err("the first row does not name the server's key");
            };
            self.audience.clone_from(audience);
            if self.system_key.replace(*system_key).is_some() {
                return Err("the server's key is named a second time");
            }
        }
        let system_key = self.system_key.ok_or("no row before it names the server's key")?;
        let action = evidence::system_action(entry.row, &system_key)?;
        match (&action, &entry.outcome) {
            (
                SystemAction::Genesis { system_key, audience },
                Outcome::Genesis { system_key: key, audience: name },
            ) if system_key == key && audience == name => nothing_moved(entry),
            (SystemAction::Restore { given_up_at, .. }, Outcome::Restored { at })
                if *at == entry.row.at.max(*given_up_at) =>
            {
                self.restored_at = self.restored_at.max(Some(*at));
                nothing_moved(entry)
            }
            (
                SystemAction::RegisterStore { merchant_id, ledger_account_id, store_id, name, .. },
                Outcome::StoreRegistered {
                    merchant_id: merchant,
                    store_id: store,
                    ledger_account_id: ledger,
                },
            ) if merchant_id == merchant && store_id == store && ledger_account_id == ledger => {
                let store = StoreReplay { merchant_id: *merchant_id, name: name.clone(), barred_at: None };
                self.store_registered((*store_id, store), *ledger_account_id)?;
                nothing_moved(entry)
            }
            (
                SystemAction::EnrolOperators { operators },
                Outcome::OperatorsEnrolled { operators: enrolled },
            ) if operators == enrolled => self.first_operators(entry, operators),
            (
                SystemAction::AwaitTopUp { .. }
                | SystemAction::SettleTopUp { .. }
                | SystemAction::TakeBackTopUp { .. },
                _,
            ) => self.top_up_answered(entry, &action),
            (SystemAction::CloseUnactivated { account_id, .. }, Outcome::Unactivated { account_id: id })
                if account_id == id =>
            {
                self.closed(entry, *account_id)
            }
            (
                SystemAction::ExpirePayment { payment_id, .. },
                Outcome::PaymentStepped { payment_id: id, .. },
            ) if payment_id == id => self.expired(entry, *payment_id),
            (
                SystemAction::CloseDay { terminal_id, business_day, ended_at },
                Outcome::DayClosed { business_day: day, .. },
            ) if business_day == day => self.day_closed_for(entry, *terminal_id, *business_day, *ended_at),
            (SystemAction::SettleMerchant(draft), _) => self.settled(entry, draft),
            (SystemAction::AnswerNotice { .. } | SystemAction::AdvanceRecovery { .. }, _) => {
                self.system_recovery(entry, &action)
            }
            (_, _) => Err("its outcome is not what was signed"),
        }
    }

    fn closed(&mut self, entry: &Entry<'_>, account_id: AccountId) -> Checked {
        self.step_account(entry, account_id)?;
        let account = self.account_mut(account_id)?;
        if account.state != AccountState::Pending {
            return Err("it closes an account that is not pending");
        }
        account.state = AccountState::Closed;
        account.active_devices = 0;
        for (key_id, version) in &entry.versions.keys {
            self.revoke(*key_id, account_id, *version)?;
        }
        nothing_posted(entry)
    }
}
