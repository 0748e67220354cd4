//! Cards: which accounts use one, what it brings in, and for which top-ups 3-D Secure had to be done. What a
//! card is, the journal knows by a keyed hash alone.

use std::collections::HashMap;

use super::counted::CLOCKS_APART_US;
use super::{Checked, Replay};
use crate::domain::card::{check_new_source, wants_challenge};
use crate::domain::id::{AccountId, CardTag, FIRST_TENANT, FundingId, TopUpId};
use crate::domain::money::Amount;
use crate::domain::rows::{Card, Funding};
use crate::domain::time::Timestamp;
use crate::pb;
use crate::verify::evidence;

/// Sources and cards so far.
#[derive(Default)]
pub(in crate::verify) struct CardsReplay {
    pub sources: HashMap<FundingId, Funding>,
    pub cards: HashMap<CardTag, Card>,
    /// Rows from before cards were known had other rules.
    are_known: bool,
}

impl Replay {
    pub(super) fn linked(
        &mut self,
        account_id: AccountId,
        funding_id: FundingId,
        card_tag: Option<CardTag>,
    ) -> Checked {
        let account = self.account(account_id)?;
        let (epoch, now) = (account.epoch, account.counted.last_at());
        let rules = self.policy.as_ref().ok_or("there are no rules")?.cards.clone();
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
        if self.cards.sources.insert(funding_id, source).is_some() {
            return Err("a source's id is used a second time");
        }
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
        call: &pb::Call,
        account_id: AccountId,
        funding_id: FundingId,
    ) -> Checked {
        let body: pb::UnlinkFundingRequest = evidence::body(call)?;
        if body.funding_id != funding_id.0 {
            return Err("it unlinks another source than was signed for");
        }
        let account = self.account(account_id)?;
        let (now, incoming_minor) = (account.counted.last_at(), account.incoming_minor);
        let source = self.cards.sources.get_mut(&funding_id);
        let source = source.filter(|source| source.account_id == account_id && source.ended_at.is_none());
        source.ok_or("it unlinks a source that is not the account's")?.ended_at = Some(now);
        if incoming_minor > 0 {
            return Err("it unlinks a source while a top-up is under way");
        }
        Ok(())
    }

    /// Within what its source and its card may bring in; and whether its owner must do 3-D Secure for it.
    pub(super) fn source_charged(
        &mut self,
        account_id: AccountId,
        (funding_id, told): (FundingId, bool),
        amount: Amount,
    ) -> Checked {
        let rules = self.policy.as_ref().ok_or("there are no rules")?.cards.clone();
        let account = self.account(account_id)?;
        let (epoch, now) = (account.epoch, account.counted.last_at());
        let source = self.cards.sources.get(&funding_id).filter(|source| source.account_id == account_id);
        let source = source.ok_or("its source is not the account's")?;
        let is_chargeable = source.ended_at.is_none() && source.epoch == epoch;
        let (card_tag, wanted) = (source.card_tag, wants_challenge(&rules, source, amount));
        let is_within = check_new_source(&rules, account.counted.top_ups(), source, amount, now).is_ok();
        let card = card_tag.and_then(|card_tag| self.cards.cards.get_mut(&card_tag));
        let card_is_within = card.is_none_or(|card| card.charge(&rules, account_id, amount, now).is_ok());
        if !is_chargeable {
            return Err("its source was unlinked, or linked before a recovery");
        }
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
        if let Some(card) = top_up.card_tag.and_then(|card_tag| self.cards.cards.get_mut(&card_tag)) {
            card.top_ups.give_back(then, amount_minor);
        }
        Ok(())
    }

    /// Whether a card's row says the same of it.
    pub(in crate::verify) fn knows_card(&self, row: &Card) -> Result<bool, &'static str> {
        let rules = &self.policy.as_ref().ok_or("there are no rules")?.cards;
        let expected = self.cards.cards.get(&row.card_tag).ok_or("nobody linked this card")?;
        Ok(expected.is_like(row, rules, CLOCKS_APART_US))
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::domain::id::LedgerAccountId;
    use crate::domain::policy::Policy;
    use crate::domain::time::DAY_US;
    use crate::verify::replay::AccountReplay;

    const ALICE: AccountId = AccountId([1; 16]);
    const BOB: AccountId = AccountId([2; 16]);
    const SOURCE: FundingId = FundingId([3; 16]);
    const CARD: Option<CardTag> = Some(CardTag([4; 32]));
    const OPENED: Timestamp = Timestamp(1_800_000_000_000_000);

    /// Two accounts, of which the one linked a source.
    fn scene() -> Replay {
        let mut replay = Replay { policy: Some(Policy::standard()), ..Replay::default() };
        for account_id in [ALICE, BOB] {
            let account = AccountReplay::opened(LedgerAccountId(account_id.0), OPENED);
            replay.accounts.insert(account_id, account);
        }
        replay.linked(ALICE, SOURCE, CARD).expect("linked");
        replay
    }

    fn charge(replay: &mut Replay, account_id: AccountId) -> Checked {
        replay.source_charged(account_id, (SOURCE, true), Amount::new(1).expect("an amount"))
    }

    fn unlink(replay: &mut Replay, account_id: AccountId, signed: FundingId) -> Checked {
        let body = pb::UnlinkFundingRequest { funding_id: signed.0.to_vec() }.encode_to_vec();
        replay.unlinked(&pb::Call { body, ..pb::Call::default() }, account_id, SOURCE)
    }

    #[test]
    fn only_a_source_that_is_linked_is_charged() {
        let gone = Err("its source was unlinked, or linked before a recovery");
        let mut replay = scene();
        assert_eq!(charge(&mut replay, ALICE), Ok(()));
        assert_eq!(charge(&mut replay, BOB), Err("its source is not the account's"));
        unlink(&mut replay, ALICE, SOURCE).expect("unlinked");
        assert_eq!(charge(&mut replay, ALICE), gone);
        let mut replay = scene();
        replay.account_mut(ALICE).expect("the account").epoch += 1;
        assert_eq!(charge(&mut replay, ALICE), gone);
    }

    #[test]
    fn what_is_linked_twice_or_unlinked_when_it_might_not_be_is_told() {
        let foreign = Err("it unlinks a source that is not the account's");
        let mut replay = scene();
        assert_eq!(replay.linked(ALICE, SOURCE, CARD), Err("a source's id is used a second time"));
        let mut replay = scene();
        assert_eq!(replay.linked(ALICE, FundingId([9; 16]), None), Err("it links a card that nobody knows"),);
        assert_eq!(unlink(&mut replay, BOB, SOURCE), foreign);
        let another = Err("it unlinks another source than was signed for");
        assert_eq!(unlink(&mut replay, ALICE, FundingId([9; 16])), another);
        assert_eq!(unlink(&mut replay, ALICE, SOURCE), Ok(()));
        assert_eq!(unlink(&mut replay, ALICE, SOURCE), foreign);
        let mut replay = scene();
        replay.account_mut(ALICE).expect("the account").incoming_minor = 1;
        let under_way = Err("it unlinks a source while a top-up is under way");
        assert_eq!(unlink(&mut replay, ALICE, SOURCE), under_way);
    }

    #[test]
    fn a_card_in_too_many_accounts_is_charged_for_none_that_was_forgotten() {
        let mut replay = scene();
        let later = OPENED.plus_us(31 * DAY_US);
        for (number, account_id) in [AccountId([5; 16]), AccountId([6; 16])].into_iter().enumerate() {
            let account = AccountReplay::opened(LedgerAccountId(account_id.0), later);
            replay.accounts.insert(account_id, account);
            let funding_id = FundingId([u8::try_from(number + 20).expect("small"); 16]);
            replay.linked(account_id, funding_id, CARD).expect("two may at a time");
        }
        replay.account_mut(ALICE).expect("the account").counted.decided(later);
        let full = Err("a card brings in more than it may, or is in too many accounts");
        assert_eq!(charge(&mut replay, ALICE), full);
    }
}
