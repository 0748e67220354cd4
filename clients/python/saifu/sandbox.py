"""What only a sandbox has: the person's mailbox, the shops of the seed, and a clock that can be moved."""

from __future__ import annotations

import time

from saifu.envelope import Caller, Rpc
from saifu.v1 import sandbox_pb2 as pb

ADVANCE_CLOCK = Rpc("/saifu.v1.SandboxService/AdvanceClock", pb.AdvanceClockReply)
READ_MESSAGES = Rpc("/saifu.v1.SandboxService/ReadMessages", pb.ReadMessagesReply)
LIST_SHOPS = Rpc("/saifu.v1.SandboxService/ListShops", pb.ListShopsReply)


class Sandbox:
    """Called as a candidate, with a key that is never enrolled."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def messages(self, destination: str) -> list[str]:
        """The texts that went to an address, newest first."""
        reply = self.caller.call(READ_MESSAGES, pb.ReadMessagesRequest(destination=destination))
        return [message.text for message in reply.messages]

    def wait_for_messages(self, destination: str, patience_seconds: float = 10.0) -> list[str]:
        """The same, once there are any: a message is delivered a moment after the call that caused it."""
        until = time.monotonic() + patience_seconds
        while True:
            texts = self.messages(destination)
            if texts or time.monotonic() > until:
                return texts
            time.sleep(0.02)

    def shops(self) -> list[pb.SandboxShop]:
        return list(self.caller.call(LIST_SHOPS, pb.ListShopsRequest()).shops)

    def advance(self, seconds: int) -> None:
        self.caller.call(ADVANCE_CLOCK, pb.AdvanceClockRequest(seconds=seconds))
