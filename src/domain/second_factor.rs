//! Judging a code: blocked first, then the attempt is spent, and only then is the proof read.
//!
//! A code is good once: `totp_last_step` only rises, in the same commit as what it pays for. Wrong
//! codes are counted per account, over all devices; nothing but a right code clears the run of
//! wrong ones, and nothing clears the day's.

use super::outcome::OpenAnswer;
use super::policy::CodeAttempts;
use super::proof::{Factor, Proof, Step};
use super::rows::Account;
use super::time::{DAY_US, Timestamp};

/// What judging a code came to. The account's counters are changed either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Right, and not used before.
    Accepted,
    /// Wrong or used; `blocks` when it was one too many.
    Wrong {
        /// Codes are blocked from now on.
        blocks: bool,
    },
    /// Not looked at.
    NotJudged(OpenAnswer),
}

/// Judges a code against the account's counters, and counts it.
///
/// `wanted` is the authenticator in force, but for the call that confirms a new one.
pub fn judge(
    rules: &CodeAttempts,
    account: &mut Account,
    proof: &Proof,
    wanted: Factor,
    now: Timestamp,
) -> Verdict {
    if account.code_failures >= rules.without_success {
        return Verdict::NotJudged(OpenAnswer::CodeExhausted);
    }
    if now < account.code_blocked_until {
        return Verdict::NotJudged(OpenAnswer::CodeBlocked { until: account.code_blocked_until });
    }
    spend_attempt(account, now);
    match newer_step(account, proof, wanted) {
        Some(step) => {
            account.totp_last_step = step;
            account.code_failures = 0;
            account.code_failures_today -= 1;
            Verdict::Accepted
        }
        None => Verdict::Wrong { blocks: block(rules, account, now) },
    }
}

fn spend_attempt(account: &mut Account, now: Timestamp) {
    if account.code_failures_day != now.day() {
        account.code_failures_day = now.day();
        account.code_failures_today = 0;
    }
    account.code_failures += 1;
    account.code_failures_today += 1;
}

fn newer_step(account: &Account, proof: &Proof, wanted: Factor) -> Option<Step> {
    match proof.factor() {
        Factor::Totp | Factor::NewTotp if proof.factor() == wanted => {
            proof.matched().filter(|step| *step > account.totp_last_step)
        }
        // Nothing else is a second factor of a device.
        Factor::Totp | Factor::NewTotp | Factor::ContactCode | Factor::SavedCode | Factor::Passphrase => None,
    }
}

fn block(rules: &CodeAttempts, account: &mut Account, now: Timestamp) -> bool {
    let runs = account.code_failures / rules.block_after;
    let mut until = Timestamp(0);
    if runs > 0 && account.code_failures % rules.block_after == 0 {
        let block = usize::try_from(runs - 1).map_or(2, |index| index.min(2));
        until = now.plus_us(rules.blocks_us[block]);
    }
    if account.code_failures_today >= rules.per_day {
        until = until.max(Timestamp((now.day() + 1).saturating_mul(DAY_US)));
    }
    account.code_blocked_until = account.code_blocked_until.max(until);
    until > now
}
