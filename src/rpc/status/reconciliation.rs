//! What is known of the reasons about differences from a provider's list.

use super::Said;
use tonic::Code;

pub(super) const OVER: Said = (
    Code::FailedPrecondition,
    "the difference was resolved, or is gone",
    "Nothing to do. With other figures it is open again.",
);

pub(super) const NOT_YOURS: Said = (
    Code::FailedPrecondition,
    "another operator looks after the difference, or none",
    "Take it first, with a request id of its own.",
);

pub(super) const CHANGED: Said = (
    Code::FailedPrecondition,
    "the difference is another than was seen",
    "List it again, and decide by what it is now, with a new request id.",
);
