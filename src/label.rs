//! Texts that people read and decide by: a store's name, a phone's, a line on a receipt.
//!
//! Whoever chooses such a text must not be able to make it look like another one. So nothing is in it that is
//! not seen or that moves what is seen: controls, marks of direction, joiners, blanks that are letters. And a
//! name is in one writing system, Unicode's UTS #39 at its level "highly restrictive": Japanese mixes Han,
//! hiragana, katakana and Latin, and nobody mixes Latin and Cyrillic but to deceive. What looks alike within
//! one script, such as 二 and ニ, no rule can tell apart: two stores may still have names that look alike.

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_script::Script;
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{GeneralSecurityProfile as _, skeleton};

/// Marks that may stand above and below one letter: Vietnamese has two, in NFC one of them is the letter's.
const MARKS_MAX: usize = 2;

/// Whether all of a text is seen, and as it is stored.
pub fn is_legible(text: &str) -> bool {
    let spaced = text.split([' ', '\u{3000}']).all(|word| !word.is_empty());
    spaced && !text.starts_with(is_combining_mark) && text.chars().all(is_seen) && !has_piled_marks(text)
}

/// Whether a text may be the name of something.
pub fn is_name(text: &str) -> bool {
    is_legible(text) && is_nfc(text) && !text.chars().any(is_decorated) && is_one_system(text)
}

fn is_seen(character: char) -> bool {
    let space = matches!(character, ' ' | '\u{3000}');
    // A blank pattern of Braille, a blank note, and what stands for something that is not there.
    let blank = matches!(character, '\u{2800}' | '\u{1d159}' | '\u{fff9}'..='\u{fffd}');
    let kind = character.identifier_type();
    let hidden = matches!(
        kind,
        None | Some(
            IdentifierType::Not_Character | IdentifierType::Default_Ignorable | IdentifierType::Deprecated
        )
    );
    space || !(blank || hidden || character.is_whitespace() || character.is_control())
}

fn has_piled_marks(text: &str) -> bool {
    let mut marks = 0;
    text.chars().any(|character| {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        marks > MARKS_MAX
    })
}

/// A letter or digit in another dress, such as 𝐁 and ⓑ, or one that no language writes today, as ɑ.
/// Wide and narrow forms, ㈱ and ① are Japanese.
fn is_decorated(character: char) -> bool {
    if !character.is_alphanumeric() || matches!(character, '①'..='⑳' | '㈠'..='㏿' | '！'..='ﾟ') {
        return false;
    }
    let is_han = Script::from(character) == Script::Han;
    !is_han && !character.identifier_allowed() || !std::iter::once(character).nfkc().eq([character])
}

/// UTS #39, 5.2, "highly restrictive", over the letters; and no word of another script that reads as Latin.
fn is_one_system(text: &str) -> bool {
    let mut all = AugmentedScriptSet::default();
    let mut but_latin = AugmentedScriptSet::default();
    for character in text.chars() {
        let scripts = AugmentedScriptSet::from(character);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            but_latin.intersect_with(scripts);
        }
    }
    let of_one = !all.is_empty() || but_latin.jpan || but_latin.hanb || but_latin.kore;
    let has_latin = text.chars().any(|character| Script::from(character) == Script::Latin);
    let has_other = text.chars().any(|character| !character.is_ascii() && character.is_alphanumeric());
    of_one && (has_latin || !has_other || !skeleton(text).all(|character| character.is_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_shops_and_phones_have_them_are_names() {
        for name in [
            "Kanda Bakery",
            "さくら書店",
            "サクラ・ブックス 神田店",
            "ＡＢＣマート　渋谷店",
            "ﾌｧﾐﾏ 3号店",
            "㈱日の出フーズ",
            "𠮷野家",
            "髙島屋",
            "らーめん一番 ①",
            "Café Zoë & Søn",
            "Alice’s phone",
            "太郎のiPhone (2)",
            "7-Eleven!",
            "Phở Việt",
            "스타벅스 Coffee",
            "Кофейня",
            "Φούρνος",
            "全家便利商店",
            "人々の店〆",
            "🍞 Bread",
        ] {
            assert!(is_name(name), "{name}");
        }
    }

    #[test]
    fn what_is_not_seen_or_moves_what_is_seen_is_in_no_text() {
        for (what, text) in [
            ("nothing", ""),
            ("a space alone", " "),
            ("a wide space alone", "\u{3000}"),
            ("a space in front", " Bakery"),
            ("a space behind", "Bakery "),
            ("two spaces", "Kanda  Bakery"),
            ("a space that does not break", "Kanda\u{a0}Bakery"),
            ("a thin space", "Kanda\u{2009}Bakery"),
            ("a line break", "Kanda\nBakery"),
            ("a line separator", "Kanda\u{2028}Bakery"),
            ("an escape", "Kanda\u{1b}[2J"),
            ("right to left, overriding", "Bak\u{202e}yre"),
            ("right to left, isolated", "Bak\u{2067}yre\u{2069}"),
            ("a mark of direction", "Bakery\u{200f}"),
            ("an Arabic mark of direction", "Bakery\u{61c}"),
            ("a space of no width", "Ba\u{200b}kery"),
            ("a joiner", "Ba\u{200d}kery"),
            ("a word joiner", "Ba\u{2060}kery"),
            ("a byte order mark", "Ba\u{feff}kery"),
            ("a soft hyphen", "Ba\u{ad}kery"),
            ("a variation selector", "Bakery\u{fe0f}"),
            ("a variation selector for Han", "葛\u{e0100}"),
            ("a tag", "Bakery\u{e0041}"),
            ("a Hangul filler", "\u{3164}"),
            ("a narrow Hangul filler", "\u{ffa0}"),
            ("a blank of Braille", "\u{2800}"),
            ("a private character", "Bakery\u{e000}"),
            ("no character", "Bakery\u{ffff}"),
            ("what stands for an object", "Bakery\u{fffc}"),
            ("a mark on nothing", "\u{301}Bakery"),
            ("a pile of marks", "B\u{316}\u{317}\u{318}akery"),
        ] {
            assert!(!is_legible(text), "{what}");
            assert!(!is_name(text), "{what}");
        }
    }

    #[test]
    fn a_name_is_in_one_writing_system() {
        for (what, text) in [
            ("Cyrillic а in Latin", "K\u{430}nda Bakery"),
            ("Greek ο in Latin", "Kanda B\u{3bf}okshop"),
            ("Cyrillic in Japanese", "さくら書店\u{430}"),
            ("Hangul in Japanese", "さくら서점"),
            ("all Cyrillic, read as Latin", "\u{441}\u{43e}\u{441}\u{43e}"),
            ("a digit of Bengali", "\u{9ea}"),
            ("bold mathematical letters", "\u{1d401}\u{1d41a}\u{1d424}\u{1d41e}"),
            ("letters in circles", "\u{24b7}akery"),
            ("a letter of phonetics", "B\u{251}kery"),
            ("a letter and its mark apart", "Cafe\u{301}"),
            ("a ligature", "\u{fb01}sh"),
            ("Cherokee", "\u{13aa}\u{13a1}"),
        ] {
            assert!(!is_name(text), "{what}: {text}");
        }
        for text in ["Lunch, Ελληνικά", "さくら서점"] {
            assert!(is_legible(text), "{text}");
        }
    }
}
