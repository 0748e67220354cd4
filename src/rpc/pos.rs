//! PosService: The till's side.

mod activate;
mod authorize;
mod capture;
mod charge;
mod get_payment;
mod refund;
mod reverse;
mod sale;
mod void;

pub use reverse::reply as reverse_reply;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// The till's side.
pub struct Pos {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 8] {
    [
        Declared::of::<activate::Activate>(),
        Declared::of::<charge::Charge>(),
        Declared::of::<get_payment::GetPayment>(),
        Declared::of::<reverse::Reverse>(),
        Declared::of::<authorize::Authorize>(),
        Declared::of::<capture::Capture>(),
        Declared::of::<void::Void>(),
        Declared::of::<refund::Refund>(),
    ]
}

#[tonic::async_trait]
impl pb::pos_service_server::PosService for Pos {
    async fn activate(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::PosActivateReply>, Status> {
        let peer = peer(&request);
        answer(activate::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn charge(&self, request: Request<pb::Envelope>) -> Result<Response<pb::ChargeReply>, Status> {
        let peer = peer(&request);
        answer(charge::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_payment(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::PosGetPaymentReply>, Status> {
        let peer = peer(&request);
        answer(get_payment::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn reverse(&self, request: Request<pb::Envelope>) -> Result<Response<pb::ReverseReply>, Status> {
        let peer = peer(&request);
        answer(reverse::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn authorize(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::AuthorizeReply>, Status> {
        let peer = peer(&request);
        answer(authorize::call(&self.gate, request.into_inner(), peer)).await
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
