//! RecoveryService/CancelByNotice: a notice's secret ends its case, in two calls. Nothing tells whether
//! there is such a secret.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::{CandidateAction, CaseAction};
use crate::domain::id::CodeTag;
use crate::domain::outcome::Outcome;
use crate::domain::recovery::Told;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct CancelByNotice;

impl Operation for CancelByNotice {
    type Body = pb::RecoveryCancelByNoticeRequest;
    type Private = pb::RecoveryCancelByNoticePrivate;
    const METHOD: &'static str = "/saifu.v1.RecoveryService/CancelByNotice";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for CancelByNotice {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        _stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let code = &call.private.cancel_code;
        if !codes::is_recovery_code(code) {
            return Err(Rejection::malformed("private.cancel_code", "the 26 characters of the notice"));
        }
        let cancel_tag = CodeTag(codes::cancel_code_tag(&tools.keys.code, code));
        let open = tools.case_by_cancel(cancel_tag).await?;
        let notices = tools.notices(&open, &[Told::CancelledByNotice, Told::Contested])?;
        let action = if call.body.confirm {
            CaseAction::ConfirmCancel { cancel_tag }
        } else {
            CaseAction::AskToCancel { cancel_tag }
        };
        Ok(CandidateAction::Recovery { case: open.case, action, notices })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoveryCancelByNoticeReply, Rejection> {
    let Outcome::CancellationHeard(_) = gate.candidate::<CancelByNotice>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoveryCancelByNoticeReply {})
}
