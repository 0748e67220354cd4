//! A wallet as its owner's phone has it: the key, the authenticator, and every RPC as a function.

use std::sync::Arc;

use prost::Message;
use tonic::Streaming;
use tonic::transport::Channel;
use zeroize::Zeroizing;

use crate::client::connection::{unary, watch};
use crate::client::method;
use crate::client::refused::Refused;
use crate::client::signer::{Draft, Signer};
use crate::crypto::device_key::DeviceKey;
use crate::crypto::envelope::SignatureForm;
use crate::crypto::totp::TotpSecret;
use crate::env::Clock;
use crate::pb;

mod enrol;
mod factors;
mod recover;

pub use enrol::EnrolError;

/// What Confirm wants besides the enrolment's id.
#[derive(Clone)]
pub struct Confirmation {
    /// The eight digits that were sent.
    pub code: String,
    /// The owner's passphrase.
    pub passphrase: String,
    /// What he calls this phone.
    pub device_label: String,
}

impl Confirmation {
    /// Puts it into a call.
    pub fn add_to(&self, draft: Draft) -> Draft {
        let private = pb::EnrolmentConfirmPrivate {
            passphrase: self.passphrase.clone(),
            device_label: self.device_label.clone(),
        };
        draft.private(&private).contact_code(&self.code)
    }
}

/// No server asks for more work than this: it would take a phone minutes.
const STAMP_BITS_MOST: u32 = 26;

/// The work that the server asks for; 0 when it asks for none, or for too much.
fn stamp_bits(refused: &Refused) -> u32 {
    let is_asked = refused.reason() == Some(pb::Reason::StampNeeded);
    let bits = refused.metadata("difficulty_bits").and_then(|bits| bits.parse().ok());
    bits.filter(|bits| is_asked && *bits <= STAMP_BITS_MOST).unwrap_or(0)
}

/// One phone with the wallet on it. The moments it signs and the codes it shows are its clock's.
pub struct Wallet {
    /// The connection.
    pub channel: Channel,
    /// The phone's key, with the audience and the epoch it signs for.
    pub signer: Signer,
    /// The authenticator's secret, once there is one.
    pub totp: Option<TotpSecret>,
    now: Arc<dyn Clock>,
    // The sandbox's own RPCs take candidates only, and the phone's key stops being one.
    stranger: Signer,
}

impl Wallet {
    /// A wallet with a new key that is not enrolled yet.
    pub fn new(channel: Channel, audience: &str, now: Arc<dyn Clock>) -> Self {
        let key = DeviceKey::generate(SignatureForm::Der);
        Self::with_signer(channel, Signer::new(key, audience), audience, now)
    }

    /// A wallet with this key.
    pub fn with_signer(channel: Channel, signer: Signer, audience: &str, now: Arc<dyn Clock>) -> Self {
        let stranger = Signer::new(DeviceKey::generate(SignatureForm::Der), audience);
        Self { channel, signer, totp: None, now, stranger }
    }

    /// What the wallet's clock shows.
    pub fn now_us(&self) -> i64 {
        self.now.now_us()
    }

    /// The code that the authenticator shows now, if it is set up.
    pub fn code(&self) -> Option<Zeroizing<String>> {
        Some(self.totp.as_ref()?.code_at(self.now_us()))
    }

    /// A call of the phone's key, issued now, to be filled in and sent.
    pub fn draft(&self, method: &'static str, body: &impl Message) -> Draft {
        self.signer.draft(method, body).issued_at_us(self.now_us())
    }

    /// Signs a call with the phone's key and sends it.
    pub async fn send<Reply>(&self, draft: Draft) -> Result<Reply, Refused>
    where
        Reply: Message + Default + 'static,
    {
        let (mut draft, mut shown) = (draft, 0);
        loop {
            match self.send_sealed(draft.method(), draft.seal(&self.signer)).await {
                // More may be wanted by the time that the first stamp is made.
                Err(refused) if stamp_bits(&refused) > shown => {
                    shown = stamp_bits(&refused);
                    // Some hundred thousand hashes: other calls of this thread go on meanwhile.
                    let working = tokio::task::spawn_blocking(move || draft.stamped(shown));
                    draft = working.await.map_err(|_stopped| refused)?;
                }
                answer => return answer,
            }
        }
    }

    /// Sends an envelope as it is.
    pub async fn send_sealed<Reply>(
        &self,
        method: &'static str,
        envelope: pb::Envelope,
    ) -> Result<Reply, Refused>
    where
        Reply: Message + Default + 'static,
    {
        unary(&self.channel, method, envelope).await.map_err(Refused::from)
    }

    async fn send_as_stranger<Reply>(
        &self,
        method: &'static str,
        body: &impl Message,
    ) -> Result<Reply, Refused>
    where
        Reply: Message + Default + 'static,
    {
        let draft = self.stranger.draft(method, body).issued_at_us(self.now_us()).as_candidate();
        self.send_sealed(method, draft.seal(&self.stranger)).await
    }
}

/// `EnrolmentService`. [`Wallet::enrol`] does all three.
impl Wallet {
    /// Asks for a code at this contact.
    pub async fn start_enrolment(
        &self,
        contact: pb::enrolment_start_private::Contact,
    ) -> Result<pb::EnrolmentStartReply, Refused> {
        let private = pb::EnrolmentStartPrivate { contact: Some(contact) };
        let draft = self.draft(method::ENROLMENT_START, &pb::EnrolmentStartRequest {});
        self.send(draft.private(&private).as_candidate()).await
    }

    /// Makes the account.
    pub async fn confirm_enrolment(
        &self,
        enrolment_id: Vec<u8>,
        confirmation: &Confirmation,
    ) -> Result<pb::EnrolmentConfirmReply, Refused> {
        let draft = self.draft(method::ENROLMENT_CONFIRM, &pb::EnrolmentConfirmRequest { enrolment_id });
        self.send(confirmation.add_to(draft).as_candidate()).await
    }

    /// Makes the account active.
    pub async fn activate(&self, code: &str) -> Result<pb::EnrolmentActivateReply, Refused> {
        self.send(self.draft(method::ENROLMENT_ACTIVATE, &pb::EnrolmentActivateRequest {}).code(code)).await
    }
}

/// `DeviceService` and `SecurityService`.
impl Wallet {
    /// The account's devices.
    pub async fn list_devices(&self) -> Result<pb::DeviceListReply, Refused> {
        self.send(self.draft(method::DEVICE_LIST, &pb::DeviceListRequest {})).await
    }

    /// Ends a device.
    pub async fn revoke_device(
        &self,
        device_id: Vec<u8>,
        code: &str,
    ) -> Result<pb::DeviceRevokeReply, Refused> {
        self.send(self.draft(method::DEVICE_REVOKE, &pb::DeviceRevokeRequest { device_id }).code(code)).await
    }

    /// Ends a device that guessed more codes than this one, whose codes are blocked.
    pub async fn revoke_device_without_code(
        &self,
        device_id: Vec<u8>,
    ) -> Result<pb::DeviceRevokeReply, Refused> {
        self.send(self.draft(method::DEVICE_REVOKE, &pb::DeviceRevokeRequest { device_id })).await
    }

    /// Makes this device fresh.
    pub async fn verify_second_factor(&self, code: &str) -> Result<pb::VerifySecondFactorReply, Refused> {
        let draft = self.draft(method::VERIFY_SECOND_FACTOR, &pb::VerifySecondFactorRequest {});
        self.send(draft.code(code)).await
    }

    /// Stops all outflow.
    pub async fn freeze(&self) -> Result<pb::FreezeReply, Refused> {
        self.send(self.draft(method::FREEZE, &pb::FreezeRequest {})).await
    }

    /// Lets outflow go on.
    pub async fn unfreeze(&self, code: &str) -> Result<pb::UnfreezeReply, Refused> {
        self.send(self.draft(method::UNFREEZE, &pb::UnfreezeRequest {}).code(code)).await
    }

    /// A page of security events.
    pub async fn list_events(&self, page: pb::ListEventsRequest) -> Result<pb::ListEventsReply, Refused> {
        self.send(self.draft(method::LIST_EVENTS, &page)).await
    }
}

/// `WalletService` and `TopUpService`.
impl Wallet {
    /// The balance.
    pub async fn get_balance(&self) -> Result<pb::GetBalanceReply, Refused> {
        self.send(self.draft(method::GET_BALANCE, &pb::GetBalanceRequest {})).await
    }

    /// A page of movements.
    pub async fn list_entries(&self, page: pb::ListEntriesRequest) -> Result<pb::ListEntriesReply, Refused> {
        self.send(self.draft(method::LIST_ENTRIES, &page)).await
    }

    /// Links a funding source.
    pub async fn link_funding(&self, token: &str, label: &str) -> Result<pb::LinkFundingReply, Refused> {
        let private = pb::LinkFundingPrivate { token: token.to_owned(), label: label.to_owned() };
        self.send(self.draft(method::LINK_FUNDING, &pb::LinkFundingRequest {}).private(&private)).await
    }

    /// Unlinks a funding source.
    pub async fn unlink_funding(&self, funding_id: Vec<u8>) -> Result<pb::UnlinkFundingReply, Refused> {
        self.send(self.draft(method::UNLINK_FUNDING, &pb::UnlinkFundingRequest { funding_id })).await
    }

    /// The linked funding sources.
    pub async fn list_funding(&self) -> Result<pb::ListFundingReply, Refused> {
        self.send(self.draft(method::LIST_FUNDING, &pb::ListFundingRequest {})).await
    }

    /// Moves money in; with an earlier attempt's request id, the same top-up again.
    pub async fn top_up(
        &self,
        request: pb::TopUpRequest,
        code: Option<&str>,
        request_id: Option<[u8; 16]>,
    ) -> Result<pb::TopUpReply, Refused> {
        self.send(self.money_draft(method::TOP_UP, &request, code, request_id)).await
    }

    /// A top-up as it stands.
    pub async fn get_top_up(&self, top_up_id: Vec<u8>) -> Result<pb::GetTopUpReply, Refused> {
        self.send(self.draft(method::GET_TOP_UP, &pb::GetTopUpRequest { top_up_id })).await
    }

    fn money_draft(
        &self,
        method: &'static str,
        body: &impl Message,
        code: Option<&str>,
        request_id: Option<[u8; 16]>,
    ) -> Draft {
        let draft = self.draft(method, body);
        let draft = if let Some(code) = code { draft.code(code) } else { draft };
        if let Some(request_id) = request_id { draft.request_id(request_id) } else { draft }
    }
}

/// `PaymentService`.
impl Wallet {
    /// Who is behind a scanned code.
    pub async fn resolve_payee(&self, scanned: &str) -> Result<pb::ResolvePayeeReply, Refused> {
        let body = pb::ResolvePayeeRequest { scanned: scanned.to_owned() };
        self.send(self.draft(method::RESOLVE_PAYEE, &body)).await
    }

    /// Pays a shop; with an earlier attempt's request id, the same payment again.
    pub async fn pay(
        &self,
        request: pb::PayRequest,
        code: Option<&str>,
        request_id: Option<[u8; 16]>,
    ) -> Result<pb::PayReply, Refused> {
        self.send(self.money_draft(method::PAY, &request, code, request_id)).await
    }

    /// A one-time payment code of 18 digits, up to a cap.
    pub async fn issue_code(
        &self,
        cap_minor: i64,
        code: Option<&str>,
        request_id: Option<[u8; 16]>,
    ) -> Result<pb::IssueCodeReply, Refused> {
        let request =
            pb::IssueCodeRequest { purpose: pb::CodePurpose::Pay.into(), cap_minor, currency: "JPY".into() };
        self.send(self.money_draft(method::ISSUE_CODE, &request, code, request_id)).await
    }

    /// A one-time code for a till to top up with cash.
    pub async fn issue_cash_code(
        &self,
        cap_minor: i64,
        code: Option<&str>,
    ) -> Result<pb::IssueCodeReply, Refused> {
        let purpose = pb::CodePurpose::TopUp.into();
        let request = pb::IssueCodeRequest { purpose, cap_minor, currency: "JPY".into() };
        self.send(self.money_draft(method::ISSUE_CODE, &request, code, None)).await
    }

    /// Yes to a till that asked, for the shop and the amount as they are shown.
    pub async fn confirm_payment(
        &self,
        payment: &pb::PaymentStatus,
        code: Option<&str>,
    ) -> Result<pb::ConfirmPaymentReply, Refused> {
        let request = pb::ConfirmPaymentRequest {
            payment_id: payment.payment_id.clone(),
            payee_name: payment.payee_name.clone(),
            amount_minor: payment.authorised_minor,
            currency: payment.currency.clone(),
        };
        self.send(self.money_draft(method::CONFIRM_PAYMENT, &request, code, None)).await
    }

    /// What tills ask for, as they ask it.
    pub async fn watch_payments(&self) -> Result<Streaming<pb::WatchPaymentsReply>, Refused> {
        let draft = self.draft(method::WATCH_PAYMENTS, &pb::WatchPaymentsRequest {});
        let envelope = draft.seal(&self.signer);
        watch(&self.channel, method::WATCH_PAYMENTS, envelope).await.map_err(Refused::from)
    }

    /// No to it.
    pub async fn decline_payment(&self, payment_id: Vec<u8>) -> Result<pb::DeclinePaymentReply, Refused> {
        self.send(self.draft(method::DECLINE_PAYMENT, &pb::DeclinePaymentRequest { payment_id })).await
    }

    /// A payment as it stands.
    pub async fn get_payment(&self, payment_id: Vec<u8>) -> Result<pb::GetPaymentReply, Refused> {
        self.send(self.draft(method::GET_PAYMENT, &pb::GetPaymentRequest { payment_id })).await
    }
}

/// `SandboxService`, called with a key that belongs to nobody.
impl Wallet {
    /// Puts the server's clock forward; the wallet's own is its owner's to move.
    pub async fn advance_clock(&self, seconds: u32) -> Result<pb::AdvanceClockReply, Refused> {
        self.send_as_stranger(method::ADVANCE_CLOCK, &pb::AdvanceClockRequest { seconds }).await
    }

    /// What was sent to an address, in its normal form.
    pub async fn read_messages(&self, destination: &str) -> Result<pb::ReadMessagesReply, Refused> {
        let body = pb::ReadMessagesRequest { destination: destination.to_owned() };
        self.send_as_stranger(method::READ_MESSAGES, &body).await
    }

    /// The shops.
    pub async fn list_shops(&self) -> Result<pb::ListShopsReply, Refused> {
        self.send_as_stranger(method::LIST_SHOPS, &pb::ListShopsRequest {}).await
    }
}
