//! The journal's lanes as one story: each in its own order, and a row of one lane not before those of
//! the others that it rests on. The versions in the rows say which those are.

use std::collections::VecDeque;

use super::VerifyError;
use super::look::Look;
use super::replay::Replay;
use crate::domain::record::Record as _;
use crate::domain::rows::{Journal, RowKey, Table};

/// A lane, read page by page.
struct Cursor {
    lane: i64,
    sequence: i64,
    waiting: VecDeque<Journal>,
    ended: bool,
}

/// All lanes.
pub(super) struct Lanes(Vec<Cursor>);

impl Lanes {
    /// The lanes that there are.
    pub(super) fn of(look: &mut Look) -> Result<Self, VerifyError> {
        // By the journal itself: a lane that its own table does not know must not be overlooked.
        let (mut cursors, mut after) = (Vec::new(), None);
        while let Some(first) = look.page(Table::Journal, after.take())?.iter().find_map(Journal::of) {
            let lane = first.lane;
            cursors.push(Cursor { lane, sequence: 0, waiting: VecDeque::new(), ended: false });
            after = Some(RowKey::Journal(lane, i64::MAX));
        }
        Ok(Self(cursors))
    }

    /// The next row: of those whose turn it is the oldest; where it is nobody's turn, the oldest at all,
    /// and what is wrong with it will be told.
    pub(super) fn next(&mut self, look: &mut Look, replay: &Replay) -> Result<Option<Journal>, VerifyError> {
        for cursor in &mut self.0 {
            cursor.fill(look)?;
        }
        let heads = || self.0.iter().enumerate().filter_map(|(at, one)| Some((at, one.waiting.front()?)));
        let oldest = |(_, row): &(usize, &Journal)| (row.at, row.lane);
        let turn = heads().filter(|(_, row)| replay.is_turn_of(row)).min_by_key(oldest);
        let chosen = turn.or_else(|| heads().min_by_key(oldest)).map(|(at, _)| at);
        Ok(chosen.and_then(|at| self.0[at].waiting.pop_front()))
    }
}

impl Cursor {
    fn fill(&mut self, look: &mut Look) -> Result<(), VerifyError> {
        if self.ended || !self.waiting.is_empty() {
            return Ok(());
        }
        // Below every sequence number: a row that was moved there must not be overlooked.
        let after = if self.sequence == 0 { i64::MIN } else { self.sequence };
        for row in look.page(Table::Journal, Some(RowKey::Journal(self.lane, after)))? {
            let Some(row) = Journal::of(&row).filter(|row| row.lane == self.lane) else {
                self.ended = true;
                break;
            };
            self.sequence = row.sequence;
            self.waiting.push_back(row.clone());
        }
        self.ended |= self.waiting.is_empty();
        Ok(())
    }
}
