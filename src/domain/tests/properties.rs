//! Properties that hold for whatever happens, under the names of the bugs they exclude.

use proptest::prelude::*;

use super::fixture::{Ledger, STEP, Said, writes};
use super::random::{moves, tell};
use crate::domain::decide::Traceless;
use crate::domain::lots::{Lot, Lots};
use crate::domain::outcome::Refusal;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(256))]

    /// The same request id with the same body has its one effect and its one answer, however often
    /// and in whatever envelope; with another body it has none. Another id is another payment.
    #[test]
    fn idempotency_is_bound_to_the_body(
        amount_minor in 1_i64..2_000,
        right in any::<bool>(),
        repetitions in prop::collection::vec((any::<bool>(), any::<bool>()), 1..8),
    ) {
        let mut ledger = Ledger::parse("alice 1000 jpy | bakery");
        let payment = ledger.pay(&format!("alice → bakery {amount_minor}"));
        let payment = if right { payment.code(STEP) } else { payment.wrong_code() };
        let first = ledger.say(&payment);
        let paid_minor = 1_000 - ledger.account_of("alice").available_minor();
        prop_assert_eq!(paid_minor, if right && amount_minor <= 1_000 { amount_minor } else { 0 });
        for (same_body, resigned) in repetitions {
            let number = ledger.number();
            if !same_body {
                let other = payment.clone().other_body(number).code(STEP + 1);
                let decision = ledger.act(&other);
                prop_assert_eq!(Said::of(&decision), Said::Nothing(Traceless::RequestIdReused));
                prop_assert!(writes(&decision).is_empty());
            } else if right {
                // Final: no code is needed nor judged.
                let again = payment.clone();
                let again = if resigned { again.resigned(number).proof(None) } else { again };
                let decision = ledger.act(&again);
                prop_assert!(matches!(Said::of(&decision), Said::Again(_)), "{:?}", decision);
                prop_assert!(writes(&decision).is_empty());
                prop_assert_eq!(ledger.account_of("alice").totp_last_step, STEP);
            } else if !resigned {
                let failures = ledger.account_of("alice").code_failures;
                let Said::Open(answer) = first.clone() else { panic!("a wrong code is an open answer") };
                prop_assert_eq!(ledger.say(&payment), Said::OpenAgain(answer));
                prop_assert_eq!(ledger.account_of("alice").code_failures, failures);
            }
            prop_assert_eq!(1_000 - ledger.account_of("alice").available_minor(), paid_minor);
        }
        let another = payment.other_request(1).code(STEP + 1);
        let suffices = amount_minor <= 1_000 - paid_minor;
        let expected = if suffices { Said::Done } else { Said::No(Refusal::InsufficientBalance) };
        prop_assert_eq!(ledger.ask(&another), expected);
    }

    /// What is held cannot be spent. There is no Authorize yet that holds: this is at the level of
    /// the account's row, whose pending debits are set by hand.
    #[test]
    fn a_hold_reduces_available(
        credited_minor in 0_i64..90_000,
        held_share in 0_i64..=100,
        amount_minor in 1_i64..90_000,
    ) {
        let held_minor = credited_minor * held_share / 100;
        let mut ledger = Ledger::parse("alice 0 jpy | bakery");
        ledger.account("alice", |account| {
            account.credits_posted_minor = credited_minor;
            account.debits_pending_minor = held_minor;
            account.lots = Lots::default();
            let lot_id = crate::domain::id::LotId([1; 16]);
            account.lots.add(Lot { lot_id, remaining_minor: credited_minor, expires_at: None });
        });
        prop_assert_eq!(ledger.account_of("alice").available_minor(), credited_minor - held_minor);
        let payment = ledger.pay(&format!("alice → bakery {amount_minor}")).code(STEP);
        let said = ledger.say(&payment);
        let account = ledger.account_of("alice");
        if amount_minor <= credited_minor - held_minor {
            prop_assert_eq!(said, Said::Done);
            prop_assert_eq!(account.available_minor(), credited_minor - held_minor - amount_minor);
        } else {
            prop_assert_eq!(said, Said::No(Refusal::InsufficientBalance));
            prop_assert_eq!(account.available_minor(), credited_minor - held_minor);
        }
        prop_assert_eq!(account.debits_pending_minor, held_minor);
        prop_assert_eq!(account.lots.total_minor(), account.available_minor() + held_minor);
    }

    /// Whatever devices, provider and repetitions do: sums are zero, nothing is below zero, the
    /// journal alone gives all balances, one effect a request id, and nothing that only rises falls.
    #[test]
    fn no_story_breaks_the_ledger(moves in moves(60)) {
        tell(&moves);
    }
}
