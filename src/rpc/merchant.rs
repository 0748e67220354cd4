//! MerchantService: A merchant's own server: its stores and tills.

mod capture;
mod list_stores;
mod list_terminals;
mod refund;
mod register_terminal;
mod resume_terminal;
mod reverse;
mod suspend_terminal;
mod void;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// A merchant's own server: its stores and tills.
pub struct Merchant {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 9] {
    [
        Declared::of::<list_stores::ListStores>(),
        Declared::of::<register_terminal::RegisterTerminal>(),
        Declared::of::<list_terminals::ListTerminals>(),
        Declared::of::<suspend_terminal::SuspendTerminal>(),
        Declared::of::<resume_terminal::ResumeTerminal>(),
        Declared::of::<reverse::Reverse>(),
        Declared::of::<capture::Capture>(),
        Declared::of::<void::Void>(),
        Declared::of::<refund::Refund>(),
    ]
}

#[tonic::async_trait]
impl pb::merchant_service_server::MerchantService for Merchant {
    async fn list_stores(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListStoresReply>, Status> {
        let peer = peer(&request);
        answer(list_stores::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn register_terminal(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RegisterTerminalReply>, Status> {
        let peer = peer(&request);
        answer(register_terminal::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_terminals(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListTerminalsReply>, Status> {
        let peer = peer(&request);
        answer(list_terminals::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn suspend_terminal(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::SuspendTerminalReply>, Status> {
        let peer = peer(&request);
        answer(suspend_terminal::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn resume_terminal(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ResumeTerminalReply>, Status> {
        let peer = peer(&request);
        answer(resume_terminal::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn reverse(&self, request: Request<pb::Envelope>) -> Result<Response<pb::ReverseReply>, Status> {
        let peer = peer(&request);
        answer(reverse::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn capture(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::PaymentStepReply>, Status> {
        let peer = peer(&request);
        answer(capture::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn void(&self, request: Request<pb::Envelope>) -> Result<Response<pb::PaymentStepReply>, Status> {
        let peer = peer(&request);
        answer(void::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn refund(&self, request: Request<pb::Envelope>) -> Result<Response<pb::PaymentStepReply>, Status> {
        let peer = peer(&request);
        answer(refund::call(&self.gate, request.into_inner(), peer)).await
    }
}
