//! AdminService/FreezeAccount: nothing leaves the account any more, whatever its owner does. One operator
//! suffices: it only takes away.

use std::net::IpAddr;

use crate::domain::command::{HaltSubject, OperatorAction};
use crate::domain::id::{AccountId, TopUpId};
use crate::domain::outcome::{HaltOutcome, Outcome};
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{id16, time};

pub struct FreezeAccount;

impl Operation for FreezeAccount {
    type Body = pb::FreezeAccountRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.AdminService/FreezeAccount";
    const CALLER: CallerKind = CallerKind::Operator;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Operator;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl Change for FreezeAccount {
    type Action = OperatorAction;

    async fn prepare(call: &Admitted<Self>, _tools: &Tools) -> Result<OperatorAction, Rejection> {
        let pb::FreezeAccountRequest { account_id, top_up_id } = &call.body;
        let subject = match (account_id.is_empty(), top_up_id.is_empty()) {
            (false, true) => HaltSubject::Account(AccountId(id16(account_id, "account_id")?)),
            (true, false) => HaltSubject::TopUp(TopUpId(id16(top_up_id, "top_up_id")?)),
            (_, _) => {
                return Err(Rejection::malformed("account_id", "16 bytes, or a top_up_id instead of it"));
            }
        };
        Ok(OperatorAction::FreezeAccount(subject))
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::FreezeAccountReply, Rejection> {
    let Outcome::Halt(HaltOutcome::Halted { account_id, halted_at, .. }) =
        gate.change::<FreezeAccount>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::FreezeAccountReply { account_id: account_id.0.to_vec(), halted_at: Some(time(halted_at)) })
}
