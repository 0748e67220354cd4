//! What recoveries, additions of devices and changes of factors bring along.

use super::{DocumentWrite, MessageDraft};
use crate::domain::id::{AccountId, CaseId, CodeTag, ContactIndex, DeviceId, TargetId};
use crate::domain::proof::Proof;
use crate::domain::recovery::Told;
use crate::domain::recovery::factor::{Channel, Channels, Kind};
use crate::domain::rows::RowKey;

/// A case as it was read ahead: what of it never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseRef {
    /// Which.
    pub case_id: CaseId,
    /// Of what.
    pub target_id: TargetId,
    /// Of which account; none behind a shadow.
    pub account_id: Option<AccountId>,
}

impl CaseRef {
    /// No case: what an unknown id or secret is read as.
    pub const NONE: Self = Self { case_id: CaseId([0; 16]), target_id: TargetId([0; 16]), account_id: None };

    /// The rows that a step of it looks at. A shadow's name no rows, and are looked for like an account's.
    pub(super) fn keys(&self) -> Vec<RowKey> {
        let account_id = self.account_id.unwrap_or(AccountId(self.target_id.0));
        vec![
            RowKey::RecoveryCase(self.case_id),
            RowKey::RecoveryTarget(self.target_id),
            RowKey::Account(account_id),
            RowKey::Factors(account_id),
        ]
    }
}

/// A message to one of those who are told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeDraft {
    /// What it tells.
    pub told: Told,
    /// How it goes.
    pub channel: Channel,
    /// The message.
    pub message: MessageDraft,
}

/// Whatever a step may want to tell, to everybody it may want to tell it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notices {
    /// The document that the addresses are from; another one by now means: prepare again.
    pub document_version: i64,
    /// The messages.
    pub drafts: Vec<NoticeDraft>,
}

impl Notices {
    /// The channels over which everybody can be told.
    pub fn channels(&self) -> Channels {
        Channels::of(self.drafts.iter().map(|draft| draft.channel))
    }
}

/// What a candidate does about a case that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaseAction {
    /// A code, please.
    SendCode {
        /// Over which channel.
        channel: Channel,
        /// Keyed hash of the code.
        code_tag: [u8; 32],
        /// To each confirmed contact of the channel.
        messages: Vec<MessageDraft>,
    },
    /// This is a factor.
    Prove {
        /// Which.
        kind: Kind,
        /// What comparing it showed.
        proof: Proof,
    },
    /// Stop outflow.
    Freeze,
    /// The owner's devices are lost.
    ReportLost,
    /// The account, please.
    Complete(Box<Completion>),
    /// By a notice's secret: the first call.
    AskToCancel {
        /// Keyed hash of the secret.
        cancel_tag: CodeTag,
    },
    /// The second.
    ConfirmCancel {
        /// Keyed hash of the secret.
        cancel_tag: CodeTag,
    },
}

/// What a completed recovery makes of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// With a new authenticator and passphrase, without a saved code.
    pub document: DocumentWrite,
    /// The candidate, as a device.
    pub device_id: DeviceId,
    /// All devices there were.
    pub devices: Vec<DeviceId>,
    /// The authenticator's URI, sealed for the reply.
    pub secret: Vec<u8>,
}

/// A contact to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactDraft {
    /// Which.
    pub contact_index: ContactIndex,
    /// How it is reached.
    pub channel: Channel,
    /// The contact itself, sealed.
    pub sealed: Vec<u8>,
    /// Keyed hash of the code.
    pub code_tag: [u8; 32],
    /// With the code; sent when the contact is free.
    pub code_message: MessageDraft,
    /// Sent when it is taken.
    pub taken_message: MessageDraft,
}
