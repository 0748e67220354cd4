//! Cards: which accounts use one, what it brings in, and for which top-ups 3-D Secure had to be done. What a
//! card is, the journal knows by a keyed hash alone.

use std::collections::HashMap;

use super::{Checked, Entry, Replay};
use crate::domain::card::{check_new_source, wants_challenge};
use crate::domain::id::{AccountId, CardTag, FIRST_TENANT, FundingId, TopUpId};
use crate::domain::money::Amount;
use crate::domain::periods::Periods;
use crate::domain::rows::{Card, Funding};
use crate::domain::time::Timestamp;

/// Sources and cards so far.
#[derive(Default)]
pub(in crate::verify) struct CardsReplay {
    pub sources: HashMap<FundingId, Funding>,
    pub cards: HashMap<CardTag, Card>,
    top_ups: HashMap<AccountId, Periods>,
    /// Rows from before cards were known had other rules.
    are_known: bool,
}

impl Replay {
    pub(super) fn linked(
        &mut self,
        entry: &Entry<'_>,
        account_id: AccountId,
        funding_id: FundingId,
        card_tag: Option<CardTag>,
    ) -> Checked {
        let epoch = self.account(account_id)?.epoch;
        let rules = self.policy.as_ref().ok_or("there are no rules")?.cards.clone();
        let now = entry.row.at;
        let source = Funding {
            funding_id,
            tenant_id: FIRST_TENANT,
            account_id,
            provider: 0,
            linked_at: now,
            ended_at: None,
            epoch,
            card_tag,
            topped_up_at: None,
        };
        self.cards.sources.insert(funding_id, source);
        match card_tag {
            None if self.cards.are_known => Err("it links a card that nobody knows"),
            None => Ok(()),
            Some(card_tag) => {
                self.cards.are_known = true;
                let card = self.cards.cards.entry(card_tag).or_insert(Card::new(card_tag));
                card.link(&rules, account_id, now)
                    .map_err(|_no| "it links a card that is in too many accounts")
            }
        }
    }

    pub(super) fn unlinked(
        &mut self,
        entry: &Entry<'_>,
        account_id: AccountId,
        funding_id: FundingId,
    ) -> Checked {
        let source = self.cards.sources.get_mut(&funding_id).filter(|source| source.account_id == account_id);
        source.ok_or("it unlinks a source that is not the account's")?.ended_at = Some(entry.row.at);
        Ok(())
    }

    /// Within what its source and its card may bring in; and whether its owner must do 3-D Secure for it.
    pub(super) fn source_charged(
        &mut self,
        account_id: AccountId,
        (funding_id, told): (FundingId, bool),
        amount: Amount,
        now: Timestamp,
    ) -> Checked {
        let rules = self.policy.as_ref().ok_or("there are no rules")?.cards.clone();
        let source = self.cards.sources.get(&funding_id).filter(|source| source.account_id == account_id);
        let source = source.ok_or("its source is not the account's")?;
        let (card_tag, wanted) = (source.card_tag, wants_challenge(&rules, source, amount));
        let before = self.cards.top_ups.entry(account_id).or_default();
        let is_within = check_new_source(&rules, before, source, amount, now).is_ok();
        before.add(now, amount.minor());
        let card = card_tag.and_then(|card_tag| self.cards.cards.get_mut(&card_tag));
        let card_is_within = card.is_none_or(|card| card.charge(&rules, account_id, amount, now).is_ok());
        if !self.cards.are_known {
            return Ok(());
        }
        if !is_within {
            return Err("a new source brings in more than it may");
        }
        if !card_is_within {
            return Err("a card brings in more than it may, or is in too many accounts");
        }
        if told == wanted {
            Ok(())
        } else {
            Err("its owner was asked for 3-D Secure, or not, against the rules")
        }
    }

    /// A top-up ended: its source proved itself, or its amount is free again.
    pub(super) fn charge_ended(&mut self, top_up_id: TopUpId, succeeded: bool, now: Timestamp) -> Checked {
        let top_up = self.top_ups.get(&top_up_id).ok_or("it is about a top-up nobody asked for")?;
        if succeeded {
            if let Some(source) = self.cards.sources.get_mut(&top_up.funding_id) {
                source.topped_up_at = source.topped_up_at.or(Some(now));
            }
            return Ok(());
        }
        let (then, amount_minor) = (top_up.requested_at, top_up.amount_minor);
        if let Some(periods) = self.cards.top_ups.get_mut(&top_up.account_id) {
            periods.give_back(then, amount_minor);
        }
        if let Some(card) = top_up.card_tag.and_then(|card_tag| self.cards.cards.get_mut(&card_tag)) {
            card.top_ups.give_back(then, amount_minor);
        }
        Ok(())
    }
}
