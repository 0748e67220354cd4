//! A till, a merchant's server or an operator: a key, and its RPCs as functions.

use std::sync::Arc;

use prost::Message;
use tonic::Streaming;
use tonic::transport::Channel;

use crate::client::connection::{unary, watch};
use crate::client::method;
use crate::client::refused::Refused;
use crate::client::signer::{Draft, Signer};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::hash::sha256;
use crate::env::Clock;
use crate::pb;

/// The epoch of whoever has no account.
const EPOCH: u64 = 1;

/// One key of a till, a merchant's server or an operator. The moments it signs are its clock's.
pub struct Staff {
    /// The connection.
    pub channel: Channel,
    /// The key, with the audience it signs for.
    pub signer: Signer,
    now: Arc<dyn Clock>,
}

impl Staff {
    /// Over a key; whoever enrols it, it signs for epoch 1.
    pub fn new(channel: Channel, key: DeviceKey, audience: &str, now: Arc<dyn Clock>) -> Self {
        let mut signer = Signer::new(key, audience);
        signer.epoch = EPOCH;
        Self { channel, signer, now }
    }

    /// A call of the key, issued now, to be filled in and sent.
    pub fn draft(&self, method: &'static str, body: &impl Message) -> Draft {
        self.signer.draft(method, body).issued_at_us(self.now.now_us())
    }

    /// Signs a call and sends it.
    pub async fn send<Reply>(&self, draft: Draft) -> Result<Reply, Refused>
    where
        Reply: Message + Default + 'static,
    {
        let method = draft.method();
        unary(&self.channel, method, draft.seal(&self.signer)).await.map_err(Refused::from)
    }
}

/// `PosService`.
impl Staff {
    /// Enrols the till's key.
    pub async fn activate(&self, activation_code: &str) -> Result<pb::PosActivateReply, Refused> {
        let private = pb::PosActivatePrivate { activation_code: activation_code.to_owned() };
        let draft = self.draft(method::POS_ACTIVATE, &pb::PosActivateRequest {}).private(&private);
        self.send(draft.as_candidate()).await
    }

    /// A charge to be sent; sealed again, it is the same charge again.
    pub fn charge_draft(&self, request: &pb::ChargeRequest, payment_code: &str) -> Draft {
        let private = pb::ChargePrivate { payment_code: payment_code.to_owned() };
        self.draft(method::CHARGE, request).private(&private)
    }

    /// Charges a customer's payment code.
    pub async fn charge(
        &self,
        request: &pb::ChargeRequest,
        payment_code: &str,
    ) -> Result<pb::ChargeReply, Refused> {
        self.send(self.charge_draft(request, payment_code)).await
    }

    /// Holds an amount on the account behind a customer's payment code.
    pub async fn authorize(
        &self,
        request: &pb::AuthorizeRequest,
        payment_code: &str,
    ) -> Result<pb::AuthorizeReply, Refused> {
        let private = pb::ChargePrivate { payment_code: payment_code.to_owned() };
        self.send(self.draft(method::AUTHORIZE, request).private(&private)).await
    }

    /// Captures what is held: a part, and whether another follows; 0 for all.
    pub async fn capture(
        &self,
        order_id: &str,
        amount_minor: i64,
        more_follows: bool,
    ) -> Result<pb::PaymentStepReply, Refused> {
        let request = pb::CaptureRequest { order_id: order_id.to_owned(), amount_minor, more_follows };
        self.send(self.draft(method::CAPTURE, &request)).await
    }

    /// Releases what is held.
    pub async fn void(&self, order_id: &str) -> Result<pb::PaymentStepReply, Refused> {
        let request = pb::VoidRequest { order_id: order_id.to_owned() };
        self.send(self.draft(method::VOID, &request)).await
    }

    /// Gives back a part of what was captured, or all.
    pub async fn refund(&self, order_id: &str, amount_minor: i64) -> Result<pb::PaymentStepReply, Refused> {
        let request = pb::RefundRequest { order_id: order_id.to_owned(), amount_minor };
        self.send(self.draft(method::REFUND, &request)).await
    }

    /// An order that a customer pays by himself, and its code.
    pub async fn create_order(
        &self,
        request: &pb::CreateOrderRequest,
    ) -> Result<pb::CreateOrderReply, Refused> {
        self.send(self.draft(method::CREATE_ORDER, request)).await
    }

    /// Nobody pays it any more.
    pub async fn cancel_order(&self, order_id: &str) -> Result<pb::CancelOrderReply, Refused> {
        let request = pb::CancelOrderRequest { order_id: order_id.to_owned() };
        self.send(self.draft(method::CANCEL_ORDER, &request)).await
    }

    /// What becomes of an order, as it comes.
    pub async fn watch_order(&self, order_id: &str) -> Result<Streaming<pb::WatchOrderReply>, Refused> {
        let request = pb::WatchOrderRequest { order_id: order_id.to_owned() };
        let draft = self.draft(method::WATCH_ORDER, &request);
        let envelope = draft.seal(&self.signer);
        watch(&self.channel, method::WATCH_ORDER, envelope).await.map_err(Refused::from)
    }

    /// Takes cash for the account behind a customer's code.
    pub async fn cash_top_up(
        &self,
        order_id: &str,
        amount_minor: i64,
        payment_code: &str,
    ) -> Result<pb::CashTopUpReply, Refused> {
        let request =
            pb::CashTopUpRequest { order_id: order_id.to_owned(), amount_minor, currency: "JPY".into() };
        let private = pb::ChargePrivate { payment_code: payment_code.to_owned() };
        self.send(self.draft(method::CASH_TOP_UP, &request).private(&private)).await
    }

    /// Ends the till's business day.
    pub async fn close_day(
        &self,
        business_day: i64,
        totals: Vec<pb::DayTotal>,
    ) -> Result<pb::CloseDayReply, Refused> {
        self.send(self.draft(method::CLOSE_DAY, &pb::CloseDayRequest { business_day, totals })).await
    }

    /// What a business day amounts to; 0 for the one that the till is in.
    pub async fn day(&self, business_day: i64) -> Result<pb::GetDayReply, Refused> {
        self.send(self.draft(method::GET_DAY, &pb::GetDayRequest { business_day })).await
    }

    /// What a business day differs in from the till's own lines.
    pub async fn compare_day(&self, request: &pb::CompareDayRequest) -> Result<pb::CompareDayReply, Refused> {
        self.send(self.draft(method::COMPARE_DAY, request)).await
    }

    /// What became of an order.
    pub async fn order(&self, order_id: &str) -> Result<pb::PosGetPaymentReply, Refused> {
        let request = pb::PosGetPaymentRequest { order_id: order_id.to_owned() };
        self.send(self.draft(method::POS_GET_PAYMENT, &request)).await
    }

    /// Reverses an order.
    pub async fn reverse(&self, order_id: &str) -> Result<pb::ReverseReply, Refused> {
        let request = pb::ReverseRequest { order_id: order_id.to_owned() };
        self.send(self.draft(method::REVERSE, &request)).await
    }
}

/// `MerchantService`.
impl Staff {
    /// The merchant's stores.
    pub async fn list_stores(&self) -> Result<pb::ListStoresReply, Refused> {
        self.send(self.draft(method::LIST_STORES, &pb::ListStoresRequest::default())).await
    }

    /// A new till.
    pub async fn register_terminal(
        &self,
        store_id: Vec<u8>,
        label: &str,
    ) -> Result<pb::RegisterTerminalReply, Refused> {
        let request = pb::RegisterTerminalRequest { store_id, label: label.to_owned() };
        self.send(self.draft(method::REGISTER_TERMINAL, &request)).await
    }

    /// Gives the merchant's key up for another.
    pub async fn rotate_merchant_key(
        &self,
        merchant_id: &[u8],
        new: &Signer,
    ) -> Result<pb::RotateKeyReply, Refused> {
        let key_proof = new.possession(method::MERCHANT_KEY, merchant_id);
        let request = pb::RotateKeyRequest { key: Some(new.candidate()), key_proof };
        self.send(self.draft(method::ROTATE_MERCHANT_KEY, &request)).await
    }

    /// The merchant's tills.
    pub async fn list_terminals(
        &self,
        request: pb::ListTerminalsRequest,
    ) -> Result<pb::ListTerminalsReply, Refused> {
        self.send(self.draft(method::LIST_TERMINALS, &request)).await
    }

    /// A till charges no more.
    pub async fn suspend_terminal(&self, terminal_id: Vec<u8>) -> Result<pb::SuspendTerminalReply, Refused> {
        self.send(self.draft(method::SUSPEND_TERMINAL, &pb::SuspendTerminalRequest { terminal_id })).await
    }

    /// A till goes on.
    pub async fn resume_terminal(&self, terminal_id: Vec<u8>) -> Result<pb::ResumeTerminalReply, Refused> {
        self.send(self.draft(method::RESUME_TERMINAL, &pb::ResumeTerminalRequest { terminal_id })).await
    }

    /// Reverses a till's order.
    pub async fn reverse_for(
        &self,
        terminal_id: Vec<u8>,
        order_id: &str,
    ) -> Result<pb::ReverseReply, Refused> {
        let request = pb::MerchantReverseRequest { terminal_id, order_id: order_id.to_owned() };
        self.send(self.draft(method::MERCHANT_REVERSE, &request)).await
    }

    /// Another webhook, to be told of every step of the merchant's payments.
    pub async fn create_webhook(&self, url: &str) -> Result<pb::CreateWebhookEndpointReply, Refused> {
        let private = pb::CreateWebhookEndpointPrivate { url: url.to_owned() };
        let request = pb::CreateWebhookEndpointRequest {};
        self.send(self.draft(method::CREATE_WEBHOOK_ENDPOINT, &request).private(&private)).await
    }

    /// What became of webhooks' events.
    pub async fn list_deliveries(
        &self,
        request: pb::ListWebhookDeliveriesRequest,
    ) -> Result<pb::ListWebhookDeliveriesReply, Refused> {
        self.send(self.draft(method::LIST_WEBHOOK_DELIVERIES, &request)).await
    }

    /// The merchant's payments.
    pub async fn list_payments(
        &self,
        request: pb::ListPaymentsRequest,
    ) -> Result<pb::ListPaymentsReply, Refused> {
        self.send(self.draft(method::LIST_PAYMENTS, &request)).await
    }

    /// What the merchant was owed and paid, newest first.
    pub async fn list_settlements(
        &self,
        request: pb::ListSettlementsRequest,
    ) -> Result<pb::ListSettlementsReply, Refused> {
        self.send(self.draft(method::LIST_SETTLEMENTS, &request)).await
    }

    /// What a settlement consists of.
    pub async fn list_settlement_lines(
        &self,
        request: pb::ListSettlementLinesRequest,
    ) -> Result<pb::ListSettlementLinesReply, Refused> {
        self.send(self.draft(method::LIST_SETTLEMENT_LINES, &request)).await
    }
}

/// `AdminService`.
impl Staff {
    /// Proposes something to another operator.
    pub async fn propose(
        &self,
        proposal: pb::propose_request::Proposal,
    ) -> Result<pb::ProposeReply, Refused> {
        let request = pb::ProposeRequest { proposal: Some(proposal) };
        self.send(self.draft(method::PROPOSE, &request)).await
    }

    /// What waits for approval.
    pub async fn list_proposals(&self) -> Result<pb::ListProposalsReply, Refused> {
        self.send(self.draft(method::LIST_PROPOSALS, &pb::ListProposalsRequest {})).await
    }

    /// Approves a proposal as it was read.
    pub async fn approve(&self, proposal: &pb::Proposal) -> Result<pb::ApproveReply, Refused> {
        let request = pb::ApproveRequest {
            proposal_id: proposal.proposal_id.clone(),
            payload_sha256: sha256(&[&proposal.payload]).to_vec(),
        };
        self.send(self.draft(method::APPROVE, &request)).await
    }

    /// A merchant takes no part any more.
    pub async fn suspend_merchant(&self, merchant_id: Vec<u8>) -> Result<pb::SuspendMerchantReply, Refused> {
        self.send(self.draft(method::SUSPEND_MERCHANT, &pb::SuspendMerchantRequest { merchant_id })).await
    }

    /// Nothing at all is done for it any more.
    pub async fn bar(&self, subject: pb::bar_subject::Subject) -> Result<pb::BarReply, Refused> {
        let subject = Some(pb::BarSubject { subject: Some(subject) });
        self.send(self.draft(method::BAR, &pb::BarRequest { subject })).await
    }

    /// Gives an operator's key up for another.
    pub async fn rotate_operator_key(
        &self,
        operator_id: &[u8],
        new: &Signer,
    ) -> Result<pb::RotateKeyReply, Refused> {
        let key_proof = new.possession(method::OPERATOR_KEY, operator_id);
        let request = pb::RotateKeyRequest { key: Some(new.candidate()), key_proof };
        self.send(self.draft(method::ROTATE_OPERATOR_KEY, &request)).await
    }

    /// Nothing leaves an account any more, named itself or by one of its top-ups.
    pub async fn freeze_account(
        &self,
        request: &pb::FreezeAccountRequest,
    ) -> Result<pb::FreezeAccountReply, Refused> {
        self.send(self.draft(method::FREEZE_ACCOUNT, request)).await
    }

    /// Ends a recovery.
    pub async fn cancel_recovery(&self, case_id: Vec<u8>) -> Result<pb::CancelRecoveryReply, Refused> {
        self.send(self.draft(method::CANCEL_RECOVERY, &pb::CancelRecoveryRequest { case_id })).await
    }

    /// A part of what the bank is to pay for a day.
    pub async fn get_payout_file(
        &self,
        request: pb::GetPayoutFileRequest,
    ) -> Result<pb::GetPayoutFileReply, Refused> {
        self.send(self.draft(method::GET_PAYOUT_FILE, &request)).await
    }

    /// In which a funding provider's list differs from ours.
    pub async fn list_reconciliation_items(
        &self,
        request: pb::ListReconciliationItemsRequest,
    ) -> Result<pb::ListReconciliationItemsReply, Refused> {
        self.send(self.draft(method::LIST_RECONCILIATION_ITEMS, &request)).await
    }

    /// Looks after a difference, as it was listed.
    pub async fn take_reconciliation_item(
        &self,
        item: &pb::ReconciliationItem,
    ) -> Result<pb::TakeReconciliationItemReply, Refused> {
        let request =
            pb::TakeReconciliationItemRequest { item_id: item.item_id.clone(), version: item.version };
        self.send(self.draft(method::TAKE_RECONCILIATION_ITEM, &request)).await
    }

    /// Says what became of a difference, as it was listed.
    pub async fn resolve_reconciliation_item(
        &self,
        item: &pb::ReconciliationItem,
        note: &str,
    ) -> Result<pb::ResolveReconciliationItemReply, Refused> {
        let (item_id, version, note) = (item.item_id.clone(), item.version, note.to_owned());
        let request = pb::ResolveReconciliationItemRequest { item_id, version, note };
        self.send(self.draft(method::RESOLVE_RECONCILIATION_ITEM, &request)).await
    }
}
