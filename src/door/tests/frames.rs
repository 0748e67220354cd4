//! HTTP/2 frames by hand: what no library would send.

/// What every client sends first (RFC 9113, 3.4), and its settings.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RESET: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GO_AWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const UNKNOWN: u8 = 0xbe;

pub const NONE: u8 = 0;
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// ENHANCE_YOUR_CALM (RFC 9113, 7).
pub const CALM: u32 = 11;
/// REFUSED_STREAM.
pub const REFUSED: u32 = 7;

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The preface and settings; an initial window for what the server sends, where one is named.
pub fn opening(initial_window: Option<u32>) -> Vec<u8> {
    let setting = initial_window.map_or(Vec::new(), |window| [&[0, 4][..], &window.to_be_bytes()].concat());
    [PREFACE, &frame(SETTINGS, NONE, 0, &setting)].concat()
}

/// A header field as HPACK: literal, not indexed, no Huffman code (RFC 7541, 6.2.2).
pub fn field(name: &str, value: &str) -> Vec<u8> {
    [vec![0], string(name), string(value)].concat()
}

/// The same, and into the dynamic table (RFC 7541, 6.2.1).
pub fn indexed_field(name: &str, value: &str) -> Vec<u8> {
    [vec![0x40], string(name), string(value)].concat()
}

fn string(text: &str) -> Vec<u8> {
    let mut encoded = Vec::new();
    // An integer with a prefix of 7 bits (RFC 7541, 5.1).
    if let Some(length) = u8::try_from(text.len()).ok().filter(|&length| length < 127) {
        encoded.push(length);
    } else {
        encoded.push(127);
        let mut rest = text.len() - 127;
        while rest >= 128 {
            encoded.push(u8::try_from(rest % 128).expect("below 128") | 128);
            rest /= 128;
        }
        encoded.push(u8::try_from(rest).expect("below 128"));
    }
    encoded.extend(text.as_bytes());
    encoded
}

/// The header fields of a call.
pub fn call_fields(method: &str) -> Vec<u8> {
    [
        field(":method", "POST"),
        field(":scheme", "https"),
        field(":path", method),
        field(":authority", "localhost"),
        field("te", "trailers"),
        field("content-type", "application/grpc"),
    ]
    .concat()
}

/// The headers of a call, in one frame.
pub fn call(stream: u32, method: &str, flags: u8) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &call_fields(method))
}

/// A message as gRPC frames it, in one DATA frame.
pub fn message(stream: u32, bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short message").to_be_bytes();
    frame(DATA, END_STREAM, stream, &[&[0][..], &length, bytes].concat())
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The error code of a GOAWAY or RST_STREAM frame.
    pub fn code(&self) -> Option<u32> {
        let at = match self.kind {
            GO_AWAY => 4,
            RESET => 0,
            _ => return None,
        };
        let bytes = self.payload.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
    }
}

/// The whole frames at the beginning of `bytes`, taken off it.
pub fn take_frames(bytes: &mut Vec<u8>) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(head) = bytes.first_chunk::<9>() {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if bytes.len() < 9 + length {
            break;
        }
        let payload = bytes[9..9 + length].to_vec();
        bytes.drain(..9 + length);
        frames.push(Frame { kind, flags, stream, payload });
    }
    frames
}
