//! MerchantService/CreateWebhookEndpoint: where a merchant wants to be told of its payments.

use std::net::IpAddr;

use crate::domain::command::{MerchantAction, WebhookAction};
use crate::domain::id::WebhookEndpointId;
use crate::domain::outcome::{Outcome, WebhookOutcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::merchant_document::WebhookAddress;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::outbound::guard::{Reach, endpoint_url};
use crate::pb;
use crate::rpc::convert::secret;

pub struct CreateWebhookEndpoint;

impl Operation for CreateWebhookEndpoint {
    type Body = pb::CreateWebhookEndpointRequest;
    type Private = pb::CreateWebhookEndpointPrivate;
    const METHOD: &'static str = "/saifu.v1.MerchantService/CreateWebhookEndpoint";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = true;
}

impl Change for CreateWebhookEndpoint {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        let merchant_id = call.merchant()?;
        let url = checked(&call.private.url, tools.private_webhooks)?;
        let (endpoint_id, text) = (WebhookEndpointId(tools.new_id()), tools.webhook_secret());
        let mut opened = tools.open_papers(merchant_id).await?;
        opened.papers.endpoints.push(WebhookAddress {
            endpoint_id: endpoint_id.0.to_vec(),
            url,
            secrets: vec![text.to_string()],
        });
        Ok(MerchantAction::Webhook(WebhookAction::Create {
            endpoint_id,
            document: tools.reseal_papers(merchant_id, &opened),
            endpoints: opened.papers.endpoints.len(),
            secret: tools.seal_secret(call, &text),
        }))
    }
}

fn checked(url: &str, may_be_private: bool) -> Result<String, Rejection> {
    let (reach, must) = if may_be_private {
        (Reach::Private, "https://host/path without a name and a password, or http on this machine")
    } else {
        let must = "https://host/path of a public host, without a name and a password, on port 443 or one \
                    from 1024 on";
        (Reach::Public, must)
    };
    let wrong = Rejection::malformed("private.url", must);
    if url.len() > 2_048 {
        return Err(Rejection::malformed("private.url", "2,048 bytes at most"));
    }
    endpoint_url(url, reach).map(String::from).map_err(|_| wrong)
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::CreateWebhookEndpointReply, Rejection> {
    let done = gate.change::<CreateWebhookEndpoint>(&envelope, peer).await?;
    let Outcome::Webhook(WebhookOutcome::Created { endpoint_id }) = done.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::CreateWebhookEndpointReply {
        endpoint_id: endpoint_id.0.to_vec(),
        secret: Some(secret(done.secret)),
    })
}
