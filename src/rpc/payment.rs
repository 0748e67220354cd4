//! PaymentService: The customer's side of paying.

mod confirm;
mod decline;
mod get_payment;
mod issue_code;
mod pay;
mod resolve_payee;
mod status_of;
mod watch;

pub use status_of::{state, status_of, step_reply};

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::watched::Replies;
use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// The customer's side of paying.
pub struct Payment {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 7] {
    [
        Declared::of::<issue_code::IssueCode>(),
        Declared::of::<resolve_payee::ResolvePayee>(),
        Declared::of::<pay::Pay>(),
        Declared::of::<get_payment::GetPayment>(),
        Declared::of::<confirm::Confirm>(),
        Declared::of::<decline::Decline>(),
        Declared::of::<watch::Watch>(),
    ]
}

#[tonic::async_trait]
impl pb::payment_service_server::PaymentService for Payment {
    type WatchStream = Replies<pb::WatchPaymentsReply>;

    async fn watch(&self, request: Request<pb::Envelope>) -> Result<Response<Self::WatchStream>, Status> {
        let peer = peer(&request);
        watch::call(&self.gate, request.into_inner(), peer).await
    }

    async fn resolve_payee(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ResolvePayeeReply>, Status> {
        let peer = peer(&request);
        answer(resolve_payee::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn pay(&self, request: Request<pb::Envelope>) -> Result<Response<pb::PayReply>, Status> {
        let peer = peer(&request);
        answer(pay::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn issue_code(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::IssueCodeReply>, Status> {
        let peer = peer(&request);
        answer(issue_code::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_payment(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetPaymentReply>, Status> {
        let peer = peer(&request);
        answer(get_payment::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn confirm(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ConfirmPaymentReply>, Status> {
        let peer = peer(&request);
        answer(confirm::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn decline(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeclinePaymentReply>, Status> {
        let peer = peer(&request);
        answer(decline::call(&self.gate, request.into_inner(), peer)).await
    }
}
