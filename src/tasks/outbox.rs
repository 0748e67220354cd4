//! Hands messages to their channel. A row is not a delivery: only what the channel accepted counts
//! as delivered, and a crash between the two sends it again under the same id.
//!
//! A recovery waits for its notices: what a channel said of one goes to the recovery in the commit that ends
//! the message.

use futures_util::StreamExt as _;

use crate::domain::command::{CaseRef, Chore, SystemAction};
use crate::domain::id::{CaseId, WorkerId};
use crate::domain::recovery::factor::Channel;
use crate::domain::rows::{Message, RecoveryCase, RowKey};
use crate::domain::time::{HOUR_US, SECOND_US, Timestamp};
use crate::gate::Gate;
use crate::notify::{NotAccepted, Notifier};
use crate::store::query::{Query, Scan};
use crate::store::{Answer, StoreError};

/// The name of this work's turn.
pub(super) const TURN: &str = "outbox";
/// As many messages are handed over at once: a slow channel keeps the others waiting no longer than needed.
const AT_ONCE: usize = 16;

pub(super) async fn run(gate: &Gate, notifier: &dyn Notifier, worker_id: WorkerId) {
    if !super::lease::hold(gate, TURN, worker_id).await {
        return;
    }
    let now = Timestamp(gate.tools().clock.now_us());
    let query = Query::scan(Scan::DueMessages { now, limit: super::PAGE });
    let Ok(fetched) = gate.fetch(query).await else { return };
    let messages: Vec<Message> = fetched.scanned::<Message>().cloned().collect();
    futures_util::stream::iter(messages)
        .for_each_concurrent(AT_ONCE, |message| async move {
            if hand_over(gate, notifier, &message, now).await.is_err() {
                tracing::warn!("a message's state was not stored; it may be sent once more");
            }
        })
        .await;
}

async fn hand_over(
    gate: &Gate,
    notifier: &dyn Notifier,
    message: &Message,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = message.message_id;
    let Ok(letter) = gate.tools().open_letter(message) else {
        return gate.chore(Chore::MessageFailed(id)).await.map(drop);
    };
    let answer = if now < message.expires_at {
        notifier.deliver(id, now.0, &letter).await
    } else {
        Err(NotAccepted::ForGood)
    };
    match (answer, message.case_id.zip(message.channel)) {
        (Err(NotAccepted::ForNow), _) => {
            let pause_us = (SECOND_US << message.attempts.clamp(0, 20)).min(HOUR_US);
            gate.chore(Chore::MessageDelayed(id, now.plus_us(pause_us))).await.map(drop)
        }
        (answer, Some((case_id, channel))) => {
            answer_notice(gate, message, case_id, channel, answer.is_ok()).await
        }
        (Ok(()), None) => gate.chore(Chore::MessageDelivered(id)).await.map(drop),
        (Err(NotAccepted::ForGood), None) => gate.chore(Chore::MessageFailed(id)).await.map(drop),
    }
}

/// Tells a recovery what a channel said of its notice. A recovery that does not wait for it any more lets
/// it go.
async fn answer_notice(
    gate: &Gate,
    message: &Message,
    case_id: CaseId,
    channel: Channel,
    accepted: bool,
) -> Result<(), StoreError> {
    let fetched = gate.fetch(Query::row(RowKey::RecoveryCase(case_id))).await?;
    if let Some(row) = fetched.get::<RecoveryCase>() {
        let case = CaseRef { case_id, target_id: row.target_id, account_id: row.account_id };
        let message_id = message.message_id;
        let told = SystemAction::AnswerNotice { case, message_id, channel, accepted };
        if let Answer::Final(_) = gate.system(told).await? {
            return Ok(());
        }
    }
    let chore = if accepted {
        Chore::MessageDelivered(message.message_id)
    } else {
        Chore::MessageFailed(message.message_id)
    };
    gate.chore(chore).await.map(drop)
}
