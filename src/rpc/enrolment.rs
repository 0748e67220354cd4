//! EnrolmentService: How a phone becomes a wallet.

mod activate;
mod confirm;
mod start;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// What authenticator apps show above the code.
pub(super) const ISSUER: &str = "saifu";

/// How a phone becomes a wallet.
pub struct Enrolment {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 3] {
    [Declared::of::<start::Start>(), Declared::of::<confirm::Confirm>(), Declared::of::<activate::Activate>()]
}

#[tonic::async_trait]
impl pb::enrolment_service_server::EnrolmentService for Enrolment {
    async fn start(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::EnrolmentStartReply>, Status> {
        let peer = peer(&request);
        answer(start::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn confirm(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::EnrolmentConfirmReply>, Status> {
        let peer = peer(&request);
        answer(confirm::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn activate(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::EnrolmentActivateReply>, Status> {
        let peer = peer(&request);
        answer(activate::call(&self.gate, request.into_inner(), peer)).await
    }
}
