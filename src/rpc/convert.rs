//! Fields of messages to the domain's types and back. What is wrong is named as the proto file
//! names it.

use prost_types::Timestamp as PbTimestamp;
use zeroize::Zeroizing;

use crate::contact::Contact;
use crate::crypto::hash::MacKey;
use crate::domain::command::ShopStep;
use crate::domain::money::Amount;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::gate::rejection::Rejection;
use crate::label;
use crate::pb;

/// 16 bytes of a field.
pub fn id16(bytes: &[u8], field: &'static str) -> Result<[u8; 16], Rejection> {
    bytes.try_into().map_err(|_| Rejection::malformed(field, "16 bytes"))
}

/// An amount that may be moved.
pub fn amount(minor: i64) -> Result<Amount, Rejection> {
    Amount::new(minor).ok_or(Rejection::malformed("amount_minor", "1 to 1,000,000,000,000"))
}

/// An ISO 4217 code by its form; which one it must be, the decision says.
pub fn currency(code: String) -> Result<String, Rejection> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(Rejection::malformed("currency", "three capital letters of ISO 4217, such as JPY"))
    }
}

/// Text of 1 to `most` characters without control characters.
pub fn text<'a>(
    text: &'a str,
    most: usize,
    field: &'static str,
    must: &'static str,
) -> Result<&'a str, Rejection> {
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text) } else { Err(Rejection::malformed(field, must)) }
}

/// Text that people read, and what it must be.
pub struct Readable {
    most: usize,
    is_good: fn(&str) -> bool,
    must: &'static str,
}

/// What people know something by.
pub const NAME: Readable = Readable {
    most: 64,
    is_good: label::is_name,
    must: "1 to 64 characters of one writing system in Unicode's form NFC, none of them invisible or \
           decorated, no space at an end or beside another",
};
/// What people know a store by.
pub const STORE_NAME: Readable = Readable {
    most: 128,
    is_good: label::is_name,
    must: "1 to 128 characters of one writing system in Unicode's form NFC, none of them invisible or \
           decorated, no space at an end or beside another",
};
/// What a merchant knows an order by.
pub const REFERENCE: Readable = Readable {
    most: 128,
    is_good: label::is_legible,
    must: "up to 128 characters, none of them invisible, no space at an end or beside another",
};
/// What operators leave for each other.
pub const NOTE: Readable = Readable {
    most: 500,
    is_good: label::is_legible,
    must: "1 to 500 characters, none of them invisible, no space at an end or beside another",
};

/// Text that people read.
pub fn readable<'a>(given: &'a str, rule: &Readable, field: &'static str) -> Result<&'a str, Rejection> {
    let count = given.chars().take(rule.most + 1).count();
    let is_good = (1..=rule.most).contains(&count) && (rule.is_good)(given);
    if is_good { Ok(given) } else { Err(Rejection::malformed(field, rule.must)) }
}

/// How many items a page has.
pub fn page_size(asked: u32) -> Result<i64, Rejection> {
    match asked {
        0 => Ok(50),
        1..=100 => Ok(i64::from(asked)),
        _ => Err(Rejection::malformed("page_size", "at most 100")),
    }
}

/// A page's end as a token that only its owner can use.
pub fn page_token(key: &MacKey, list: &'static str, owner: &[u8; 16], place: &[u8]) -> Vec<u8> {
    let tag = key.tag(&[list.as_bytes(), owner, place]);
    [place, &tag[..16]].concat()
}

/// The place in a token of [`page_token`]; nothing for an empty one.
pub fn page_place<const N: usize>(
    key: &MacKey,
    list: &'static str,
    owner: &[u8; 16],
    token: &[u8],
) -> Result<Option<[u8; N]>, Rejection> {
    if token.is_empty() {
        return Ok(None);
    }
    let wrong = Rejection::malformed(
        "page_token",
        "the next_page_token of an earlier reply to the same caller and question",
    );
    let place: [u8; N] = token.get(..N).and_then(|place| place.try_into().ok()).ok_or(wrong)?;
    if crate::crypto::hash::equal(token, &page_token(key, list, owner, &place)) {
        Ok(Some(place))
    } else {
        Err(wrong)
    }
}

/// Text that people read, or none: empty means none.
pub fn optional(given: &str, rule: &Readable, field: &'static str) -> Result<Option<String>, Rejection> {
    if given.is_empty() { Ok(None) } else { readable(given, rule, field).map(|text| Some(text.to_owned())) }
}

/// A merchant's name for an order.
pub fn order_id(id: &str) -> Result<String, Rejection> {
    if (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(id.to_owned())
    } else {
        Err(Rejection::malformed("order_id", "1 to 64 printable ASCII characters without spaces"))
    }
}

/// How much of a hold is captured.
pub fn capture(request: &pb::CaptureRequest) -> Result<ShopStep, Rejection> {
    let amount = match request.amount_minor {
        0 => None,
        minor => Some(amount(minor)?),
    };
    if amount.is_none() && request.more_follows {
        return Err(Rejection::malformed("more_follows", "false when all that is held is captured"));
    }
    Ok(ShopStep::Capture { amount, is_final: !request.more_follows })
}

/// An e-mail address.
pub fn email(address: &str, field: &'static str) -> Result<Contact, Rejection> {
    Contact::email(address).map_err(|_| Rejection::malformed(field, "an e-mail address"))
}

/// A phone number.
pub fn phone(number: &str, field: &'static str) -> Result<Contact, Rejection> {
    let must = "a phone number in international form, such as +81 90 1234 5678";
    Contact::phone(number).map_err(|_| Rejection::malformed(field, must))
}

/// A phone's model. It stands in messages to somebody else: so nothing that could be taken for a link, and
/// nothing long enough to be a sentence of its own.
pub fn device_model(model: &str) -> Result<String, Rejection> {
    let fits = (1..=32).contains(&model.len())
        && model.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -()".contains(&byte));
    if fits {
        Ok(model.to_owned())
    } else {
        let must = "1 to 32 of A-Z, a-z, 0-9, space, hyphen and parentheses";
        Err(Rejection::malformed("private.device_model", must))
    }
}

/// A secret of a reply, or the word that it can no longer be had.
pub fn secret(secret: Option<Zeroizing<String>>) -> pb::Secret {
    let state = match secret {
        Some(value) => pb::secret::State::Value(value.to_string()),
        None => pb::secret::State::Gone(true),
    };
    pb::Secret { state: Some(state) }
}

/// A moment of a request; nothing when it is absent. What is finer than a microsecond is refused, or what
/// was signed would not be what is done.
pub fn moment(at: Option<&PbTimestamp>, field: &'static str) -> Result<Option<Timestamp>, Rejection> {
    let wrong = Rejection::malformed(field, "a moment from 1970 to 9999, in whole microseconds");
    let Some(at) = at else { return Ok(None) };
    let fits = (0..253_402_300_800).contains(&at.seconds)
        && (0..1_000_000_000).contains(&at.nanos)
        && at.nanos % 1_000 == 0;
    if fits { Ok(Some(Timestamp(at.seconds * SECOND_US + i64::from(at.nanos / 1_000)))) } else { Err(wrong) }
}

/// A moment on the wire.
pub fn time(at: Timestamp) -> PbTimestamp {
    let nanos = at.0.rem_euclid(SECOND_US) * 1_000;
    PbTimestamp { seconds: at.0.div_euclid(SECOND_US), nanos: i32::try_from(nanos).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phones_model_is_nothing_that_a_mail_program_takes_for_a_link() {
        for good in ["Pixel 9", "iPhone 17 (blue)", "SO-51C", "a"] {
            assert_eq!(device_model(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(33);
        for bad in ["", "evil.example", "http://a", "a@b", "a/b", "a\nb", "ピクセル", "a:b", long.as_str()]
        {
            assert!(device_model(bad).is_err(), "{bad}");
        }
    }
}
