"""What only a sandbox has: the person's mailbox, the shops of the seed, and a clock that can be moved."""

from __future__ import annotations

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

    def shops(self) -> list[pb.SandboxShop]:
        return list(self.caller.call(LIST_SHOPS, pb.ListShopsRequest()).shops)

    def advance(self, seconds: int) -> None:
        self.caller.call(ADVANCE_CLOCK, pb.AdvanceClockRequest(seconds=seconds))
