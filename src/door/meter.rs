//! What a peer may say on a connection besides calls: a budget of frames.
//!
//! The HTTP/2 library bounds resets, CONTINUATION and small DATA frames, but answers PING and SETTINGS
//! for ever and reads PRIORITY, WINDOW_UPDATE and unknown frames for ever. Each costs the peer nothing
//! and the server a little. So each draws on a budget that only calls fill up again. No clock is
//! asked: whoever makes calls has room to talk, and whoever makes none has a thousand frames for the
//! quarter of an hour that a connection lasts.

/// Length, type, flags and stream of a frame (RFC 9113, 4.1).
const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
const CONTINUATION: u8 = 9;

/// The budget at first, and at most.
const BUDGET: u32 = 1_000;
/// What a call fills up.
const CALL: u32 = 20;
/// A call that is begun and reset is a loss, though it is begun: work for nothing
/// (CVE-2023-44487 in slow motion).
const RESET_COST: u32 = 25;

/// Reads along, and keeps the account.
#[derive(Debug)]
pub(super) struct Meter {
    head: [u8; HEAD_BYTES],
    head_bytes: usize,
    payload_left: usize,
    budget: u32,
}

/// The budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flood;

impl Meter {
    /// Behind the preface.
    pub(super) fn new() -> Self {
        Self { head: [0; HEAD_BYTES], head_bytes: 0, payload_left: 0, budget: BUDGET }
    }

    /// Bytes that came, in whatever pieces.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Flood> {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let passed = self.payload_left.min(bytes.len());
                self.payload_left -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let taken = (HEAD_BYTES - self.head_bytes).min(bytes.len());
            self.head[self.head_bytes..self.head_bytes + taken].copy_from_slice(&bytes[..taken]);
            self.head_bytes += taken;
            bytes = &bytes[taken..];
            if self.head_bytes == HEAD_BYTES {
                self.head_bytes = 0;
                self.frame()?;
            }
        }
        Ok(())
    }

    fn frame(&mut self) -> Result<(), Flood> {
        let [high, middle, low, kind, ..] = self.head;
        self.payload_left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let cost = match kind {
            HEADERS => {
                self.budget = (self.budget + CALL).min(BUDGET);
                return Ok(());
            }
            DATA | CONTINUATION => 0,
            RESET => RESET_COST,
            _ => 1,
        };
        self.budget = self.budget.checked_sub(cost).ok_or(Flood)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: u8 = 6;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], &vec![PING; payload]].concat()
    }

    #[test]
    fn a_thousand_frames_without_a_call_are_the_most() {
        let mut meter = Meter::new();
        for _ in 0..BUDGET {
            meter.read(&frame(PING, 8)).unwrap();
        }
        assert_eq!(meter.read(&frame(PING, 8)), Err(Flood));
    }

    #[test]
    fn in_whatever_pieces_frames_come_they_are_the_same_frames() {
        let sent = [frame(HEADERS, 70), frame(DATA, 300), frame(PING, 8), frame(0xfe, 0)].concat();
        for size in [1, 2, 8, 9, 10, 100, sent.len()] {
            let mut meter = Meter::new();
            sent.chunks(size).for_each(|piece| meter.read(piece).unwrap());
            assert_eq!((meter.budget, meter.head_bytes, meter.payload_left), (BUDGET - 2, 0, 0), "{size}");
        }
    }

    #[test]
    fn calls_fill_the_budget_up_and_never_over() {
        let mut meter = Meter::new();
        for _ in 0..10 * BUDGET {
            meter.read(&frame(HEADERS, 40)).unwrap();
            for _ in 0..CALL {
                meter.read(&frame(PING, 8)).unwrap();
            }
        }
        assert_eq!(meter.budget, BUDGET - CALL);
    }

    #[test]
    fn calls_that_are_reset_use_the_budget_up() {
        let mut meter = Meter::new();
        let pair = [frame(HEADERS, 40), frame(RESET, 4)].concat();
        let pairs = (0..BUDGET).take_while(|_| meter.read(&pair).is_ok()).count();
        assert_eq!(pairs, 196);
    }
}
