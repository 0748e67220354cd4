//! What may become a passphrase and what may not, and how long that takes to say.

use super::*;
use crate::env::clock::Stopwatch;

fn bare(text: &str) -> Result<(), Unsuitable> {
    suitable(text, &[])
}

#[test]
fn a_passphrase_has_length_and_is_not_among_the_first_guesses() {
    for good in [
        "a fine passphrase",
        "four wet umbrellas",
        "kX9#mQ2$vL",
        "さくらがさいたよきれいだ",
        "雨の日に傘を三本なくした",
        "ame no hi ni kasa wo sanbon nakushita",
        "🗼🗻🗾🌸🍣🍜🍡🍵🎌🎎",
    ] {
        assert_eq!(bare(good), Ok(()), "{good}");
    }
    assert_eq!(bare(&"xK4 umbrella? ".repeat(9)[..126]), Ok(()));
    for (bad, reason) in [
        ("", Unsuitable::TooShort),
        ("ninechars", Unsuitable::TooShort),
        // 27 bytes, 9 characters.
        ("さくらがさいたよき", Unsuitable::TooShort),
        (&"ab".repeat(65), Unsuitable::TooLong),
        (&"x".repeat(1_000_000), Unsuitable::TooLong),
    ] {
        assert_eq!(bare(bad), Err(reason), "{}", bad.len());
    }
}

#[test]
fn what_people_make_of_a_common_word_is_guessable() {
    for bad in [
        "Password1!",
        "password2026",
        "P@ssw0rd2026!",
        "Password123",
        "qwertyuiop",
        "qwertyuiop2",
        "1qaz2wsx3edc",
        "1234567890",
        "9876543210",
        "abcdefghijkl",
        "AbCdEfGhIjKl",
        "lkjihgfedcba",
        "aaaaaaaaaaaa",
        "aaaaaaaaab",
        "abababababababababababababababababab",
        "iloveyou1234",
        "tokyotower",
        "1994051219940512",
        "1994-05-12 1994-05-12",
        "0312345678",
        "ｐａｓｓｗｏｒｄ２０２６",
    ] {
        assert_eq!(bare(bad), Err(Unsuitable::Guessable), "{bad}, judged as {}", *judged(bad));
    }
}

#[test]
fn common_japanese_is_guessable_in_whatever_script() {
    for bad in [
        "sakurasakura",
        "sakura1994!",
        "saifu2026!",
        "nihonnihon",
        "aishiteru2026",
        "watashihaneko",
        "yamadataro1980",
        "yamadatarou",
        "arigatougozaimasu",
        "さくらさくらさくらさくら",
        "サクラサクラサクラサクラ",
        "ぱすわーどぱすわーど",
        "パスワードパスワード",
        "ﾊﾟｽﾜｰﾄﾞ2026",
        "ありがとうございます",
        "おはようございます2026",
        "こんにちはこんにちは",
        "あいうえおかきくけこ",
        "いろはにほへとちりぬるを",
        "ああああああああああ",
        "1994年5月12日生まれ",
    ] {
        assert_eq!(bare(bad), Err(Unsuitable::Guessable), "{bad}, judged as {}", *judged(bad));
    }
}

#[test]
fn a_persons_own_address_is_guessable() {
    let email = Zeroizing::new("umbrella.kasamatsu@example.jp".to_owned());
    let phone = Zeroizing::new("+819037264815".to_owned());
    for (text, known) in [
        ("kasamatsu2026", &email),
        ("kasamatsukasamatsu", &email),
        ("umbrella.kasamatsu", &email),
        ("Umbrella.Kasamatsu@example.jp", &email),
        ("090-3726-4815", &phone),
        ("09037264815!", &phone),
        ("+819037264815", &phone),
    ] {
        assert_eq!(suitable(text, std::slice::from_ref(known)), Err(Unsuitable::Guessable), "{text}");
    }
    assert_eq!(bare("umbrella.kasamatsu"), Ok(()), "another's is a passphrase like any other");
    assert_eq!(suitable("four wet umbrellas", &[email, phone]), Ok(()));
}

#[test]
fn what_was_accepted_by_an_older_rule_can_still_be_presented() {
    for text in ["Password1!", "tokyotower", "sakurasakura"] {
        assert!(presentable(text), "{text}");
    }
    for text in ["", "short", &"x".repeat(129)] {
        assert!(!presentable(text), "{text}");
    }
}

/// Every sign that may stand for a letter, in many orders: the worst that there is for the estimate.
#[test]
fn no_text_takes_longer_to_judge_than_a_hash_takes() {
    let signs = "4@8({[<369&#!/|0$5+7%2abcest1".chars().collect::<Vec<_>>();
    let mut state = 1_u32;
    let mut longest = 0;
    let _words = bare("a fine passphrase");
    for _ in 0..20 {
        let text = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            signs[usize::try_from(state >> 16).unwrap() % signs.len()]
        });
        let text = text.take(CHARACTERS_MAX).collect::<String>();
        let begun = Stopwatch::start();
        let _judged = bare(&text);
        longest = longest.max(begun.elapsed_us());
    }
    // 8 ms where it was measured, and seconds without the bound: 32 characters, and the signs left out.
    assert!(longest < 200_000, "{longest} µs");
}

#[test]
fn the_list_of_words_is_read_in_the_form_that_is_judged() {
    assert!(WORDS.len() > 300);
    for word in WORDS.iter() {
        assert_eq!(*judged(word), *word, "it would never be met");
        assert_eq!(word.to_lowercase(), *word);
    }
}
