//! MerchantService/ReplayWebhooks: events are sent again, one or all of a time.

use std::net::IpAddr;

use crate::domain::command::{MerchantAction, Replayed, WebhookAction};
use crate::domain::id::WebhookEndpointId;
use crate::domain::outcome::{Outcome, WebhookOutcome};
use crate::domain::webhook::event_of_name;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, moment};

pub struct ReplayWebhooks;

impl Operation for ReplayWebhooks {
    type Body = pb::ReplayWebhooksRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ReplayWebhooks";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for ReplayWebhooks {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<MerchantAction, Rejection> {
        let endpoint_id = WebhookEndpointId(id16(&call.body.endpoint_id, "endpoint_id")?);
        let what = what(&call.body)?;
        Ok(MerchantAction::Webhook(WebhookAction::Replay { endpoint_id, what }))
    }
}

fn what(body: &pb::ReplayWebhooksRequest) -> Result<Replayed, Rejection> {
    let (from, until) = (moment(body.from.as_ref(), "from")?, moment(body.until.as_ref(), "until")?);
    match (body.event_id.as_str(), from, until) {
        ("", Some(from), Some(until)) if from < until => Ok(Replayed::Between { from, until }),
        ("", _, _) => Err(Rejection::malformed("until", "later than from, or event_id be given instead")),
        (name, None, None) => {
            let (payment_id, step) = event_of_name(name).ok_or(Rejection::malformed(
                "event_id",
                "an event's webhook-id, such as evt_018f…_1, as ListWebhookDeliveries tells it",
            ))?;
            Ok(Replayed::Event { payment_id, step })
        }
        (_, _, _) => Err(Rejection::malformed("event_id", "empty where from and until are given")),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ReplayWebhooksReply, Rejection> {
    let Outcome::Webhook(WebhookOutcome::Replayed { .. }) =
        gate.change::<ReplayWebhooks>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::ReplayWebhooksReply {})
}
