//! One line a call in the log: which method, what came of it, how long it took, and the call's own request
//! id once its signature held. No person and no address is in it, and of a path nothing that a caller made
//! up.

use std::collections::BTreeSet;
use std::sync::Arc;

use tonic::codegen::http;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tracing::Span;

use crate::env::clock::Stopwatch;

/// What its lines are called.
const TARGET: &str = "saifu::access";

/// The methods that lines are written for, in full: `/package.Service/Method`.
pub type Methods = Arc<BTreeSet<&'static str>>;

/// A call that was begun. It is told once, also when it is dropped.
pub(super) struct Access {
    /// What is said of the call stands in here: `request_id` is recorded by whoever reads it.
    span: Span,
    watch: Stopwatch,
    is_told: bool,
}

impl Access {
    pub(super) fn begin(methods: &Methods, path: &str) -> Self {
        let method = methods.get(path).copied().unwrap_or("unknown");
        let span = tracing::info_span!(target: TARGET, "call", method, request_id = tracing::field::Empty);
        Self { span, watch: Stopwatch::start(), is_told: false }
    }

    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(super) fn answered<B>(mut self, response: &http::Response<B>) {
        if let Some(status) = response.extensions().get::<Status>() {
            return self.refused(status);
        }
        // What no service answered has its status in its headers alone; a good answer has it behind its body.
        let code = response.headers().get("grpc-status");
        self.tell(code.map_or("OK", |code| bare(Code::from_bytes(code.as_bytes()))));
    }

    pub(super) fn turned_away(mut self, status: &Status) {
        self.refused(status);
    }

    fn refused(&mut self, status: &Status) {
        match status.get_details_error_info() {
            Some(info) => self.tell(&info.reason),
            None => self.tell(bare(status.code())),
        }
    }

    fn tell(&mut self, reason: &str) {
        self.is_told = true;
        let latency_us = self.watch.elapsed_us();
        self.span.in_scope(|| tracing::info!(target: TARGET, reason, latency_us, "a call was answered"));
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        // Its caller went away, or its time was up.
        if !self.is_told {
            self.tell("CANCELLED");
        }
    }
}

/// Of a status that has no reason: the transport made it.
fn bare(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::OutOfRange => "TOO_LARGE",
        Code::Cancelled => "CANCELLED",
        Code::Unknown
        | Code::InvalidArgument
        | Code::DeadlineExceeded
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => "TRANSPORT",
    }
}
