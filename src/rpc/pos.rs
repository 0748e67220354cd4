//! PosService: The till's side.

mod activate;
mod charge;
mod get_payment;
mod reverse;

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
pub fn declared() -> [Declared; 4] {
    [
        Declared::of::<activate::Activate>(),
        Declared::of::<charge::Charge>(),
        Declared::of::<get_payment::GetPayment>(),
        Declared::of::<reverse::Reverse>(),
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
}
