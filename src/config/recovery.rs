//! `[recovery]`: the delays, ages and amounts of account recovery, where they are not to be the documented
//! ones. A sandbox may shorten them to a second, to be watched; production may only be stricter.

use serde::Deserialize;

use super::Because;
use crate::domain::recovery::figures::Figures;
use crate::domain::time::SECOND_US;

const MOST_SECONDS: i64 = 31_536_000;
const MOST_YEN: i64 = 1_000_000;

/// The section as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecoverySection {
    requested_seconds: Option<i64>,
    proven_seconds: Option<i64>,
    window_seconds: Option<i64>,
    again_seconds: Option<i64>,
    authenticator_age_seconds: Option<i64>,
    factor_age_seconds: Option<i64>,
    delay_two_seconds: Option<i64>,
    delay_email_seconds: Option<i64>,
    delay_phone_seconds: Option<i64>,
    delay_proofing_seconds: Option<i64>,
    delay_contact_seconds: Option<i64>,
    delay_doubt_seconds: Option<i64>,
    locked_seconds: Option<i64>,
    unfreeze_seconds: Option<i64>,
    contacts_fixed_seconds: Option<i64>,
    first_stage_seconds: Option<i64>,
    second_stage_seconds: Option<i64>,
    third_stage_seconds: Option<i64>,
    restricted_day_yen: Option<i64>,
    first_day_yen: Option<i64>,
    second_stage_percent: Option<i64>,
    third_stage_percent: Option<i64>,
}

/// What a figure is, which says what of it is weaker than the documented one.
#[derive(Clone, Copy)]
enum Kind {
    /// Seconds that somebody has to do something in: longer is weaker.
    Window,
    /// Seconds that something takes or holds: shorter is weaker.
    Delay,
    /// Yen that may leave: more is weaker.
    Yen,
    /// Hundredths of a limit: more is weaker.
    Percent,
}

/// A key, what is written for it, and the figure that it is for.
type Row<'a> = (&'static str, Option<i64>, &'a mut i64, Kind);

impl RecoverySection {
    /// The documented figures with what is written over them.
    pub(super) fn figures(&self, is_production: bool) -> Result<Figures, Because> {
        let mut figures = Figures::standard();
        for (key, written, place, kind) in self.times(&mut figures) {
            kind.write(key, written, place, is_production)?;
        }
        for (key, written, place, kind) in self.stages(&mut figures) {
            kind.write(key, written, place, is_production)?;
        }
        if !figures.stages_us.is_sorted_by(|earlier, later| earlier < later) {
            let must = "less than second_stage_seconds, and that less than third_stage_seconds";
            return Err(Because::OutOfRange("[recovery] first_stage_seconds", must));
        }
        Ok(figures)
    }

    /// How long things may take, must take, and hold.
    fn times<'a>(&self, figures: &'a mut Figures) -> [Row<'a>; 15] {
        use Kind::{Delay, Window};
        let Figures { requested_us, proven_us, window_us, again_us, .. } = figures;
        let Figures { authenticator_age_us, factor_age_us, locked_us, unfreeze_us, .. } = figures;
        let Figures { delay_two_us, delay_email_us, delay_phone_us, delay_proofing_us, .. } = figures;
        let Figures { delay_contact_us, delay_doubt_us, contacts_fixed_us, .. } = figures;
        let age = self.authenticator_age_seconds;
        [
            ("[recovery] requested_seconds", self.requested_seconds, requested_us, Window),
            ("[recovery] proven_seconds", self.proven_seconds, proven_us, Window),
            ("[recovery] window_seconds", self.window_seconds, window_us, Window),
            ("[recovery] again_seconds", self.again_seconds, again_us, Window),
            ("[recovery] authenticator_age_seconds", age, authenticator_age_us, Delay),
            ("[recovery] factor_age_seconds", self.factor_age_seconds, factor_age_us, Delay),
            ("[recovery] delay_two_seconds", self.delay_two_seconds, delay_two_us, Delay),
            ("[recovery] delay_email_seconds", self.delay_email_seconds, delay_email_us, Delay),
            ("[recovery] delay_phone_seconds", self.delay_phone_seconds, delay_phone_us, Delay),
            ("[recovery] delay_proofing_seconds", self.delay_proofing_seconds, delay_proofing_us, Delay),
            ("[recovery] delay_contact_seconds", self.delay_contact_seconds, delay_contact_us, Delay),
            ("[recovery] delay_doubt_seconds", self.delay_doubt_seconds, delay_doubt_us, Delay),
            ("[recovery] locked_seconds", self.locked_seconds, locked_us, Delay),
            ("[recovery] unfreeze_seconds", self.unfreeze_seconds, unfreeze_us, Delay),
            ("[recovery] contacts_fixed_seconds", self.contacts_fixed_seconds, contacts_fixed_us, Delay),
        ]
    }

    /// What may leave an account, while it is being recovered and afterwards.
    fn stages<'a>(&self, figures: &'a mut Figures) -> [Row<'a>; 7] {
        use Kind::{Delay, Percent, Yen};
        let Figures { stages_us, stages_percent, restricted_day_minor, first_day_minor, .. } = figures;
        let ([first, second, third], [second_percent, third_percent]) = (stages_us, stages_percent);
        [
            ("[recovery] first_stage_seconds", self.first_stage_seconds, first, Delay),
            ("[recovery] second_stage_seconds", self.second_stage_seconds, second, Delay),
            ("[recovery] third_stage_seconds", self.third_stage_seconds, third, Delay),
            ("[recovery] restricted_day_yen", self.restricted_day_yen, restricted_day_minor, Yen),
            ("[recovery] first_day_yen", self.first_day_yen, first_day_minor, Yen),
            ("[recovery] second_stage_percent", self.second_stage_percent, second_percent, Percent),
            ("[recovery] third_stage_percent", self.third_stage_percent, third_percent, Percent),
        ]
    }
}

impl Kind {
    /// Puts what is written into its place, which holds the documented figure until then.
    fn write(
        self,
        key: &'static str,
        written: Option<i64>,
        place: &mut i64,
        is_production: bool,
    ) -> Result<(), Because> {
        let Some(written) = written else { return Ok(()) };
        let (range, unit, must) = match self {
            Self::Window | Self::Delay => (1..=MOST_SECONDS, SECOND_US, "1 to 31536000 seconds"),
            Self::Yen => (0..=MOST_YEN, 1, "0 to 1000000 yen"),
            Self::Percent => (0..=100, 1, "0 to 100"),
        };
        if !range.contains(&written) {
            return Err(Because::OutOfRange(key, must));
        }
        let documented = *place / unit;
        let (is_weaker, or) = match self {
            Self::Delay => (written < documented, "more"),
            Self::Window | Self::Yen | Self::Percent => (written > documented, "less"),
        };
        if is_production && is_weaker {
            return Err(Because::Weaker { key, documented, or });
        }
        *place = written * unit;
        Ok(())
    }
}
