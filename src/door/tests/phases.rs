//! Peers who say nothing, little or the wrong thing, at each phase up to the first request.

use super::frames::{ACK, END_HEADERS, HEADERS, PING, call_fields, frame, opening};
use super::*;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_client_that_offers_tls_1_2_at_most_is_refused() {
    let server = start(limits());
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    tcp.write_all(&client_hello_of_tls_1_2()).await.unwrap();
    let received = until_closed(tcp).await;
    // RFC 8446, 6: an alert record, fatal, protocol_version.
    assert_eq!(received.first(), Some(&21), "{received:?}");
    assert_eq!(received[3..], [0, 2, 2, 70]);
}

fn client_hello_of_tls_1_2() -> Vec<u8> {
    let extensions = [
        &[0x00, 0x0a, 0, 4, 0, 2, 0x00, 0x17][..], // supported_groups: secp256r1
        &[0x00, 0x0d, 0, 4, 0, 2, 0x04, 0x03],     // signature_algorithms: ecdsa_secp256r1_sha256
        &[0x00, 0x10, 0, 5, 0, 3, 2, b'h', b'2'],  // ALPN: h2
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]); // no session, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 1];
    hello.extend((length + 4).to_be_bytes());
    hello.extend([1, 0]);
    hello.extend(length.to_be_bytes());
    hello.extend(body);
    hello
}

#[tokio::test]
async fn a_client_without_h2_is_turned_away_after_the_handshake() {
    let server = start(limits());
    let mut config = (*client_config(&server.ca_pem).unwrap()).clone();
    config.alpn_protocols.clear();
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    // The server may have closed already; either way nothing comes back.
    drop(tls.write_all(b"GET / HTTP/1.1\r\n\r\n").await);
    assert_eq!(until_closed(tls).await, b"");
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_is_closed_at_the_deadline() {
    let server = start(Limits { handshake: SHORT, ..limits() });
    let tcp = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(until_closed(tcp).await, b"");
}

#[tokio::test]
async fn a_peer_that_is_silent_after_the_handshake_is_closed_at_the_deadline() {
    let server = start(Limits { preface: SHORT, ..limits() });
    assert_eq!(until_closed(server.tls().await.unwrap()).await, b"");
}

#[tokio::test]
async fn half_a_preface_does_not_hold_the_connection() {
    let server = start(Limits { preface: SHORT, ..limits() });
    let mut tls = server.tls().await.unwrap();
    tls.write_all(b"PRI * HTTP/2").await.unwrap();
    assert_eq!(until_closed(tls).await, b"");
}

#[tokio::test]
async fn half_a_client_hello_is_closed_at_the_deadline() {
    let server = start(Limits { handshake: SHORT, ..limits() });
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let hello = client_hello_of_tls_1_2();
    tcp.write_all(&hello[..hello.len() / 2]).await.unwrap();
    server.serves().await;
    assert_eq!(until_closed(tcp).await, b"");
}

#[tokio::test]
async fn a_peer_that_is_silent_after_its_preface_is_closed_at_the_deadline() {
    let server = start(Limits { first_request: SHORT, ..limits() });
    let silent = server.sent(&opening(None)).await;
    server.serves().await;
    silent.until_closed().await;
}

#[tokio::test]
async fn answering_pings_is_no_request() {
    let (keep_alive, first_request) = (Duration::from_millis(20), Duration::from_millis(300));
    let server = start(Limits { first_request, keep_alive, ..limits() });
    let frames = server.sent(&opening(None)).await.until_closed().await;
    assert!(frames.iter().any(|frame| frame.kind == PING && frame.flags != ACK), "it was asked: {frames:?}");
}

#[tokio::test]
async fn headers_that_do_not_end_are_no_request() {
    let server = start(Limits { first_request: SHORT, ..limits() });
    let fields = call_fields(method::GET_BALANCE);
    let half = frame(HEADERS, 0, 1, &fields[..fields.len() / 2]);
    assert_ne!(END_HEADERS, 0);
    let slow = server.sent(&[opening(None), half].concat()).await;
    server.serves().await;
    slow.until_closed().await;
}

#[tokio::test]
async fn after_its_first_request_an_idle_connection_stays() {
    let server = start(Limits { first_request: SHORT, ..limits() });
    let channel = connect(server.address, &server.ca_pem).await.unwrap();
    let port = || async {
        let reply: pb::GetBalanceReply =
            unary(&channel, method::GET_BALANCE, pb::Envelope::default()).await.unwrap();
        reply.available_minor
    };
    let before = port().await;
    // One that never asks is closed meanwhile, so the deadline has passed.
    server.sent(&opening(None)).await.until_closed().await;
    assert_eq!(port().await, before, "the same connection");
}
