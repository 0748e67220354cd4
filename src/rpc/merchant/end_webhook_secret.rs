//! MerchantService/EndWebhookSecret: the older of two secrets signs no more.

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
use crate::rpc::convert::id16;

pub struct EndWebhookSecret;

impl Operation for EndWebhookSecret {
    type Body = pb::EndWebhookSecretRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/EndWebhookSecret";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for EndWebhookSecret {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        let merchant_id = call.merchant()?;
        let endpoint_id = WebhookEndpointId(id16(&call.body.endpoint_id, "endpoint_id")?);
        let mut opened = tools.open_papers(merchant_id).await?;
        if let Some(address) = opened.papers.endpoint_mut(endpoint_id) {
            address.secrets.truncate(1);
        }
        let document = tools.reseal_papers(merchant_id, &opened);
        Ok(MerchantAction::Webhook(WebhookAction::EndSecret { endpoint_id, document }))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::EndWebhookSecretReply, Rejection> {
    let Outcome::Webhook(WebhookOutcome::SecretEnded { .. }) =
        gate.change::<EndWebhookSecret>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::EndWebhookSecretReply {})
}
