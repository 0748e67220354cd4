//! Rows about a merchant's webhooks: which endpoint is whose, and how long its older secret signs. URLs and
//! secrets are in no row; what was signed holds their hash.

use super::{Checked, Entry, Replay, nothing_moved};
use crate::domain::id::{MerchantId, WebhookEndpointId};
use crate::domain::journal::Kind;
use crate::domain::outcome::{Outcome, WebhookOutcome};
use crate::domain::time::Timestamp;
use crate::domain::webhook::ROTATION_US;
use crate::pb;
use crate::verify::evidence;

/// What an endpoint must be.
pub(in crate::verify) struct WebhookReplay {
    pub merchant_id: MerchantId,
    pub rotated_until: Option<Timestamp>,
}

impl Replay {
    pub(super) fn webhook(&mut self, entry: &Entry<'_>, call: &pb::Call, merchant_id: MerchantId) -> Checked {
        nothing_moved(entry)?;
        let Outcome::Webhook(outcome) = entry.outcome else {
            return Err("its outcome does not fit its kind");
        };
        let at = entry.row.at;
        let is_signed = |signed: &[u8]| {
            if signed == outcome.endpoint_id().0 {
                Ok(())
            } else {
                Err("it is about another endpoint than was signed for")
            }
        };
        match (entry.kind, outcome) {
            (Kind::CreateWebhookEndpoint, WebhookOutcome::Created { endpoint_id }) => {
                evidence::body::<pb::CreateWebhookEndpointRequest>(call)?;
                let endpoint = WebhookReplay { merchant_id, rotated_until: None };
                if self.webhooks.insert(endpoint_id, endpoint).is_some() {
                    return Err("it makes an endpoint that there is already");
                }
            }
            (Kind::RotateWebhookSecret, WebhookOutcome::Rotated { endpoint_id, older_until }) => {
                is_signed(&evidence::body::<pb::RotateWebhookSecretRequest>(call)?.endpoint_id)?;
                let endpoint = self.own_webhook(endpoint_id, merchant_id)?;
                if endpoint.rotated_until.is_some_and(|until| at < until)
                    || older_until != at.plus_us(ROTATION_US)
                {
                    return Err("its older secret does not end a day later, or there were two already");
                }
                endpoint.rotated_until = Some(older_until);
            }
            (Kind::EndWebhookSecret, WebhookOutcome::SecretEnded { endpoint_id }) => {
                is_signed(&evidence::body::<pb::EndWebhookSecretRequest>(call)?.endpoint_id)?;
                self.own_webhook(endpoint_id, merchant_id)?.rotated_until = None;
            }
            (Kind::DeleteWebhookEndpoint, WebhookOutcome::Deleted { endpoint_id }) => {
                is_signed(&evidence::body::<pb::DeleteWebhookEndpointRequest>(call)?.endpoint_id)?;
                self.own_webhook(endpoint_id, merchant_id)?;
                self.webhooks.remove(&endpoint_id);
            }
            (Kind::ReplayWebhooks, WebhookOutcome::Replayed { endpoint_id }) => {
                is_signed(&evidence::body::<pb::ReplayWebhooksRequest>(call)?.endpoint_id)?;
                self.own_webhook(endpoint_id, merchant_id)?;
            }
            (_, _) => return Err("its outcome does not fit its kind"),
        }
        Ok(())
    }

    fn own_webhook(
        &mut self,
        endpoint_id: WebhookEndpointId,
        merchant_id: MerchantId,
    ) -> Result<&mut WebhookReplay, &'static str> {
        self.webhooks
            .get_mut(&endpoint_id)
            .filter(|endpoint| endpoint.merchant_id == merchant_id)
            .ok_or("the endpoint is another merchant's, or gone")
    }
}
