//! A one-time payment code: the customer's device signs for a cap and a purpose, and for a minute a till
//! may charge up to it, once.

use super::Stale;
use super::device::{Done, Halt, Turn};
use crate::domain::id::{CodeTag, PaymentCodeId};
use crate::domain::limits;
use crate::domain::live_codes::LiveCode;
use crate::domain::money::{Amount, Asset};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::record::Record as _;
use crate::domain::rows::{CodePurpose, PaymentCode, SecretReply};
use crate::domain::write::Write;

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub code_id: PaymentCodeId,
    pub code_tag: CodeTag,
    pub purpose: CodePurpose,
    pub cap: Amount,
    pub currency: &'a str,
    pub secret: &'a [u8],
}

/// Issues a code; the one this device had is dead.
pub(super) fn issue(turn: &mut Turn<'_>, wanted: &Wanted<'_>) -> Result<Done, Halt> {
    if Asset::of_code(wanted.currency) != Some(turn.account.asset) {
        return Err(Refusal::WrongCurrency.into());
    }
    let most = match wanted.purpose {
        CodePurpose::Pay => limits::payment_cap_minor(turn.policy, &turn.account, &turn.device, turn.now),
        CodePurpose::TopUp => turn.policy.limits.standard.top_up_day_minor,
    };
    if most.is_some_and(|most| wanted.cap.minor() > most) {
        return Err(Refusal::LimitPerPayment.into());
    }
    // Two codes with the same digits: one in 10^16, and then other digits are drawn.
    if turn.view.get::<PaymentCode>((wanted.code_tag,)).is_some() {
        return Err(Halt::Stale(Stale::Document));
    }
    let expires_at = turn.now.plus_us(turn.policy.payment_codes.live_us);
    let live = LiveCode {
        code_id: wanted.code_id,
        device_id: turn.device.device_id,
        purpose: wanted.purpose,
        cap_minor: wanted.cap.minor(),
        expires_at,
    };
    turn.account.live_codes.issue(live, turn.now);
    let row = PaymentCode {
        code_tag: wanted.code_tag,
        tenant_id: turn.account.tenant_id,
        code_id: wanted.code_id,
        account_id: turn.account.account_id,
        device_id: turn.device.device_id,
        expires_at,
    };
    let secret = SecretReply {
        request_id: turn.call.signed.request_id,
        key_id: turn.call.signed.key_id,
        sealed: wanted.secret.to_vec(),
        expires_at,
    };
    turn.writes.extend([Write::Insert(row.into_row()), Write::Insert(secret.into_row())]);
    Ok(Done::plain(Outcome::CodeIssued {
        code_id: wanted.code_id,
        purpose: wanted.purpose,
        cap_minor: wanted.cap.minor(),
        expires_at,
    }))
}
