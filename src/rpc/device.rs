//! DeviceService: The devices of an account.

mod approve_add;
mod list;
mod report_lost;
mod request_add;
mod revoke;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::{answer, peer};
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// The devices of an account.
pub struct Device {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 5] {
    [
        Declared::of::<list::List>(),
        Declared::of::<revoke::Revoke>(),
        Declared::of::<report_lost::ReportLost>(),
        Declared::of::<request_add::RequestAdd>(),
        Declared::of::<approve_add::ApproveAdd>(),
    ]
}

#[tonic::async_trait]
impl pb::device_service_server::DeviceService for Device {
    async fn list(&self, request: Request<pb::Envelope>) -> Result<Response<pb::DeviceListReply>, Status> {
        let peer = peer(&request);
        answer(list::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn revoke(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeviceRevokeReply>, Status> {
        let peer = peer(&request);
        answer(revoke::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn report_lost(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeviceReportLostReply>, Status> {
        let peer = peer(&request);
        answer(report_lost::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn request_add(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeviceRequestAddReply>, Status> {
        let peer = peer(&request);
        answer(request_add::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn approve_add(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeviceApproveAddReply>, Status> {
        let peer = peer(&request);
        answer(approve_add::call(&self.gate, request.into_inner(), peer)).await
    }
}
