//! HTTP to addresses that strangers name. Whom their names stand for is judged at the moment of connecting,
//! and what was judged is what is connected to: a name that stood for another address before, or will
//! stand for another one later, gains nothing by it.
//!
//! No connection is kept for the next request, which is judged anew.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::{Unusable, builder, url};

/// Who may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Hosts of the public network, over TLS.
    Public,
    /// Every host over TLS, and this machine without: for a sandbox, or a network of one's own.
    Private,
}

/// Addresses of the public network have no host here, or none that is anybody's business but its own
/// network's: (network, length of its prefix).
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 17] = [
    // IANA's special-purpose registry (RFC 6890): this network, private, shared (RFC 6598), loopback.
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, and with it the metadata services of most clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    // Protocol assignments, documentation, 6to4 relays, benchmarks.
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Two clouds' inner services on public addresses: Azure's, and IBM's.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(161, 26, 0, 0), 16),
];

/// Only 2000::/3 is given out (RFC 4291); within it these are not, or lead into IPv4 (Teredo, 6to4).
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is a host's of the public network. Forms that hold an IPv4 address (mapped,
/// compatible, NAT64) are not: nobody is known by one.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            !NOT_PUBLIC_V4.iter().any(|(network, length)| (bits ^ network.to_bits()) >> (32 - length) == 0)
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            bits >> 125 == 1
                && !NOT_PUBLIC_V6
                    .iter()
                    .any(|(network, length)| (bits ^ network.to_bits()) >> (128 - length) == 0)
        }
    }
}

/// A URL that requests may go to: without a name and a password, and of a host that may be reached where
/// it says so itself. What its name stands for is judged when it is connected to.
pub fn endpoint_url(text: &str, reach: Reach) -> Result<Url, Unusable> {
    let url = url(text)?;
    if reach == Reach::Private {
        return Ok(url);
    }
    // A service of another protocol on a port below 1024 could be talked to by what a URL says.
    let port = url.port_or_known_default().unwrap_or(0);
    let is_web = url.scheme() == "https" && (port == 443 || port >= 1024);
    let host = url.host_str().unwrap_or("");
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_reachable = match bare.parse::<IpAddr>() {
        Ok(address) => is_public(address),
        Err(_) => bare.contains('.') && !bare.ends_with(".localhost"),
    };
    if is_web && is_reachable { Ok(url) } else { Err(Unusable::Url) }
}

/// A client for such URLs.
pub fn client(
    resolver: Arc<dyn Resolve>,
    reach: Reach,
    ca_pem: Option<&[u8]>,
    timeout: Duration,
) -> Result<Client, Unusable> {
    builder(ca_pem, timeout)?
        .dns_resolver(Arc::new(Judged { resolver, reach }))
        .pool_max_idle_per_host(0)
        .build()
        .map_err(|_| Unusable::Client)
}

/// As many names are asked for at once. It is done on threads that others need too, and whoever does not wait
/// any more does not get his thread back before the answer.
const LOOKUPS: usize = 32;

/// The machine's own resolver.
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let permit = lookups.acquire_owned().await?;
            let addresses = spawn_blocking(move || {
                let _until_it_is_done = permit;
                (name.as_str(), 0).to_socket_addrs().map(Vec::from_iter)
            });
            Ok(Box::new(addresses.await??.into_iter()) as Addrs)
        })
    }
}

/// A resolver's answers, of which only those are left that may be reached.
struct Judged {
    resolver: Arc<dyn Resolve>,
    reach: Reach,
}

impl Resolve for Judged {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolving, reach) = (self.resolver.resolve(name), self.reach);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> =
                resolving.await?.filter(|at| reach == Reach::Private || is_public(at.ip())).collect();
            if addresses.is_empty() {
                return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, NotReached).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A name stands for no host that may be reached.
#[derive(Debug)]
struct NotReached;

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name stands for no address of the public network")
    }
}

impl std::error::Error for NotReached {}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn addresses_that_are_no_public_hosts_are_not_reached() {
        let wrong = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.9.9.9 \
             169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 \
             198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 \
             255.255.255.255 168.63.129.16 161.26.0.10 :: ::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::127.0.0.1 \
             64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 \
             ff02::1 2001::1 2001:2::1 2001:10::1 2001:db8::1 2002:7f00:1::1 3fff::1 5f00::1";
        for text in wrong.split_whitespace() {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        let right = "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
             128.0.0.1 169.253.1.1 172.15.255.255 172.32.0.0 192.0.1.1 192.167.1.1 198.17.1.1 198.20.0.0 \
             223.255.255.255 168.63.129.17 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00::1";
        for text in right.split_whitespace() {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_a_public_host_over_tls() {
        let wrong = "http://h.example/ https://127.0.0.1/ https://127.0.0.1./ https://2130706433/ \
             https://0x7f.1/ https://0177.0.0.1/ https://[::1]/ https://[::ffff:10.0.0.1]/ \
             https://169.254.169.254/latest https://localhost/ https://a.localhost/ https://intranet/ \
             https://u@h.example/ https://u:p@h.example/ https://h.example:25/ https://h.example:22/ \
             https://h.example:0/ https://h.example:80/ ftp://h.example/ //h.example/ h.example";
        for text in wrong.split_whitespace().chain([""]) {
            assert_eq!(endpoint_url(text, Reach::Public), Err(Unusable::Url), "{text}");
        }
        for text in
            ["https://h.example/in?a=b", "https://h.example:8443/", "https://8.8.8.8/", "https://例え.jp/"]
        {
            assert!(endpoint_url(text, Reach::Public).is_ok(), "{text}");
        }
        for text in ["http://127.0.0.1:8080/", "https://10.0.0.1/", "https://intranet:25/"] {
            assert!(endpoint_url(text, Reach::Private).is_ok(), "{text}");
        }
        for text in ["http://10.0.0.1/", "https://u:p@intranet/"] {
            assert_eq!(endpoint_url(text, Reach::Private), Err(Unusable::Url), "{text}");
        }
    }

    /// Answers each question with the next of its answers.
    struct Changing(Mutex<Vec<Vec<&'static str>>>);

    impl Resolve for Changing {
        fn resolve(&self, _name: Name) -> Resolving {
            let answer = self.0.lock().unwrap().remove(0);
            let addresses = answer.into_iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0));
            let addresses: Vec<_> = addresses.collect();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    #[tokio::test]
    async fn a_name_that_changes_what_it_stands_for_is_judged_each_time() {
        let answers = vec![
            vec!["8.8.8.8"],
            vec!["127.0.0.1"],
            vec!["8.8.4.4", "10.0.0.1", "::1"],
            vec!["::ffff:127.0.0.1", "169.254.169.254"],
            vec![],
        ];
        let judged = Judged { resolver: Arc::new(Changing(Mutex::new(answers))), reach: Reach::Public };
        for expected in [Some(vec!["8.8.8.8"]), None, Some(vec!["8.8.4.4"]), None, None] {
            let resolved = judged.resolve("h.example".parse().unwrap()).await;
            let addresses = resolved.ok().map(|all| all.map(|at| at.ip().to_string()).collect::<Vec<_>>());
            assert_eq!(addresses, expected.map(|all| all.into_iter().map(str::to_owned).collect()));
        }
    }
}
