//! Floods: each ends its own connection, and nobody else notices.

use super::frames::{
    CALM, CONTINUATION, DATA, END_HEADERS, END_STREAM, GO_AWAY, HEADERS, NONE, PING, PRIORITY, REFUSED,
    RESET, SETTINGS, UNKNOWN, WINDOW_UPDATE, call, call_fields, field, frame, indexed_field, message,
    opening,
};
use super::*;

/// How the server ended a connection: the code of its GOAWAY, if it sent one.
async fn end(server: &Running, flood: &[u8]) -> Option<u32> {
    let raw = server.sent(&[&opening(None)[..], flood].concat()).await;
    server.serves().await;
    raw.until_closed().await.iter().rev().find(|frame| frame.kind == GO_AWAY).and_then(Frame::code)
}

fn streams(count: u32) -> impl Iterator<Item = u32> {
    (0..count).map(|number| 2 * number + 1)
}

#[tokio::test]
async fn rapid_resets_end_the_connection() {
    let server = start(limits());
    let cancel = 8_u32.to_be_bytes();
    let flood: Vec<u8> = streams(200)
        .flat_map(|id| [call(id, method::LIST_ENTRIES, NONE), frame(RESET, NONE, id, &cancel)].concat())
        .collect();
    assert_eq!(end(&server, &flood).await, Some(CALM));
}

#[tokio::test]
async fn resets_that_are_waited_for_end_the_connection_too() {
    let server = start(limits());
    let mut raw = server.sent(&opening(None)).await;
    let mut calls = 0;
    for id in streams(1_000) {
        raw.send(&call(id, method::LIST_ENTRIES, NONE)).await;
        // The call is under way before it is reset: a PING behind it is answered.
        raw.send(&frame(PING, NONE, 0, &[1; 8])).await;
        if raw.frames().await.is_empty() {
            break;
        }
        raw.send(&frame(RESET, NONE, id, &8_u32.to_be_bytes())).await;
        calls += 1;
    }
    assert!((10..300).contains(&calls), "{calls} calls");
    server.serves().await;
}

#[tokio::test]
async fn resets_that_the_server_is_made_to_send_end_the_connection() {
    let server = start(limits());
    // More window than there is: the server resets the stream, by its own error (CVE-2025-8671).
    let overflow = 0x7fff_ffff_u32.to_be_bytes();
    let flood: Vec<u8> = streams(300)
        .flat_map(|id| {
            [call(id, method::LIST_ENTRIES, NONE), frame(WINDOW_UPDATE, NONE, id, &overflow)].concat()
        })
        .collect();
    assert_eq!(end(&server, &flood).await, Some(CALM));
}

#[tokio::test]
async fn continuations_without_end_end_the_connection() {
    let server = start(limits());
    let first = frame(HEADERS, NONE, 1, &call_fields(method::GET_BALANCE));
    let more = frame(CONTINUATION, NONE, 1, &field("x", "y")).repeat(1_000);
    assert_eq!(end(&server, &[first, more].concat()).await, Some(CALM));
}

#[tokio::test]
async fn frames_that_are_no_calls_end_the_connection_when_their_budget_is_used_up() {
    let server = start(limits());
    let weight = [0, 0, 0, 1, 9];
    for (kind, stream, payload) in [
        (PING, 0, &[0; 8][..]),
        (SETTINGS, 0, &[]),
        (PRIORITY, 7, &weight),
        (WINDOW_UPDATE, 0, &1_u32.to_be_bytes()),
        (UNKNOWN, 0, b"?"),
    ] {
        let one = frame(kind, NONE, stream, payload);
        // As many as may be, and the connection is as good as any …
        let within = [opening(None), one.repeat(900), call(1, method::GET_BALANCE, NONE), message(1, &[])];
        let mut raw = server.sent(&within.concat()).await;
        raw.until(|frame| frame.kind == HEADERS && frame.stream == 1).await;
        // … and then it isn't.
        raw.send(&one.repeat(1_200)).await;
        server.serves().await;
        raw.until_closed().await;
    }
}

#[tokio::test]
async fn empty_data_frames_end_the_connection() {
    let server = start(limits());
    let flood = [call(1, method::GET_BALANCE, NONE), frame(DATA, NONE, 1, &[]).repeat(5_000)].concat();
    assert_eq!(end(&server, &flood).await, Some(CALM));
}

#[tokio::test]
async fn a_header_bomb_ends_the_connection() {
    let server = start(limits());
    // One field of 3,000 bytes in the dynamic table, named 5,000 times by one byte each: 15 MB.
    let bomb = [call_fields(method::GET_BALANCE), indexed_field("x", &"y".repeat(3_000)), vec![0xbe; 5_000]];
    let flood = frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb.concat());
    assert_eq!(end(&server, &flood).await, Some(CALM));
}

#[tokio::test]
async fn a_header_list_over_8_kib_is_refused_and_the_connection_goes_on() {
    let server = start(limits());
    let mut raw = server.sent(&opening(None)).await;
    let fits = [call_fields(method::GET_BALANCE), field("x", &"y".repeat(7_000))].concat();
    let large = [call_fields(method::GET_BALANCE), field("x", &"y".repeat(9_000))].concat();
    raw.send(&[frame(HEADERS, END_HEADERS, 1, &large), message(1, &[])].concat()).await;
    // The same call with less is answered by a message; this one by headers alone (431).
    let refused = raw.until(|frame| frame.stream == 1).await;
    assert!(refused.kind == HEADERS && refused.flags & END_STREAM != 0, "{refused:?}");
    raw.send(&[frame(HEADERS, END_HEADERS, 3, &fits), message(3, &[])].concat()).await;
    let served = raw.until(|frame| frame.stream == 3).await;
    assert!(served.kind == HEADERS && served.flags & END_STREAM == 0, "{served:?}");
}

#[tokio::test]
async fn a_connection_has_a_hundred_streams_and_no_more() {
    let server = start(limits());
    let calls: Vec<u8> = streams(101).flat_map(|id| call(id, method::LIST_ENTRIES, NONE)).collect();
    // The client may not know the bound before it has seen the server's settings.
    let mut raw = server.sent(&opening(None)).await;
    raw.until(|frame| frame.kind == SETTINGS && frame.flags == 0).await;
    raw.send(&[frame(SETTINGS, 1, 0, &[]), calls].concat()).await;
    let reset = raw.until(|frame| frame.kind == RESET).await;
    assert_eq!((reset.stream, reset.code()), (201, Some(REFUSED)));
    server.serves().await;
}

/// What a peer who takes no answers can make the server hold ends with these.
#[tokio::test]
async fn answers_that_nobody_takes_end_the_connection() {
    let short = Duration::from_millis(100);
    let server = start(Limits { call: short, answer: short, ..limits() });
    let envelope =
        prost::Message::encode_to_vec(&pb::Envelope { private: LARGE.to_vec(), ..pb::Envelope::default() });
    let calls: Vec<u8> = streams(50)
        .flat_map(|id| [call(id, method::LIST_ENTRIES, NONE), message(id, &envelope)].concat())
        .collect();
    // No window for any byte of an answer, while the connection itself is read and PINGs answered.
    let closed_window = server.sent(&[opening(Some(0)), calls.clone()].concat()).await;
    server.serves().await;
    let frames = closed_window.until_closed().await;
    assert!(frames.iter().all(|frame| frame.kind != DATA || frame.payload.is_empty()));
    assert!(frames.iter().any(|frame| frame.kind == HEADERS), "it was answered");
}

#[tokio::test]
async fn a_peer_that_reads_nothing_at_all_is_closed_by_keep_alive() {
    let short = Duration::from_millis(100);
    let server = start(Limits { connections: 1, keep_alive: short, keep_alive_answer: short, ..limits() });
    // Its call is under way, so nothing else ends the connection within the test's patience.
    let _held = server.sent(&[opening(None), call(1, method::LIST_ENTRIES, NONE)].concat()).await;
    assert!(server.tls().await.is_err(), "there is room for one");
    let again = async { while server.tls().await.is_err() {} };
    timeout(PATIENCE, again).await.expect("the one that doesn't answer a PING is gone");
}
