//! Ends what is over: enrolments, secrets of replies, open answers, and accounts that were never
//! activated. No rule depends on it being in time: every decision looks at the clock itself.

use crate::domain::command::{Chore, SystemAction};
use crate::domain::rows::{Account, Contact, Device, Row, Table};
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::store::query::{Query, Scan};

/// Tables whose rows end by themselves.
const ENDING: [Table; 10] = [
    Table::Enrolment,
    Table::SecretReply,
    Table::OpenRequest,
    Table::PaymentCode,
    Table::Activation,
    Table::Addition,
    Table::PendingContact,
    Table::RecoveryCase,
    Table::RecoveryTarget,
    Table::WebhookDelivery,
];

pub(super) async fn run(gate: &Gate) {
    let now = Timestamp(gate.tools().clock.now_us());
    for table in ENDING {
        if end(gate, table, now).await.is_none() {
            return;
        }
    }
    let before = now.plus_us(-gate.tools().policy.enrolment.activate_us);
    let Ok(fetched) = gate.fetch(Query::scan(Scan::Unactivated { before, limit: super::PAGE })).await else {
        return;
    };
    for account in fetched.scanned::<Account>() {
        if let Some(action) = close(gate, account).await
            && gate.system(action).await.is_err()
        {
            return;
        }
    }
}

/// Everything of a table that is over by now; nothing when the store does not answer.
async fn end(gate: &Gate, table: Table, now: Timestamp) -> Option<()> {
    loop {
        let fetched = gate.fetch(Query::scan(Scan::Expired { table, now, limit: super::PAGE })).await.ok()?;
        if fetched.scanned.is_empty() {
            return Some(());
        }
        let keys = fetched.scanned.iter().map(Row::key).collect();
        gate.chore(Chore::Expire(keys)).await.ok()?;
    }
}

async fn close(gate: &Gate, account: &Account) -> Option<SystemAction> {
    let devices = gate.fetch(Query::scan(Scan::Devices(account.account_id))).await.ok()?;
    let contacts = gate.fetch(Query::scan(Scan::Contacts(account.account_id))).await.ok()?;
    let device_id = devices.scanned::<Device>().next()?.device_id;
    // The contact may have become another account's; then there is nothing to free.
    let contact_index = contacts
        .scanned::<Contact>()
        .next()
        .map_or(crate::domain::id::ContactIndex([0; 32]), |contact| contact.contact_index);
    Some(SystemAction::CloseUnactivated { account_id: account.account_id, device_id, contact_index })
}
