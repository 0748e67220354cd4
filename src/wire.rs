//! Messages as bytes: canonical form, what is odd about bytes that lack it, and what stands in them.
//!
//! It promises that what is read has one meaning for every reader: no unknown field is dropped, no field is
//! given twice, no value is written in two ways. In a `Call` one thing is let pass: some libraries write
//! whatever was assigned, and there it would depend on the value (a moment on the whole second, an epoch of
//! 0) whether a call is canonical. So the few fields that may have their default values may be written out
//! with them. Nothing reads such bytes differently, and the signature is over the bytes as they came. Request
//! bodies and private parts have no such latitude: bodies are compared when a request id comes again.

pub mod schema;
pub mod walk;

use prost::Message;

use crate::pb;
use walk::{Defaults, Odd, Oddity, Seen, Value, walk};

/// What of a call may be written out with its default value: what may have it at all.
const MAY_BE_WRITTEN_OUT: [&str; 4] = ["issued_at.nanos", "epoch", "body", "private_sha256"];

/// Reads a message that must be in canonical form.
pub fn canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, Odd> {
    let message = M::decode(bytes);
    match message {
        Ok(message) if message.encode_to_vec() == bytes => Ok(message),
        Ok(_) | Err(_) => Err(odd(bytes, schema::name_of::<M>())),
    }
}

/// Reads the signed part of a call.
pub fn canonical_call(bytes: &[u8]) -> Result<pb::Call, Odd> {
    let call = pb::Call::decode(bytes).ok();
    if let Some(call) = call.as_ref().filter(|call| call.encode_to_vec() == bytes) {
        return Ok(call.clone());
    }
    let kept = without_defaults(bytes)?;
    call.filter(|call| call.encode_to_vec() == kept).ok_or(NOTHING_FOUND)
}

/// Odd, and nobody can say where.
const NOTHING_FOUND: Odd = Odd { path: String::new(), name: None, what: Oddity::Other };

/// What is odd about bytes that are not canonical.
fn odd(bytes: &[u8], message: &'static str) -> Odd {
    walk(bytes, message, Defaults::Refused, &mut |_| {}).err().unwrap_or(NOTHING_FOUND)
}

/// A call's bytes without what may be written out and is; or what else is odd about them.
fn without_defaults(bytes: &[u8]) -> Result<Vec<u8>, Odd> {
    let mut call = Vec::new();
    let mut moment: Option<Vec<u8>> = None;
    let mut last_number = 0;
    walk(bytes, "Call", Defaults::At(&MAY_BE_WRITTEN_OUT), &mut |seen: &Seen<'_>| {
        if seen.depth == 0 {
            // A message ends before the next field of what holds it.
            close(&mut call, &mut moment, last_number);
            last_number = seen.number;
        }
        if seen.is_default {
            return;
        }
        match (&seen.value, seen.depth) {
            (Value::Message(_), 0) => moment = Some(Vec::new()),
            (Value::Number(_) | Value::Text(_) | Value::Bytes(_), 0) => call.extend_from_slice(seen.whole),
            // Deeper than in `issued_at` there is nothing.
            (Value::Number(_) | Value::Text(_) | Value::Bytes(_) | Value::Message(_), _) => {
                if let Some(moment) = &mut moment {
                    moment.extend_from_slice(seen.whole);
                }
            }
        }
    })?;
    close(&mut call, &mut moment, last_number);
    Ok(call)
}

fn close(call: &mut Vec<u8>, moment: &mut Option<Vec<u8>>, number: u32) {
    if let Some(moment) = moment.take() {
        prost::encoding::bytes::encode(number, &moment, call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> pb::Call {
        pb::Call {
            audience: "sandbox.saifu.invalid".into(),
            key_id: "k".into(),
            request_id: vec![7; 16],
            issued_at: Some(prost_types::Timestamp { seconds: 1_767_582_000, nanos: 5 }),
            epoch: 1,
            body: vec![1, 2, 3],
            private_sha256: vec![9; 32],
        }
    }

    /// A field's bytes: its tag, and what follows.
    fn field(number: u8, wire_type: u8, rest: &[u8]) -> Vec<u8> {
        [&[number << 3 | wire_type], rest].concat()
    }

    /// A call's fields, each as bytes, with `issued_at` as given.
    fn parts(moment: &[u8], epoch: &[u8], body: &[u8], hash: &[u8]) -> Vec<u8> {
        let head = pb::Call { issued_at: None, epoch: 0, body: vec![], private_sha256: vec![], ..call() };
        let length = u8::try_from(moment.len()).unwrap();
        [&head.encode_to_vec(), &field(4, 2, &[length]), moment, epoch, body, hash].concat()
    }

    #[test]
    fn a_call_may_write_out_default_values_and_nothing_else_that_is_odd() {
        let seconds = prost_types::Timestamp { seconds: 1_767_582_000, nanos: 0 }.encode_to_vec();
        let zero_nanos = [&seconds[..], &field(2, 0, &[0])].concat();
        let (zero_epoch, empty_body, empty_hash) = (field(5, 0, &[0]), field(6, 2, &[0]), field(7, 2, &[0]));
        let whole = pb::Call {
            issued_at: Some(prost_types::Timestamp { seconds: 1_767_582_000, nanos: 0 }),
            epoch: 0,
            body: vec![],
            private_sha256: vec![],
            ..call()
        };
        for moment in [&seconds, &zero_nanos] {
            for epoch in [&vec![], &zero_epoch] {
                for body in [&vec![], &empty_body] {
                    for hash in [&vec![], &empty_hash] {
                        let bytes = parts(moment, epoch, body, hash);
                        assert_eq!(canonical_call(&bytes).ok().as_ref(), Some(&whole), "{bytes:?}");
                    }
                }
            }
        }
        assert_eq!(canonical_call(&call().encode_to_vec()).ok(), Some(call()));
        let none: &[u8] = &[];
        for (bytes, name, what) in [
            // Twice, once with its default.
            (
                parts(&seconds, &[&zero_epoch[..], &field(5, 0, &[1])].concat(), none, none),
                "epoch",
                Oddity::Twice,
            ),
            (parts(&seconds, &[&zero_epoch[..], &zero_epoch].concat(), none, none), "epoch", Oddity::Twice),
            // Out of order, longer than need be, unknown.
            (parts(&seconds, &empty_body, &zero_epoch, none), "epoch", Oddity::Order),
            (parts(&seconds, &field(5, 0, &[0x80, 0]), none, none), "epoch", Oddity::Long),
            (
                parts(&[&zero_nanos[..], &field(2, 0, &[0])].concat(), none, none, none),
                "nanos",
                Oddity::Twice,
            ),
        ] {
            let odd = canonical_call(&bytes).expect_err("not canonical");
            assert_eq!((odd.name.map(|name| name.plain), odd.what), (Some(name), what), "{bytes:?}");
        }
        let without = |bytes: &[u8], tag: u8| [&[tag, 0], bytes].concat();
        for bytes in [
            // What no call can do without is never its default.
            without(&parts(&seconds, none, none, none)[23..], 0x0a),
            parts(&[0x08, 0], none, none, none),
            parts(&seconds, none, none, &field(9, 0, &[0])),
            parts(&seconds, none, none, &field(7, 0, &[1])),
            parts(&seconds, none, none, &[0x3a, 5, 1]),
            parts(&[8], none, none, none),
        ] {
            assert!(canonical_call(&bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_body_has_no_such_latitude_and_the_field_is_named() {
        let request = pb::PayRequest { amount_minor: 10, currency: "JPY".into(), ..Default::default() };
        let good = request.encode_to_vec();
        assert_eq!(canonical::<pb::PayRequest>(&good).ok(), Some(request));
        let with = |more: &[u8]| canonical::<pb::PayRequest>(&[&good[..], more].concat()).expect_err("odd");
        let name = |odd: &Odd| odd.name.map(|name| name.plain);
        let odd = with(&field(5, 2, &[0]));
        assert_eq!((name(&odd), odd.what), (Some("order_id"), Oddity::Default));
        let odd = with(&field(3, 0, &[10]));
        assert_eq!((name(&odd), odd.what), (Some("amount_minor"), Oddity::Order));
        let odd = with(&field(15, 0, &[1]));
        assert_eq!((odd.path.as_str(), name(&odd), odd.what), ("15", None, Oddity::Unknown));
        let private = pb::Private {
            second_factor: Some(pb::SecondFactor {
                factor: Some(pb::second_factor::Factor::TotpCode(String::new())),
            }),
            ..Default::default()
        };
        // What is one of several is written also when it is empty.
        assert!(canonical::<pb::Private>(&private.encode_to_vec()).is_ok());
    }

    #[test]
    fn every_message_that_is_signed_is_found_among_the_proto_files() {
        for declared in crate::rpc::declared() {
            for message in [declared.body, declared.private].into_iter().filter(|name| !name.is_empty()) {
                assert!(schema::message(message).is_some(), "{message}");
            }
        }
    }
}
