"""Why a call was not done, and what that leaves for the caller to do.

A call ends in one of three ways: its reply; `Refused`, when the server said why; `NoAnswer`, when nothing of
saifu's came back, so that nobody here knows whether it was done.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "saifu"
DETAILS = "grpc-status-details-bin"

# What the server answers when it does not know either (docs/errors.md).
_OPEN = frozenset({"UNAVAILABLE", "INTERNAL"})


class CallError(Exception):
    """A call that has no reply."""


@dataclass
class Refused(CallError):
    """The server says why the call was not done."""

    reason: str
    #: Whether the answer is stored for good: a new attempt is then a new request id, else the same one.
    final: bool
    message: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    #: Field name → what it must be.
    fields: dict[str, str] = field(default_factory=dict)

    @property
    def outcome_unknown(self) -> bool:
        """Whether the call may have been done all the same."""
        return self.reason in _OPEN

    @property
    def throttled_seconds(self) -> float | None:
        """How long to wait before the call is sent again, where it was turned away unread for coming too often."""
        return self.retry_after_seconds if self.reason == "THROTTLED" else None

    @property
    def stamp_bits(self) -> int:
        """How much work is asked for, where there are too many anonymous calls; else 0."""
        return int(self.metadata.get("difficulty_bits", "0")) if self.reason == "STAMP_NEEDED" else 0

    def __str__(self) -> str:
        return f"{self.reason} ({'final' if self.final else 'not final'}): {self.message} {self.fields or ''}".rstrip()


@dataclass
class NoAnswer(CallError):
    """No answer of saifu's: the outcome is unknown. A change is sent again under its request id."""

    code: grpc.StatusCode
    message: str = ""

    def __str__(self) -> str:
        return f"no answer: {self.code.name} {self.message}".rstrip()


def read(failure: grpc.RpcError) -> CallError:
    """Makes what gRPC raises into `Refused` or `NoAnswer`."""
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS:
            refused = _read_status(value)
            if refused is not None:
                return refused
    return NoAnswer(failure.code(), failure.details() or "")


def _read_status(serialized: bytes) -> Refused | None:
    status = status_pb2.Status.FromString(serialized)
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    bad = error_details_pb2.BadRequest()
    refused: Refused | None = None
    for detail in status.details:
        if detail.Unpack(info) and info.domain == DOMAIN:
            metadata = dict(info.metadata)
            refused = Refused(info.reason, metadata.get("final") == "true", status.message, metadata)
    if refused is None:
        return None
    for detail in status.details:
        if detail.Unpack(retry):
            refused.retry_after_seconds = retry.retry_delay.ToTimedelta().total_seconds()
        elif detail.Unpack(bad):
            refused.fields = {one.field: one.description for one in bad.field_violations}
    return refused
