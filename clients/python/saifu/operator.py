"""Operators: one proposes, another reads what was proposed and approves it. On a listener of its own."""

from __future__ import annotations

import hashlib

from saifu.envelope import Caller, Key, Rpc
from saifu.v1 import admin_pb2 as pb

PROPOSE = Rpc("/saifu.v1.AdminService/Propose", pb.ProposeReply)
LIST_PROPOSALS = Rpc("/saifu.v1.AdminService/ListProposals", pb.ListProposalsReply)
APPROVE = Rpc("/saifu.v1.AdminService/Approve", pb.ApproveReply)
FREEZE_ACCOUNT = Rpc("/saifu.v1.AdminService/FreezeAccount", pb.FreezeAccountReply)


class Operator:
    """One person's key, at epoch 1."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def propose_merchant(self, key: Key, name: str, city: str, time_zone: str) -> bytes:
        """A new merchant with the public key of its server and its first store."""
        store = pb.StoreDetails(name=name, city=city, time_zone=time_zone)
        merchant = pb.RegisterMerchant(key=key.candidate(), store=store)
        return self.caller.call(PROPOSE, pb.ProposeRequest(register_merchant=merchant)).proposal_id

    def proposals(self) -> list[pb.Proposal]:
        return list(self.caller.call(LIST_PROPOSALS, pb.ListProposalsRequest()).proposals)

    def approve(self, proposal: pb.Proposal) -> pb.ApproveReply:
        """Approves exactly the bytes that `proposal` shows. Read `pb.ProposeRequest` in them first."""
        request = pb.ApproveRequest(
            proposal_id=proposal.proposal_id, payload_sha256=hashlib.sha256(proposal.payload).digest()
        )
        return self.caller.call(APPROVE, request)

    def freeze_account(self, account_id: bytes) -> pb.FreezeAccountReply:
        """Nothing leaves the account any more; one operator suffices."""
        return self.caller.call(FREEZE_ACCOUNT, pb.FreezeAccountRequest(account_id=account_id))

    def propose_unfreeze(self, account_id: bytes) -> bytes:
        """The account goes on, once another operator approves."""
        unfreeze = pb.UnfreezeAccount(account_id=account_id)
        return self.caller.call(PROPOSE, pb.ProposeRequest(unfreeze_account=unfreeze)).proposal_id
