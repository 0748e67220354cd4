//! MerchantService/RegisterTerminal: a new till, and a one-time code to activate it.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::MerchantAction;
use crate::domain::id::{CodeTag, StoreId, TerminalId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{NAME, id16, readable, secret, time};

pub struct RegisterTerminal;

impl Operation for RegisterTerminal {
    type Body = pb::RegisterTerminalRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.MerchantService/RegisterTerminal";
    const CALLER: CallerKind = CallerKind::Merchant;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Merchant;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = true;
}

impl Change for RegisterTerminal {
    type Action = MerchantAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<MerchantAction, Rejection> {
        let code = codes::recovery_code(tools.entropy.as_ref());
        let label = readable(&call.body.label, &NAME, "label")?;
        Ok(MerchantAction::RegisterTerminal {
            terminal_id: TerminalId(tools.new_id()),
            store_id: StoreId(id16(&call.body.store_id, "store_id")?),
            label: label.to_owned(),
            activation_tag: CodeTag(codes::activation_code_tag(&tools.keys.code, &code)),
            secret: tools.seal_secret(call, &code),
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RegisterTerminalReply, Rejection> {
    let done = gate.change::<RegisterTerminal>(&envelope, peer).await?;
    let Outcome::TerminalRegistered { terminal_id, expires_at, .. } = done.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RegisterTerminalReply {
        terminal_id: terminal_id.0.to_vec(),
        activation_code: Some(secret(done.secret)),
        expires_at: Some(time(expires_at)),
    })
}
