//! TopUpService/LinkFunding: the token goes into the sealed document, its id into the ledger's rows.

use std::net::IpAddr;

use crate::domain::command::DeviceAction;
use crate::domain::id::{CardTag, FundingId};
use crate::domain::outcome::Outcome;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::document::FundingToken;
use crate::gate::operation::{CallerKind, Change, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{NAME, readable, text};

pub struct LinkFunding;

impl Operation for LinkFunding {
    type Body = pb::LinkFundingRequest;
    type Private = pb::LinkFundingPrivate;
    const METHOD: &'static str = "/saifu.v1.TopUpService/LinkFunding";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::MoneyIn;
    const CODES: Codes = Codes::Totp;
    const SECRET_REPLY: bool = false;
}

impl Change for LinkFunding {
    type Action = DeviceAction;

    async fn prepare(call: &Admitted<Self>, tools: &Tools) -> Result<DeviceAction, Rejection> {
        let (account_id, _, _) = call.device()?;
        let token =
            text(&call.private.token, 255, "private.token", "1 to 255 characters, a token of the provider")?;
        if !tools.provider.accepts(token) {
            return Err(Rejection::malformed(
                "private.token",
                "a token of the provider; in the sandbox, sandbox-…; of Stripe, pm_…",
            ));
        }
        let label = readable(&call.private.label, &NAME, "private.label")?;
        let mut opened = tools.open_document(account_id).await?.ok_or(Rejection::Unauthenticated)?;
        let known = opened.document.funding.last().map(|source| source.token.as_str());
        // A call that has its answer is only told it again, and one source more than there may be is refused:
        // nobody is asked, and nothing attached.
        let is_full = opened.document.funding.len() >= tools.policy.limits.funding_sources;
        let (token, card_tag) = if is_full || tools.is_finished(&call.signed).await? {
            (String::new(), CardTag([0; 32]))
        } else {
            tools.inspect(account_id, known, token).await?
        };
        let funding_id = FundingId(tools.random_id());
        opened.document.funding.push(FundingToken {
            funding_id: funding_id.0.to_vec(),
            token,
            label: label.to_owned(),
        });
        let sources = opened.document.funding.len();
        let provider = tools.provider.number();
        let document = tools.reseal(account_id, &opened);
        Ok(DeviceAction::LinkFunding { funding_id, provider, card_tag, document, sources })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::LinkFundingReply, Rejection> {
    let Outcome::FundingLinked { funding_id, .. } =
        gate.change::<LinkFunding>(&envelope, peer).await?.outcome
    else {
        return Err(Rejection::Internal);
    };
    Ok(pb::LinkFundingReply { funding_id: funding_id.0.to_vec() })
}
