//! Whoever proved nothing yet, and what is drawn on when they ask for something by a contact. Of everything
//! that a contact is given in a time, one origin has a share: one stranger leaves the rest to everybody else.

use std::net::IpAddr;

use super::{Limits, PREFIX_DIGITS, WhenAway, taken};
use crate::contact::Contact;
use crate::domain::recovery::factor::{Kind, Share};
use crate::domain::rows::RecoveryCase;
use crate::domain::time::Timestamp;
use crate::gate::rejection::Rejection;
use crate::ratelimit::gcra::Limit;
use crate::ratelimit::origin::site_key;
use crate::ratelimit::source::{BucketKey, Charge, Taken};

/// A caller without a name: from where, and with how much work.
#[derive(Clone, Copy)]
pub struct Stranger<'a> {
    limits: &'a Limits,
    ip: IpAddr,
    stamp_bits: u32,
}

impl<'a> Stranger<'a> {
    /// Who calls from there with so many bits of work.
    pub fn new(limits: &'a Limits, ip: IpAddr, stamp_bits: u32) -> Self {
        Self { limits, ip, stamp_bits }
    }

    /// This origin's share of what a contact, by its blind index, is given.
    fn share(&self, class: &'static str, contact_index: &[u8; 32], limit: Limit) -> Charge {
        let site = site_key(class, self.ip);
        let key = BucketKey::new(class, &[&contact_index[..], site.bytes()].concat());
        Charge { key, limit, cost: 1 }
    }

    /// A message to a contact, whoever asks for it; the contact by its blind index. All of its limits at
    /// once: asking for one contact again and again uses up nobody else's messages, and a message that a
    /// budget does not allow is none of the contact's own.
    pub async fn message(
        &self,
        contact: &Contact,
        contact_index: &[u8; 32],
        now: Timestamp,
    ) -> Result<(), Rejection> {
        let (table, sources) = (&self.limits.table, &self.limits.sources);
        let key = BucketKey::new("message-to", contact_index);
        let own = [Charge { key, limit: table.messages, cost: 1 }];
        let share = [self.share("message-to-from", contact_index, table.shares.messages)];
        let is_text = contact.kind() == "sms";
        let prefix = contact.address().get(..=PREFIX_DIGITS).filter(|_| is_text).map(|prefix| {
            let key = BucketKey::new("texts-to-prefix", prefix.as_bytes());
            Charge { key, limit: table.budgets.prefix_day, cost: 1 }
        });
        let (name, budget) = self.limits.budget(is_text);
        let parts = [
            (&sources.messages, &own[..]),
            (&sources.shares, &share[..]),
            (&sources.prefixes, prefix.as_slice()),
            (&sources.global, &budget[..]),
        ];
        let answer = sources.draw(&parts, WhenAway::Deny, now).await?;
        let of_contact = own.len() + share.len();
        if let Taken::Denied { at, .. } = answer
            && at >= of_contact
        {
            let is_prefix = at < of_contact + prefix.as_slice().len();
            self.limits.tell(if is_prefix { "text messages to one prefix" } else { name }, now);
        }
        taken(answer)
    }

    /// A code of a recovery by this channel. It draws on no budget above what its target is sent in a day:
    /// whoever asks in vain uses up nobody else's messages, nor those of whoever proved something.
    pub async fn code_of(&self, case: &RecoveryCase, is_text: bool, now: Timestamp) -> Result<(), Rejection> {
        let (table, sources) = (&self.limits.table, &self.limits.sources);
        let (tier, id, share) = match case.share() {
            Share::Locator => {
                let index = &case.contact_index.0;
                (0, index.to_vec(), Some(self.share("codes-by-from", index, table.shares.codes)))
            }
            Share::Account => (1, case.target_id.0.to_vec(), None),
            Share::Reserve => (2, case.target_id.0.to_vec(), None),
        };
        let key = BucketKey::new("codes-of", &[&id[..], &[tier]].concat());
        let own = [Charge { key, limit: table.codes_of, cost: 1 }];
        let (name, budget) = self.limits.budget(is_text);
        let parts = [
            (&sources.targets, &own[..]),
            (&sources.shares, share.as_slice()),
            (&sources.global, &budget[..]),
        ];
        let answer = sources.draw(&parts, WhenAway::Deny, now).await?;
        if let Taken::Denied { at, .. } = answer
            && at >= own.len() + share.as_slice().len()
        {
            self.limits.tell(name, now);
        }
        taken(answer)
    }

    /// An attempt at a factor, before one was proved. What is not guessed is not counted: the saved code, and
    /// the digits that were sent to a contact.
    pub async fn attempt(&self, case: &RecoveryCase, kind: Kind, now: Timestamp) -> Result<(), Rejection> {
        if case.share() != Share::Locator || !kind.is_guessed() {
            return Ok(());
        }
        let limit = self.limits.table.shares.attempts;
        let share = [self.share("attempts-by-from", &case.contact_index.0, limit)];
        let sources = &self.limits.sources;
        sources.take(&sources.shares, WhenAway::Deny, now, &share).await
    }

    /// A phone that asks to join by a contact: its places are few.
    pub async fn joining(&self, contact_index: &[u8; 32], now: Timestamp) -> Result<(), Rejection> {
        let share = [self.share("joining-by-from", contact_index, self.limits.table.shares.joining)];
        let sources = &self.limits.sources;
        sources.take(&sources.shares, WhenAway::Deny, now, &share).await
    }

    /// A recovery or an addition that is begun for a contact, whoever asks. Above what is usual it costs a
    /// stamp: so nobody is kept out by others.
    pub async fn recovery_target(&self, contact_index: &[u8; 32], now: Timestamp) -> Result<(), Rejection> {
        let bits = self.limits.table.anonymous.heavy_bits;
        if self.stamp_bits >= bits {
            return Ok(());
        }
        let key = BucketKey::new("recovery-of", contact_index);
        let charge = Charge { key, limit: self.limits.table.recovery_target, cost: 1 };
        let sources = &self.limits.sources;
        let answer = sources.draw(&[(&sources.targets, &[charge])], WhenAway::Deny, now).await?;
        if answer == Taken::Allowed { Ok(()) } else { Err(Rejection::StampNeeded { bits }) }
    }
}
