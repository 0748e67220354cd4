//! TopUpService: Funding sources, and money in.

mod get_top_up;
mod link_funding;
mod list_funding;
mod request;
mod unlink_funding;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// Funding sources, and money in.
pub struct TopUp {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 5] {
    [
        Declared::of::<link_funding::LinkFunding>(),
        Declared::of::<unlink_funding::UnlinkFunding>(),
        Declared::of::<list_funding::ListFunding>(),
        Declared::of::<request::TopUp>(),
        Declared::of::<get_top_up::GetTopUp>(),
    ]
}

#[tonic::async_trait]
impl pb::top_up_service_server::TopUpService for TopUp {
    async fn link_funding(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::LinkFundingReply>, Status> {
        let peer = peer(&request);
        answer(link_funding::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn unlink_funding(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::UnlinkFundingReply>, Status> {
        let peer = peer(&request);
        answer(unlink_funding::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_funding(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListFundingReply>, Status> {
        let peer = peer(&request);
        answer(list_funding::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn top_up(&self, request: Request<pb::Envelope>) -> Result<Response<pb::TopUpReply>, Status> {
        let peer = peer(&request);
        answer(request::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_top_up(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetTopUpReply>, Status> {
        let peer = peer(&request);
        answer(get_top_up::call(&self.gate, request.into_inner(), peer)).await
    }
}
