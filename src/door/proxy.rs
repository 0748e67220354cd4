//! Who a connection is from when a load balancer passes it on: the PROXY protocol, version 2 (HAProxy's
//! specification, section 2.2), from listed addresses and from no other.
//!
//! A listed address must send the header, in front of TLS and in the handshake's time. Nobody else's is read:
//! it is no TLS, and its sender is turned away. So no peer says where it comes from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncReadExt as _};

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
/// Addresses, and what a balancer says besides; more is none of its business.
const BODY_BYTES_MAX: usize = 1_024;

/// Addresses with a prefix in common, such as 10.0.0.0/8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix_bits: u8,
}

/// It is not an address, or an address and a prefix's length.
#[derive(Debug, PartialEq, Eq)]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let first: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let prefix_bits = prefix.map_or(Ok(longest), |bits| bits.parse().map_err(|_| NotANetwork))?;
        let network = Self { first, prefix_bits };
        // One with bits behind its prefix is a slip of the pen, and everybody's proxy is nobody's.
        let is_sound = (1..=longest).contains(&prefix_bits) && network.masked(first) == Some(bits_of(first));
        if is_sound { Ok(network) } else { Err(NotANetwork) }
    }
}

impl Network {
    fn masked(self, address: IpAddr) -> Option<u128> {
        if address.is_ipv4() != self.first.is_ipv4() {
            return None;
        }
        let free_bits = if address.is_ipv4() { 32 } else { 128 } - u32::from(self.prefix_bits);
        Some(bits_of(address) & u128::MAX.checked_shl(free_bits).unwrap_or(0))
    }

    fn holds(self, address: IpAddr) -> bool {
        self.masked(address) == Some(bits_of(self.first))
    }
}

fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The load balancers; nobody, where none is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    /// These.
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether it is one of them.
    pub fn holds(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.holds(address))
    }
}

/// Why a header is not one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// The connection ended, or failed.
    Cut,
    /// It does not begin as one of version 2, or is of a kind that is none.
    NotOne,
    /// It is longer than any that says where somebody comes from.
    TooLong,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "the proxy's header was not finished",
            Self::NotOne => "a listed proxy sent no PROXY protocol header of version 2",
            Self::TooLong => "the proxy's header is too long",
        })
    }
}

/// Reads a proxy's header: who is behind it, or the proxy itself where it speaks for itself.
pub(super) async fn client(
    line: &mut (impl AsyncRead + Unpin),
    proxy: SocketAddr,
) -> Result<SocketAddr, HeaderError> {
    let mut head = [0; 16];
    line.read_exact(&mut head).await.map_err(|_| HeaderError::Cut)?;
    let [signature @ .., command, family, high, low] = head;
    if signature != *SIGNATURE {
        return Err(HeaderError::NotOne);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > BODY_BYTES_MAX {
        return Err(HeaderError::TooLong);
    }
    let mut body = vec![0; length];
    line.read_exact(&mut body).await.map_err(|_| HeaderError::Cut)?;
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED) => Ok(proxy),
        (PROXY, TCP_OVER_IPV4) => ipv4(&body).ok_or(HeaderError::NotOne),
        (PROXY, TCP_OVER_IPV6) => ipv6(&body).ok_or(HeaderError::NotOne),
        _ => Err(HeaderError::NotOne),
    }
}

/// Source, destination, and the ports of both.
fn ipv4(body: &[u8]) -> Option<SocketAddr> {
    let (addresses, rest) = body.split_first_chunk::<8>()?;
    let [a, b, c, d, ..] = *addresses;
    Some(SocketAddr::from((Ipv4Addr::new(a, b, c, d), port(rest)?)))
}

fn ipv6(body: &[u8]) -> Option<SocketAddr> {
    let (source, rest) = body.split_first_chunk::<16>()?;
    let (_destination, rest) = rest.split_first_chunk::<16>()?;
    Some(SocketAddr::from((Ipv6Addr::from(*source), port(rest)?)))
}

fn port(rest: &[u8]) -> Option<u16> {
    let [high, low, _, _, ..] = *rest else { return None };
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_and_what_begins_like_it() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.4/30", "192.0.2.7", "192.0.2.8"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::1", "::1", "127.0.0.1"),
            ("128.0.0.0/1", "255.0.0.0", "8000::"),
        ] {
            let proxies = Proxies::new(vec![text.parse().expect(text)]);
            assert!(proxies.holds(inside.parse().expect(inside)), "{text} {inside}");
            assert!(!proxies.holds(outside.parse().expect(outside)), "{text} {outside}");
        }
        let mapped = Proxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        assert!(mapped.holds("::ffff:10.0.0.1".parse().expect("an address")));
        for text in
            ["", "10.0.0.0/33", "10.0.0.1/8", "0.0.0.0/0", "::/0", "10.0.0.0/", "proxy", "10.0.0.0/8/8"]
        {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }

    fn header(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).expect("short");
        [&SIGNATURE[..], &[command, family], &length.to_be_bytes(), body].concat()
    }

    #[tokio::test]
    async fn a_header_says_who_is_behind_the_proxy() {
        let proxy: SocketAddr = "10.0.0.1:9".parse().expect("an address");
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0xd4, 0x31, 1, 187];
        let ours = Ipv6Addr::LOCALHOST.octets();
        let v6 =
            [&"2001:db8::7".parse::<Ipv6Addr>().expect("an address").octets()[..], &ours, &v4[8..]].concat();
        let more = [&v4[..], &[4, 0, 1, 0]].concat();
        let client_v4 = "203.0.113.7:54321".parse().expect("an address");
        for (bytes, expected) in [
            (header(PROXY, TCP_OVER_IPV4, &v4), Ok(client_v4)),
            (header(PROXY, TCP_OVER_IPV4, &more), Ok(client_v4)),
            (header(PROXY, TCP_OVER_IPV6, &v6), Ok("[2001:db8::7]:54321".parse().expect("an address"))),
            (header(LOCAL, UNSPECIFIED, &[]), Ok(proxy)),
            (header(LOCAL, TCP_OVER_IPV4, &v4), Ok(proxy)),
            (header(PROXY, UNSPECIFIED, &v4), Ok(proxy)),
            (header(PROXY, TCP_OVER_IPV4, &v4[..11]), Err(HeaderError::NotOne)),
            (header(PROXY, TCP_OVER_IPV6, &v6[..35]), Err(HeaderError::NotOne)),
            (header(PROXY, 0x12, &v4), Err(HeaderError::NotOne)),
            (header(PROXY, 0x31, &v4), Err(HeaderError::NotOne)),
            (header(0x11, TCP_OVER_IPV4, &v4), Err(HeaderError::NotOne)),
            (header(0x22, TCP_OVER_IPV4, &v4), Err(HeaderError::NotOne)),
            (b"PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n".to_vec(), Err(HeaderError::NotOne)),
            (header(PROXY, TCP_OVER_IPV4, &[0; 1_025]), Err(HeaderError::TooLong)),
            (header(PROXY, TCP_OVER_IPV4, &v4)[..20].to_vec(), Err(HeaderError::Cut)),
            (SIGNATURE.to_vec(), Err(HeaderError::Cut)),
        ] {
            assert_eq!(client(&mut &bytes[..], proxy).await, expected, "{bytes:?}");
        }
    }
}
