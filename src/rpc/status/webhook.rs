//! What is known of the reasons about webhooks.

use super::Said;
use tonic::Code;

pub(super) const TOO_MANY: Said = (
    Code::FailedPrecondition,
    "as many webhook endpoints as there may be",
    "Five at most: delete one that is not used any more.",
);

pub(super) const GONE: Said = (
    Code::FailedPrecondition,
    "the webhook's receiver answered that it is gone for good",
    "It answered 410. Delete the endpoint and create another.",
);

pub(super) const ROTATING: Said = (
    Code::FailedPrecondition,
    "the webhook has two secrets already",
    "End the older one by EndWebhookSecret, or wait until it ends.",
);

pub(super) const NOT_ROTATING: Said =
    (Code::FailedPrecondition, "the webhook has one secret only", "Nothing to do.");

pub(super) const REPLAY_UNDER_WAY: Said = (
    Code::FailedPrecondition,
    "events are being sent again already",
    "One range at a time at an endpoint: try again later, with a new request id.",
);
