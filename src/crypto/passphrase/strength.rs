//! What may become a passphrase: NIST SP 800-63B-4, 3.1.1.2. A length, no rules of composition, and not one
//! that is guessed early, which `zxcvbn` estimates.
//!
//! The estimate's time grows with the square of the length and with every sign that may stand for a letter:
//! a hundred signs chosen for it take seconds. So it sees one form of the text's beginning, without the
//! signs that stand for a letter seldom, which takes less time than the hash that follows.

use std::fmt;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;
use zxcvbn::zxcvbn;

const CHARACTERS_MIN: usize = 10;
const CHARACTERS_MAX: usize = 128;
/// So many are judged; what comes after them makes a passphrase only harder to guess.
const CHARACTERS_JUDGED: usize = 32;
/// Nobody has that many here: five a case and ten a day. Below it are three words of the commonest in a row.
const GUESSES_MIN: u64 = 1_000_000_000;
/// Pieces of what is known that are shorter are in too many words.
const KNOWN_CHARACTERS_MIN: usize = 3;

/// Japanese that is guessed first, the commonest first: each word as it is typed without a keyboard for
/// Japanese, and as it is written.
static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let lines = include_str!("words.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
});

/// Whether a text can be a passphrase that somebody has. What was accepted by an older rule still is one.
pub fn presentable(text: &str) -> bool {
    length(text).is_ok()
}

/// Whether its length is that of a passphrase.
pub(super) fn length(text: &str) -> Result<(), Unsuitable> {
    // Bytes first: nothing below is to be done for a megabyte.
    if text.len() > CHARACTERS_MAX * 4 {
        return Err(Unsuitable::TooLong);
    }
    match text.chars().count() {
        ..CHARACTERS_MIN => Err(Unsuitable::TooShort),
        CHARACTERS_MIN..=CHARACTERS_MAX => Ok(()),
        _ => Err(Unsuitable::TooLong),
    }
}

/// Whether a text may become a passphrase of somebody of whom `known` is known.
pub(super) fn suitable(text: &str, known: &[Zeroizing<String>]) -> Result<(), Unsuitable> {
    length(text)?;
    let pieces = known.iter().flat_map(|known| pieces(known)).collect::<Vec<_>>();
    let guessed_first =
        pieces.iter().map(|piece| piece.as_str()).chain(WORDS.iter().copied()).collect::<Vec<_>>();
    // What zxcvbn copies of the text it does not wipe.
    let estimate = zxcvbn(&judged(text), &guessed_first);
    if estimate.guesses() < GUESSES_MIN { Err(Unsuitable::Guessable) } else { Ok(()) }
}

/// The beginning of a text in one form: capitals as small letters, wide ones as narrow ones, katakana as
/// hiragana, numbers and dates without what stands between their digits.
fn judged(text: &str) -> Zeroizing<String> {
    let mut judged = String::with_capacity(CHARACTERS_JUDGED * 4);
    let mut characters = text.nfkc().flat_map(char::to_lowercase).map(plain).peekable();
    let mut count = 0;
    while let Some(character) = characters.next() {
        let after_digit = judged.ends_with(|last: char| last.is_ascii_digit());
        let before_digit = characters.peek().is_some_and(char::is_ascii_digit);
        let dropped = match character {
            '-' | '.' | '/' | ' ' | ':' | '年' | '月' => after_digit && before_digit,
            '日' => after_digit,
            _ => false,
        };
        if dropped {
            continue;
        }
        if count == CHARACTERS_JUDGED {
            break;
        }
        judged.push(character);
        count += 1;
    }
    Zeroizing::new(judged)
}

fn plain(character: char) -> char {
    match character {
        // Each of these may stand for c, t, i or l, and multiplies what is tried.
        '(' | '{' | '[' | '<' | '|' | '+' => '-',
        'ァ'..='ヶ' => char::from_u32(u32::from(character) - 0x60).unwrap_or(character),
        _ => character,
    }
}

/// What of an address somebody would try: the whole, what stands before its domain, its words, and a Japanese
/// number as it is dialled at home.
fn pieces(known: &str) -> Vec<Zeroizing<String>> {
    let mut pieces = vec![judged(known)];
    pieces.extend(known.split_once('@').map(|(local_part, _domain)| judged(local_part)));
    if let Some(national) = known.strip_prefix("+81") {
        pieces.push(Zeroizing::new(format!("0{national}")));
    }
    let words = known.split(|character: char| !character.is_alphanumeric());
    let long = words.filter(|word| word.chars().count() >= KNOWN_CHARACTERS_MIN);
    pieces.extend(long.map(judged));
    pieces
}

/// Why a text may not become a passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsuitable {
    /// Fewer than 10 characters.
    TooShort,
    /// More than 128 characters.
    TooLong,
    /// Guessed in fewer than 10^9 attempts.
    Guessable,
}

impl Unsuitable {
    /// What it must be instead.
    pub fn must(self) -> &'static str {
        match self {
            Self::TooShort => "at least 10 characters long",
            Self::TooLong => "at most 128 characters long",
            Self::Guessable => {
                "harder to guess: four words or more that have nothing to do with each other, and no names, \
                 dates, addresses, repetitions or rows of keys"
            }
        }
    }
}

impl fmt::Display for Unsuitable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a passphrase must be {}", self.must())
    }
}

impl std::error::Error for Unsuitable {}

#[cfg(test)]
mod tests;
