//! Crockford's base32 of 128 bits: 26 characters that people can read out and type.
//!
//! The alphabet leaves out I, L, O and U. Saved recovery codes and the store id in a QR code are
//! written in it.

/// 128 bits at 5 a character; the two bits over are zero.
pub(crate) const TEXT_BYTES: usize = 26;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Writes 128 bits, the highest first, in upper case.
pub(crate) fn encode(bytes: [u8; 16]) -> [u8; TEXT_BYTES] {
    let mut rest = u128::from_be_bytes(bytes);
    let mut text = [0; TEXT_BYTES];
    for character in text.iter_mut().rev() {
        *character = ALPHABET[usize::from(rest.to_be_bytes()[15] & 0x1f)];
        rest >>= 5;
    }
    text
}

/// Reads what [`encode`] writes and nothing else, so that a value has one text.
pub(crate) fn decode(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != TEXT_BYTES || text[0] > b'7' {
        return None;
    }
    let mut value = 0_u128;
    for character in text {
        let digit =
            ALPHABET.iter().zip(0_u8..).find_map(|(known, digit)| (known == character).then_some(digit))?;
        value = value << 5 | u128::from(digit);
    }
    Some(value.to_be_bytes())
}

/// What a person meant by a character: letters in either case, `O` for 0, `I` and `L` for 1. Nothing
/// for the separators. Any other character stays itself and decodes to nothing.
pub(crate) fn meant(character: char) -> Option<char> {
    match character.to_ascii_uppercase() {
        '-' | ' ' => None,
        'O' => Some('0'),
        'I' | 'L' => Some('1'),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_are_written_as_the_alphabet_says() {
        assert_eq!(&encode([0; 16]), b"00000000000000000000000000");
        assert_eq!(&encode([0xff; 16]), b"7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        // The ULID specification writes 128 bits in the same way; this is 0…0 1 and 0…0 20 (hex).
        assert_eq!(&encode(32_u128.to_be_bytes()), b"00000000000000000000000010");
    }

    #[test]
    fn every_digit_of_the_alphabet_comes_back() {
        for digit in 0..32_u128 {
            let bytes = (digit << 120 | digit).to_be_bytes();
            assert_eq!(decode(&encode(bytes)), Some(bytes));
        }
    }

    #[test]
    fn another_text_for_the_same_value_is_refused() {
        for text in [
            "7zzzzzzzzzzzzzzzzzzzzzzzzz",
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "0000000000000000000000000",
            "000000000000000000000000000",
            "0000000000000000000000000O",
            "0000000000000000000000000U",
            "",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
