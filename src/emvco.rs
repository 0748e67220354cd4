//! The QR code of a shop: EMVCo's merchant-presented mode, in the part of it that the wallet uses.
//!
//! It is a list of `id, length, value` with a checksum at the end (EMV QR Code Specification for
//! Payment Systems, Merchant-Presented Mode 1.1). Nothing in it is signed: the name is only a
//! rendering, and what is paid to is the store id, whose registered name the server tells. Reading is
//! strict, and whatever the wallet would not have written is refused rather than skipped.

use std::fmt;

use crc::{CRC_16_IBM_3740, Crc};

use crate::crockford;

/// What a shop's code says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantCode {
    /// The store that is paid.
    pub store_id: [u8; 16],
    /// The amount in yen, 1 to 9,999,999,999,999, if the code is for one order.
    pub amount_minor: Option<i64>,
    /// The order that it is for: 1 to 64 printable ASCII characters without spaces; only with an amount.
    pub order_id: Option<String>,
    /// The store's name: 1 to 25 characters, none of them a control character.
    pub name: String,
    /// Its city: 1 to 15 characters, none of them a control character.
    pub city: String,
}

const CODE_BYTES_MAX: usize = 512;
const NAME_CHARACTERS_MAX: usize = 25;
const CITY_CHARACTERS_MAX: usize = 15;
const AMOUNT_DIGITS_MAX: usize = 13;

/// Names the wallet among all merchant account templates.
const GUID: &str = "jp.saifu";
/// ISO 18245: miscellaneous and specialty retail.
const MERCHANT_CATEGORY: &str = "5999";
/// ISO 4217: the yen, which has no minor unit.
const YEN: &str = "392";
const JAPAN: &str = "JP";
const STATIC: &str = "11";
const DYNAMIC: &str = "12";
const LANGUAGE: &str = "ja";

/// What stands in the ASCII fields when nothing of the text is ASCII.
const NAME_FALLBACK: &str = "SHOP";
const CITY_FALLBACK: &str = "JAPAN";

/// The checksum's own id and length belong to what is checked.
const CHECKSUM_HEAD: &str = "6304";
const CHECKSUM_BYTES: usize = 4;

/// Writes a shop's code. A name or city that isn't ASCII goes into the language template, in
/// Japanese, and what of it is ASCII into the field that every reader knows. Control characters are
/// left out and what is too long is cut.
///
/// # Panics
///
/// If the amount is not within 1 to 9,999,999,999,999, or there is an order id that is none or without an
/// amount.
pub fn make(code: &MerchantCode) -> String {
    let store_id = crockford::encode(code.store_id).map(char::from).iter().collect::<String>();
    let name = shown(&code.name, NAME_CHARACTERS_MAX, NAME_FALLBACK);
    let city = shown(&code.city, CITY_CHARACTERS_MAX, CITY_FALLBACK);
    let amount = code.amount_minor.map(|amount_minor| {
        let digits = amount_minor.to_string();
        assert!(amount_minor > 0 && digits.len() <= AMOUNT_DIGITS_MAX, "an amount of 1 to 13 digits");
        digits
    });

    let mut text = String::with_capacity(CODE_BYTES_MAX);
    text += &field("00", "01");
    text += &field("01", if amount.is_some() { DYNAMIC } else { STATIC });
    text += &field("26", &(field("00", GUID) + &field("01", &store_id)));
    text += &field("52", MERCHANT_CATEGORY);
    text += &field("53", YEN);
    if let Some(amount) = amount {
        text += &field("54", &amount);
    }
    text += &field("58", JAPAN);
    text += &field("59", &ascii(&name, NAME_FALLBACK));
    text += &field("60", &ascii(&city, CITY_FALLBACK));
    if !(name.is_ascii() && city.is_ascii()) {
        // The name is mandatory in this template, the city is not.
        let mut local = field("00", LANGUAGE) + &field("01", &name);
        if !city.is_ascii() {
            local += &field("02", &city);
        }
        text += &field("64", &local);
    }
    if let Some(order_id) = &code.order_id {
        assert!(code.amount_minor.is_some() && is_order_id(order_id), "an order id beside an amount");
        text += &field("80", &(field("00", GUID) + &field("01", order_id)));
    }
    text += CHECKSUM_HEAD;
    let checksum = checksum(&text);
    text += &checksum;
    text
}

/// Reads a shop's code. Fields may come in any order, save that the format comes first and the
/// checksum last, as the specification has it.
pub fn parse(text: &str) -> Result<MerchantCode, NotACode> {
    if text.len() > CODE_BYTES_MAX {
        return Err(NotACode::TooLong);
    }
    let checked = text.len().checked_sub(CHECKSUM_BYTES).and_then(|length| text.split_at_checked(length));
    let (checked, found) = checked.ok_or(NotACode::Checksum)?;
    if !checked.ends_with(CHECKSUM_HEAD) || checksum(checked) != found {
        return Err(NotACode::Checksum);
    }
    let content = &checked[..checked.len() - CHECKSUM_HEAD.len()];
    if !content.starts_with("000201") {
        return Err(NotACode::Format);
    }
    let [_format, initiation, account, category, currency, amount, country, name, city, local, order] =
        fields(content, ["00", "01", "26", "52", "53", "54", "58", "59", "60", "64", "80"])?;

    let [guid, store_id] = fields(account.ok_or(NotACode::NotSaifu)?, ["00", "01"])?;
    if guid != Some(GUID) {
        return Err(NotACode::NotSaifu);
    }
    let store_id = store_id.and_then(|id| crockford::decode(id.as_bytes())).ok_or(NotACode::StoreId)?;
    if currency != Some(YEN) || country != Some(JAPAN) {
        return Err(NotACode::Currency);
    }
    if !category.is_some_and(|category| category.len() == 4 && all_digits(category)) {
        return Err(NotACode::Format);
    }
    let amount_minor = amount.map(parse_amount).transpose()?;
    if initiation != Some(if amount_minor.is_some() { DYNAMIC } else { STATIC }) {
        return Err(NotACode::Amount);
    }
    let order_id = order.map(parse_order).transpose()?;
    if order_id.is_some() && amount_minor.is_none() {
        return Err(NotACode::Amount);
    }
    let name = name.ok_or(NotACode::Name)?;
    let city = city.ok_or(NotACode::Name)?;
    if !(name.is_ascii() && city.is_ascii()) {
        return Err(NotACode::Name);
    }
    let [language, local_name, local_city] = match local {
        Some(local) => fields(local, ["00", "01", "02"])?,
        None => [None; 3],
    };
    if local.is_some() && (language != Some(LANGUAGE) || local_name.is_none()) {
        return Err(NotACode::Name);
    }
    Ok(MerchantCode {
        store_id,
        amount_minor,
        order_id,
        name: parse_shown(name, local_name, NAME_CHARACTERS_MAX)?,
        city: parse_shown(city, local_city, CITY_CHARACTERS_MAX)?,
    })
}

// The length counts characters, not bytes (4.3 of the specification).
fn field(id: &str, value: &str) -> String {
    format!("{id}{:02}{value}", value.chars().count())
}

fn checksum(text: &str) -> String {
    format!("{:04X}", Crc::<u16>::new(&CRC_16_IBM_3740).checksum(text.as_bytes()))
}

fn shown(text: &str, characters_max: usize, fallback: &str) -> String {
    let shown: String =
        text.chars().filter(|character| !character.is_control()).take(characters_max).collect();
    if shown.trim().is_empty() { fallback.to_owned() } else { shown }
}

fn ascii(text: &str, fallback: &str) -> String {
    let ascii: String = text.chars().filter(char::is_ascii).collect();
    if ascii.trim().is_empty() { fallback.to_owned() } else { ascii }
}

// The values of these ids, each at most once and none of them empty; any other id is refused.
fn fields<'a, const N: usize>(text: &'a str, ids: [&str; N]) -> Result<[Option<&'a str>; N], NotACode> {
    let mut values = [None; N];
    let mut rest = text;
    while !rest.is_empty() {
        let (id, after_id) = rest.split_at_checked(2).ok_or(NotACode::Length)?;
        let (length, after_length) = after_id.split_at_checked(2).ok_or(NotACode::Length)?;
        if !all_digits(length) {
            return Err(NotACode::Length);
        }
        let characters: usize = length.parse().map_err(|_not_digits| NotACode::Length)?;
        let bytes = after_length.chars().take(characters).map(char::len_utf8).sum();
        let (value, after_value) = after_length.split_at(bytes);
        if characters == 0 || value.chars().count() != characters {
            return Err(NotACode::Length);
        }
        let place = ids.iter().position(|known| *known == id).ok_or(NotACode::UnknownField)?;
        if values[place].replace(value).is_some() {
            return Err(NotACode::Repeated);
        }
        rest = after_value;
    }
    Ok(values)
}

fn parse_amount(digits: &str) -> Result<i64, NotACode> {
    if digits.len() > AMOUNT_DIGITS_MAX || !all_digits(digits) || digits.starts_with('0') {
        return Err(NotACode::Amount);
    }
    digits.parse().map_err(|_too_large| NotACode::Amount)
}

// An unreserved template of ours: no field of the specification holds 64 characters.
fn parse_order(template: &str) -> Result<String, NotACode> {
    let [guid, order_id] = fields(template, ["00", "01"])?;
    match (guid, order_id) {
        (Some(GUID), Some(order_id)) if is_order_id(order_id) => Ok(order_id.to_owned()),
        (_, _) => Err(NotACode::OrderId),
    }
}

fn is_order_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn parse_shown(ascii: &str, local: Option<&str>, characters_max: usize) -> Result<String, NotACode> {
    for text in [Some(ascii), local].into_iter().flatten() {
        if text.chars().count() > characters_max || text.chars().any(char::is_control) {
            return Err(NotACode::Name);
        }
    }
    Ok(local.unwrap_or(ascii).to_owned())
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Why a text is not a shop's code of this wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotACode {
    /// More than 512 bytes.
    TooLong,
    /// No checksum at the end, or a wrong one.
    Checksum,
    /// Not version 01 of the format, or no category.
    Format,
    /// A length is not two digits, or is not the value's.
    Length,
    /// A field stands there twice.
    Repeated,
    /// A field that the wallet doesn't use.
    UnknownField,
    /// The code of another payment system.
    NotSaifu,
    /// The store id is not one.
    StoreId,
    /// Not yen in Japan.
    Currency,
    /// Not a positive number of yen, or not there where it should be.
    Amount,
    /// The order id is missing, too long or unprintable.
    OrderId,
    /// Name or city is missing, too long or unprintable.
    Name,
}

impl fmt::Display for NotACode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the code is too long",
            Self::Checksum => "the code's checksum is missing or wrong",
            Self::Format => "this is not an EMVCo merchant code of version 01",
            Self::Length => "a field of the code has a wrong length",
            Self::Repeated => "a field of the code stands there twice",
            Self::UnknownField => "the code has a field that this wallet does not use",
            Self::NotSaifu => "the code belongs to another payment system",
            Self::StoreId => "the code's store id is damaged",
            Self::Currency => "the code is not for yen in Japan",
            Self::Amount => "the code's amount is not a positive number of yen",
            Self::OrderId => "the code's order id is missing, too long or unprintable",
            Self::Name => "the code's name or city is missing, too long or unprintable",
        })
    }
}

impl std::error::Error for NotACode {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATIC_CODE: &str = "00020101021126420008jp.saifu01260000000000000000000000001052045999530339\
                               25802JP5907Yaoya 16005Tokyo6304";

    fn yaoya() -> MerchantCode {
        let mut store_id = [0; 16];
        store_id[15] = 32;
        MerchantCode {
            store_id,
            amount_minor: None,
            order_id: None,
            name: "Yaoya 1".to_owned(),
            city: "Tokyo".to_owned(),
        }
    }

    fn with_checksum(text: &str) -> String {
        format!("{text}{}", checksum(text))
    }

    // The written code with one piece replaced, and the checksum made right again.
    fn changed(from: &str, to: &str) -> String {
        assert!(STATIC_CODE.contains(from), "{from}");
        with_checksum(&STATIC_CODE.replacen(from, to, 1))
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        // The check value of CRC-16/IBM-3740, and the example of the specification's annex, which also
        // shows that lengths count characters and the checksum bytes.
        assert_eq!(checksum("123456789"), "29B1");
        let example = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441\
                       115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.725303156550\
                       2016233030412340603***0708A60086670902ME91320016A0112233449988770708123456786304";
        assert_eq!(checksum(example), "A13A");
    }

    #[test]
    fn a_static_code_is_what_is_written_on_paper() {
        assert_eq!(make(&yaoya()), with_checksum(STATIC_CODE));
        assert_eq!(parse(&make(&yaoya())), Ok(yaoya()));
    }

    #[test]
    fn an_order_s_code_carries_its_amount_and_says_so() {
        let order = MerchantCode { amount_minor: Some(1_200), ..yaoya() };
        let text = make(&order);
        assert!(text.contains("010212") && text.contains("54041200"), "{text}");
        assert_eq!(parse(&text), Ok(order.clone()));
        let named = MerchantCode { order_id: Some("A-17/2".to_owned()), ..order };
        let text = make(&named);
        assert!(text.contains("80220008jp.saifu0106A-17/2"), "{text}");
        assert_eq!(parse(&text), Ok(named));
    }

    #[test]
    #[should_panic(expected = "an order id beside an amount")]
    fn an_order_without_its_amount_has_no_code() {
        make(&MerchantCode { order_id: Some("A-17".to_owned()), ..yaoya() });
    }

    #[test]
    fn a_japanese_name_has_an_ascii_stand_in_for_readers_without_it() {
        let code = MerchantCode { name: "八百屋 No1".to_owned(), city: "東京".to_owned(), ..yaoya() };
        let text = make(&code);
        assert!(text.contains("5904 No16005JAPAN64230002ja0107八百屋 No10202東京6304"), "{text}");
        assert_eq!(parse(&text), Ok(code));
        let city_only = MerchantCode { city: "東京".to_owned(), ..yaoya() };
        assert_eq!(parse(&make(&city_only)), Ok(city_only));
    }

    #[test]
    fn what_does_not_fit_is_cut_and_what_is_not_there_is_filled_in() {
        let long = MerchantCode { name: "長".repeat(40), city: String::new(), ..yaoya() };
        let read = parse(&make(&long)).unwrap();
        assert_eq!((read.name, read.city), ("長".repeat(25), "JAPAN".to_owned()));
        let control = MerchantCode { name: "a\nb".to_owned(), ..yaoya() };
        assert_eq!(parse(&make(&control)).unwrap().name, "ab");
    }

    #[test]
    #[should_panic(expected = "an amount of 1 to 13 digits")]
    fn an_order_over_nothing_has_no_code() {
        make(&MerchantCode { amount_minor: Some(0), ..yaoya() });
    }

    #[test]
    fn the_order_of_the_fields_is_free_between_the_first_and_the_last() {
        let moved = STATIC_CODE.replacen("5303392", "", 1).replacen("6005Tokyo", "6005Tokyo5303392", 1);
        assert_eq!(parse(&with_checksum(&moved)), Ok(yaoya()));
        let first = format!("010211000201{}", &STATIC_CODE[12..]);
        assert_eq!(parse(&with_checksum(&first)), Err(NotACode::Format));
    }

    #[test]
    fn what_the_wallet_would_not_have_written_is_refused() {
        let store = "012600000000000000000000000010";
        for (from, to, error) in [
            ("000201", "000202", NotACode::Format),
            ("010211", "010212", NotACode::Amount),
            ("010211", "", NotACode::Amount),
            ("0008jp.saifu", "0008jp.other", NotACode::NotSaifu),
            ("26420008jp.saifu", "27420008jp.saifu", NotACode::UnknownField),
            (store, "0126000000000000000000000000 0", NotACode::StoreId),
            (store, "012680000000000000000000000010", NotACode::StoreId),
            ("5204", "5203", NotACode::UnknownField),
            ("52045999", "5204599A", NotACode::Format),
            ("52045999", "", NotACode::Format),
            ("5303392", "5303840", NotACode::Currency),
            ("5303392", "53033925303392", NotACode::Repeated),
            ("5303392", "", NotACode::Currency),
            ("5303392", "53033925400", NotACode::Length),
            ("5303392", "5303392540+1", NotACode::Length),
            ("5303392", "53033925405100.5", NotACode::Amount),
            ("5303392", "530339254010", NotACode::Amount),
            ("5303392", "53033925402+1", NotACode::Amount),
            ("5303392", "530339254020 ", NotACode::Amount),
            ("5303392", "5303392541410000000000000", NotACode::Amount),
            ("5303392", "53033925502011", NotACode::UnknownField),
            ("5802JP", "5802CN", NotACode::Currency),
            ("5907Yaoya 1", "", NotACode::Name),
            ("5907Yaoya 1", "5926aaaaaaaaaaaaaaaaaaaaaaaaaa", NotACode::Name),
            ("5907Yaoya 1", "5907Yaoya\n1", NotACode::Name),
            ("5907Yaoya 1", "5903八百屋", NotACode::Name),
            ("5907Yaoya 1", "5999Yaoya 1", NotACode::Length),
            ("6005Tokyo", "6005Tokyo64060002ja", NotACode::Name),
            ("6005Tokyo", "6005Tokyo64130002en0103abc", NotACode::Name),
            ("6005Tokyo", "6005Tokyo640", NotACode::Length),
            ("6005Tokyo", "6005Tokyo80170008jp.saifu0101a", NotACode::Amount),
            ("6005Tokyo", "6005Tokyo80170008jp.other0101a", NotACode::OrderId),
            ("6005Tokyo", "6005Tokyo80120008jp.saifu", NotACode::OrderId),
            ("6005Tokyo", "6005Tokyo80180008jp.saifu0102a ", NotACode::OrderId),
        ] {
            assert_eq!(parse(&changed(from, to)), Err(error), "{from} → {to}");
        }
    }

    #[test]
    fn without_its_own_checksum_at_the_end_nothing_is_read() {
        let good = make(&yaoya());
        for text in [
            "",
            "6304",
            "63041D0F",
            &good[..good.len() - 1],
            &good.to_lowercase(),
            &format!("{good}0"),
            "六三〇四",
        ] {
            assert_eq!(parse(text), Err(NotACode::Checksum), "{text}");
        }
        for i in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[i] ^= 1;
            assert_eq!(parse(std::str::from_utf8(&bytes).unwrap()), Err(NotACode::Checksum), "{i}");
        }
        assert_eq!(parse(&"0".repeat(513)), Err(NotACode::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            store_id: [u8; 16],
            order in proptest::option::of((1..10_000_000_000_000_i64, proptest::option::of("[!-~]{1,64}"))),
            name in "\\PC{0,24}[a-z長]",
            city in "\\PC{0,14}[a-z長]",
        ) {
            let amount_minor = order.as_ref().map(|(amount_minor, _)| *amount_minor);
            let code =
                MerchantCode { store_id, amount_minor, order_id: order.and_then(|(_, id)| id), name, city };
            let text = make(&code);
            prop_assert!(text.len() <= CODE_BYTES_MAX);
            prop_assert_eq!(parse(&text), Ok(code));
        }

        #[test]
        fn no_text_makes_the_reader_panic(
            text in ".{0,80}",
            inner in "(0[0-2]|26|5[2-9]|6[034]|0[0-9]|.){0,60}",
        ) {
            let _unread = parse(&text);
            let _unread = parse(&with_checksum(&format!("000201{inner}{text}6304")));
        }
    }
}
