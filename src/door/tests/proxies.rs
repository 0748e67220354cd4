//! Load balancers that pass connections on, as small relays on loopback.

use tokio::io::copy_bidirectional;

use super::*;
use crate::door::proxy::Network;

const HERE: &str = "127.0.0.1";

/// A PROXY protocol header of a client with this last number and port.
fn header(number: u8, port: u16) -> Vec<u8> {
    let addresses = [203, 0, 113, number, 127, 0, 0, 1];
    let ports = [port.to_be_bytes(), 443_u16.to_be_bytes()].concat();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses, &ports].concat()
}

/// Listens, and passes every connection on with this in front.
async fn relay(server: SocketAddr, first: Vec<u8>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((HERE, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut onward = TcpStream::connect(server).await.unwrap();
            onward.write_all(&first).await.unwrap();
            tokio::spawn(async move { drop(copy_bidirectional(&mut client, &mut onward).await) });
        }
    });
    address
}

fn proxies(listed: &str) -> Proxies {
    Proxies::new(vec![listed.parse::<Network>().unwrap()])
}

async fn port_seen(server: &Running, through: SocketAddr) -> Option<i64> {
    let channel = connect(through, &server.ca_pem).await.ok()?;
    let call = unary::<pb::GetBalanceReply>(&channel, method::GET_BALANCE, pb::Envelope::default());
    timeout(PATIENCE, call).await.expect("it is served, or closed").ok().map(|reply| reply.available_minor)
}

#[tokio::test]
async fn a_listed_proxy_says_who_is_behind_it_and_each_has_a_share_of_its_own() {
    let server = start_behind(Limits { connections_per_origin: 1, ..limits() }, proxies(HERE));
    let one = relay(server.address, header(7, 54_321)).await;
    let other = relay(server.address, header(8, 54_322)).await;
    let held = connect(one, &server.ca_pem).await.unwrap();
    let reply: pb::GetBalanceReply =
        unary(&held, method::GET_BALANCE, pb::Envelope::default()).await.unwrap();
    assert_eq!(reply.available_minor, 54_321);
    assert_eq!(port_seen(&server, one).await, None, "the same origin has no room");
    assert_eq!(port_seen(&server, other).await, Some(54_322), "another one has");
}

#[tokio::test]
async fn a_listed_proxy_without_a_header_in_time_is_turned_away() {
    let server = start_behind(Limits { handshake: Duration::from_millis(50), ..limits() }, proxies(HERE));
    assert!(server.tls().await.is_err(), "TLS is no header");
    let silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(until_closed(silent).await, b"");
}

#[tokio::test]
async fn a_header_of_nobody_listed_is_no_tls() {
    for listed in [None, Some("192.0.2.1")] {
        let server = start_behind(limits(), listed.map_or_else(Proxies::default, proxies));
        let stranger = relay(server.address, header(7, 54_321)).await;
        assert_eq!(port_seen(&server, stranger).await, None);
        server.serves().await;
    }
}
