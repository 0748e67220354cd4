//! A row of the journal before it has its place: what the decision says, with its evidence. The
//! batch gives it lane, sequence and hash.

use super::codec::{Decoder, Encoder};
use super::id::{AccountId, CommandId, KeyId};
use super::ledger::Postings;
use super::outcome::Outcome;
use super::record::{Corrupt, stored_enum};
use super::rows::Journal;

stored_enum! {
    /// What a journal row is about. Numbers are for good.
    Kind {
        /// The journal's first row.
        Genesis = 1,
        /// A store was registered.
        RegisterStore = 2,
        /// EnrolmentService/Start.
        StartEnrolment = 3,
        /// EnrolmentService/Confirm.
        ConfirmEnrolment = 4,
        /// EnrolmentService/Activate.
        Activate = 5,
        /// An enrolment was not activated in time.
        CloseUnactivated = 6,
        /// DeviceService/Revoke.
        RevokeDevice = 7,
        /// SecurityService/VerifySecondFactor.
        VerifySecondFactor = 8,
        /// SecurityService/Freeze.
        Freeze = 9,
        /// SecurityService/Unfreeze.
        Unfreeze = 10,
        /// TopUpService/LinkFunding.
        LinkFunding = 11,
        /// TopUpService/UnlinkFunding.
        UnlinkFunding = 12,
        /// TopUpService/TopUp.
        RequestTopUp = 13,
        /// The provider's answer to a top-up.
        SettleTopUp = 14,
        /// PaymentService/Pay.
        Pay = 15,
        /// PaymentService/IssueCode.
        IssueCode = 16,
        /// PosService/Activate.
        ActivateTerminal = 17,
        /// PosService/Charge.
        Charge = 18,
        /// PosService/Reverse.
        Reverse = 19,
        /// MerchantService/RegisterTerminal.
        RegisterTerminal = 20,
        /// MerchantService/SuspendTerminal.
        SuspendTerminal = 21,
        /// MerchantService/ResumeTerminal.
        ResumeTerminal = 22,
        /// MerchantService/Reverse.
        ReverseForTerminal = 23,
        /// The first two operators, at set-up.
        EnrolOperators = 24,
        /// AdminService/Propose.
        Propose = 25,
        /// AdminService/Approve.
        Approve = 26,
        /// AdminService/SuspendMerchant.
        SuspendMerchant = 27,
        /// RecoveryService/Cancel.
        CancelRecovery = 28,
        /// DeviceService/ReportLost.
        ReportLost = 29,
        /// DeviceService/ApproveAdd.
        ApproveAddition = 30,
        /// SecurityService/BeginTotp.
        BeginTotp = 31,
        /// SecurityService/ConfirmTotp.
        ConfirmTotp = 32,
        /// SecurityService/ReplaceSavedCode.
        ReplaceSavedCode = 33,
        /// SecurityService/ChangePassphrase.
        ChangePassphrase = 34,
        /// SecurityService/AddContact.
        AddContact = 35,
        /// SecurityService/ConfirmContact.
        ConfirmContact = 36,
        /// SecurityService/RemoveContact.
        RemoveContact = 37,
        /// RecoveryService/Start.
        StartRecovery = 38,
        /// RecoveryService/SendCode.
        SendRecoveryCode = 39,
        /// RecoveryService/Prove.
        ProveRecovery = 40,
        /// RecoveryService/Freeze.
        FreezeInRecovery = 41,
        /// RecoveryService/ReportLost.
        ReportLostInRecovery = 42,
        /// RecoveryService/Complete.
        CompleteRecovery = 43,
        /// RecoveryService/CancelByNotice.
        CancelByNotice = 44,
        /// DeviceService/RequestAdd.
        RequestAddition = 45,
        /// AdminService/CancelRecovery.
        CancelRecoveryByOperator = 46,
        /// A channel answered a recovery's notice.
        AnswerNotice = 47,
        /// A recovery's time has come.
        AdvanceRecovery = 48,
        /// PosService/Authorize.
        Authorize = 49,
        /// PosService/Capture.
        Capture = 50,
        /// PosService/Void.
        Void = 51,
        /// PosService/Refund.
        Refund = 52,
        /// MerchantService/Capture.
        CaptureByMerchant = 53,
        /// MerchantService/Void.
        VoidByMerchant = 54,
        /// MerchantService/Refund.
        RefundByMerchant = 55,
        /// PaymentService/Confirm.
        ConfirmPayment = 56,
        /// PaymentService/Decline.
        DeclinePayment = 57,
        /// A payment's time is over.
        ExpirePayment = 58,
        /// A provider named a top-up, or does not say yet what became of it.
        AwaitTopUp = 70,
        /// A provider's money went back.
        TakeBackTopUp = 71,
        /// PosService/CreateOrder.
        CreateOrder = 80,
        /// PosService/CancelOrder.
        CancelOrder = 81,
        /// PosService/CashTopUp.
        CashTopUp = 82,
        /// PosService/CloseDay.
        CloseDay = 83,
        /// MerchantService/CreateOrder.
        CreateOrderByMerchant = 84,
        /// MerchantService/CancelOrder.
        CancelOrderByMerchant = 85,
        /// MerchantService/CreateWebhookEndpoint.
        CreateWebhookEndpoint = 90,
        /// MerchantService/RotateWebhookSecret.
        RotateWebhookSecret = 91,
        /// MerchantService/EndWebhookSecret.
        EndWebhookSecret = 92,
        /// MerchantService/DeleteWebhookEndpoint.
        DeleteWebhookEndpoint = 93,
        /// MerchantService/ReplayWebhooks.
        ReplayWebhooks = 94,
        /// A merchant's day is settled.
        SettleMerchant = 110,
        /// AdminService/TakeReconciliationItem.
        TakeReconciliationItem = 120,
        /// AdminService/ResolveReconciliationItem.
        ResolveReconciliationItem = 121,
        /// AdminService/RotateKey.
        RotateOperatorKey = 130,
        /// MerchantService/RotateKey.
        RotateMerchantKey = 131,
        /// AdminService/Bar.
        Bar = 132,
        /// AdminService/FreezeAccount.
        FreezeAccount = 150,
        /// A till's business day was closed for it.
        CloseDayForTerminal = 140,
        /// The server went on with a database older than its checkpoints.
        Restore = 160,
    }
}

impl Kind {
    /// Those whose rows may revoke a key.
    pub const REVOKING: [Self; 6] = [
        Self::RevokeDevice,
        Self::CompleteRecovery,
        Self::CloseUnactivated,
        Self::Approve,
        Self::RotateOperatorKey,
        Self::RotateMerchantKey,
    ];

    /// The method that is signed for it.
    pub fn method(self) -> &'static str {
        match self {
            Self::Genesis => "system/Genesis",
            Self::RegisterStore => "system/RegisterStore",
            Self::SettleTopUp => "system/SettleTopUp",
            Self::CloseUnactivated => "system/CloseUnactivated",
            Self::StartEnrolment => "/saifu.v1.EnrolmentService/Start",
            Self::ConfirmEnrolment => "/saifu.v1.EnrolmentService/Confirm",
            Self::Activate => "/saifu.v1.EnrolmentService/Activate",
            Self::RevokeDevice => "/saifu.v1.DeviceService/Revoke",
            Self::VerifySecondFactor => "/saifu.v1.SecurityService/VerifySecondFactor",
            Self::Freeze => "/saifu.v1.SecurityService/Freeze",
            Self::Unfreeze => "/saifu.v1.SecurityService/Unfreeze",
            Self::LinkFunding => "/saifu.v1.TopUpService/LinkFunding",
            Self::UnlinkFunding => "/saifu.v1.TopUpService/UnlinkFunding",
            Self::RequestTopUp => "/saifu.v1.TopUpService/TopUp",
            Self::Pay => "/saifu.v1.PaymentService/Pay",
            Self::IssueCode => "/saifu.v1.PaymentService/IssueCode",
            Self::ActivateTerminal => "/saifu.v1.PosService/Activate",
            Self::Charge => "/saifu.v1.PosService/Charge",
            Self::Reverse => "/saifu.v1.PosService/Reverse",
            Self::RegisterTerminal => "/saifu.v1.MerchantService/RegisterTerminal",
            Self::SuspendTerminal => "/saifu.v1.MerchantService/SuspendTerminal",
            Self::ResumeTerminal => "/saifu.v1.MerchantService/ResumeTerminal",
            Self::ReverseForTerminal => "/saifu.v1.MerchantService/Reverse",
            Self::EnrolOperators => "system/EnrolOperators",
            Self::Propose => "/saifu.v1.AdminService/Propose",
            Self::Approve => "/saifu.v1.AdminService/Approve",
            Self::SuspendMerchant => "/saifu.v1.AdminService/SuspendMerchant",
            Self::CancelRecovery => "/saifu.v1.RecoveryService/Cancel",
            Self::ReportLost => "/saifu.v1.DeviceService/ReportLost",
            Self::ApproveAddition => "/saifu.v1.DeviceService/ApproveAdd",
            Self::BeginTotp => "/saifu.v1.SecurityService/BeginTotp",
            Self::ConfirmTotp => "/saifu.v1.SecurityService/ConfirmTotp",
            Self::ReplaceSavedCode => "/saifu.v1.SecurityService/ReplaceSavedCode",
            Self::ChangePassphrase => "/saifu.v1.SecurityService/ChangePassphrase",
            Self::AddContact => "/saifu.v1.SecurityService/AddContact",
            Self::ConfirmContact => "/saifu.v1.SecurityService/ConfirmContact",
            Self::RemoveContact => "/saifu.v1.SecurityService/RemoveContact",
            Self::StartRecovery => "/saifu.v1.RecoveryService/Start",
            Self::SendRecoveryCode => "/saifu.v1.RecoveryService/SendCode",
            Self::ProveRecovery => "/saifu.v1.RecoveryService/Prove",
            Self::FreezeInRecovery => "/saifu.v1.RecoveryService/Freeze",
            Self::ReportLostInRecovery => "/saifu.v1.RecoveryService/ReportLost",
            Self::CompleteRecovery => "/saifu.v1.RecoveryService/Complete",
            Self::CancelByNotice => "/saifu.v1.RecoveryService/CancelByNotice",
            Self::RequestAddition => "/saifu.v1.DeviceService/RequestAdd",
            Self::CancelRecoveryByOperator => "/saifu.v1.AdminService/CancelRecovery",
            Self::AnswerNotice => "system/AnswerNotice",
            Self::AdvanceRecovery => "system/AdvanceRecovery",
            Self::Authorize => "/saifu.v1.PosService/Authorize",
            Self::Capture => "/saifu.v1.PosService/Capture",
            Self::Void => "/saifu.v1.PosService/Void",
            Self::Refund => "/saifu.v1.PosService/Refund",
            Self::CaptureByMerchant => "/saifu.v1.MerchantService/Capture",
            Self::VoidByMerchant => "/saifu.v1.MerchantService/Void",
            Self::RefundByMerchant => "/saifu.v1.MerchantService/Refund",
            Self::ConfirmPayment => "/saifu.v1.PaymentService/Confirm",
            Self::DeclinePayment => "/saifu.v1.PaymentService/Decline",
            Self::ExpirePayment => "system/ExpirePayment",
            Self::AwaitTopUp => "system/AwaitTopUp",
            Self::TakeBackTopUp => "system/TakeBackTopUp",
            Self::CreateOrder => "/saifu.v1.PosService/CreateOrder",
            Self::CancelOrder => "/saifu.v1.PosService/CancelOrder",
            Self::CashTopUp => "/saifu.v1.PosService/CashTopUp",
            Self::CloseDay => "/saifu.v1.PosService/CloseDay",
            Self::CreateOrderByMerchant => "/saifu.v1.MerchantService/CreateOrder",
            Self::CancelOrderByMerchant => "/saifu.v1.MerchantService/CancelOrder",
            Self::CreateWebhookEndpoint => "/saifu.v1.MerchantService/CreateWebhookEndpoint",
            Self::RotateWebhookSecret => "/saifu.v1.MerchantService/RotateWebhookSecret",
            Self::EndWebhookSecret => "/saifu.v1.MerchantService/EndWebhookSecret",
            Self::DeleteWebhookEndpoint => "/saifu.v1.MerchantService/DeleteWebhookEndpoint",
            Self::ReplayWebhooks => "/saifu.v1.MerchantService/ReplayWebhooks",
            Self::SettleMerchant => "system/SettleMerchant",
            Self::CloseDayForTerminal => "system/CloseDay",
            Self::TakeReconciliationItem => "/saifu.v1.AdminService/TakeReconciliationItem",
            Self::ResolveReconciliationItem => "/saifu.v1.AdminService/ResolveReconciliationItem",
            Self::RotateOperatorKey => "/saifu.v1.AdminService/RotateKey",
            Self::RotateMerchantKey => "/saifu.v1.MerchantService/RotateKey",
            Self::Bar => "/saifu.v1.AdminService/Bar",
            Self::FreezeAccount => "/saifu.v1.AdminService/FreezeAccount",
            Self::Restore => "system/Restore",
        }
    }
}

/// Versions after the row, of all customer accounts and keys it touched. They order a key's
/// activation and revocation against movements across lanes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// Customer accounts.
    pub accounts: Vec<(AccountId, i64)>,
    /// Keys.
    pub keys: Vec<(KeyId, i64)>,
}

impl Versions {
    /// The journal's form.
    pub fn encode(&self) -> Vec<u8> {
        Encoder::new()
            .list(&self.accounts, |encoder, (id, version)| encoder.fixed(&id.0).int(*version))
            .list(&self.keys, |encoder, (id, version)| encoder.fixed(&id.0).int(*version))
            .finish()
    }

    /// Back from the journal's form.
    pub fn decode(bytes: &[u8]) -> Result<Self, Corrupt> {
        let mut decoder = Decoder::new(bytes);
        let versions = Self {
            accounts: decoder.list(|decoder| Ok((AccountId(decoder.fixed()?), decoder.int()?)))?,
            keys: decoder.list(|decoder| Ok((KeyId(decoder.fixed()?), decoder.int()?)))?,
        };
        decoder.finish()?;
        Ok(versions)
    }
}

/// What a decision wants journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub kind: Kind,
    /// The account whose list of entries it belongs to; absent unless money moved.
    pub entry_account_id: Option<AccountId>,
    /// The answer.
    pub outcome: Outcome,
    /// What moved.
    pub postings: Postings,
    /// What it touched.
    pub versions: Versions,
    /// The step whose code was accepted in this call.
    pub accepted_step: Option<i64>,
}

/// The bytes that a row's hash is over, besides the hash before it. `hash` is SHA-256: the domain
/// has no cryptography of its own.
pub fn chained_bytes(row: &Journal, hash: impl Fn(&[u8]) -> [u8; 32]) -> Vec<u8> {
    let account = row.entry_account_id.map_or(Vec::new(), |id| id.0.to_vec());
    let encoder = Encoder::new()
        .int(row.lane)
        .int(row.sequence)
        .fixed(&row.tenant_id.0)
        .fixed(&row.command_id.0)
        .int(row.kind)
        .int(row.at.0)
        .bytes(&account)
        .fixed(&row.request_id.0)
        .fixed(&row.key_id.0)
        .fixed(&row.digest)
        .bytes(&row.outcome)
        .bytes(&row.postings)
        .bytes(&row.versions)
        .bytes(row.method.as_bytes())
        .fixed(&hash(&row.payload))
        .fixed(&hash(&row.signature))
        .bytes(row.candidate_key.as_deref().unwrap_or(&[]));
    // Only where there is one: rows from before this column keep their hashes.
    match row.accepted_step {
        Some(step) => encoder.int(step),
        None => encoder,
    }
    .finish()
}

/// The request id under which a system command is done at most once: derived from its subject.
pub fn system_request(subject: [u8; 16], kind: Kind) -> super::id::RequestId {
    let mut id = subject;
    let kind = u8::try_from(kind.number()).expect("kinds are small numbers");
    id[15] ^= kind;
    super::id::RequestId(id)
}

/// An id for the `number`th side row of a command: as unique as the command's own.
pub fn side_id(command_id: CommandId, number: u8) -> [u8; 16] {
    let mut id = command_id.0;
    id[15] ^= number;
    id
}
