//! How cards are charged, as the example says it.

use super::*;
use crate::domain::policy::{CardRules, Policy};

#[test]
fn the_example_has_the_standard_of_cards() {
    let cards = EXAMPLE.lines().skip_while(|line| *line != "# [funding.cards]");
    let cards: Vec<&str> = cards.map_while(|line| line.strip_prefix("# ")).collect();
    let written = parse(&format!("mode = \"sandbox\"\n{}", cards.join("\n"))).unwrap().cards;
    let CardRules { accounts, day_minor, day_count, new_us, new_day_minor, challenge_minor, .. } =
        Policy::standard().cards;
    let standard = CardsAt {
        accounts: Some(accounts),
        day_minor: Some(day_minor),
        day_count: Some(day_count),
        new_us: Some(new_us),
        new_day_minor: Some(new_day_minor),
        challenge_minor: Some(challenge_minor),
    };
    assert_eq!(written, standard);
}
