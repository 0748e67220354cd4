//! Funding sources: linked, unlinked, and which of them can be charged.

use super::device::{Done, Halt, Turn};
use crate::domain::command::DocumentWrite;
use crate::domain::id::{AccountId, CardTag, FundingId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{Account, Card, EventKind, Funding};
use crate::domain::view::View;
use crate::domain::write::Write;

/// A source is linked, in the account's present epoch.
pub(super) fn link(
    turn: &mut Turn<'_>,
    (funding_id, provider, card_tag): (FundingId, i64, CardTag),
    document: &DocumentWrite,
    sources: usize,
) -> Result<Done, Halt> {
    if sources > turn.policy.limits.funding_sources {
        return Err(Refusal::TooManyFundingSources.into());
    }
    let known = turn.view.get::<Card>((card_tag,));
    let mut card = known.cloned().unwrap_or_else(|| Card::new(card_tag));
    card.link(&turn.policy.cards, turn.account.account_id, turn.now)?;
    turn.rewrite_document(document)?;
    turn.writes.push(match known {
        Some(_) => Write::Update(card.into_row()),
        None => Write::Insert(card.into_row()),
    });
    let funding = Funding {
        funding_id,
        tenant_id: turn.account.tenant_id,
        account_id: turn.account.account_id,
        provider,
        linked_at: turn.now,
        ended_at: None,
        epoch: turn.account.epoch,
        card_tag: Some(card_tag),
        topped_up_at: None,
    };
    turn.writes.push(Write::Insert(funding.into_row()));
    turn.event(EventKind::FundingLinked, Some(turn.device.device_id));
    Ok(Done::plain(Outcome::FundingLinked { funding_id, card_tag: Some(card_tag) }))
}

/// A source is charged no more.
pub(super) fn unlink(
    turn: &mut Turn<'_>,
    funding_id: FundingId,
    document: &DocumentWrite,
) -> Result<Done, Halt> {
    let mut funding = own(turn.view, turn.account.account_id, funding_id)?.clone();
    // Its provider is asked with its token until it answers.
    if turn.account.incoming_minor > 0 {
        return Err(Refusal::TopUpUnderWay.into());
    }
    turn.rewrite_document(document)?;
    funding.ended_at = Some(turn.now);
    turn.writes.push(Write::Update(funding.into_row()));
    turn.event(EventKind::FundingUnlinked, Some(turn.device.device_id));
    Ok(Done::plain(Outcome::FundingUnlinked { funding_id }))
}

/// A linked source of this account.
fn own(view: &View, account_id: AccountId, funding_id: FundingId) -> Result<&Funding, Refusal> {
    view.get::<Funding>((funding_id,))
        .filter(|funding| funding.account_id == account_id && funding.ended_at.is_none())
        .ok_or(Refusal::FundingNotLinked)
}

/// … that can be charged: linked since the account was last recovered.
pub(super) fn chargeable<'a>(
    view: &'a View,
    account: &Account,
    funding_id: FundingId,
) -> Result<&'a Funding, Refusal> {
    own(view, account.account_id, funding_id).and_then(|funding| {
        if funding.epoch == account.epoch { Ok(funding) } else { Err(Refusal::FundingNotLinked) }
    })
}
