//! PosService: The till's side.

mod activate;
mod authorize;
mod cancel_order;
mod capture;
mod cash_top_up;
mod charge;
mod close_day;
mod compare_day;
mod create_order;
pub(super) mod day;
mod get_day;
mod get_payment;
pub(super) mod order;
mod refund;
mod reverse;
mod sale;
mod void;
mod watch_order;

pub use reverse::reply as reverse_reply;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::watched::Replies;
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
pub fn declared() -> [Declared; 15] {
    [
        Declared::of::<activate::Activate>(),
        Declared::of::<charge::Charge>(),
        Declared::of::<get_payment::GetPayment>(),
        Declared::of::<reverse::Reverse>(),
        Declared::of::<authorize::Authorize>(),
        Declared::of::<capture::Capture>(),
        Declared::of::<void::Void>(),
        Declared::of::<refund::Refund>(),
        Declared::of::<create_order::CreateOrder>(),
        Declared::of::<cancel_order::CancelOrder>(),
        Declared::of::<watch_order::WatchOrder>(),
        Declared::of::<cash_top_up::CashTopUp>(),
        Declared::of::<close_day::CloseDay>(),
        Declared::of::<get_day::GetDay>(),
        Declared::of::<compare_day::CompareDay>(),
    ]
}

#[tonic::async_trait]
impl pb::pos_service_server::PosService for Pos {
    type WatchOrderStream = Replies<pb::WatchOrderReply>;

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

    async fn cash_top_up(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CashTopUpReply>, Status> {
        let peer = peer(&request);
        answer(cash_top_up::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn close_day(&self, request: Request<pb::Envelope>) -> Result<Response<pb::CloseDayReply>, Status> {
        let peer = peer(&request);
        answer(close_day::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_day(&self, request: Request<pb::Envelope>) -> Result<Response<pb::GetDayReply>, Status> {
        let peer = peer(&request);
        answer(get_day::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn compare_day(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CompareDayReply>, Status> {
        let peer = peer(&request);
        answer(compare_day::call(&self.gate, request.into_inner(), peer)).await
    }
}
