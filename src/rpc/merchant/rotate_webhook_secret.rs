//! MerchantService/RotateWebhookSecret: a second secret, until the older one ends.

use std::net::IpAddr;

use crate::domain::command::{MerchantAction, WebhookAction};
use crate::domain::id::WebhookEndpointId;
use crate::domain::outcome::{Outcome, WebhookOutcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, secret, time};

pub struct RotateWebhookSecret;

impl Operation for RotateWebhookSecret {
    type Body = pb::RotateWebhookSecretRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/RotateWebhookSecret";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = true;
}

impl Change for RotateWebhookSecret {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        let merchant_id = call.merchant()?;
        let endpoint_id = WebhookEndpointId(id16(&call.body.endpoint_id, "endpoint_id")?);
        let text = tools.webhook_secret();
        let mut opened = tools.open_papers(merchant_id).await?;
        if let Some(address) = opened.papers.endpoint_mut(endpoint_id) {
            address.secrets.truncate(1);
            address.secrets.insert(0, text.to_string());
        }
        Ok(MerchantAction::Webhook(WebhookAction::Rotate {
            endpoint_id,
            document: tools.reseal_papers(merchant_id, &opened),
            secret: tools.seal_secret(call, &text),
        }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RotateWebhookSecretReply, Rejection> {
    let done = gate.change::<RotateWebhookSecret>(&envelope, peer).await?;
    let Outcome::Webhook(WebhookOutcome::Rotated { older_until, .. }) = done.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RotateWebhookSecretReply {
        secret: Some(secret(done.secret)),
        older_secret_until: Some(time(older_until)),
    })
}
