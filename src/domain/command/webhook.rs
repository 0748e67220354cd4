//! What a merchant's server may ask of its webhooks, and how their deliveries are kept.

use crate::domain::id::{MerchantId, PaymentId, WebhookEndpointId};
use crate::domain::journal::Kind;
use crate::domain::rows::{RowKey, WebhookDelivery};
use crate::domain::time::Timestamp;

/// A new version of a merchant's sealed document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerchantDocumentWrite {
    /// The version it was made from, 0 where there was none; another one by now means: prepare again.
    pub expected_version: i64,
    /// Sealed as version `expected_version + 1`.
    pub sealed: Vec<u8>,
    /// The data key of a first version: which key-encryption key sealed it, and what came of that.
    pub data_key: Option<(i64, Vec<u8>)>,
}

/// Which events are to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// One.
    Event {
        /// Of which payment.
        payment_id: PaymentId,
        /// Which step of it.
        step: i64,
    },
    /// All that happened between two moments.
    Between {
        /// From then on.
        from: Timestamp,
        /// Before then.
        until: Timestamp,
    },
}

/// What a merchant's server may ask of its webhooks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookAction {
    /// Another endpoint.
    Create {
        /// Its id.
        endpoint_id: WebhookEndpointId,
        /// With its URL and secret.
        document: MerchantDocumentWrite,
        /// How many there are with it.
        endpoints: usize,
        /// The secret, sealed for the reply.
        secret: Vec<u8>,
    },
    /// A second secret, beside the one there is.
    Rotate {
        /// Of which endpoint.
        endpoint_id: WebhookEndpointId,
        /// With both secrets.
        document: MerchantDocumentWrite,
        /// The new one, sealed for the reply.
        secret: Vec<u8>,
    },
    /// The older secret signs no more.
    EndSecret {
        /// Of which endpoint.
        endpoint_id: WebhookEndpointId,
        /// Without it.
        document: MerchantDocumentWrite,
    },
    /// An endpoint goes.
    Delete {
        /// Which.
        endpoint_id: WebhookEndpointId,
        /// Without it.
        document: MerchantDocumentWrite,
    },
    /// Events are sent again.
    Replay {
        /// To which endpoint.
        endpoint_id: WebhookEndpointId,
        /// Which.
        what: Replayed,
    },
}

/// What an attempt to deliver came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its receiver took it.
    Delivered,
    /// Tried again then.
    Again(Timestamp),
    /// Given up.
    Failed,
    /// The receiver says that it is gone for good, and is sent nothing any more.
    Gone,
    /// Given up without an attempt: its endpoint is gone.
    Unsent,
}

/// Keeping merchants' deliveries: all of it follows from the journal, so none of it is journalled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookChore {
    /// Rows of a lane were read: what of them is to be delivered.
    FanOut {
        /// Which lane.
        lane: i64,
        /// The last row that was read before; another one by now means that somebody else did it.
        from: i64,
        /// The last row that was read now.
        to: i64,
        /// To be sent.
        deliveries: Vec<WebhookDelivery>,
    },
    /// An attempt was made.
    Tried {
        /// To which endpoint.
        endpoint_id: WebhookEndpointId,
        /// Of which payment.
        payment_id: PaymentId,
        /// Which step of it.
        step: i64,
        /// Attempts made before it.
        attempts: i64,
        /// Since when it was due, as it was tried: what was asked for again since then is another delivery.
        queued_at: Timestamp,
        /// The HTTP status; nothing when there was no answer.
        status: Option<i64>,
        /// What follows.
        verdict: Verdict,
    },
    /// What was asked for again is due again.
    Requeue {
        /// At which endpoint.
        endpoint_id: WebhookEndpointId,
        /// When that was asked for.
        asked_at: Timestamp,
        /// What.
        steps: Vec<(PaymentId, i64)>,
        /// It goes on from there; nothing when that was all.
        from: Option<Timestamp>,
    },
}

impl WebhookAction {
    /// What its journal row is about.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Create { .. } => Kind::CreateWebhookEndpoint,
            Self::Rotate { .. } => Kind::RotateWebhookSecret,
            Self::EndSecret { .. } => Kind::EndWebhookSecret,
            Self::Delete { .. } => Kind::DeleteWebhookEndpoint,
            Self::Replay { .. } => Kind::ReplayWebhooks,
        }
    }

    /// Which endpoint it is about.
    pub fn endpoint_id(&self) -> WebhookEndpointId {
        match self {
            Self::Create { endpoint_id, .. }
            | Self::Rotate { endpoint_id, .. }
            | Self::EndSecret { endpoint_id, .. }
            | Self::Delete { endpoint_id, .. }
            | Self::Replay { endpoint_id, .. } => *endpoint_id,
        }
    }

    /// The rows that its decision looks at.
    pub(super) fn keys(&self, merchant_id: MerchantId) -> Vec<RowKey> {
        let endpoint_id = self.endpoint_id();
        let mut keys = vec![RowKey::WebhookEndpoint(endpoint_id), RowKey::MerchantDocument(merchant_id)];
        if let Self::Replay { what: Replayed::Event { payment_id, step }, .. } = self {
            keys.push(RowKey::WebhookDelivery(endpoint_id, *payment_id, *step));
        }
        keys
    }
}

impl WebhookChore {
    /// The rows that its decision looks at.
    pub(super) fn keys(&self) -> Vec<RowKey> {
        match self {
            Self::FanOut { lane, deliveries, .. } => {
                let mut keys = vec![RowKey::WebhookCursor(*lane)];
                for row in deliveries {
                    keys.push(RowKey::WebhookEndpoint(row.endpoint_id));
                    keys.push(RowKey::WebhookDelivery(row.endpoint_id, row.payment_id, row.step));
                }
                keys
            }
            Self::Tried { endpoint_id, payment_id, step, .. } => vec![
                RowKey::WebhookEndpoint(*endpoint_id),
                RowKey::WebhookDelivery(*endpoint_id, *payment_id, *step),
            ],
            Self::Requeue { endpoint_id, steps, .. } => {
                let mut keys = vec![RowKey::WebhookEndpoint(*endpoint_id)];
                keys.extend(steps.iter().map(|(id, step)| RowKey::WebhookDelivery(*endpoint_id, *id, *step)));
                keys
            }
        }
    }
}
