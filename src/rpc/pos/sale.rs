//! What Charge and Authorize have in common: what is sold, on which of a customer's codes.

use crate::crypto::codes;
use crate::domain::command::SaleDraft;
use crate::domain::id::{CodeTag, PaymentId};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{NAME, REFERENCE, amount, currency, optional, order_id};

/// A customer's code, of which only a keyed hash goes on.
pub fn code_tag(private: &pb::ChargePrivate, tools: &Tools) -> Result<CodeTag, Rejection> {
    let code = &private.payment_code;
    if !codes::is_payment_code(code) {
        return Err(Rejection::malformed("private.payment_code", "18 ASCII digits"));
    }
    Ok(CodeTag(codes::payment_code_tag(&tools.keys.code, code)))
}

/// A sale as it was signed, and the code, of which only a keyed hash goes on.
pub fn draft(
    sale: &pb::ChargeRequest,
    private: &pb::ChargePrivate,
    tools: &Tools,
) -> Result<SaleDraft, Rejection> {
    let code_tag = code_tag(private, tools)?;
    Ok(SaleDraft {
        payment_id: PaymentId(tools.new_id()),
        order_id: order_id(&sale.order_id)?,
        code_tag,
        amount: amount(sale.amount_minor)?,
        currency: currency(sale.currency.clone())?,
        receipt_line: optional(&sale.receipt_line, &NAME, "receipt_line")?,
        external_reference: optional(&sale.external_reference, &REFERENCE, "external_reference")?,
        ask: sale.ask,
    })
}
