//! Where a till's key is used. A till moves from one network to another; a key that is used here, there and
//! here again within a minute is at two places, and somebody may have copied it.
//!
//! Kept in memory and for a minute: where a till was is nobody's to look up later. Another server process
//! has a memory of its own.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::domain::id::TerminalId;
use crate::domain::time::{MINUTE_US, Timestamp};

/// As many tills are remembered; when there are more, those that were quiet are forgotten.
const TILLS: usize = 100_000;

/// Where keys were last used.
#[derive(Default)]
pub struct Places(Mutex<HashMap<TerminalId, Seen>>);

struct Seen {
    last: (IpAddr, Timestamp),
    /// The place before that, and when it was last used.
    before: Option<(IpAddr, Timestamp)>,
}

impl Places {
    /// Takes in that a till's key signed from here; true when it is at two places.
    pub fn seen(&self, terminal_id: TerminalId, peer: IpAddr, now: Timestamp) -> bool {
        let place = place(peer);
        // Each critical section leaves the map whole, so a panic elsewhere does not spoil it.
        let mut tills = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tills.len() >= TILLS {
            tills.retain(|_, seen| now.since_us(seen.last.1) < MINUTE_US);
            if tills.len() >= TILLS {
                tills.clear();
            }
        }
        let first = Seen { last: (place, now), before: None };
        let seen = tills.entry(terminal_id).or_insert(first);
        if seen.last.0 == place {
            seen.last.1 = now;
            return false;
        }
        let is_back = seen.before.is_some_and(|(ip, at)| ip == place && now.since_us(at) < MINUTE_US);
        seen.before = Some(seen.last);
        seen.last = (place, now);
        if is_back {
            tills.remove(&terminal_id);
        }
        is_back
    }
}

/// An IPv4 address, or the 64 bits of an IPv6 one that name its network.
fn place(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 64 << 64).into()),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::SECOND_US;

    const TILL: TerminalId = TerminalId([1; 16]);

    /// Whether the last of these calls raises the alarm: where, and when in seconds.
    fn alarm(calls: &[(&str, i64)]) -> bool {
        let places = Places::default();
        let mut raised = false;
        for (peer, second) in calls {
            raised = places.seen(TILL, peer.parse().expect("an address"), Timestamp(second * SECOND_US));
        }
        raised
    }

    #[test]
    fn here_there_and_here_again_within_a_minute_is_two_places() {
        assert!(alarm(&[("192.0.2.1", 0), ("198.51.100.1", 20), ("192.0.2.1", 59)]));
        assert!(alarm(&[("2001:db8::1", 0), ("192.0.2.1", 1), ("2001:db8::2", 2)]));
    }

    #[test]
    fn a_till_that_moves_is_at_one_place() {
        assert!(!alarm(&[("192.0.2.1", 0), ("198.51.100.1", 1)]));
        assert!(!alarm(&[("192.0.2.1", 0), ("198.51.100.1", 20), ("192.0.2.1", 60)]));
        assert!(!alarm(&[("192.0.2.1", 0), ("198.51.100.1", 1), ("203.0.113.1", 2)]));
        assert!(!alarm(&[("2001:db8::1", 0), ("2001:db8::2", 1), ("2001:db8::1", 2)]));
        assert!(!alarm(&[("192.0.2.1", 0), ("::ffff:192.0.2.1", 1), ("192.0.2.1", 2)]));
    }

    #[test]
    fn one_till_says_nothing_about_another() {
        let places = Places::default();
        let [here, there] = ["192.0.2.1", "198.51.100.1"].map(|ip| ip.parse().expect("an address"));
        for number in 0..4 {
            let peer = if number % 2 == 0 { here } else { there };
            assert!(!places.seen(TerminalId([number; 16]), peer, Timestamp(i64::from(number))));
        }
    }
}
