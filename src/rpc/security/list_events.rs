//! SecurityService/ListEvents: every security event of the account, also those of others' attempts.

use std::net::IpAddr;

use crate::domain::id::{AccountId, EventId};
use crate::domain::outcome::Refusal;
use crate::domain::rows::{Event, EventKind};
use crate::domain::time::Timestamp;
use crate::gate::Gate;
use crate::gate::admitted::Admitted;
use crate::gate::operation::{CallerKind, Codes, Cost, Effect, Operation, Read};
use crate::gate::rejection::Rejection;
use crate::gate::tools::Tools;
use crate::pb;
use crate::rpc::convert::{page_place, page_size, page_token, time};
use crate::rpc::status;
use crate::store::query::{Query, Scan};

const LIST: &str = "events";

pub struct ListEvents;

impl Operation for ListEvents {
    type Body = pb::ListEventsRequest;
    type Private = ();
    const METHOD: &'static str = "/saifu.v1.SecurityService/ListEvents";
    const CALLER: CallerKind = CallerKind::Device;
    const EFFECT: Effect = Effect::Reads;
    const COST: Cost = Cost::Reading;
    const CODES: Codes = Codes::Refused;
    const SECRET_REPLY: bool = false;
}

fn before(tools: &Tools, owner: AccountId, token: &[u8]) -> Result<Option<(Timestamp, EventId)>, Rejection> {
    let place = page_place::<24>(&tools.keys.page, LIST, &owner.0, token)?;
    Ok(place.map(|place| {
        let (at, id) = place.split_at(8);
        let at = at.try_into().map_or(0, i64::from_be_bytes);
        (Timestamp(at), EventId(id.try_into().unwrap_or([0; 16])))
    }))
}

impl Read for ListEvents {
    fn query(call: &Admitted<Self>, tools: &Tools) -> Result<Query, Rejection> {
        let (account_id, _, _) = call.device()?;
        let before = before(tools, account_id, &call.body.page_token)?;
        Ok(Query::scan(Scan::Events { account_id, before, limit: page_size(call.body.page_size)? + 1 }))
    }
}

fn kind(kind: EventKind) -> pb::SecurityEventKind {
    match kind {
        EventKind::DeviceEnrolled => pb::SecurityEventKind::DeviceEnrolled,
        EventKind::AccountActivated => pb::SecurityEventKind::AccountActivated,
        EventKind::CodeAccepted => pb::SecurityEventKind::CodeAccepted,
        EventKind::CodeWrong => pb::SecurityEventKind::CodeWrong,
        EventKind::CodeBlocked => pb::SecurityEventKind::CodeBlocked,
        EventKind::Frozen => pb::SecurityEventKind::Frozen,
        EventKind::Unfrozen => pb::SecurityEventKind::Unfrozen,
        EventKind::DeviceRevoked => pb::SecurityEventKind::DeviceRevoked,
        EventKind::FundingLinked => pb::SecurityEventKind::FundingLinked,
        EventKind::FundingUnlinked => pb::SecurityEventKind::FundingUnlinked,
        EventKind::EnrolmentAttempted => pb::SecurityEventKind::EnrolmentAttempted,
        EventKind::ChargeDeclined => pb::SecurityEventKind::ChargeDeclined,
        EventKind::RecoveryBegun => pb::SecurityEventKind::RecoveryBegun,
        EventKind::RecoveryWrong => pb::SecurityEventKind::RecoveryWrong,
        EventKind::RecoveryFactorProved => pb::SecurityEventKind::RecoveryFactorProved,
        EventKind::RecoveryProven => pb::SecurityEventKind::RecoveryProven,
        EventKind::RecoveryCooling => pb::SecurityEventKind::RecoveryCooling,
        EventKind::RecoveryReady => pb::SecurityEventKind::RecoveryReady,
        EventKind::RecoveryCompleted => pb::SecurityEventKind::RecoveryCompleted,
        EventKind::RecoveryCancelled => pb::SecurityEventKind::RecoveryCancelled,
        EventKind::RecoveryExpired => pb::SecurityEventKind::RecoveryExpired,
        EventKind::RecoveryContested => pb::SecurityEventKind::RecoveryContested,
        EventKind::RecoveryFroze => pb::SecurityEventKind::RecoveryFroze,
        EventKind::DeviceLost => pb::SecurityEventKind::DeviceLost,
        EventKind::DeviceAdditionAsked => pb::SecurityEventKind::DeviceAdditionAsked,
        EventKind::TotpReplaced => pb::SecurityEventKind::TotpReplaced,
        EventKind::SavedCodeReplaced => pb::SecurityEventKind::SavedCodeReplaced,
        EventKind::PassphraseChanged => pb::SecurityEventKind::PassphraseChanged,
        EventKind::ContactAdded => pb::SecurityEventKind::ContactAdded,
        EventKind::ContactRemoved => pb::SecurityEventKind::ContactRemoved,
        EventKind::TopUpRefunded => pb::SecurityEventKind::TopUpRefunded,
        EventKind::TopUpChargedBack => pb::SecurityEventKind::TopUpChargedBack,
        EventKind::AccountHalted => pb::SecurityEventKind::AccountHalted,
        EventKind::AccountResumed => pb::SecurityEventKind::AccountResumed,
    }
}

/// Why a till's charge was declined, as its customer is told.
fn reason(stored: Option<i64>) -> pb::Reason {
    stored
        .and_then(|number| Refusal::from_number(number).ok())
        .map_or(pb::Reason::Unspecified, status::of_refusal)
}

pub async fn call(
    gate: &Gate,
    envelope: pb::Envelope,
    peer: IpAddr,
) -> Result<pb::ListEventsReply, Rejection> {
    let (call, fetched) = gate.read::<ListEvents>(&envelope, peer).await?;
    let (account_id, _, _) = call.device()?;
    let size = usize::try_from(page_size(call.body.page_size)?).unwrap_or(0);
    let events: Vec<_> = fetched.scanned::<Event>().take(size).collect();
    let next_page_token = match events.last() {
        Some(last) if fetched.scanned.len() > size => {
            let place = [&last.at.0.to_be_bytes()[..], &last.event_id.0].concat();
            page_token(&gate.tools().keys.page, LIST, &account_id.0, &place)
        }
        Some(_) | None => Vec::new(),
    };
    let events = events.into_iter().map(|event| pb::SecurityEvent {
        at: Some(time(event.at)),
        kind: kind(event.kind).into(),
        device_id: event.device_id.map_or(Vec::new(), |id| id.0.to_vec()),
        reason: reason(event.reason).into(),
        subject_id: event.subject_id.clone().unwrap_or_default(),
    });
    Ok(pb::ListEventsReply { events: events.collect(), next_page_token })
}
