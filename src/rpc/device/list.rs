//! DeviceService/List.

use std::net::IpAddr;

use crate::domain::rows::{DataKey, Device, Document, KeyState, RowKey};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::time;
use crate::store::query::{Query, Scan};

pub struct List;

impl Operation for List {
    type Body = pb::DeviceListRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.DeviceService/List";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for List {
    fn query(call: &Admitted<Self>, _tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        Ok(Query {
            rows: vec![RowKey::Document(account_id), RowKey::DataKey(account_id)],
            scan: Some(Scan::Devices(account_id)),
            ..Query::default()
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::DeviceListReply, Rejection> {
    let (call, fetched) = gate.read::<List>(&envelope, peer).await?;
    let (_, caller_id, _) = call.device()?;
    let (Some(document), Some(data_key)) = (fetched.get::<Document>(), fetched.get::<DataKey>()) else {
        return Err(Rejection::Internal);
    };
    let opened = gate.tools().open(document, data_key)?;
    let label = |device: &Device| {
        let named = opened.document.devices.iter().find(|named| named.device_id == device.device_id.0);
        named.map_or(String::new(), |named| named.label.clone())
    };
    let mut rows: Vec<&Device> = fetched.scanned::<Device>().collect();
    rows.sort_by_key(|device| (device.enrolled_at, device.device_id));
    let devices = rows.into_iter().map(|device| pb::Device {
        device_id: device.device_id.0.to_vec(),
        label: label(device),
        state: match device.state {
            KeyState::Active => pb::DeviceState::Active.into(),
            KeyState::Revoked => pb::DeviceState::Revoked.into(),
        },
        enrolled_at: Some(time(device.enrolled_at)),
        revoked_at: device.revoked_at.map(time),
        is_caller: device.device_id == caller_id,
        lost_at: device.lost_at.map(time),
    });
    let (account_id, _, _) = call.device()?;
    let additions =
        gate.tools().additions(account_id).await?.into_iter().map(|(row, device_model)| pb::DeviceAddition {
            addition_id: row.addition_id.0.to_vec(),
            device_model,
            asked_at: Some(time(row.asked_at)),
            expires_at: Some(time(row.expires_at)),
        });
    Ok(pb::DeviceListReply { devices: devices.collect(), additions: additions.collect() })
}
