//! Which buckets an address draws from.
//!
//! A household has one IPv4 address, but in IPv6 a customer has a /64 at least and often a /48, and
//! whoever rents a server gets as much. So IPv6 is counted at three lengths, the shorter ones with wider
//! limits. An IPv4 address that comes in IPv6 clothing (mapped, through NAT64, 6to4 or Teredo) is counted as
//! what it is: else it would have a second allowance or 65,536 of them, or share one with the whole world.
//! Each of these forms is routed back to the IPv4 address in it, so nobody can call by another's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ratelimit::source::BucketKey;

/// Length of an IPv6 prefix, and by how much the limit is wider there.
const IPV6_PREFIXES: [(u8, u32); 3] = [(64, 1), (48, 4), (40, 16)];

/// RFC 6052, 2.1: the well-known prefix, 64:ff9b::/96.
const NAT64: [u8; 12] = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
/// RFC 8215: a network's own, 64:ff9b:1::/48. Its translator has a /96 of it; with a shorter prefix
/// (RFC 6052, 2.2) the last bytes are zero, and all of its addresses are few origins and not many.
const NAT64_OF_A_NETWORK: [u8; 6] = [0x00, 0x64, 0xff, 0x9b, 0x00, 0x01];
/// RFC 3056, 2: 2002::/16, then the site's address.
const SIX_TO_FOUR: [u8; 2] = [0x20, 0x02];
/// RFC 4380, 4: 2001::/32, and the client's address at the end with every bit inverted.
const TEREDO: [u8; 4] = [0x20, 0x01, 0, 0];

/// The buckets of an address for one class of calls, each with the factor of the class's limit.
pub fn origin_keys(class: &'static str, ip: IpAddr) -> Vec<(BucketKey, u32)> {
    match unfolded(ip) {
        IpAddr::V4(address) => vec![(key(class, 4, 32, &address.octets()), 1)],
        IpAddr::V6(address) => IPV6_PREFIXES
            .map(|(length, factor)| {
                let prefix = u128::from(address) & (u128::MAX << (128 - length));
                (key(class, 6, length, &prefix.to_be_bytes()), factor)
            })
            .to_vec(),
    }
}

/// The one bucket of whoever is at an address: an IPv4 address, or the /48 that one site is given.
pub fn site_key(class: &'static str, ip: IpAddr) -> BucketKey {
    let keys = origin_keys(class, ip);
    let (key, _) = keys.get(1).unwrap_or(&keys[0]);
    *key
}

fn key(class: &'static str, family: u8, length: u8, prefix: &[u8]) -> BucketKey {
    BucketKey::new(class, &[&[family, length], prefix].concat())
}

fn unfolded(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(address) => address.to_ipv4_mapped().or_else(|| embedded(address)).map_or(ip, IpAddr::V4),
    }
}

/// The IPv4 address behind one of IPv6, where its form says which that is.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let number = u128::from(address);
    // The last four bytes, and those after the first two.
    let (last, third) = (number & u128::from(u32::MAX), number >> 80 & u128::from(u32::MAX));
    let behind = if octets.starts_with(&NAT64) || octets.starts_with(&NAT64_OF_A_NETWORK) {
        last
    } else if octets.starts_with(&SIX_TO_FOUR) {
        third
    } else if octets.starts_with(&TEREDO) {
        last ^ u128::from(u32::MAX)
    } else {
        return None;
    };
    u32::try_from(behind).ok().map(Ipv4Addr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ip: &str) -> Vec<(BucketKey, u32)> {
        origin_keys("test", ip.parse().unwrap())
    }

    // At how many lengths two addresses draw from one bucket.
    fn shared(one: &str, other: &str) -> usize {
        keys(one).iter().filter(|key| keys(other).contains(key)).count()
    }

    #[test]
    fn ipv4_counts_by_address() {
        assert_eq!(keys("192.0.2.1").iter().map(|(_, factor)| *factor).collect::<Vec<_>>(), [1]);
        assert_eq!(shared("192.0.2.1", "192.0.2.2"), 0);
    }

    #[test]
    fn ipv6_counts_at_three_lengths_with_wider_limits() {
        assert_eq!(keys("2001:db8::1").iter().map(|(_, factor)| *factor).collect::<Vec<_>>(), [1, 4, 16]);
        for (other, same) in [
            ("2001:db8::ffff:ffff:ffff:ffff", 3),
            ("2001:db8:0:1::1", 2),
            ("2001:db8:0:ffff::1", 2),
            ("2001:db8:1::1", 1),
            ("2001:db8:ff::1", 1),
            ("2001:db8:100::1", 0),
        ] {
            assert_eq!(shared("2001:db8::1", other), same, "{other}");
        }
    }

    #[test]
    fn ipv4_in_ipv6_clothing_is_ipv4() {
        assert_eq!(keys("::ffff:192.0.2.1"), keys("192.0.2.1"));
        assert_eq!(keys("64:ff9b::192.0.2.1"), keys("192.0.2.1"));
        // A network's own translator, at any /96 of its /48.
        assert_eq!(keys("64:ff9b:1::192.0.2.1"), keys("192.0.2.1"));
        assert_eq!(keys("64:ff9b:1:abcd::192.0.2.1"), keys("192.0.2.1"));
        // 6to4: a site's 65,536 networks are one origin.
        assert_eq!(keys("2002:c000:201::1"), keys("192.0.2.1"));
        assert_eq!(keys("2002:c000:201:ffff:1:2:3:4"), keys("192.0.2.1"));
        // Teredo, by whatever server and port: RFC 4380's own example of a client, 192.0.2.45.
        assert_eq!(keys("2001:0:4136:e378:8000:63bf:3fff:fdd2"), keys("192.0.2.45"));
        assert_eq!(keys("2001::a:b:c:3fff:fdd2"), keys("192.0.2.45"));
        // The old "compatible" form and other prefixes are no such clothing.
        assert_eq!(shared("::192.0.2.1", "192.0.2.1"), 0);
        assert_eq!(shared("64:ff9b:2::192.0.2.1", "192.0.2.1"), 0);
        assert_eq!(shared("2001:1::3fff:fdd2", "192.0.2.45"), 0);
        assert_eq!(shared("2003:c000:201::1", "192.0.2.1"), 0);
        assert_eq!(shared("64:ff9b::1:0:0", "192.0.2.1"), 0);
    }

    #[test]
    fn classes_and_lengths_have_buckets_of_their_own() {
        let ip = "2001:db8::".parse().unwrap();
        assert!(origin_keys("a", ip).iter().all(|key| !origin_keys("b", ip).contains(key)));
        let mut buckets: Vec<_> = origin_keys("a", ip).into_iter().map(|(key, _)| key).collect();
        buckets.dedup();
        assert_eq!(buckets.len(), 3);
    }
}
