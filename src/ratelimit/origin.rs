//! Which buckets an address draws from.
//!
//! A household has one IPv4 address, but in IPv6 a customer has a /64 at least and often a /48, and
//! whoever rents a server gets as much. So IPv6 is counted at three lengths, the shorter ones with wider
//! limits. An IPv4 address that comes in IPv6 clothing (mapped, or through NAT64) is counted as what it
//! is: else it would have a second allowance, or share one with the whole world.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ratelimit::source::BucketKey;

/// Length of an IPv6 prefix, and by how much the limit is wider there.
const IPV6_PREFIXES: [(u8, u32); 3] = [(64, 1), (48, 4), (40, 16)];

/// RFC 6052, 2.1: the well-known prefix, 64:ff9b::/96.
const NAT64: [u8; 12] = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

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
        IpAddr::V6(address) => address.to_ipv4_mapped().or_else(|| nat64(address)).map_or(ip, IpAddr::V4),
    }
}

fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let octets = address.octets();
    let embedded: [u8; 4] = octets.strip_prefix(&NAT64)?.try_into().ok()?;
    Some(Ipv4Addr::from(embedded))
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
        // The old "compatible" form and other prefixes are no such clothing.
        assert_eq!(shared("::192.0.2.1", "192.0.2.1"), 0);
        assert_eq!(shared("64:ff9b:1::192.0.2.1", "192.0.2.1"), 0);
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
