//! MerchantService/ListStores: the merchant's own, with their static QR codes.

use std::net::IpAddr;

use crate::domain::id::StoreId;
use crate::domain::rows::{Merchant, Store};
use crate::emvco::{self, MerchantCode};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::page_size;
use crate::rpc::page::Page;
use crate::store::query::{MerchantScan, Query, Scan};

pub struct ListStores;

impl Operation for ListStores {
    type Body = pb::ListStoresRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/ListStores";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Read for ListStores {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let merchant_id = call.merchant()?;
        let after = page(call, tools)?.place::<16>(&call.body.page_token)?.map(StoreId);
        let limit = page_size(call.body.page_size)? + 1;
        Ok(Query::scan(Scan::Merchant(MerchantScan::Stores { merchant_id, after, limit })))
    }
}

/// The list, of this caller and to this question.
fn page<'a>(call: &Admitted<ListStores>, tools: &'a Tools) -> Result<Page<'a>, Rejection> {
    Ok(Page::of(&tools.keys.page, "stores", call.merchant()?, &pb::ListStoresRequest::default()))
}

fn store(row: &Store, merchant: Option<&Merchant>) -> pb::MerchantStore {
    let code = MerchantCode {
        store_id: row.store_id.0,
        amount_minor: None,
        order_id: None,
        name: row.name.clone(),
        city: row.city.clone(),
    };
    pb::MerchantStore {
        store_id: row.store_id.0.to_vec(),
        name: row.name.clone(),
        city: row.city.clone(),
        open: row.takes_part() && merchant.is_some_and(Merchant::takes_part),
        static_qr: emvco::make(&code),
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListStoresReply, Rejection> {
    let (call, fetched) = gate.read::<ListStores>(&envelope, peer).await?;
    // Who reads was read with it.
    let merchant = fetched.get::<Merchant>();
    let rows: Vec<&Store> = fetched.scanned().collect();
    let (rows, next_page_token) =
        page(&call, gate.tools())?.cut(&rows, call.body.page_size, |row| row.store_id.0.to_vec())?;
    let stores = rows.iter().map(|row| store(row, merchant)).collect();
    Ok(pb::ListStoresReply { stores, next_page_token })
}
