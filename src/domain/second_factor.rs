//! Judging a code: blocked first, then the attempt is spent, and only then is the proof read.
//!
//! A code is good once: `totp_last_step` only rises, in the same commit as what it pays for. Wrong codes are
//! counted for the device that sends them, which they block, and for the account, which only bounds how many
//! there are in all. So a phone in the wrong hands does not keep the owner's other one from its codes.
//! Nothing but a right code of its own clears a device's run of wrong ones, and nothing clears the day's.
//! What was ever wrong a recovery alone clears: guessing beside an owner who logs in comes to an end.

use super::outcome::OpenAnswer;
use super::policy::CodeAttempts;
use super::proof::{Factor, Proof, Step};
use super::rows::{Account, Device};
use super::time::{DAY_US, Timestamp};

/// What judging a code came to. The counters are changed either way, unless it was not looked at.
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

/// Why codes of this device are not looked at now; nothing when they are.
pub fn stopped(
    rules: &CodeAttempts,
    account: &Account,
    device: &Device,
    now: Timestamp,
) -> Option<OpenAnswer> {
    if account.code_failures >= rules.without_success
        || account.code_failures_ever >= rules.account_ever
        || device.code_failures_ever >= rules.device_ever
    {
        return Some(OpenAnswer::CodeExhausted);
    }
    let until = account.code_blocked_until.max(device.code_blocked_until);
    (now < until).then_some(OpenAnswer::CodeBlocked { until })
}

/// Judges a code against the counters of its device and of the account, and counts it.
///
/// `wanted` is the authenticator in force, but for the call that confirms a new one.
pub fn judge(
    rules: &CodeAttempts,
    (account, device): (&mut Account, &mut Device),
    proof: &Proof,
    wanted: Factor,
    now: Timestamp,
) -> Verdict {
    if let Some(answer) = stopped(rules, account, device, now) {
        return Verdict::NotJudged(answer);
    }
    spend_attempt(account, device, now);
    match newer_step(account, proof, wanted) {
        Some(step) => {
            account.totp_last_step = step;
            account.code_failures = 0;
            account.code_failures_today -= 1;
            account.code_failures_ever -= 1;
            device.code_failures = 0;
            device.code_failures_today -= 1;
            device.code_failures_ever -= 1;
            Verdict::Accepted
        }
        None => Verdict::Wrong { blocks: block(rules, account, device, now) },
    }
}

fn spend_attempt(account: &mut Account, device: &mut Device, now: Timestamp) {
    if account.code_failures_day != now.day() {
        account.code_failures_day = now.day();
        account.code_failures_today = 0;
    }
    if device.code_failures_day != now.day() {
        device.code_failures_day = now.day();
        device.code_failures_today = 0;
    }
    account.code_failures += 1;
    account.code_failures_today += 1;
    account.code_failures_ever += 1;
    device.code_failures += 1;
    device.code_failures_today += 1;
    device.code_failures_ever += 1;
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

fn block(rules: &CodeAttempts, account: &mut Account, device: &mut Device, now: Timestamp) -> bool {
    let midnight = Timestamp((now.day() + 1).saturating_mul(DAY_US));
    let runs = device.code_failures / rules.block_after;
    let mut until = Timestamp(0);
    if runs > 0 && device.code_failures % rules.block_after == 0 {
        let block = usize::try_from(runs - 1).map_or(2, |index| index.min(2));
        until = now.plus_us(rules.blocks_us[block]);
    }
    if device.code_failures_today >= rules.per_day {
        until = until.max(midnight);
    }
    device.code_blocked_until = device.code_blocked_until.max(until);
    let of_account = account.code_failures_today >= rules.account_per_day;
    if of_account {
        account.code_blocked_until = account.code_blocked_until.max(midnight);
    }
    until > now || of_account
}
