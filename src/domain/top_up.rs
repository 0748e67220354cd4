//! The life of a top-up: what each answer of its provider does in each state, as one table.
//!
//! Answers come late, twice and out of order. A state takes what moves it on and lets the rest pass, so
//! that a top-up is credited or failed exactly once, and taken back at most once, whatever comes.

use super::record::stored_enum;
use super::rows::TopUpState;

stored_enum! {
    /// What a provider said of a top-up.
    Answer {
        /// Its owner has to do something first.
        RequiresAction = 1,
        /// It does not say yet, or what it said did not arrive.
        Unknown = 2,
        /// The money is ours.
        Succeeded = 3,
        /// It is not, and never will be.
        Failed = 4,
        /// The money was ours, and we gave it back.
        Refunded = 5,
        /// The money was ours, and was taken from us.
        ChargedBack = 6,
    }
}

impl Answer {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 6] = [
        Self::RequiresAction,
        Self::Unknown,
        Self::Succeeded,
        Self::Failed,
        Self::Refunded,
        Self::ChargedBack,
    ];
}

/// What an answer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it was heard before, or comes too late.
    Pass,
    /// The provider goes on to be asked.
    Wait(TopUpState),
    /// The owner has the money.
    Credit,
    /// The owner's reservation ends, and nothing was credited.
    Fail,
    /// What was credited is taken back.
    TakeBack(TopUpState),
}

use Step::{Credit, Fail, Pass, TakeBack, Wait};
use TopUpState::{ChargedBack, Failed, Refunded, Requested, RequiresAction, Succeeded, Unknown};

/// One row a state, one column an answer, in the order of [`Answer::ALL`].
///
/// What went back before it was ever credited is a failure: nothing was credited, and nothing is left to be.
pub const TABLE: [(TopUpState, [Step; 6]); 7] = [
    (Requested, [Wait(RequiresAction), Wait(Unknown), Credit, Fail, Fail, Fail]),
    (RequiresAction, [Pass, Wait(Unknown), Credit, Fail, Fail, Fail]),
    (Unknown, [Wait(RequiresAction), Pass, Credit, Fail, Fail, Fail]),
    (Succeeded, [Pass, Pass, Pass, Pass, TakeBack(Refunded), TakeBack(ChargedBack)]),
    (Failed, [Pass; 6]),
    (Refunded, [Pass; 6]),
    (ChargedBack, [Pass; 6]),
];

/// What this answer does in this state.
pub fn step(state: TopUpState, answer: Answer) -> Step {
    let row = TABLE.iter().find(|(row, _)| *row == state);
    let column = Answer::ALL.iter().position(|column| *column == answer);
    // Both lists are complete, which a test walks.
    row.zip(column).and_then(|((_, steps), column)| steps.get(column)).copied().unwrap_or(Pass)
}

impl TopUpState {
    /// Whether the provider has yet to say what became of it.
    pub fn is_open(self) -> bool {
        match self {
            Requested | RequiresAction | Unknown => true,
            Succeeded | Failed | Refunded | ChargedBack => false,
        }
    }
}
