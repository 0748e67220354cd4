//! The catalogue of errors, for `docs/errors.md`: every reason that the proto file lists, with its
//! comment there and with what `status` knows of it. So neither can say what the other does not.

use std::collections::HashMap;
use std::fmt::Write as _;

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet};
use tonic::Code;

use super::status::entry;
use crate::pb::{DESCRIPTORS, Reason};

const FILE: &str = "saifu/v1/errors.proto";
/// Field numbers in descriptor.proto: the file's enums, and an enum's values.
const ENUM_TYPE: i32 = 5;
const VALUE: i32 = 2;

const HEAD: &str = "\
# Errors

Written by `cargo run --example errors > docs/errors.md`; a test fails when it is not up to date.

A call that was not done ends with a gRPC status whose details (`google.rpc.Status` in the trailer
`grpc-status-details-bin`) hold a `google.rpc.ErrorInfo`: `domain` is `saifu`, `reason` one of the reasons
below, and `metadata[\"final\"]` says `true` when the answer is stored for good, so that a new attempt is
a new request id, or `false` when it is not, so that a change is sent again under the same request id.
Beside it may stand `RetryInfo` (not before then) and `BadRequest` (which field, and what it must be).
Decide by the reason; the text is for logs. The messages of the details are in `proto/google/rpc`.

A status without these details comes from the transport, not from the wallet: the outcome is unknown
unless the code says otherwise, and a change is sent again under the same request id.
[protocol.md](protocol.md) says how that keeps a payment single.

| Number | Reason | gRPC code | What it means | What to do |
|---|---|---|---|---|
";

/// The catalogue, as Markdown.
pub fn catalogue() -> String {
    let comments = comments();
    let mut text = HEAD.to_owned();
    for (number, comment) in comments {
        let reason = Reason::try_from(number).expect("both are made from the same proto file");
        // It has a number because proto3 wants one, and is in no status.
        if reason == Reason::Unspecified {
            continue;
        }
        let entry = entry(reason);
        let (name, code) = (reason.as_str_name(), code_name(entry.code));
        writeln!(text, "| {number} | `{name}` | `{code}` | {comment} | {} |", entry.advice)
            .expect("a string takes any text");
    }
    text
}

/// Each reason's number with its comment, in the order of the proto file.
fn comments() -> Vec<(i32, String)> {
    let set = FileDescriptorSet::decode(DESCRIPTORS).expect("the build wrote it");
    let file = set.file.into_iter().find(|file| file.name() == FILE).expect("the build compiled it");
    let mut comments = leading_comments(&file);
    let values = file.enum_type.first().map_or(&[][..], |reasons| &reasons.value);
    values
        .iter()
        .zip(0..)
        .map(|(value, place)| {
            let comment = comments.remove(&vec![ENUM_TYPE, 0, VALUE, place]).unwrap_or_default();
            (value.number(), comment)
        })
        .collect()
}

/// The comments of a file by the path of what they stand above, on one line each.
fn leading_comments(file: &FileDescriptorProto) -> HashMap<Vec<i32>, String> {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    locations.map(|place| (place.path.clone(), one_line(place.leading_comments()))).collect()
}

/// A code as the gRPC specification writes it.
fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
