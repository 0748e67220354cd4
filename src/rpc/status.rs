//! The only maker of statuses: what the gate or the domain refused, as code, reason and text. What was
//! answered is in the log by the front door's line for the call.
//!
//! `google.rpc.ErrorInfo` carries the reason, and in its metadata whether the answer is final.

mod entry;
mod refusal;

pub use entry::{Entry, entry};
pub(super) use refusal::of_refusal;

use std::collections::HashMap;
use std::time::Duration;

use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::domain::outcome::OpenAnswer;
use crate::domain::time::{SECOND_US, Timestamp};
use crate::door::Refusals;
use crate::gate::rejection::Rejection;
use crate::pb::Reason;

/// The domain in every `ErrorInfo`.
pub const DOMAIN: &str = "saifu";

/// What goes beside the reason.
#[derive(Default)]
struct Beside {
    is_final: bool,
    retry_after_us: Option<i64>,
    metadata: Option<(&'static str, String)>,
    violation: Option<(&'static str, &'static str)>,
}

/// The status of a rejection.
pub fn of(rejection: &Rejection) -> Status {
    let open = Beside::default();
    match *rejection {
        Rejection::Unauthenticated => status(Reason::Unauthenticated, open),
        Rejection::ClockSkew { now } => {
            status(Reason::ClockSkew, Beside { metadata: Some(("server_time", now.0.to_string())), ..open })
        }
        Rejection::EpochChanged { epoch } => {
            status(Reason::EpochChanged, Beside { metadata: Some(("epoch", epoch.to_string())), ..open })
        }
        Rejection::PermissionDenied => status(Reason::PermissionDenied, open),
        Rejection::Malformed { field, must } => {
            status(Reason::Malformed, Beside { violation: Some((field, must)), ..open })
        }
        Rejection::NotFound => status(Reason::NotFound, open),
        Rejection::RequestIdReused => status(Reason::RequestIdReused, open),
        Rejection::PassphraseUnsuitable(why) => status(
            Reason::PassphraseUnsuitable,
            Beside { violation: Some(("private.passphrase", why.must())), ..open },
        ),
        Rejection::NotAPaymentCode => status(Reason::NotAPaymentCode, open),
        Rejection::Throttled { retry_after_us } => {
            status(Reason::Throttled, Beside { retry_after_us: Some(retry_after_us), ..open })
        }
        Rejection::StampNeeded { bits } => status(
            Reason::StampNeeded,
            Beside { metadata: Some(("difficulty_bits", bits.to_string())), ..open },
        ),
        Rejection::Unavailable => status(Reason::Unavailable, open),
        Rejection::Unsettled { retry_after_us } => {
            status(Reason::Unavailable, Beside { retry_after_us: Some(retry_after_us), ..open })
        }
        Rejection::Internal => {
            tracing::error!("a call ended by a defect");
            status(Reason::Internal, open)
        }
        Rejection::Open { answer, now } => of_open(answer, now),
        Rejection::Refused { refusal, retry_at, now } => {
            let retry_after_us = (retry_at > Timestamp(0)).then(|| retry_at.since_us(now).max(0));
            status(of_refusal(refusal), Beside { is_final: true, retry_after_us, ..open })
        }
    }
}

/// What the front door answers where no handler does: before a call's work, or after its panic.
pub fn refusals() -> Refusals {
    let soon = || Beside { retry_after_us: Some(SECOND_US), ..Beside::default() };
    Refusals {
        busy: status(Reason::Unavailable, soon()),
        share_taken: status(Reason::Throttled, soon()),
        panicked: status(Reason::Internal, Beside::default()),
    }
}

fn of_open(answer: OpenAnswer, now: Timestamp) -> Status {
    let open = Beside::default();
    match answer {
        OpenAnswer::CodeNeeded => status(Reason::SecondFactorRequired, open),
        // The same text, reason and size as for a wrong signature.
        OpenAnswer::CodeWrong => status(Reason::Unauthenticated, open),
        OpenAnswer::CodeBlocked { until } => {
            let retry_after_us = Some(until.since_us(now).max(0));
            status(Reason::SecondFactorBlocked, Beside { retry_after_us, ..open })
        }
        OpenAnswer::CodeExhausted => status(Reason::SecondFactorExhausted, open),
    }
}

fn status(reason: Reason, beside: Beside) -> Status {
    let entry = entry(reason);
    let mut metadata = HashMap::from([("final".to_owned(), beside.is_final.to_string())]);
    metadata.extend(beside.metadata.map(|(key, value)| (key.to_owned(), value)));
    let mut details = ErrorDetails::new();
    details.set_error_info(reason.as_str_name(), DOMAIN, metadata);
    if let Some(us) = beside.retry_after_us {
        // Rounded up: whoever comes back then is not too early.
        let seconds = u64::try_from(us.saturating_add(SECOND_US - 1) / SECOND_US).unwrap_or(0);
        details.set_retry_info(Some(Duration::from_secs(seconds)));
    }
    let mut message = entry.says.to_owned();
    if let Some((field, must)) = beside.violation {
        details.add_bad_request_violation(field, format!("must be {must}"));
        message = format!("{}: {field} must be {must}", entry.says);
    }
    Status::with_error_details(entry.code, message, details)
}
