//! TopUpService/ListFunding.

use std::net::IpAddr;

use crate::domain::rows::{DataKey, Document, Funding, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::{Query, Scan};

pub struct ListFunding;

impl Operation for ListFunding {
    type Body = pb::ListFundingRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.TopUpService/ListFunding";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for ListFunding {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        Ok(Query {
            rows: vec![RowKey::Document(account_id), RowKey::DataKey(account_id)],
            scan: Some(Scan::FundingSources(account_id)),
            ..Query::default()
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListFundingReply, Rejection> {
    let (call, fetched) = gate.read::<ListFunding>(&envelope, peer).await?;
    let (Some(document), Some(data_key)) = (fetched.get::<Document>(), fetched.get::<DataKey>()) else {
        return Err(Rejection::Internal);
    };
    let (_, _, epoch) = call.device()?;
    let opened = gate.tools().open(document, data_key)?;
    let label = |row: &Funding| {
        let source = opened.document.funding.iter().find(|source| source.funding_id == row.funding_id.0);
        source.map_or(String::new(), |source| source.label.clone())
    };
    let sources = fetched.scanned::<Funding>().map(|row| pb::Funding {
        funding_id: row.funding_id.0.to_vec(),
        label: label(row),
        linked_at: Some(time(row.linked_at)),
        suspended: row.epoch != epoch,
    });
    Ok(pb::ListFundingReply { sources: sources.collect() })
}
