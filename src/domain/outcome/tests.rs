//! Outcomes as they are stored: those of today, and those that only journals of earlier versions hold.

use super::*;
use crate::domain::command::SystemAction;
use crate::domain::rows::HaltReason;
use crate::domain::standing::BarSubject;

const AT: Timestamp = Timestamp(0x0102);
const TOP_UP: TopUpId = TopUpId([7; 16]);

/// A tag, sixteen sevens, and what comes behind them.
fn stored(tag: u8, rest: &[i64]) -> Vec<u8> {
    let ints = rest.iter().flat_map(|int| int.to_be_bytes());
    [tag].into_iter().chain([7; 16]).chain(ints).collect()
}

fn sums() -> Sums {
    Sums {
        amount_minor: 90,
        captured_minor: 90,
        refunded_minor: 10,
        released_minor: 0,
        authorised_at: Some(AT),
        awaiting_until: None,
        hold_until: None,
        closing_reason: None,
    }
}

fn taken_back(aftermath: Aftermath) -> Outcome {
    Outcome::TopUpTakenBack {
        top_up_id: TOP_UP,
        state: TopUpState::ChargedBack,
        taken_minor: 3,
        lost_minor: 2,
        available_after_minor: 1,
        aftermath,
    }
}

/// What only journals of earlier versions hold, byte for byte as they wrote it.
#[test]
fn what_earlier_versions_stored_is_read_as_they_meant_it() {
    let state = TopUpState::ChargedBack.number();
    let forgiven = |frozen_at| taken_back(Aftermath::Forgiven { frozen_at });
    let late =
        Outcome::ReversedTooLate { payment_id: PaymentId([7; 16]), sums: sums(), why: Late::DayClosed };
    let rows = [
        (stored(11, &[]), Outcome::FundingLinked { funding_id: FundingId([7; 16]), card_tag: None }),
        (stored(13, &[]), Outcome::TopUpRequested { top_up_id: TOP_UP, wants_challenge: false }),
        (stored(71, &[state, 3, 2, 1, 0]), forgiven(None)),
        (stored(71, &[state, 3, 2, 1, 0x0102]), forgiven(Some(AT))),
        (stored(80, &[90, 90, 10, 0, 0, 0x0102, 0, 0]), late),
    ];
    for (bytes, outcome) in rows {
        assert_eq!(Outcome::decode(&bytes).as_ref(), Ok(&outcome), "{bytes:?}");
        assert_eq!(outcome.encode(), bytes, "{outcome:?}");
    }
}

fn later() -> Vec<(u8, Outcome)> {
    let proposal_id = ProposalId([1; 16]);
    let (operator_id, merchant_id) = (OperatorId([2; 16]), MerchantId([3; 16]));
    let key_id = KeyId([4; 32]);
    let account_id = AccountId([5; 16]);
    let late =
        Outcome::ReversedTooLate { payment_id: PaymentId([6; 16]), sums: sums(), why: Late::WindowOver };
    let mut outcomes = vec![
        (130, Outcome::Keys(KeyOutcome::Rotated { key_id })),
        (131, Outcome::Keys(KeyOutcome::OperatorRevoked { proposal_id, operator_id })),
        (132, Outcome::Keys(KeyOutcome::OperatorKeySet { proposal_id, operator_id, key_id })),
        (133, Outcome::Keys(KeyOutcome::MerchantKeyRevoked { proposal_id, merchant_id })),
        (134, Outcome::Keys(KeyOutcome::MerchantKeySet { proposal_id, merchant_id, key_id })),
        (140, late),
        (141, Outcome::DayWasClosed { business_day: 3, closed_at: AT }),
        (150, taken_back(Aftermath::Owed { debt_minor: 4, halted_at: None })),
        (150, taken_back(Aftermath::Owed { debt_minor: 4, halted_at: Some(AT) })),
        (152, Outcome::Halt(HaltOutcome::Resumed { proposal_id, account_id })),
        (153, Outcome::FundingLinked { funding_id: FundingId([8; 16]), card_tag: Some(CardTag([9; 32])) }),
        (154, Outcome::TopUpRequested { top_up_id: TOP_UP, wants_challenge: true }),
    ];
    let subjects = [
        BarSubject::Merchant(merchant_id),
        BarSubject::Store(StoreId([10; 16])),
        BarSubject::Terminal(TerminalId([11; 16])),
    ];
    for subject in subjects {
        outcomes.push((135, Outcome::Keys(KeyOutcome::Barred { subject })));
        outcomes.push((136, Outcome::Keys(KeyOutcome::BarLifted { proposal_id, subject })));
    }
    for reason in [HaltReason::Operator, HaltReason::ChargeBack] {
        outcomes.push((151, Outcome::Halt(HaltOutcome::Halted { account_id, halted_at: AT, reason })));
    }
    outcomes
}

#[test]
fn what_is_stored_under_the_later_tags_is_read_back() {
    for (tag, outcome) in later() {
        let bytes = outcome.encode();
        assert_eq!(bytes[0], tag, "{outcome:?}");
        assert_eq!(Outcome::decode(&bytes), Ok(outcome));
    }
}

#[test]
fn whether_3_d_secure_was_done_is_told_of_what_succeeded_alone() {
    for (byte, succeeded, challenged) in [(0, false, false), (1, true, false), (2, true, true)] {
        let provider_reference = "pi".to_owned();
        let action =
            SystemAction::SettleTopUp { top_up_id: TOP_UP, succeeded, challenged, provider_reference };
        let kind = action.kind().number().to_be_bytes();
        let bytes = [&kind[..], &[7; 16], &[byte], &[0, 0, 0, 2], b"pi"].concat();
        assert_eq!(action.encode(), bytes, "{action:?}");
        assert_eq!(SystemAction::decode(&bytes), Ok(action));
    }
    let none = SystemAction::SettleTopUp {
        top_up_id: TOP_UP,
        succeeded: false,
        challenged: false,
        provider_reference: String::new(),
    };
    let mut bytes = none.encode();
    bytes[8 + 16] = 3;
    SystemAction::decode(&bytes).expect_err("nothing is stored as 3");
}
