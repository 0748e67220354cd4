//! What one call may take, and what is answered where no handler answers.

use bytes::Bytes;
use h2::client::SendRequest;
use tokio::time::interval;
use tonic::codegen::http::{self, HeaderMap};
use tonic_types::StatusExt as _;

use super::*;

const SHORT: Duration = Duration::from_millis(50);

/// A client that sends what it is told to, on a connection that is driven elsewhere.
async fn raw_client(server: &Running) -> SendRequest<Bytes> {
    let (client, connection) = h2::client::handshake(server.tls().await.unwrap()).await.unwrap();
    tokio::spawn(async move { drop(connection.await) });
    client.ready().await.unwrap()
}

fn request(method: &str, headers: &[(&str, &[u8])]) -> http::Request<()> {
    let mut request = http::Request::post(format!("https://localhost{method}"))
        .header("te", "trailers")
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

/// The call's status, from its headers or its trailers.
async fn status(response: h2::client::ResponseFuture) -> Code {
    let read = async {
        let (head, mut body) = response.await.unwrap().into_parts();
        let code =
            |headers: &HeaderMap| headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()));
        if let Some(code) = code(&head.headers) {
            return code;
        }
        while let Some(data) = body.data().await {
            drop(data.unwrap());
        }
        code(&body.trailers().await.unwrap().expect("trailers")).expect("a status")
    };
    timeout(PATIENCE, read).await.expect("an answer")
}

fn envelope(private: &[u8]) -> pb::Envelope {
    pb::Envelope { private: private.to_vec(), ..pb::Envelope::default() }
}

#[tokio::test]
async fn a_message_that_never_comes_ends_its_call_in_time_and_not_its_connection() {
    let server = start(Limits { call: SHORT, ..limits() });
    let mut client = raw_client(&server).await;
    let (response, _body) = client.send_request(request(method::GET_BALANCE, &[]), false).unwrap();
    server.serves().await;
    assert_eq!(status(response).await, Code::Cancelled);
    let (response, mut body) = client.send_request(request(method::GET_BALANCE, &[]), false).unwrap();
    body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
    assert_eq!(status(response).await, Code::Ok);
}

#[tokio::test]
async fn a_message_that_comes_a_byte_at_a_time_ends_its_call_in_time() {
    let server = start(Limits { call: Duration::from_millis(200), ..limits() });
    let mut client = raw_client(&server).await;
    let (response, mut body) = client.send_request(request(method::GET_BALANCE, &[]), false).unwrap();
    // It says that 60,000 bytes will come.
    body.send_data(Bytes::from_static(&[0, 0, 0, 0xea, 0x60]), false).unwrap();
    let dripping = async {
        let mut ticks = interval(Duration::from_millis(5));
        while body.send_data(Bytes::from_static(b"x"), false).is_ok() {
            ticks.tick().await;
        }
    };
    let (code, ()) = tokio::join!(status(response), async { drop(timeout(PATIENCE, dripping).await) });
    assert_eq!(code, Code::Cancelled);
    server.serves().await;
}

#[tokio::test]
async fn whatever_a_client_says_of_its_time_the_servers_own_bound_holds() {
    let server = start(Limits { call: SHORT, ..limits() });
    let mut client = raw_client(&server).await;
    for value in [
        &b"99999999H"[..],
        b"18446744073709551615H",
        b"-1S",
        b"0n",
        b"1",
        b"S",
        b"",
        b"1x",
        b"1e9S",
        b"\xff\xfe",
        b"99999999999999999999999999999999999999n",
    ] {
        let (response, mut body) =
            client.send_request(request(method::LIST_ENTRIES, &[("grpc-timeout", value)]), false).unwrap();
        body.send_data(Bytes::from_static(&[0; 5]), true).unwrap();
        assert_eq!(status(response).await, Code::Cancelled, "{value:?}");
    }
    server.serves().await;
}

#[tokio::test]
async fn compressed_messages_are_not_taken_and_not_unpacked() {
    let server = start(limits());
    let mut client = raw_client(&server).await;
    for (encoding, flag) in [("gzip", 1), ("deflate", 1), ("zstd", 1), ("br", 0)] {
        let headers: &[(&str, &[u8])] = &[("grpc-encoding", encoding.as_bytes())];
        let (response, mut body) = client.send_request(request(method::GET_BALANCE, headers), false).unwrap();
        body.send_data(Bytes::from(vec![flag, 0, 0, 0, 1, 0]), true).unwrap();
        assert_eq!(status(response).await, Code::Unimplemented, "{encoding}");
    }
    // The flag alone, without saying how.
    let (response, mut body) = client.send_request(request(method::GET_BALANCE, &[]), false).unwrap();
    body.send_data(Bytes::from_static(&[1, 0, 0, 0, 1, 0]), true).unwrap();
    assert_eq!(status(response).await, Code::Internal);
}

#[tokio::test]
async fn a_panic_costs_its_call_and_not_the_connection() {
    let server = start(limits());
    let channel = connect(server.address, &server.ca_pem).await.unwrap();
    let before: pb::GetBalanceReply = unary(&channel, method::GET_BALANCE, envelope(b"")).await.unwrap();
    let refused = unary::<pb::GetBalanceReply>(&channel, method::GET_BALANCE, envelope(PANIC)).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    assert_eq!(refused.get_details_error_info().unwrap().reason, pb::Reason::Internal.as_str_name());
    assert!(!refused.message().contains("as it was told"), "{refused}");
    let after: pb::GetBalanceReply = unary(&channel, method::GET_BALANCE, envelope(b"")).await.unwrap();
    assert_eq!(before, after, "the same port, so the same connection");
}

/// Calls that wait in their handlers, so many at a time.
fn hold(channel: &tonic::transport::Channel, count: usize) -> tokio::task::JoinSet<()> {
    (0..count)
        .map(|_| {
            let channel = channel.clone();
            async move {
                drop(unary::<pb::ListEntriesReply>(&channel, method::LIST_ENTRIES, envelope(b"")).await);
            }
        })
        .collect()
}

/// Calls until one is answered like this; the server notices beginnings and ends in its own time.
async fn until_answered(channel: &tonic::transport::Channel, expected: Code) -> Status {
    let mut ticks = interval(Duration::from_millis(5));
    let asking = async {
        loop {
            ticks.tick().await;
            let answer = unary::<pb::GetBalanceReply>(channel, method::GET_BALANCE, envelope(b"")).await;
            let status = answer.map_or_else(|status| status, |_reply| Status::ok(""));
            if status.code() == expected {
                return status;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("the expected answer")
}

#[tokio::test]
async fn past_the_bound_on_calls_under_way_a_call_is_refused_at_once() {
    for (calls, calls_per_origin, code, reason) in [
        (3, 10, Code::Unavailable, pb::Reason::Unavailable),
        (10, 3, Code::ResourceExhausted, pb::Reason::Throttled),
    ] {
        let server = start(Limits { calls, calls_per_origin, ..limits() });
        let channel = connect(server.address, &server.ca_pem).await.unwrap();
        let held = hold(&channel, 3);
        let refused = until_answered(&channel, code).await;
        assert_eq!(refused.get_details_error_info().unwrap().reason, reason.as_str_name());
        let retry = refused.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert_eq!(retry, Duration::from_secs(1));
        drop(held);
        until_answered(&channel, Code::Ok).await;
    }
}

#[tokio::test]
async fn an_answer_that_nobody_takes_counts_as_under_way() {
    let server = start(Limits { calls: 2, ..limits() });
    let channel = connect(server.address, &server.ca_pem).await.unwrap();
    let encoded = prost::Message::encode_to_vec(&envelope(LARGE));
    let mut bytes = frames::opening(Some(0));
    for stream in [1, 3] {
        bytes.extend(frames::call(stream, method::LIST_ENTRIES, frames::NONE));
        bytes.extend(frames::message(stream, &encoded));
    }
    let greedy = server.sent(&bytes).await;
    until_answered(&channel, Code::Unavailable).await;
    drop(greedy);
    until_answered(&channel, Code::Ok).await;
}
