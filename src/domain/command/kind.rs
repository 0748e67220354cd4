//! What each action's journal row is about.

use super::recovery::CaseAction;
use super::{CandidateAction, DeviceAction, SystemAction};
use crate::domain::journal::Kind;

impl DeviceAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Activate { .. } => Kind::Activate,
            Self::VerifySecondFactor => Kind::VerifySecondFactor,
            Self::Freeze => Kind::Freeze,
            Self::Unfreeze => Kind::Unfreeze,
            Self::RevokeDevice { .. } => Kind::RevokeDevice,
            Self::LinkFunding { .. } => Kind::LinkFunding,
            Self::UnlinkFunding { .. } => Kind::UnlinkFunding,
            Self::RequestTopUp { .. } => Kind::RequestTopUp,
            Self::Pay { .. } => Kind::Pay,
            Self::IssueCode { .. } => Kind::IssueCode,
            Self::ConfirmPayment { .. } => Kind::ConfirmPayment,
            Self::DeclinePayment { .. } => Kind::DeclinePayment,
            Self::CancelRecovery { .. } => Kind::CancelRecovery,
            Self::ReportLost { .. } => Kind::ReportLost,
            Self::ApproveAddition { .. } => Kind::ApproveAddition,
            Self::BeginTotp { .. } => Kind::BeginTotp,
            Self::ConfirmTotp { .. } => Kind::ConfirmTotp,
            Self::ReplaceSavedCode { .. } => Kind::ReplaceSavedCode,
            Self::ChangePassphrase { .. } => Kind::ChangePassphrase,
            Self::AddContact { .. } => Kind::AddContact,
            Self::ConfirmContact { .. } => Kind::ConfirmContact,
            Self::RemoveContact { .. } => Kind::RemoveContact,
        }
    }
}

impl CandidateAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::StartEnrolment { .. } => Kind::StartEnrolment,
            Self::ConfirmEnrolment { .. } => Kind::ConfirmEnrolment,
            Self::ActivateTerminal { .. } => Kind::ActivateTerminal,
            Self::StartRecovery { .. } => Kind::StartRecovery,
            Self::Recovery { action, .. } => match action {
                CaseAction::SendCode { .. } => Kind::SendRecoveryCode,
                CaseAction::Prove { .. } => Kind::ProveRecovery,
                CaseAction::Freeze => Kind::FreezeInRecovery,
                CaseAction::ReportLost => Kind::ReportLostInRecovery,
                CaseAction::Complete(_) => Kind::CompleteRecovery,
                CaseAction::AskToCancel { .. } | CaseAction::ConfirmCancel { .. } => Kind::CancelByNotice,
            },
            Self::RequestAddition { .. } => Kind::RequestAddition,
        }
    }
}

impl SystemAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Genesis { .. } => Kind::Genesis,
            Self::RegisterStore { .. } => Kind::RegisterStore,
            Self::SettleTopUp { .. } => Kind::SettleTopUp,
            Self::CloseUnactivated { .. } => Kind::CloseUnactivated,
            Self::EnrolOperators { .. } => Kind::EnrolOperators,
            Self::AnswerNotice { .. } => Kind::AnswerNotice,
            Self::AdvanceRecovery { .. } => Kind::AdvanceRecovery,
            Self::ExpirePayment { .. } => Kind::ExpirePayment,
            Self::AwaitTopUp { .. } => Kind::AwaitTopUp,
            Self::TakeBackTopUp { .. } => Kind::TakeBackTopUp,
            Self::SettleMerchant(_) => Kind::SettleMerchant,
            Self::CloseDay { .. } => Kind::CloseDayForTerminal,
            Self::Restore { .. } => Kind::Restore,
        }
    }
}
