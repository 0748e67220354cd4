"""A merchant's own server: its stores, its tills, and reversals for tills that cannot."""

from __future__ import annotations

from saifu.envelope import MERCHANT_KEY, Caller, Key, Rpc
from saifu.v1 import envelope_pb2
from saifu.v1 import merchant_pb2 as pb
from saifu.v1 import pos_pb2

LIST_STORES = Rpc("/saifu.v1.MerchantService/ListStores", pb.ListStoresReply)
REGISTER = Rpc("/saifu.v1.MerchantService/RegisterTerminal", pb.RegisterTerminalReply, secret=True)
LIST_TERMINALS = Rpc("/saifu.v1.MerchantService/ListTerminals", pb.ListTerminalsReply)
SUSPEND = Rpc("/saifu.v1.MerchantService/SuspendTerminal", pb.SuspendTerminalReply)
RESUME = Rpc("/saifu.v1.MerchantService/ResumeTerminal", pb.ResumeTerminalReply)
ROTATE_KEY = Rpc("/saifu.v1.MerchantService/RotateKey", envelope_pb2.RotateKeyReply)
REVERSE = Rpc("/saifu.v1.MerchantService/Reverse", pos_pb2.ReverseReply)


class Merchant:
    """The key that two operators registered, at epoch 1."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def stores(self) -> list[pb.MerchantStore]:
        return list(self.caller.call(LIST_STORES, pb.ListStoresRequest()).stores)

    def register_terminal(self, store_id: bytes, label: str, request_id: bytes = b"") -> pb.RegisterTerminalReply:
        """A new till; `activation_code.value` goes into it, once, within 24 hours."""
        request = pb.RegisterTerminalRequest(store_id=store_id, label=label)
        return self.caller.call(REGISTER, request, request_id=request_id)

    def terminals(self) -> list[pb.Terminal]:
        found: list[pb.Terminal] = []
        token = b""
        while True:
            page = self.caller.call(LIST_TERMINALS, pb.ListTerminalsRequest(page_token=token))
            found.extend(page.terminals)
            token = page.next_page_token
            if not token:
                return found

    def suspend(self, terminal_id: bytes) -> None:
        self.caller.call(SUSPEND, pb.SuspendTerminalRequest(terminal_id=terminal_id))

    def resume(self, terminal_id: bytes) -> None:
        self.caller.call(RESUME, pb.ResumeTerminalRequest(terminal_id=terminal_id))

    def rotate_key(self, merchant_id: bytes, key: Key) -> None:
        """Gives this server's key up for another, which signs from now on."""
        proof = key.possession(MERCHANT_KEY, self.caller.audience, merchant_id)
        self.caller.call(ROTATE_KEY, envelope_pb2.RotateKeyRequest(key=key.candidate(), key_proof=proof))
        self.caller.key = key

    def reverse(self, terminal_id: bytes, order_id: str) -> pos_pb2.ReverseReply:
        return self.caller.call(REVERSE, pb.MerchantReverseRequest(terminal_id=terminal_id, order_id=order_id))
