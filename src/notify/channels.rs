//! A notifier for each channel, as the configuration names them. What no channel carries is refused for
//! good: trying again does not make a channel.

use std::fmt;
use std::sync::Arc;

use super::{Channel, NotAccepted, Notifier};
use crate::domain::id::MessageId;
use crate::gate::message::Letter;
use crate::store::Later;

/// The channels that there are.
#[derive(Clone, Default)]
pub struct Channels {
    /// Carries e-mail.
    pub email: Option<Arc<dyn Notifier>>,
    /// Carries text messages.
    pub sms: Option<Arc<dyn Notifier>>,
    /// Carries messages to an app.
    pub push: Option<Arc<dyn Notifier>>,
}

impl Channels {
    fn carrier(&self, channel: Channel) -> Option<&dyn Notifier> {
        let carrier = match channel {
            Channel::Email => &self.email,
            Channel::Sms => &self.sms,
            Channel::Push => &self.push,
        };
        carrier.as_deref().filter(|carrier| carrier.reaches(channel))
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reached = Channel::ALL.into_iter().filter(|channel| self.reaches(*channel));
        f.debug_set().entries(reached).finish()
    }
}

impl Notifier for Channels {
    fn deliver<'a>(
        &'a self,
        message_id: MessageId,
        at_us: i64,
        letter: &'a Letter,
    ) -> Later<'a, Result<(), NotAccepted>> {
        let carrier = Channel::of(&letter.channel).and_then(|channel| self.carrier(channel));
        if let Some(carrier) = carrier {
            return carrier.deliver(message_id, at_us, letter);
        }
        tracing::warn!(message = ?message_id, "a message's channel is not configured");
        Box::pin(std::future::ready(Err(NotAccepted::ForGood)))
    }

    fn reaches(&self, channel: Channel) -> bool {
        self.carrier(channel).is_some()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::notify::folder::Folder;

    fn letter(channel: &str) -> Letter {
        Letter {
            channel: channel.into(),
            destination: "a@example.jp".into(),
            text: "text".into(),
            subject: String::new(),
        }
    }

    #[tokio::test]
    async fn a_letter_goes_by_its_own_channel_and_nowhere_else() {
        let (mailboxes, phones) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let folder = |at: &TempDir| Some(Arc::new(Folder::new(at.path().to_owned())) as Arc<dyn Notifier>);
        let channels = Channels { email: folder(&mailboxes), sms: folder(&phones), push: None };
        assert_eq!(Channel::ALL.map(|channel| channels.reaches(channel)), [true, true, false]);

        assert_eq!(channels.deliver(MessageId([1; 16]), 1, &letter("email")).await, Ok(()));
        let kept = |at: &TempDir| Folder::new(at.path().to_owned()).read("a@example.jp").unwrap().len();
        assert_eq!((kept(&mailboxes), kept(&phones)), (1, 0));
        for channel in ["push", "", "fax", "../email"] {
            let answer = channels.deliver(MessageId([2; 16]), 1, &letter(channel)).await;
            assert_eq!(answer, Err(NotAccepted::ForGood), "{channel}");
        }
        assert_eq!((kept(&mailboxes), kept(&phones)), (1, 0));
    }
}
