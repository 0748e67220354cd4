//! A call that was not done, and what the server says about it.

use std::fmt;
use std::time::Duration;

use tonic::Status;
use tonic_types::{ErrorInfo, StatusExt as _};

use crate::pb;

/// Whose reasons are ours to read (google.rpc.ErrorInfo.domain).
const DOMAIN: &str = "saifu";

/// The server's refusal, or the transport's.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The status as it came.
    pub status: Status,
}

impl Refused {
    /// The wallet's own reason, if the status has one.
    pub fn reason(&self) -> Option<pb::Reason> {
        pb::Reason::from_str_name(&self.info()?.reason)
    }

    /// Whether the answer is stored for good: a new attempt is a new request id. If not, the same
    /// request id is sent again. Nothing when the server doesn't say.
    pub fn is_final(&self) -> Option<bool> {
        self.metadata("final")?.parse().ok()
    }

    /// What the server adds to the reason under this key, for example `server_time`.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.info()?.metadata.remove(key)
    }

    /// When to come back, where the server says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.status.get_details_retry_info()?.retry_delay
    }

    /// The text for people and logs.
    pub fn message(&self) -> &str {
        self.status.message()
    }

    fn info(&self) -> Option<ErrorInfo> {
        self.status.get_details_error_info().filter(|info| info.domain == DOMAIN)
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self { status }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.status.code())?;
        if let Some(reason) = self.reason() {
            write!(f, " {}", reason.as_str_name())?;
        }
        write!(f, ": {}", self.status.message())
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.status)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(domain: &str, reason: &str, metadata: &[(&str, &str)]) -> Refused {
        let metadata: HashMap<_, _> =
            metadata.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let details = ErrorDetails::with_error_info(reason, domain, metadata);
        Status::with_error_details(Code::FailedPrecondition, "no", details).into()
    }

    #[test]
    fn the_details_are_read() {
        let refused = refused("saifu", "ACCOUNT_FROZEN", &[("final", "true"), ("epoch", "4")]);
        assert_eq!(refused.reason(), Some(pb::Reason::AccountFrozen));
        assert_eq!(refused.is_final(), Some(true));
        assert_eq!(refused.metadata("epoch").as_deref(), Some("4"));
        assert_eq!(refused.metadata("absent"), None);
        assert_eq!(refused.to_string(), "FailedPrecondition ACCOUNT_FROZEN: no");
    }

    #[test]
    fn what_is_not_said_or_not_ours_is_not_read() {
        assert_eq!(refused("elsewhere", "ACCOUNT_FROZEN", &[("final", "true")]).reason(), None);
        assert_eq!(refused("saifu", "NO_SUCH_REASON", &[]).reason(), None);
        assert_eq!(refused("saifu", "ACCOUNT_FROZEN", &[]).is_final(), None);
        assert_eq!(Refused::from(Status::unavailable("away")).reason(), None);
    }
}
