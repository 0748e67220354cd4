//! SecurityService/ListContacts: how the account reaches its owner.

use std::net::IpAddr;

use crate::domain::rows::{DataKey, Document, RowKey};
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::Query;

pub struct ListContacts;

impl Operation for ListContacts {
    type Body = pb::ListContactsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/ListContacts";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for ListContacts {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        Ok(Query {
            rows: vec![RowKey::Document(account_id), RowKey::DataKey(account_id)],
            ..Query::default()
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListContactsReply, Rejection> {
    let (_, fetched) = gate.read::<ListContacts>(&envelope, peer).await?;
    let (Some(document), Some(data_key)) = (fetched.get::<Document>(), fetched.get::<DataKey>()) else {
        return Err(Rejection::Internal);
    };
    let opened = gate.tools().open(document, data_key)?;
    let current = opened.document.contacts.iter().filter(|contact| contact.removed_at_us == 0);
    let contacts = current.filter_map(|contact| {
        let index = gate.tools().index_of(contact)?;
        Some(pb::Contact {
            contact_id: index.0[..16].to_vec(),
            address: contact.address.clone(),
            confirmed_at: Some(time(Timestamp(contact.confirmed_at_us))),
        })
    });
    Ok(pb::ListContactsReply { contacts: contacts.collect() })
}
