//! MerchantService/ListWebhookEndpoints: the merchant's own, without their secrets.

use std::net::IpAddr;

use crate::domain::rows::WebhookEndpoint;
use crate::domain::time::Timestamp;
use crate::domain::webhook::EndpointState;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::merchant_document::{MerchantPapers, rows};
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::{MerchantScan, Query, Scan};

pub struct ListWebhookEndpoints;

impl Operation for ListWebhookEndpoints {
    type Body = pb::ListWebhookEndpointsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListWebhookEndpoints";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for ListWebhookEndpoints {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let merchant_id = call.merchant()?;
        let scan = Some(Scan::Merchant(MerchantScan::Endpoints(merchant_id)));
        Ok(Query { rows: rows(merchant_id), scan, caller: None })
    }
}

fn endpoint(row: &WebhookEndpoint, papers: &MerchantPapers, now: Timestamp) -> pb::WebhookEndpoint {
    let state = match row.state {
        EndpointState::Active => pb::WebhookEndpointState::Active,
        EndpointState::Gone => pb::WebhookEndpointState::Gone,
    };
    pb::WebhookEndpoint {
        endpoint_id: row.endpoint_id.0.to_vec(),
        url: papers.endpoint(row.endpoint_id).map_or(String::new(), |address| address.url.clone()),
        state: state.into(),
        created_at: Some(time(row.created_at)),
        older_secret_until: row.rotated_until.filter(|until| now < *until).map(time),
        replaying: row.replay_until.is_some(),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListWebhookEndpointsReply, Rejection> {
    let (_, fetched) = gate.read::<ListWebhookEndpoints>(&envelope, peer).await?;
    let opened = gate.tools().open_fetched_papers(&fetched)?;
    let now = Timestamp(gate.tools().clock.now_us());
    let rows = fetched.scanned::<WebhookEndpoint>();
    Ok(pb::ListWebhookEndpointsReply {
        endpoints: rows.map(|row| endpoint(row, &opened.papers, now)).collect(),
    })
}
