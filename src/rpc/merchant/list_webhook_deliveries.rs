//! MerchantService/ListWebhookDeliveries: what became of each event at each endpoint.

use std::net::IpAddr;

use crate::domain::id::{PaymentId, WebhookEndpointId};
use crate::domain::rows::WebhookDelivery;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{DeliveryState, event_name};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, page_size, time};
use crate::rpc::page::Page;
use crate::store::query::{DeliveryPlace, MerchantScan, Query, Scan};

pub struct ListWebhookDeliveries;

impl Operation for ListWebhookDeliveries {
    type Body = pb::ListWebhookDeliveriesRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListWebhookDeliveries";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

/// The list, of this caller and to this question.
fn page<'a>(call: &Admitted<ListWebhookDeliveries>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    let question =
        pb::ListWebhookDeliveriesRequest { page_size: 0, page_token: Vec::new(), ..call.body.clone() };
    Ok(Page::of(&tools.keys.page, "webhook deliveries", call.merchant()?, &question))
}

impl Read for ListWebhookDeliveries {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let merchant_id = call.merchant()?;
        let endpoint_id = match call.body.endpoint_id.as_slice() {
            [] => None,
            bytes => Some(WebhookEndpointId(id16(bytes, "endpoint_id")?)),
        };
        let before = page(call, tools)?.place::<48>(&call.body.page_token)?.map(|place| read(&place));
        let limit = page_size(call.body.page_size)? + 1;
        Ok(Query::scan(Scan::Merchant(MerchantScan::Deliveries { merchant_id, endpoint_id, before, limit })))
    }
}

fn read(place: &[u8; 48]) -> DeliveryPlace {
    let int = |from: usize| place[from..from + 8].try_into().map_or(0, i64::from_be_bytes);
    let id = |from: usize| place[from..from + 16].try_into().unwrap_or([0; 16]);
    (Timestamp(int(0)), PaymentId(id(8)), int(24), WebhookEndpointId(id(32)))
}

fn place(row: &WebhookDelivery) -> Vec<u8> {
    let (at, step) = (row.at.0.to_be_bytes(), row.step.to_be_bytes());
    [&at[..], &row.payment_id.0, &step, &row.endpoint_id.0].concat()
}

fn delivery(row: &WebhookDelivery) -> pb::WebhookDelivery {
    let state = match row.state {
        DeliveryState::Due => pb::WebhookDeliveryState::Due,
        DeliveryState::Delivered => pb::WebhookDeliveryState::Delivered,
        DeliveryState::Failed => pb::WebhookDeliveryState::Failed,
    };
    pb::WebhookDelivery {
        event_id: event_name(row.payment_id, row.step),
        endpoint_id: row.endpoint_id.0.to_vec(),
        payment_id: row.payment_id.0.to_vec(),
        sequence: row.step,
        r#type: row.event.name().to_owned(),
        at: Some(time(row.at)),
        state: state.into(),
        attempts: row.attempts,
        last_status: row.last_status.and_then(|status| i32::try_from(status).ok()).unwrap_or(0),
        tried_at: row.tried_at.map(time),
        due_at: row.due_at.map(time),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListWebhookDeliveriesReply, Rejection> {
    let (call, fetched) = gate.read::<ListWebhookDeliveries>(&envelope, peer).await?;
    let rows: Vec<&WebhookDelivery> = fetched.scanned().collect();
    let (rows, next_page_token) =
        page(&call, gate.tools())?.cut(&rows, call.body.page_size, |row| place(row))?;
    Ok(pb::ListWebhookDeliveriesReply {
        deliveries: rows.iter().map(|row| delivery(row)).collect(),
        next_page_token,
    })
}
