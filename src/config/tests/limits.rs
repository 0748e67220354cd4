//! How many codes are sent in all, how far clocks may be apart, and what a standby is of.

use super::parse;
use crate::gate::limit::LimitTable;
use crate::ratelimit::gcra::Limit;

#[test]
fn budgets_and_the_clocks_bound_are_as_written_or_as_documented() {
    let written = "[limits.budgets]\ntexts_per_hour = 60\n[store]\nclock_difference_seconds = 9\n";
    let config = parse(&format!("mode = \"sandbox\"\n{written}")).unwrap();
    assert_eq!(config.clock_difference_us, Some(9_000_000));
    assert_eq!(config.limits.budgets.texts_hour, Limit::at_most(60, 1));
    assert_eq!(config.limits.budgets.texts_day, LimitTable::standard().budgets.texts_day);
    assert_eq!(parse("mode = \"sandbox\"\n").unwrap().clock_difference_us, None);
}

#[test]
fn a_budget_of_nothing_a_wide_bound_and_a_standby_of_nothing_are_refused() {
    for (written, said) in [
        ("[limits.budgets]\ntexts_per_day = 1\n", "[limits.budgets], a count must be 2 to 10000000"),
        ("[store]\nclock_difference_seconds = 61\n", "[store] clock_difference_seconds must be 1 to 60"),
        (
            "[store]\nstandby = \"synchronous\"\n",
            "[store] standby must be left out without a PostgreSQL server",
        ),
        ("[store]\nstandby = \"maybe\"\n", "unknown variant `maybe`"),
        ("[store]\nclock_difference_seconds = 0\n", "[store] clock_difference_seconds must be 1 to 60"),
    ] {
        let refused = parse(&format!("mode = \"sandbox\"\n{written}")).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

#[test]
fn all_that_is_wrong_with_a_configuration_is_told_at_once_and_nothing_twice() {
    let said = super::parse("mode = \"production\"\n[server]\nexecutors = 0\n").unwrap_err().to_string();
    let keys: Vec<_> = said.lines().map(|line| line.split(" is missing").next().unwrap()).collect();
    let expected = [
        "[server] audience",
        "[server] listen",
        "[server] data_dir",
        "[server] executors must be 1 or more",
        "[tls] certificate_file",
        "[store]",
        "[limits]",
        "[operators] first_key_file",
        "[keys]",
        "[funding] provider",
        "[notify]",
    ];
    assert_eq!(keys, expected, "{said}");
}

#[test]
fn an_address_that_is_none_is_answered_with_an_example() {
    let said = super::parse("mode = \"sandbox\"\n[server]\nlisten = \"localhost:8443\"\n");
    let said = said.unwrap_err().to_string();
    assert!(said.contains("such as 127.0.0.1:8443"), "{said}");
}
