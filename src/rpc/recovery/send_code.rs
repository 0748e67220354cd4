//! RecoveryService/SendCode: a code to the confirmed contacts of a channel. The reply is the same where
//! there are none.

use std::net::IpAddr;

use crate::crypto::codes;
use crate::domain::command::{CandidateAction, CaseAction};
use crate::domain::outcome::Outcome;
use crate::domain::recovery::factor::Channel;
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::limit::Stranger;
use crate::gate::operation::{CallerKind, CandidateChange, Codes, Cost, Effect, Operation};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;

pub struct SendCode;

impl Operation for SendCode {
    type Body = pb::RecoverySendCodeRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.RecoveryService/SendCode";
    const CALLER: CallerKind = CallerKind::Candidate;
    const EFFECT: Effect = Effect::Changes;
    const COST: Cost = Cost::Recovery;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

impl CandidateChange for SendCode {
    async fn prepare(
        call: &Admitted<Self>,
        tools: &Tools,
        stranger: &Stranger<'_>,
    ) -> Result<CandidateAction, Rejection> {
        let open = super::own_case(&call.body.case_id, call.signed.key_id, tools).await?;
        let channel = match call.body.channel() {
            pb::RecoveryChannel::Email => Channel::Email,
            pb::RecoveryChannel::Phone => Channel::Sms,
            pb::RecoveryChannel::Unspecified => {
                return Err(Rejection::malformed(
                    "channel",
                    "RECOVERY_CHANNEL_EMAIL or RECOVERY_CHANNEL_PHONE",
                ));
            }
        };
        // Whether there is such a contact is not told: it counts for an account that does not exist as well.
        // Without a case that goes on, nothing will be sent.
        if let Some(row) = open.row.as_ref().filter(|row| !row.state.is_over())
            && !tools.is_finished(&call.signed).await?
        {
            let (is_text, now) = (channel == Channel::Sms, Timestamp(tools.clock.now_us()));
            stranger.code_of(row, is_text, now).await?;
        }
        let code = codes::contact_code(tools.entropy.as_ref());
        let code_tag = codes::contact_code_tag(&tools.keys.code, &open.case.case_id.0, &code);
        Ok(CandidateAction::Recovery {
            case: open.case,
            action: CaseAction::SendCode {
                channel,
                code_tag,
                messages: tools.code_messages(&open, channel, &code),
            },
            notices: tools.notices(&open, &[])?,
        })
    }
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::RecoverySendCodeReply, Rejection> {
    let Outcome::RecoveryStepped(_) = gate.candidate::<SendCode>(&envelope, peer).await?.outcome else {
        return Err(Rejection::Internal);
    };
    Ok(pb::RecoverySendCodeReply {})
}
