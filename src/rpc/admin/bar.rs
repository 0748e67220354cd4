//! AdminService/Bar: nothing at all is done for it any more. One operator suffices: it only takes away.

use std::net::IpAddr;

use crate::domain::command::OperatorAction;
use crate::domain::id::{MerchantId, StoreId, TerminalId};
use crate::domain::outcome::{KeyOutcome, Outcome};
use crate::domain::standing::BarSubject;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::id16;

pub struct Bar;

impl Operation for Bar {
    type Body = pb::BarRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/Bar";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for Bar {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<OperatorAction, Rejection> {
        Ok(OperatorAction::Bar(subject(call.body.subject.as_ref())?))
    }
}

/// Who or what is meant.
pub fn subject(subject: Option<&pb::BarSubject>) -> Result<BarSubject, Rejection> {
    use pb::bar_subject::Subject;
    match subject.and_then(|subject| subject.subject.as_ref()) {
        Some(Subject::MerchantId(id)) => Ok(BarSubject::Merchant(MerchantId(id16(id, "merchant_id")?))),
        Some(Subject::StoreId(id)) => Ok(BarSubject::Store(StoreId(id16(id, "store_id")?))),
        Some(Subject::TerminalId(id)) => Ok(BarSubject::Terminal(TerminalId(id16(id, "terminal_id")?))),
        None => Err(Rejection::malformed("subject", "a merchant, a store or a till")),
    }
}

pub async fn call(gate: &Gate, envelope: pb::Envelope, peer: IpAddr) -> Result<pb::BarReply, Rejection> {
    let Outcome::Keys(KeyOutcome::Barred { .. }) = gate.change::<Bar>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::BarReply {})
}
