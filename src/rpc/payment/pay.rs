//! PaymentService/Pay.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::{PaymentId, StoreId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{amount, currency, id16, order_id, text, time};

pub struct Pay;

impl Operation for Pay {
    type Body = pb::PayRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.PaymentService/Pay";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyOut;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for Pay {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let store_id = StoreId(id16(&call.body.store_id, "store_id")?);
        let order = match call.body.order_id.as_str() {
            "" => None,
            id => Some(tools.payable(store_id, order_id(id)?).await?),
        };
        let name =
            text(&call.body.payee_name, 128, "payee_name", "1 to 128 characters, no control characters")?;
        Ok(DeviceAction::Pay {
            payment_id: PaymentId(tools.new_id()),
            store_id,
            payee_name: name.to_owned(),
            amount: amount(call.body.amount_minor)?,
            currency: currency(call.body.currency.clone())?,
            order,
        })
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::PayReply, Rejection> {
    let Outcome::Paid { payment_id, at, available_after_minor, .. } =
        gate.change::<Pay>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::PayReply { payment_id: payment_id.0.to_vec(), paid_at: Some(time(at)), available_after_minor })
}
