//! Where messages to people go.

pub mod channels;
pub mod folder;
pub mod smtp;
mod tls;
pub mod webhook;

use crate::domain::id::MessageId;
pub use crate::domain::recovery::factor::Channel;
use crate::gate::message::Letter;
use crate::store::Later;

/// A channel did not accept a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAccepted {
    /// It may accept the same message later: it is not reached, it is busy, or we are not let in.
    ForNow,
    /// It never will: the address is refused, or there is no such channel.
    ForGood,
}

/// Hands messages to a channel. May be asked twice with one id; a receiver can tell by it.
pub trait Notifier: Send + Sync {
    /// Hands over one message.
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>>;

    /// Whether messages can go by this channel at all.
    fn reaches(&self, channel: Channel) -> bool;
}

/// What stands over a letter, where a channel has such a place.
fn subject(letter: &Letter) -> &str {
    if letter.subject.is_empty() { "saifu" } else { &letter.subject }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_known_by_its_name_and_by_no_other() {
        for (channel, name) in [(Channel::Email, "email"), (Channel::Sms, "sms"), (Channel::Push, "push")] {
            assert_eq!((channel.name(), Channel::of(name)), (name, Some(channel)));
        }
        for name in ["", "Email", "mail", "../email"] {
            assert_eq!(Channel::of(name), None, "{name}");
        }
    }
}
