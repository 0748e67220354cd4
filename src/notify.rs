//! Where messages to people go.

pub mod folder;

use crate::domain::id::MessageId;
use crate::gate::message::Letter;
use crate::store::Later;

/// A channel did not accept a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAccepted;

/// Hands messages to a channel. May be asked twice with one id; a receiver can tell by it.
pub trait Notifier: Send + Sync {
    /// Hands over one message.
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>>;
}
