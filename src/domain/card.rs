//! A card, whoever's accounts it tops up: it is known by the keyed hash of what its provider knows it by. One
//! card in many accounts, and many top-ups by one card, are what a stolen one looks like.

use super::codec::{Decoder, Encoder};
use super::id::{AccountId, CardTag, FIRST_TENANT};
use super::money::Amount;
use super::outcome::Refusal;
use super::periods::Periods;
use super::policy::CardRules;
use super::record::{ColumnType, Corrupt, Field, Value};
use super::rows::{Card, Funding};
use super::time::Timestamp;

/// The accounts that linked a card or topped up by it, each once, and when they last did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CardUsers(Vec<(AccountId, Timestamp)>);

impl CardUsers {
    /// Names an account again; whoever did not use the card for so long is forgotten.
    fn used(&mut self, account_id: AccountId, kept_us: i64, now: Timestamp) {
        self.0.retain(|(id, at)| *id != account_id && now.since_us(*at) < kept_us);
        self.0.push((account_id, now));
    }

    /// How many other accounts used it lately.
    fn others(&self, account_id: AccountId, kept_us: i64, now: Timestamp) -> usize {
        self.0.iter().filter(|(id, at)| *id != account_id && now.since_us(*at) < kept_us).count()
    }

    /// Whether the same accounts used it, and when, but for so much. Whoever is about to be forgotten may be
    /// forgotten already by the one and not by the other.
    fn are_like(&self, other: &Self, kept_us: i64, apart_us: i64) -> bool {
        let newest = self.0.iter().chain(&other.0).map(|(_, at)| *at).max().unwrap_or(Timestamp(0));
        let within = |one: &Self, other: &Self| {
            one.0.iter().all(|(id, at)| {
                let is_old = newest.since_us(*at) >= kept_us - apart_us;
                let mut same = other.0.iter().filter(|(other_id, _)| other_id == id);
                same.next().map_or(is_old, |(_, other)| at.since_us(*other).abs() <= apart_us)
            })
        };
        within(self, other) && within(other, self)
    }
}

impl Card {
    /// As it is first seen.
    pub fn new(card_tag: CardTag) -> Self {
        let (users, top_ups) = (CardUsers::default(), Periods::default());
        Self { card_tag, tenant_id: FIRST_TENANT, users, top_ups }
    }

    /// Whether it is not in too many other accounts.
    fn may_use(&self, rules: &CardRules, account_id: AccountId, now: Timestamp) -> Result<(), Refusal> {
        let others = self.users.others(account_id, rules.accounts_us, now);
        if others >= rules.accounts { Err(Refusal::FundingInUse) } else { Ok(()) }
    }

    /// Whether it was used the same, by servers whose clocks are so far apart at most.
    pub fn is_like(&self, other: &Self, rules: &CardRules, apart_us: i64) -> bool {
        (self.card_tag, self.tenant_id) == (other.card_tag, other.tenant_id)
            && self.users.are_like(&other.users, rules.accounts_us, apart_us)
            && self.top_ups.is_like(&other.top_ups)
    }

    /// Linked to an account, if it is not in too many others.
    pub fn link(&mut self, rules: &CardRules, account_id: AccountId, now: Timestamp) -> Result<(), Refusal> {
        self.may_use(rules, account_id, now)?;
        self.users.used(account_id, rules.accounts_us, now);
        Ok(())
    }

    /// Asked for so much, if it is not in too many other accounts by now and that keeps within a day's sum
    /// over all of them. A link that was forgotten gives no right to come back.
    pub fn charge(
        &mut self,
        rules: &CardRules,
        account_id: AccountId,
        amount: Amount,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.may_use(rules, account_id, now)?;
        let day = self.top_ups.last_day(now);
        let is_too_often = day.count + 1 > rules.day_count;
        if is_too_often || day.amount_minor.saturating_add(amount.minor()) > rules.day_minor {
            return Err(Refusal::CardLimit);
        }
        self.top_ups.add(now, amount.minor());
        self.users.used(account_id, rules.accounts_us, now);
        Ok(())
    }
}

/// Whether a source has yet to prove itself: it was linked lately, or was never topped up from.
fn is_new(rules: &CardRules, source: &Funding, now: Timestamp) -> bool {
    source.topped_up_at.is_none() || now.since_us(source.linked_at) < rules.new_us
}

/// A new source brings in less, counted over all of its account's top-ups: many new ones bring in no more.
pub fn check_new_source(
    rules: &CardRules,
    top_ups: &Periods,
    source: &Funding,
    amount: Amount,
    now: Timestamp,
) -> Result<(), Refusal> {
    let day_minor = top_ups.last_day(now).amount_minor.saturating_add(amount.minor());
    if is_new(rules, source, now) && day_minor > rules.new_day_minor {
        return Err(Refusal::LimitNewSource);
    }
    Ok(())
}

/// Whether its owner must do 3-D Secure: for a source's first top-up, and from an amount on.
pub fn wants_challenge(rules: &CardRules, source: &Funding, amount: Amount) -> bool {
    source.topped_up_at.is_none() || amount.minor() >= rules.challenge_minor
}

impl Field for CardUsers {
    const COLUMN: ColumnType = ColumnType::Bytes;

    fn value(&self) -> Value<'_> {
        let write = |encoder: Encoder, (id, at): &(AccountId, Timestamp)| encoder.fixed(&id.0).int(at.0);
        Value::Bytes(Encoder::new().list(&self.0, write).finish().into())
    }

    fn read(value: Value<'_>) -> Result<Self, Corrupt> {
        let bytes = Vec::<u8>::read(value)?;
        let mut decoder = Decoder::new(&bytes);
        let users = decoder.list(|decoder| Ok((AccountId(decoder.fixed()?), Timestamp(decoder.int()?))))?;
        decoder.finish()?;
        Ok(Self(users))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::policy::Policy;
    use crate::domain::time::DAY_US;

    const NOW: Timestamp = Timestamp(1_000 * DAY_US);

    fn account(number: u8) -> AccountId {
        AccountId([number; 16])
    }

    fn yen(minor: i64) -> Amount {
        Amount::new(minor).expect("an amount")
    }

    #[test]
    fn a_card_is_in_two_accounts_within_thirty_days_and_in_no_third() {
        let rules = Policy::standard().cards;
        let mut card = Card::new(CardTag([1; 32]));
        assert_eq!(card.link(&rules, account(1), NOW), Ok(()));
        assert_eq!(card.link(&rules, account(2), NOW.plus_us(DAY_US)), Ok(()));
        for later_us in [0, 30 * DAY_US - 1] {
            let seen = card.clone();
            assert_eq!(card.link(&rules, account(3), NOW.plus_us(later_us)), Err(Refusal::FundingInUse));
            assert_eq!(card, seen, "whoever is refused leaves no trace");
        }
        assert_eq!(card.link(&rules, account(1), NOW.plus_us(29 * DAY_US)), Ok(()), "its own, again");
        assert_eq!(card.link(&rules, account(3), NOW.plus_us(31 * DAY_US - 1)), Err(Refusal::FundingInUse));
        assert_eq!(card.link(&rules, account(3), NOW.plus_us(31 * DAY_US)), Ok(()), "the second is over");
        assert_eq!(CardUsers::read(card.users.value()), Ok(card.users));
    }

    #[test]
    fn whoever_tops_up_by_a_card_uses_it() {
        let rules = Policy::standard().cards;
        let mut card = Card::new(CardTag([1; 32]));
        for number in [1, 2] {
            card.link(&rules, account(number), NOW).expect("two may");
            card.charge(&rules, account(number), yen(1), NOW.plus_us(20 * DAY_US)).expect("a top-up");
        }
        assert_eq!(card.link(&rules, account(3), NOW.plus_us(31 * DAY_US)), Err(Refusal::FundingInUse));
        assert_eq!(card.link(&rules, account(3), NOW.plus_us(50 * DAY_US)), Ok(()));
    }

    #[test]
    fn whoever_was_forgotten_tops_up_only_while_there_is_room() {
        let rules = Policy::standard().cards;
        let mut card = Card::new(CardTag([1; 32]));
        let later = NOW.plus_us(31 * DAY_US);
        for (number, at) in [(1, NOW), (2, NOW), (3, later), (4, later)] {
            card.link(&rules, account(number), at).expect("two may at a time");
        }
        let seen = card.clone();
        assert_eq!(card.charge(&rules, account(1), yen(1), later), Err(Refusal::FundingInUse));
        assert_eq!(card, seen, "whoever is refused leaves no trace");
        assert_eq!(card.charge(&rules, account(3), yen(1), later), Ok(()), "one of the two");
        let much_later = later.plus_us(30 * DAY_US);
        assert_eq!(card.charge(&rules, account(1), yen(1), much_later), Ok(()), "they are forgotten in turn");
    }

    #[test]
    fn cards_are_alike_that_servers_with_other_clocks_saw_used() {
        const APART_US: i64 = 60_000_000;
        let rules = Policy::standard().cards;
        let of = |users: &[(u8, i64)]| {
            let mut card = Card::new(CardTag([1; 32]));
            for (number, later_us) in users {
                card.users.used(account(*number), rules.accounts_us, NOW.plus_us(*later_us));
            }
            card
        };
        let kept = rules.accounts_us;
        for (one, other, is_like) in [
            (&[(1, 0), (2, 5)][..], &[(1, 0), (2, 5)][..], true),
            (&[(1, 0), (2, 5)], &[(2, 5), (1, 6)], true),
            (&[(1, 0)], &[(1, APART_US)], true),
            (&[(1, 0)], &[(1, APART_US + 1)], false),
            (&[(1, 0)], &[(2, 0)], false),
            (&[(1, 0), (2, 0)], &[(1, 0)], false),
            // The one forgot the first already.
            (&[(1, 0), (2, kept)], &[(1, 0), (2, kept - 1)], true),
            (&[(2, kept - APART_US)], &[(1, 0), (2, kept - APART_US)], true),
            (&[(2, kept - APART_US - 1)], &[(1, 0), (2, kept - APART_US - 1)], false),
        ] {
            let (one, other) = (of(one), of(other));
            let both = (one.is_like(&other, &rules, APART_US), other.is_like(&one, &rules, APART_US));
            assert_eq!(both, (is_like, is_like), "{one:?} {other:?}");
        }
        let mut charged = of(&[(1, 0)]);
        charged.charge(&rules, account(1), yen(1), NOW).expect("a top-up");
        assert!(!charged.is_like(&of(&[(1, 0)]), &rules, APART_US), "it brought something in");
    }

    #[test]
    fn a_card_brings_in_a_hundred_thousand_yen_and_five_top_ups_a_day_over_all_accounts() {
        let rules = Policy::standard().cards;
        let mut card = Card::new(CardTag([1; 32]));
        assert_eq!(card.charge(&rules, account(1), yen(60_000), NOW), Ok(()));
        assert_eq!(card.charge(&rules, account(2), yen(40_001), NOW), Err(Refusal::CardLimit));
        assert_eq!(card.charge(&rules, account(2), yen(40_000), NOW), Ok(()));
        assert_eq!(card.charge(&rules, account(1), yen(1), NOW), Err(Refusal::CardLimit));
        let mut card = Card::new(CardTag([1; 32]));
        for number in 0..5 {
            assert_eq!(card.charge(&rules, account(number % 2), yen(1), NOW), Ok(()));
        }
        assert_eq!(card.charge(&rules, account(1), yen(1), NOW), Err(Refusal::CardLimit));
        assert_eq!(card.charge(&rules, account(1), yen(1), NOW.plus_us(2 * DAY_US)), Ok(()));
    }
}
