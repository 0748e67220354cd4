//! `RecoveryService`, and phones that join: what a new phone does, and what the owner's does about it.

use crate::client::method;
use crate::client::refused::Refused;
use crate::client::signer::RecoveryProof;
use crate::client::wallet::enrol::value;
use crate::client::wallet::{EnrolError, Wallet};
use crate::crypto::totp::TotpSecret;
use crate::pb;
use crate::pb::recovery_start_private::Locator;

/// What this client says it is.
const MODEL: &str = "saifu client";

/// As a new phone.
impl Wallet {
    /// Begins a recovery of the account with this contact.
    pub async fn start_recovery(
        &self,
        locator: Locator,
        with_proofing: bool,
    ) -> Result<pb::RecoveryStartReply, Refused> {
        let private = pb::RecoveryStartPrivate { locator: Some(locator), device_model: MODEL.to_owned() };
        let draft = self.draft(method::RECOVERY_START, &pb::RecoveryStartRequest { with_proofing });
        self.send(draft.private(&private).as_candidate()).await
    }

    /// Asks for a code.
    pub async fn send_recovery_code(
        &self,
        case_id: Vec<u8>,
        channel: pb::RecoveryChannel,
    ) -> Result<pb::RecoverySendCodeReply, Refused> {
        let body = pb::RecoverySendCodeRequest { case_id, channel: channel.into() };
        self.send(self.draft(method::RECOVERY_SEND_CODE, &body).as_candidate()).await
    }

    /// Proves a factor.
    pub async fn prove(
        &self,
        case_id: Vec<u8>,
        proof: &RecoveryProof,
    ) -> Result<pb::RecoveryProveReply, Refused> {
        let body = pb::RecoveryProveRequest { case_id, factor: proof.factor().into() };
        self.send(self.draft(method::RECOVERY_PROVE, &body).proof(proof).as_candidate()).await
    }

    /// Stops all outflow.
    pub async fn freeze_in_recovery(&self, case_id: Vec<u8>) -> Result<pb::RecoveryFreezeReply, Refused> {
        let body = pb::RecoveryFreezeRequest { case_id };
        self.send(self.draft(method::RECOVERY_FREEZE, &body).as_candidate()).await
    }

    /// Says that the owner's devices are lost.
    pub async fn report_lost_in_recovery(
        &self,
        case_id: Vec<u8>,
    ) -> Result<pb::RecoveryReportLostReply, Refused> {
        let body = pb::RecoveryReportLostRequest { case_id };
        self.send(self.draft(method::RECOVERY_REPORT_LOST, &body).as_candidate()).await
    }

    /// Where the recovery is.
    pub async fn recovery_status(&self, case_id: Vec<u8>) -> Result<pb::RecoveryStatusReply, Refused> {
        let body = pb::RecoveryStatusRequest { case_id };
        self.send(self.draft(method::RECOVERY_STATUS, &body).as_candidate()).await
    }

    /// Becomes the account's one device; the new authenticator waits for [`Wallet::activate`].
    pub async fn complete_recovery(
        &mut self,
        case_id: Vec<u8>,
        passphrase: &str,
    ) -> Result<pb::RecoveryCompleteReply, EnrolError> {
        let private =
            pb::RecoveryCompletePrivate { passphrase: passphrase.to_owned(), device_label: MODEL.to_owned() };
        let draft = self.draft(method::RECOVERY_COMPLETE, &pb::RecoveryCompleteRequest { case_id });
        let reply: pb::RecoveryCompleteReply = self.send(draft.private(&private).as_candidate()).await?;
        let uri = value(reply.totp_uri.clone())?;
        self.totp = Some(TotpSecret::from_uri(&uri).ok_or(EnrolError::NoAuthenticator)?);
        self.signer.epoch = reply.epoch;
        Ok(reply)
    }

    /// Cancels by a notice's secret; in two calls.
    pub async fn cancel_by_notice(
        &self,
        cancel_code: &str,
        confirm: bool,
    ) -> Result<pb::RecoveryCancelByNoticeReply, Refused> {
        let private = pb::RecoveryCancelByNoticePrivate { cancel_code: cancel_code.to_owned() };
        let body = pb::RecoveryCancelByNoticeRequest { confirm };
        self.send(self.draft(method::RECOVERY_CANCEL_BY_NOTICE, &body).private(&private).as_candidate()).await
    }

    /// Asks to join the account with this e-mail address.
    pub async fn request_add(&self, email: &str) -> Result<pb::DeviceRequestAddReply, Refused> {
        let locator = pb::device_request_add_private::Locator::Email(email.to_owned());
        let private = pb::DeviceRequestAddPrivate { locator: Some(locator), device_model: MODEL.to_owned() };
        let draft = self.draft(method::DEVICE_REQUEST_ADD, &pb::DeviceRequestAddRequest {});
        self.send(draft.private(&private).as_candidate()).await
    }
}

/// As the owner's phone.
impl Wallet {
    /// Ends a recovery of the own account.
    pub async fn cancel_recovery(&self, case_id: Vec<u8>) -> Result<pb::RecoveryCancelReply, Refused> {
        self.send(self.draft(method::RECOVERY_CANCEL, &pb::RecoveryCancelRequest { case_id })).await
    }

    /// Lets a phone join that shows this number.
    pub async fn approve_add(
        &self,
        addition_id: Vec<u8>,
        number: u32,
        code: &str,
    ) -> Result<pb::DeviceApproveAddReply, Refused> {
        let body = pb::DeviceApproveAddRequest { addition_id, number };
        self.send(self.draft(method::DEVICE_APPROVE_ADD, &body).code(code)).await
    }

    /// Another device is lost.
    pub async fn report_lost(
        &self,
        device_id: Vec<u8>,
        code: &str,
    ) -> Result<pb::DeviceReportLostReply, Refused> {
        let body = pb::DeviceReportLostRequest { device_id };
        self.send(self.draft(method::DEVICE_REPORT_LOST, &body).code(code)).await
    }
}
