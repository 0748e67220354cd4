//! SandboxService: What only a sandbox offers.

mod advance_clock;
mod list_shops;
mod read_messages;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{Sandbox, answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// What only a sandbox offers.
pub struct SandboxCalls {
    /// The one way in.
    pub gate: Arc<Gate>,
    /// Clock, messages, shops.
    pub sandbox: Sandbox,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 3] {
    [
        Declared::of::<advance_clock::AdvanceClock>(),
        Declared::of::<read_messages::ReadMessages>(),
        Declared::of::<list_shops::ListShops>(),
    ]
}

#[tonic::async_trait]
impl pb::sandbox_service_server::SandboxService for SandboxCalls {
    async fn advance_clock(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::AdvanceClockReply>, Status> {
        let peer = peer(&request);
        answer(advance_clock::call(&self.gate, &self.sandbox, request.into_inner(), peer)).await
    }

    async fn read_messages(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ReadMessagesReply>, Status> {
        let peer = peer(&request);
        answer(read_messages::call(&self.gate, &self.sandbox, request.into_inner(), peer)).await
    }

    async fn list_shops(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListShopsReply>, Status> {
        let peer = peer(&request);
        answer(list_shops::call(&self.gate, &self.sandbox, request.into_inner(), peer)).await
    }
}
