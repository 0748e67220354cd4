//! The figures of recovery, each at least as long as its documented floor unless money is a sandbox's.

use crate::domain::time::{DAY_US, HOUR_US, MINUTE_US};

/// The figures of recovery. Spans in microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Figures {
    /// A case lives so long after it was begun, and after each factor, until a set is complete.
    pub requested_us: i64,
    /// … when it waits for proofing in person.
    pub proofing_us: i64,
    /// A complete set waits so long for its notices to be accepted.
    pub proven_us: i64,
    /// It may be completed for so long after its delay.
    pub window_us: i64,
    /// The factor that is proved again is so old at most.
    pub again_us: i64,
    /// A code to a contact is good for so long.
    pub issued_us: i64,
    /// The second call of a cancellation by a notice's secret comes within.
    pub cancel_us: i64,
    /// Attempts of one case.
    pub attempts_case: i64,
    /// Attempts in a day by one contact, before anything is proved; and as many again of all cases of an
    /// account that proved something.
    pub attempts_day: i64,
    /// Messages with codes in a day, likewise.
    pub messages_day: i64,
    /// Attempts in a day of cases that proved a possession.
    pub reserve_attempts_day: i64,
    /// … and messages.
    pub reserve_messages_day: i64,
    /// So many wrong codes of the authenticator since the last recovery that was completed, and it counts
    /// only in cases that proved something else before; as many again there, and only beside a saved code.
    pub totp_guesses: i64,
    /// An authenticator counts when it was bound so long before the request.
    pub authenticator_age_us: i64,
    /// Everything else.
    pub factor_age_us: i64,
    /// A phone number counts no more when its owner last confirmed it longer before the request: numbers are
    /// given to others.
    pub phone_age_us: i64,
    /// The delay with two factors that are more than a channel.
    pub delay_two_us: i64,
    /// … with a code by e-mail.
    pub delay_email_us: i64,
    /// … with a code by phone.
    pub delay_phone_us: i64,
    /// … after proofing in person.
    pub delay_proofing_us: i64,
    /// More, when a contact changed lately.
    pub delay_contact_us: i64,
    /// More, for each of: a long sleep or a cancelled case; a channel that was passed over.
    pub delay_doubt_us: i64,
    /// Lately, for contacts and cancelled cases; and removed contacts are told of everything so long.
    pub lately_us: i64,
    /// An account sleeps after so long without a call of its devices.
    pub sleep_us: i64,
    /// A set whose case was cancelled is no use for so long.
    pub locked_us: i64,
    /// A freeze by a code to a contact alone lasts so long.
    pub issued_freeze_us: i64,
    /// … and is had once in so long.
    pub issued_freeze_pause_us: i64,
    /// Whoever recovered may lift a freeze after so long.
    pub unfreeze_us: i64,
    /// Contacts stay as they are for so long after a recovery.
    pub contacts_fixed_us: i64,
    /// Payments of a restricted account in 24 hours, in minor units.
    pub restricted_day_minor: i64,
    /// Payments in the first stage after a recovery, in 24 hours, in minor units.
    pub first_day_minor: i64,
    /// The first stage ends, the second, the third.
    pub stages_us: [i64; 3],
    /// Of all limits, in the second and the third stage.
    pub stages_percent: [i64; 2],
    /// An addition of a device is approved within.
    pub addition_us: i64,
    /// As many additions may be asked for by one contact in that time.
    pub additions: usize,
    /// As many wrong numbers end an addition.
    pub addition_attempts: i64,
    /// A contact under way is confirmed within.
    pub contact_us: i64,
    /// As many wrong codes end it.
    pub contact_attempts: i64,
    /// Devices of an account.
    pub devices: usize,
    /// Contacts of an account.
    pub contacts: usize,
}

impl Figures {
    /// The figures of the documentation, which are floors for production.
    pub fn standard() -> Self {
        Self {
            requested_us: 15 * MINUTE_US,
            proofing_us: DAY_US,
            proven_us: 72 * HOUR_US,
            window_us: 72 * HOUR_US,
            again_us: 10 * MINUTE_US,
            issued_us: 10 * MINUTE_US,
            cancel_us: 10 * MINUTE_US,
            attempts_case: 5,
            attempts_day: 10,
            messages_day: 3,
            reserve_attempts_day: 5,
            reserve_messages_day: 3,
            totp_guesses: 600,
            authenticator_age_us: 30 * DAY_US,
            factor_age_us: 72 * HOUR_US,
            phone_age_us: 365 * DAY_US,
            delay_two_us: 24 * HOUR_US,
            delay_email_us: 48 * HOUR_US,
            delay_phone_us: 72 * HOUR_US,
            delay_proofing_us: 72 * HOUR_US,
            delay_contact_us: 7 * DAY_US,
            delay_doubt_us: 72 * HOUR_US,
            lately_us: 30 * DAY_US,
            sleep_us: 180 * DAY_US,
            locked_us: 7 * DAY_US,
            issued_freeze_us: DAY_US,
            issued_freeze_pause_us: 7 * DAY_US,
            unfreeze_us: DAY_US,
            contacts_fixed_us: 7 * DAY_US,
            restricted_day_minor: 3_000,
            first_day_minor: 3_000,
            stages_us: [DAY_US, 7 * DAY_US, 14 * DAY_US],
            stages_percent: [10, 30],
            addition_us: 10 * MINUTE_US,
            additions: 3,
            addition_attempts: 3,
            contact_us: 15 * MINUTE_US,
            contact_attempts: 5,
            devices: 10,
            contacts: 5,
        }
    }
}
