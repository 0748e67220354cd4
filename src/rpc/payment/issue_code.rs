//! PaymentService/IssueCode: a one-time code for a till to scan.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::DeviceAction;
use crate::domain::id::{CodeTag, PaymentCodeId};
use crate::domain::money::Amount;
use crate::domain::outcome::Outcome;
use crate::domain::rows::CodePurpose;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{currency, secret, time};

pub struct IssueCode;

impl Operation for IssueCode {
    type Body = pb::IssueCodeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/IssueCode";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyOut;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = true;
}

fn purpose(body: &pb::IssueCodeRequest) -> Result<CodePurpose, Rejection> {
    match body.purpose() {
        pb::CodePurpose::Pay => Ok(CodePurpose::Pay),
        pb::CodePurpose::TopUp => Ok(CodePurpose::TopUp),
        pb::CodePurpose::Unspecified => {
            Err(Rejection::malformed("purpose", "CODE_PURPOSE_PAY or CODE_PURPOSE_TOP_UP"))
        }
    }
}

impl Change for IssueCode {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let code = codes::payment_code(tools.entropy.as_ref());
        let cap = Amount::new(call.body.cap_minor)
            .ok_or(Rejection::malformed("cap_minor", "1 to 1,000,000,000,000"))?;
        Ok(DeviceAction::IssueCode {
            code_id: PaymentCodeId(tools.new_id()),
            code_tag: CodeTag(codes::payment_code_tag(&tools.keys.code, &code)),
            purpose: purpose(&call.body)?,
            cap,
            currency: currency(call.body.currency.clone())?,
            secret: tools.seal_secret(call, &code),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::IssueCodeReply, Rejection> {
    let done = gate.change::<IssueCode>(&envelope, peer).await?;
    let Outcome::CodeIssued { expires_at, .. } = done.outcome else { return Err(Rejection::Internal) };
    Ok(pb::IssueCodeReply { payment_code: Some(secret(done.secret)), expires_at: Some(time(expires_at)) })
}
