//! Messages to people as rows of the outbox.

use crate::domain::command::{MessageDraft, NoticeDraft};
use crate::domain::id::{CaseId, FIRST_TENANT};
use crate::domain::record::Record as _;
use crate::domain::recovery::factor::Channel;
use crate::domain::rows::{Message, MessageState};
use crate::domain::time::Timestamp;
use crate::domain::write::Write;

/// A message that nothing waits for.
pub(super) fn plain(draft: &MessageDraft, now: Timestamp, expires_at: Timestamp) -> Write {
    row(draft, None, now, expires_at, None)
}

/// A recovery's notice; `awaited` names the recovery whose delay begins when it was taken.
pub(super) fn notice(
    draft: &NoticeDraft,
    now: Timestamp,
    expires_at: Timestamp,
    awaited: Option<CaseId>,
) -> Write {
    row(&draft.message, Some(draft.channel), now, expires_at, awaited)
}

fn row(
    draft: &MessageDraft,
    channel: Option<Channel>,
    now: Timestamp,
    expires_at: Timestamp,
    case_id: Option<CaseId>,
) -> Write {
    let message = Message {
        message_id: draft.message_id,
        tenant_id: FIRST_TENANT,
        sealed: draft.sealed.clone(),
        state: MessageState::Due,
        attempts: 0,
        due_at: now,
        expires_at,
        case_id,
        channel,
    };
    Write::Insert(message.into_row())
}
