//! RecoveryService: How a person whose phone is gone gets his wallet back.

mod cancel;
mod cancel_by_notice;
mod complete;
mod freeze;
mod prove;
mod report_lost;
mod send_code;
mod start;
mod status;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::contact::Contact;
use crate::crypto::{codes, passphrase, totp};
use crate::domain::id::{CaseId, KeyId};
use crate::domain::recovery::CaseState;
use crate::domain::recovery::factor::Kind;
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::gate::recovery::OpenCase;
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::pb::recovery_start_private::Locator;
use crate::rpc::convert::{email, id16, phone};

/// How a person whose phone is gone gets his wallet back.
pub struct Recovery {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 9] {
    [
        Declared::of::<start::Start>(),
        Declared::of::<send_code::SendCode>(),
        Declared::of::<prove::Prove>(),
        Declared::of::<freeze::Freeze>(),
        Declared::of::<report_lost::ReportLost>(),
        Declared::of::<status::Status>(),
        Declared::of::<complete::Complete>(),
        Declared::of::<cancel::Cancel>(),
        Declared::of::<cancel_by_notice::CancelByNotice>(),
    ]
}

#[tonic::async_trait]
impl pb::recovery_service_server::RecoveryService for Recovery {
    async fn start(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryStartReply>, Status> {
        let peer = peer(&request);
        answer(start::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn send_code(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoverySendCodeReply>, Status> {
        let peer = peer(&request);
        answer(send_code::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn prove(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryProveReply>, Status> {
        let peer = peer(&request);
        answer(prove::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn freeze(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryFreezeReply>, Status> {
        let peer = peer(&request);
        answer(freeze::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn report_lost(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryReportLostReply>, Status> {
        let peer = peer(&request);
        answer(report_lost::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn status(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryStatusReply>, Status> {
        let peer = peer(&request);
        answer(status::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn complete(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryCompleteReply>, Status> {
        let peer = peer(&request);
        answer(complete::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn cancel(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryCancelReply>, Status> {
        let peer = peer(&request);
        answer(cancel::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn cancel_by_notice(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RecoveryCancelByNoticeReply>, Status> {
        let peer = peer(&request);
        answer(cancel_by_notice::call(&self.gate, request.into_inner(), peer)).await
    }
}

fn locator(private: &pb::RecoveryStartPrivate) -> Result<Contact, Rejection> {
    match &private.locator {
        Some(Locator::Email(address)) => email(address, "private.email"),
        Some(Locator::Phone(number)) => phone(number, "private.phone"),
        None => Err(Rejection::malformed("private.locator", "an e-mail address or a phone number")),
    }
}

/// A case that this key began; nothing of another's.
async fn own_case(case_id: &[u8], key_id: KeyId, tools: &Tools) -> Result<OpenCase, Rejection> {
    let case_id = CaseId(id16(case_id, "case_id")?);
    tools.own_case(case_id, key_id).await
}

fn kind(factor: pb::RecoveryFactor) -> Result<Kind, Rejection> {
    match factor {
        pb::RecoveryFactor::Totp => Ok(Kind::Totp),
        pb::RecoveryFactor::SavedCode => Ok(Kind::SavedCode),
        pb::RecoveryFactor::Passphrase => Ok(Kind::Passphrase),
        pb::RecoveryFactor::EmailCode => Ok(Kind::EmailCode),
        pb::RecoveryFactor::PhoneCode => Ok(Kind::PhoneCode),
        pb::RecoveryFactor::Unspecified => Err(Rejection::malformed("factor", "one of the factors")),
    }
}

/// What plainly is no such factor is said so, and costs no attempt.
fn fits(kind: Kind, secret: &str) -> Result<(), Rejection> {
    let (fits, must) = match kind {
        Kind::Totp => (totp::is_code(secret), "totp_code with six ASCII digits"),
        Kind::SavedCode => (codes::is_recovery_code(secret), "saved_code with 26 characters"),
        Kind::EmailCode | Kind::PhoneCode => {
            (codes::is_contact_code(secret), "contact_code with eight ASCII digits")
        }
        Kind::Passphrase | Kind::Proofing => (passphrase::presentable(secret), "a passphrase"),
    };
    if fits { Ok(()) } else { Err(Rejection::malformed("private.second_factor", must)) }
}

fn factor(kind: Kind) -> Option<pb::RecoveryFactor> {
    match kind {
        Kind::Totp => Some(pb::RecoveryFactor::Totp),
        Kind::SavedCode => Some(pb::RecoveryFactor::SavedCode),
        Kind::Passphrase => Some(pb::RecoveryFactor::Passphrase),
        Kind::EmailCode => Some(pb::RecoveryFactor::EmailCode),
        Kind::PhoneCode => Some(pb::RecoveryFactor::PhoneCode),
        Kind::Proofing => None,
    }
}

fn state(state: CaseState, contested: bool) -> pb::RecoveryState {
    match state {
        CaseState::Proven | CaseState::Cooling | CaseState::Ready if contested => {
            pb::RecoveryState::Contested
        }
        CaseState::Requested => pb::RecoveryState::Requested,
        CaseState::Proving => pb::RecoveryState::Proving,
        CaseState::Proven => pb::RecoveryState::Proven,
        CaseState::Cooling => pb::RecoveryState::Cooling,
        CaseState::Ready => pb::RecoveryState::Ready,
        CaseState::Completed => pb::RecoveryState::Completed,
        CaseState::Cancelled => pb::RecoveryState::Cancelled,
        CaseState::Expired => pb::RecoveryState::Expired,
        CaseState::Rejected => pb::RecoveryState::Rejected,
    }
}
