//! MerchantService: A merchant's own server: its stores and tills, their payments and orders, and webhooks.

mod cancel_order;
mod capture;
mod create_order;
mod create_webhook_endpoint;
mod delete_webhook_endpoint;
mod end_webhook_secret;
mod get_payment;
mod get_sales_report;
mod list_payments;
mod list_settlement_lines;
mod list_settlements;
mod list_stores;
mod list_terminals;
mod list_webhook_deliveries;
mod list_webhook_endpoints;
mod refund;
mod register_terminal;
mod replay_webhooks;
mod resume_terminal;
mod reverse;
mod rotate_key;
mod rotate_webhook_secret;
mod suspend_terminal;
mod void;
mod watch_order;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::payment::status_of;
use super::watched::Replies;
use super::{answer, peer};
use crate::domain::rows::Payment;
use crate::gate::Gate;
use crate::gate::operation::Declared;
use crate::pb;

/// A merchant's own server: its stores and tills.
pub struct Merchant {
    /// The one way in.
    pub gate: Arc<Gate>,
}

/// The policies of this service's RPCs.
pub fn declared() -> [Declared; 25] {
    [
        Declared::of::<list_stores::ListStores>(),
        Declared::of::<register_terminal::RegisterTerminal>(),
        Declared::of::<rotate_key::RotateKey>(),
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
        Declared::of::<get_payment::GetPayment>(),
        Declared::of::<list_payments::ListPayments>(),
        Declared::of::<get_sales_report::GetSalesReport>(),
        Declared::of::<create_webhook_endpoint::CreateWebhookEndpoint>(),
        Declared::of::<list_webhook_endpoints::ListWebhookEndpoints>(),
        Declared::of::<rotate_webhook_secret::RotateWebhookSecret>(),
        Declared::of::<end_webhook_secret::EndWebhookSecret>(),
        Declared::of::<delete_webhook_endpoint::DeleteWebhookEndpoint>(),
        Declared::of::<list_webhook_deliveries::ListWebhookDeliveries>(),
        Declared::of::<replay_webhooks::ReplayWebhooks>(),
        Declared::of::<list_settlements::ListSettlements>(),
        Declared::of::<list_settlement_lines::ListSettlementLines>(),
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

    async fn rotate_key(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RotateKeyReply>, Status> {
        let peer = peer(&request);
        answer(rotate_key::call(&self.gate, request.into_inner(), peer)).await
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

    async fn get_payment(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::MerchantGetPaymentReply>, Status> {
        let peer = peer(&request);
        answer(get_payment::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_payments(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListPaymentsReply>, Status> {
        let peer = peer(&request);
        answer(list_payments::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn get_sales_report(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::GetSalesReportReply>, Status> {
        let peer = peer(&request);
        answer(get_sales_report::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn create_webhook_endpoint(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::CreateWebhookEndpointReply>, Status> {
        let peer = peer(&request);
        answer(create_webhook_endpoint::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_webhook_endpoints(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListWebhookEndpointsReply>, Status> {
        let peer = peer(&request);
        answer(list_webhook_endpoints::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn rotate_webhook_secret(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::RotateWebhookSecretReply>, Status> {
        let peer = peer(&request);
        answer(rotate_webhook_secret::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn end_webhook_secret(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::EndWebhookSecretReply>, Status> {
        let peer = peer(&request);
        answer(end_webhook_secret::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn delete_webhook_endpoint(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::DeleteWebhookEndpointReply>, Status> {
        let peer = peer(&request);
        answer(delete_webhook_endpoint::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_webhook_deliveries(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListWebhookDeliveriesReply>, Status> {
        let peer = peer(&request);
        answer(list_webhook_deliveries::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn replay_webhooks(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ReplayWebhooksReply>, Status> {
        let peer = peer(&request);
        answer(replay_webhooks::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_settlements(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListSettlementsReply>, Status> {
        let peer = peer(&request);
        answer(list_settlements::call(&self.gate, request.into_inner(), peer)).await
    }

    async fn list_settlement_lines(
        &self,
        request: Request<pb::Envelope>,
    ) -> Result<Response<pb::ListSettlementLinesReply>, Status> {
        let peer = peer(&request);
        answer(list_settlement_lines::call(&self.gate, request.into_inner(), peer)).await
    }
}

/// A payment as its merchant sees it: nothing of it says whose it was.
fn payment(row: &Payment) -> pb::MerchantPayment {
    pb::MerchantPayment {
        status: Some(status_of(row)),
        terminal_id: row.terminal_id.map_or(Vec::new(), |terminal_id| terminal_id.0.to_vec()),
        order_id: row.order_id.clone().unwrap_or_default(),
        external_reference: row.external_reference.clone().unwrap_or_default(),
    }
}
