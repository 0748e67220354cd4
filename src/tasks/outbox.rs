//! Hands messages to their channel. A row is not a delivery: only what the channel accepted counts
//! as delivered, and a crash between the two sends it again under the same id.

use crate::domain::command::Chore;
use crate::domain::rows::Message;
use crate::domain::time::{HOUR_US, SECOND_US, Timestamp};
use crate::gate::Gate;
use crate::notify::{NotAccepted, Notifier};
use crate::store::query::{Query, Scan};

/// As often a message is tried.
const ATTEMPTS: i64 = 8;

pub(super) async fn run(gate: &Gate, notifier: &dyn Notifier) {
    let now = Timestamp(gate.tools().clock.now_us());
    let query = Query::scan(Scan::DueMessages { now, limit: super::PAGE });
    let Ok(fetched) = gate.fetch(query).await else { return };
    for message in fetched.scanned::<Message>() {
        let chore = hand_over(gate, notifier, message, now).await;
        if gate.chore(chore).await.is_err() {
            tracing::warn!("a message's state was not stored; it may be sent once more");
            return;
        }
    }
}

async fn hand_over(gate: &Gate, notifier: &dyn Notifier, message: &Message, now: Timestamp) -> Chore {
    let Ok(letter) = gate.tools().open_letter(message) else {
        return Chore::MessageFailed(message.message_id);
    };
    match notifier.deliver(message.message_id, now.0, &letter).await {
        Ok(()) => Chore::MessageDelivered(message.message_id),
        Err(NotAccepted::ForGood) => Chore::MessageFailed(message.message_id),
        Err(NotAccepted::ForNow) if message.attempts + 1 >= ATTEMPTS => {
            Chore::MessageFailed(message.message_id)
        }
        Err(NotAccepted::ForNow) => {
            let pause_us = (SECOND_US << message.attempts.clamp(0, 20)).min(HOUR_US);
            Chore::MessageDelayed(message.message_id, now.plus_us(pause_us))
        }
    }
}
