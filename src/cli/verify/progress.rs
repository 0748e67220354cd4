//! A line on a terminal that says how far a verification is, and is gone when it is over. Elsewhere nothing.

use std::io::Write;

use crate::env::clock::Stopwatch;
use crate::verify::Progress;

/// So often it is written anew.
const INTERVAL_US: i64 = 200_000;
/// To the line's begin, and all of it away.
const CLEAR: &str = "\r\x1b[K";

/// The line.
pub(super) struct Line<W> {
    /// Nothing where nobody looks.
    out: Option<W>,
    since: Option<Stopwatch>,
}

impl<W: Write> Line<W> {
    pub(super) fn new(out: W, is_terminal: bool) -> Self {
        Self { out: is_terminal.then_some(out), since: None }
    }

    pub(super) fn tell(&mut self, progress: Progress) {
        let Some(out) = &mut self.out else { return };
        let is_due = self.since.as_ref().is_none_or(|since| since.elapsed_us() >= INTERVAL_US);
        let text = match progress {
            Progress::Rows(_) if !is_due => return,
            Progress::Rows(rows) => format!("{rows} journal rows replayed"),
            Progress::Tables => "the tables are compared with the journal".to_owned(),
        };
        // A terminal that is gone is no reason to end.
        drop(write!(out, "{CLEAR}{text}").and_then(|()| out.flush()));
        self.since = Some(Stopwatch::start());
    }

    /// Takes it away before anything else is said.
    pub(super) fn clear(&mut self) {
        if let Some(out) = self.out.as_mut().filter(|_| self.since.is_some()) {
            drop(write!(out, "{CLEAR}").and_then(|()| out.flush()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_sees_how_far_it_is_and_nobody_else_does() {
        let mut out = Vec::new();
        let mut line = Line::new(&mut out, true);
        for rows in 1..=1_000 {
            line.tell(Progress::Rows(rows));
        }
        line.tell(Progress::Tables);
        line.clear();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("\r\x1b[K1 journal rows replayed"), "{text:?}");
        assert!(text.ends_with("\r\x1b[Kthe tables are compared with the journal\r\x1b[K"), "{text:?}");
        assert!(text.len() < 1_000, "not once a row: {text:?}");

        let mut nothing = Vec::new();
        let mut line = Line::new(&mut nothing, false);
        line.tell(Progress::Rows(1));
        line.tell(Progress::Tables);
        line.clear();
        assert_eq!(nothing, b"");
    }
}
