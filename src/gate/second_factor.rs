//! Compares the code of a call, if it brought one, and acts on nothing: the decision spends the
//! attempt before it looks at the result.

use super::admitted::Admitted;
use super::operation::{Codes, Operation};
use super::rejection::Rejection;
use super::tools::Tools;
use crate::crypto::totp::{self, TotpSecret};
use crate::domain::proof::Proof;

/// What comparing the call's code shows.
pub async fn compare<O: Operation>(call: &Admitted<O>, tools: &Tools) -> Result<Option<Proof>, Rejection> {
    let Some(code) = &call.code else { return Ok(None) };
    let (account_id, _, _) = call.device()?;
    let Some(opened) = tools.open_document(account_id).await? else {
        // The account is gone; the decision says so without looking at any proof.
        return Ok(None);
    };
    let now_us = tools.clock.now_us();
    if O::CODES == Codes::NewTotp {
        // Where none was begun the decision says so before it looks at any proof.
        let secret = TotpSecret::from_bytes(&opened.document.pending_totp_secret);
        return Ok(secret.map(|secret| totp::judge_new(&secret, code, now_us, opened.version)));
    }
    let secret = TotpSecret::from_bytes(&opened.document.totp_secret).ok_or(Rejection::Internal)?;
    Ok(Some(totp::judge(&secret, code, now_us, opened.version)))
}
