//! What staff's actions are to those who judge them: which line of the table of suspensions and bars, and
//! about whom.

use super::{Approved, MerchantAction, ShopStep, TerminalAction};
use crate::domain::id::OperatorId;
use crate::domain::standing::Deed;

impl TerminalAction {
    /// What it is in the table of what a suspension and a bar leave.
    pub fn deed(&self) -> Deed {
        match self {
            Self::Charge(_) | Self::Authorize { .. } => Deed::Charge,
            Self::CashTopUp(_) => Deed::CashTopUp,
            Self::Step { step: ShopStep::Capture { .. }, .. } => Deed::TillCapture,
            Self::Step { step: ShopStep::Void | ShopStep::Refund { .. }, .. } | Self::Reverse { .. } => {
                Deed::TillGivesBack
            }
            Self::CreateOrder(_) => Deed::TillCreatesOrder,
            Self::CancelOrder { .. } | Self::CloseDay { .. } => Deed::TillCloses,
        }
    }
}

impl MerchantAction {
    /// What it is in the table of what a suspension and a bar leave.
    pub fn deed(&self) -> Deed {
        match self {
            Self::RegisterTerminal { .. } | Self::ResumeTerminal { .. } => Deed::OpenTerminal,
            Self::SuspendTerminal { .. } => Deed::SuspendTerminal,
            Self::Step { step: ShopStep::Capture { .. }, .. } => Deed::Capture,
            Self::Step { step: ShopStep::Void | ShopStep::Refund { .. }, .. } | Self::Reverse { .. } => {
                Deed::GiveBack
            }
            Self::CreateOrder { .. } => Deed::CreateOrder,
            Self::CancelOrder { .. } => Deed::CancelOrder,
            Self::Webhook(_) => Deed::ChangeWebhooks,
            Self::RotateKey(_) => Deed::RotateKey,
        }
    }
}

impl Approved {
    /// The operator whom it is about: two others decide on that.
    pub fn concerned(&self) -> Option<OperatorId> {
        match self {
            Self::RevokeOperator { operator_id } | Self::SetOperatorKey { operator_id, .. } => {
                Some(*operator_id)
            }
            Self::RegisterMerchant { .. }
            | Self::RegisterStore { .. }
            | Self::AddOperator { .. }
            | Self::RevokeMerchantKey { .. }
            | Self::SetMerchantKey { .. }
            | Self::LiftBar(_)
            | Self::ResumeMerchant { .. }
            | Self::AllowCash { .. }
            | Self::SetFee { .. }
            | Self::ClosePayouts { .. }
            | Self::UnfreezeAccount { .. }
            | Self::ProofRecovery { .. } => None,
        }
    }
}
