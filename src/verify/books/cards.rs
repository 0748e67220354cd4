//! Cards and sources, against what the journal says they must be.

use super::Replay;
use crate::domain::rows::{Card, Funding};

pub(super) fn source(row: &Funding, replay: &Replay) -> Result<(), &'static str> {
    let expected = replay.cards.sources.get(&row.funding_id).ok_or("nobody signed for this source")?;
    let same = (expected.account_id, expected.card_tag, expected.epoch)
        == (row.account_id, row.card_tag, row.epoch)
        && expected.topped_up_at.is_some() == row.topped_up_at.is_some()
        && expected.ended_at.is_some() == row.ended_at.is_some();
    if same { Ok(()) } else { Err("its account, card or first top-up is not the journal's") }
}

pub(super) fn card(row: &Card, replay: &Replay) -> Result<(), &'static str> {
    if replay.knows_card(row)? {
        Ok(())
    } else {
        Err("who uses this card, or what it brings in, is not the journal's")
    }
}
