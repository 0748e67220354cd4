//! The figures of the rules. Values without defaults: a policy is made whole, or not at all.

use std::ops::{Range, RangeInclusive};

use super::recovery::figures::Figures;
use super::time::{DAY_US, HOUR_US, MINUTE_US, SECOND_US, Timestamp};

/// When a second factor is wanted for money.
#[derive(Clone, Debug)]
pub struct StepUp {
    /// A device is fresh for so long after a code of its was accepted.
    pub fresh_us: i64,
    /// From this amount on, a code in the call.
    pub amount_minor: i64,
    /// When the account's spending since this device's last code would pass this, a code.
    pub sum_minor: i64,
    /// When so many payments were made since this device's last code, a code.
    pub payments: i64,
}

/// How wrong codes are counted.
#[derive(Clone, Debug)]
pub struct CodeAttempts {
    /// So many wrong ones in a row block a device's codes.
    pub block_after: i64,
    /// For so long the first, the second, and every further time.
    pub blocks_us: [i64; 3],
    /// So many wrong ones in a day block a device's codes until the day is over.
    pub per_day: i64,
    /// So many of all devices block those of all.
    pub account_per_day: i64,
    /// So many without a right one between, over all devices: recovery only.
    pub without_success: i64,
    /// So many in its life end a device's codes for good, whatever was right between.
    pub device_ever: i64,
    /// So many of all devices since the last recovery end those of all: recovery only.
    pub account_ever: i64,
}

/// What one row of limits allows. In minor units; nothing means no limit by this row.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    /// One payment.
    pub payment_minor: Option<i64>,
    /// All payments in 24 hours.
    pub day_minor: Option<i64>,
    /// All payments in 30 days.
    pub month_minor: Option<i64>,
    /// The balance, with top-ups under way.
    pub balance_minor: Option<i64>,
    /// All top-ups in 24 hours.
    pub top_up_day_minor: Option<i64>,
    /// How many top-ups in 24 hours.
    pub top_up_day_count: Option<i64>,
}

/// Which limits apply.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Every account's.
    pub standard: Caps,
    /// In addition, while the device is young. The strictest of all that apply counts.
    pub young_device: Caps,
    /// A device is young for so long.
    pub young_us: i64,
    /// Between two top-ups.
    pub top_up_pause_us: i64,
    /// Linked funding sources at a time.
    pub funding_sources: usize,
}

/// How an enrolment goes.
#[derive(Clone, Debug)]
pub struct EnrolmentRules {
    /// The code is good for so long.
    pub code_us: i64,
    /// And for so many tries.
    pub attempts: i64,
    /// Activated within, or gone.
    pub activate_us: i64,
}

/// How payment codes go.
#[derive(Clone, Debug)]
pub struct PaymentCodes {
    /// A code is good for so long.
    pub live_us: i64,
    /// A till may send so many unusable codes at once.
    pub misses: i64,
    /// One of them is made up for in so long.
    pub miss_us: i64,
}

impl PaymentCodes {
    /// From when on a till's codes are looked at, when its misses count until then.
    pub fn looked_at_from(&self, misses_until: Timestamp) -> Timestamp {
        misses_until.plus_us(self.misses.saturating_sub(1).saturating_mul(self.miss_us).saturating_neg())
    }

    /// Until when a till's misses count, with one more now.
    pub fn with_miss(&self, misses_until: Timestamp, now: Timestamp) -> Timestamp {
        misses_until.max(now).plus_us(self.miss_us)
    }

    /// How many of them are not made up for.
    pub fn misses_at(&self, misses_until: Timestamp, now: Timestamp) -> i64 {
        let left_us = misses_until.since_us(now).max(0);
        left_us / self.miss_us + i64::from(left_us % self.miss_us > 0)
    }
}

/// How merchants and operators go about.
#[derive(Clone, Debug)]
pub struct StaffRules {
    /// A till's activation code is good for so long.
    pub activation_us: i64,
    /// A proposal may be approved for so long.
    pub proposal_us: i64,
    /// A till gives back so much a day; more is its merchant's server's to give.
    pub refund_day_minor: i64,
    /// A till, or its merchant's server for it, undoes what was captured for so long.
    pub reversal_us: i64,
    /// The till that took cash for an account gives it back over the counter for so long.
    pub cash_back_us: i64,
    /// A business day that its till does not close is closed so long after the end of the calendar day in
    /// which it began.
    pub close_day_us: i64,
}

impl StaffRules {
    /// No deployment lets reversals reach further back. It is shorter than the two hours after which a
    /// merchant's day is settled: what is reversed was never paid out.
    pub const REVERSAL_LONGEST_US: i64 = HOUR_US;
    /// Nor is any shorter: a till has to be able to undo what it does not know.
    pub const REVERSAL_SHORTEST_US: i64 = MINUTE_US;
    /// Cash goes back for no longer in any deployment. Its customer signs nothing for that, so it is a slip
    /// of the clerk's hand that is undone, while they stand at the counter.
    pub const CASH_BACK_LONGEST_US: i64 = 10 * MINUTE_US;
    /// No day is closed for its till sooner, or later.
    pub const CLOSE_DAY_US: RangeInclusive<i64> = HOUR_US..=DAY_US;
}

/// How long payments wait.
#[derive(Clone, Debug)]
pub struct PaymentWaits {
    /// A customer is asked for so long.
    pub ask_us: i64,
    /// A hold lasts so long when its shop says nothing about it.
    pub hold_us: i64,
    /// And at most so long.
    pub hold_longest_us: i64,
    /// An order may be paid for so long when its shop says nothing about it.
    pub order_us: i64,
}

/// How top-ups go.
#[derive(Clone, Debug)]
pub struct TopUpRules {
    /// The provider may take so long; then it is told to leave off.
    pub deadline_us: i64,
}

/// How cards are charged.
#[derive(Clone, Debug)]
pub struct CardRules {
    /// One card is in so many accounts at the most.
    pub accounts: usize,
    /// Of those that linked it, or topped up by it, within this.
    pub accounts_us: i64,
    /// One card brings in so much in 24 hours, over all accounts.
    pub day_minor: i64,
    /// And so often.
    pub day_count: i64,
    /// A source is new for so long after it was linked, and until it was topped up from.
    pub new_us: i64,
    /// From a new source no more than this in 24 hours, with all top-ups of its account.
    pub new_day_minor: i64,
    /// 3-D Secure is done from this amount on, and for the first top-up from a source.
    pub challenge_minor: i64,
}

/// How merchants are paid.
#[derive(Clone, Debug)]
pub struct SettlementRules {
    /// A settlement's day begins so long before midnight UTC.
    pub utc_offset_us: i64,
    /// It is settled so long after its end: longer than servers' clocks may differ.
    pub after_us: i64,
    /// Refunds take what a merchant is owed down to this and not further.
    pub payable_floor_minor: i64,
}

impl SettlementRules {
    /// The day of a settlement that a moment lies in, counted from the epoch.
    pub fn day(&self, at: Timestamp) -> i64 {
        at.plus_us(self.utc_offset_us).day()
    }

    /// When the payouts of such a day are ordered: from the moment at which it may be settled, until the next
    /// one may. A day that is settled late is paid with those of its time.
    pub fn ordered(&self, day: i64) -> Range<Timestamp> {
        self.end_of(day).plus_us(self.after_us)..self.end_of(day.saturating_add(1)).plus_us(self.after_us)
    }

    /// When such a day is over.
    pub fn end_of(&self, day: i64) -> Timestamp {
        Timestamp(day.saturating_add(1).saturating_mul(DAY_US)).plus_us(-self.utc_offset_us)
    }
}

/// How a funding provider's list is compared with ours.
#[derive(Clone, Debug)]
pub struct ReconciliationRules {
    /// A charge is compared so long after its top-up's deadline at the earliest: one under way is no
    /// difference.
    pub after_us: i64,
    /// Charges are compared that are at most so old: refunds and charge-backs come late.
    pub back_us: i64,
    /// New charges, and differences that are open, are looked at so often.
    pub every_us: i64,
    /// All charges of the window are looked at again so often.
    pub again_us: i64,
}

/// All rules' figures.
#[derive(Clone, Debug)]
pub struct Policy {
    /// When a second factor is wanted for money.
    pub step_up: StepUp,
    /// How wrong codes are counted.
    pub codes: CodeAttempts,
    /// Which limits apply.
    pub limits: Limits,
    /// How an enrolment goes.
    pub enrolment: EnrolmentRules,
    /// How payment codes go.
    pub payment_codes: PaymentCodes,
    /// How long payments wait.
    pub payments: PaymentWaits,
    /// How merchants and operators go about.
    pub staff: StaffRules,
    /// How top-ups go.
    pub top_ups: TopUpRules,
    /// How cards are charged.
    pub cards: CardRules,
    /// How merchants are paid.
    pub settlement: SettlementRules,
    /// How a funding provider's list is compared with ours.
    pub reconciliation: ReconciliationRules,
    /// How accounts are recovered.
    pub recovery: Figures,
    /// An open answer binds its request id for so long.
    pub open_request_us: i64,
    /// A secret of a reply can be fetched again for so long.
    pub secret_us: i64,
}

impl Limits {
    fn standard() -> Self {
        Self {
            standard: Caps {
                payment_minor: Some(100_000),
                day_minor: Some(200_000),
                month_minor: Some(1_000_000),
                balance_minor: Some(300_000),
                top_up_day_minor: Some(100_000),
                top_up_day_count: Some(5),
            },
            young_device: Caps {
                payment_minor: Some(5_000),
                day_minor: Some(10_000),
                month_minor: None,
                balance_minor: None,
                top_up_day_minor: Some(10_000),
                top_up_day_count: None,
            },
            young_us: 12 * HOUR_US,
            top_up_pause_us: 30 * SECOND_US,
            funding_sources: 5,
        }
    }
}

impl Policy {
    /// The figures of the documentation.
    pub fn standard() -> Self {
        Self {
            step_up: StepUp { fresh_us: 5 * MINUTE_US, amount_minor: 10_000, sum_minor: 15_000, payments: 5 },
            codes: CodeAttempts {
                block_after: 5,
                blocks_us: [15 * MINUTE_US, HOUR_US, DAY_US],
                per_day: 20,
                account_per_day: 40,
                without_success: 100,
                device_ever: 300,
                account_ever: 600,
            },
            limits: Limits::standard(),
            enrolment: EnrolmentRules { code_us: 15 * MINUTE_US, attempts: 5, activate_us: DAY_US },
            payment_codes: PaymentCodes { live_us: MINUTE_US, misses: 10, miss_us: 10 * SECOND_US },
            payments: PaymentWaits {
                ask_us: 2 * MINUTE_US,
                hold_us: 7 * DAY_US,
                hold_longest_us: 30 * DAY_US,
                order_us: 5 * MINUTE_US,
            },
            staff: StaffRules {
                activation_us: DAY_US,
                proposal_us: DAY_US,
                refund_day_minor: 100_000,
                reversal_us: 15 * MINUTE_US,
                cash_back_us: 2 * MINUTE_US,
                close_day_us: 4 * HOUR_US,
            },
            top_ups: TopUpRules { deadline_us: 15 * MINUTE_US },
            cards: CardRules {
                accounts: 2,
                accounts_us: 30 * DAY_US,
                day_minor: 100_000,
                day_count: 5,
                new_us: DAY_US,
                new_day_minor: 10_000,
                challenge_minor: 10_000,
            },
            settlement: SettlementRules {
                utc_offset_us: 9 * HOUR_US,
                after_us: 2 * HOUR_US,
                payable_floor_minor: -1_000_000,
            },
            reconciliation: ReconciliationRules {
                after_us: HOUR_US,
                back_us: 180 * DAY_US,
                every_us: 10 * MINUTE_US,
                again_us: DAY_US,
            },
            recovery: Figures::standard(),
            open_request_us: 150 * SECOND_US,
            secret_us: 10 * MINUTE_US,
        }
    }
}
