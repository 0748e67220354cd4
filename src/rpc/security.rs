//! SecurityService: Second factor, freezing, and what happened.

mod freeze;
mod list_events;
mod unfreeze;
mod verify_second_factor;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// Second factor, freezing, and what happened.
pub struct Security {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 4] {
    [
        Declared::of::<verify_second_factor::VerifySecondFactor>(),
        Declared::of::<freeze::Freeze>(),
        Declared::of::<unfreeze::Unfreeze>(),
        Declared::of::<list_events::ListEvents>(),
    ]
}

#[tonic::async_trait]
impl pb::security_service_server::SecurityService for Security {
    async fn verify_second_factor(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::VerifySecondFactorReply>, Status> {
        let peer = peer(&request);
        answer(verify_second_factor::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn freeze(&self, request: Request<pb::Envelope>) -> Result<Response<pb::FreezeReply>, Status> {
        let peer = peer(&request);
        answer(freeze::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn unfreeze(&self, request: Request<pb::Envelope>) -> Result<Response<pb::UnfreezeReply>, Status> {
        let peer = peer(&request);
        answer(unfreeze::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_events(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListEventsReply>, Status> {
        let peer = peer(&request);
        answer(list_events::call(&self.gate, request.into_inner(), peer)).await
    }
}
