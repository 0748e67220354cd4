//! MerchantService: A merchant's own server: its stores and tills.

mod cancel_order;
mod capture;
mod create_order;
mod list_stores;
mod list_terminals;
mod refund;
mod register_terminal;
mod resume_terminal;
mod reverse;
mod suspend_terminal;
mod void;
mod watch_order;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::watched::Replies;
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
pub fn declared() -> [Declared; 12] {
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
        Declared::of::<create_order::CreateOrder>(),
        Declared::of::<cancel_order::CancelOrder>(),
        Declared::of::<watch_order::WatchOrder>(),
    ]
}

#[tonic::async_trait]
impl pb::merchant_service_server::MerchantService for Merchant {
    type WatchOrderStream = Replies<pb::WatchOrderReply>;

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

    async fn create_order(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CreateOrderReply>, Status> {
        let peer = peer(&request);
        answer(create_order::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn cancel_order(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CancelOrderReply>, Status> {
        let peer = peer(&request);
        answer(cancel_order::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn watch_order(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let peer = peer(&request);
        watch_order::call(&self.gate, request.into_inner(), peer).await
    }
}
