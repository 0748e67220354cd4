//! What a merchant's wish about its webhooks came to, and how it is stored.

use super::Outcome;
use crate::domain::codec::{Decoder, Encoder};
use crate::domain::id::WebhookEndpointId;
use crate::domain::record::Corrupt;
use crate::domain::time::Timestamp;

/// What a merchant's wish about its webhooks came to. Neither URL nor secret is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookOutcome {
    /// There is another endpoint; its secret is one of the reply.
    Created {
        /// Which.
        endpoint_id: WebhookEndpointId,
    },
    /// It has two secrets; the new one is one of the reply.
    Rotated {
        /// Which.
        endpoint_id: WebhookEndpointId,
        /// The older one signs until then.
        older_until: Timestamp,
    },
    /// It has one secret.
    SecretEnded {
        /// Which.
        endpoint_id: WebhookEndpointId,
    },
    /// It is gone.
    Deleted {
        /// Which.
        endpoint_id: WebhookEndpointId,
    },
    /// Events are sent to it again.
    Replayed {
        /// Which.
        endpoint_id: WebhookEndpointId,
    },
}

impl WebhookOutcome {
    /// Which endpoint it is about.
    pub fn endpoint_id(&self) -> WebhookEndpointId {
        match self {
            Self::Created { endpoint_id }
            | Self::Rotated { endpoint_id, .. }
            | Self::SecretEnded { endpoint_id }
            | Self::Deleted { endpoint_id }
            | Self::Replayed { endpoint_id } => *endpoint_id,
        }
    }
}

pub(super) fn write(outcome: WebhookOutcome, encoder: Encoder) -> Encoder {
    let tag = match outcome {
        WebhookOutcome::Created { .. } => 90,
        WebhookOutcome::Rotated { .. } => 91,
        WebhookOutcome::SecretEnded { .. } => 92,
        WebhookOutcome::Deleted { .. } => 93,
        WebhookOutcome::Replayed { .. } => 94,
    };
    let encoder = encoder.byte(tag).fixed(&outcome.endpoint_id().0);
    match outcome {
        WebhookOutcome::Rotated { older_until, .. } => encoder.int(older_until.0),
        WebhookOutcome::Created { .. }
        | WebhookOutcome::SecretEnded { .. }
        | WebhookOutcome::Deleted { .. }
        | WebhookOutcome::Replayed { .. } => encoder,
    }
}

pub(super) fn read(tag: u8, decoder: &mut Decoder<'_>) -> Result<Outcome, Corrupt> {
    let endpoint_id = WebhookEndpointId(decoder.fixed()?);
    Ok(Outcome::Webhook(match tag {
        90 => WebhookOutcome::Created { endpoint_id },
        91 => WebhookOutcome::Rotated { endpoint_id, older_until: Timestamp(decoder.int()?) },
        92 => WebhookOutcome::SecretEnded { endpoint_id },
        93 => WebhookOutcome::Deleted { endpoint_id },
        94 => WebhookOutcome::Replayed { endpoint_id },
        _ => return Err(Corrupt),
    }))
}
