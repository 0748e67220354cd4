"""Operators: one proposes, another reads what was proposed and approves it. On a listener of its own."""

from __future__ import annotations

import hashlib

from saifu.envelope import MERCHANT_KEY, OPERATOR_KEY, Caller, Key, Rpc
from saifu.v1 import admin_pb2 as pb
from saifu.v1 import envelope_pb2

PROPOSE = Rpc("/saifu.v1.AdminService/Propose", pb.ProposeReply)
LIST_PROPOSALS = Rpc("/saifu.v1.AdminService/ListProposals", pb.ListProposalsReply)
APPROVE = Rpc("/saifu.v1.AdminService/Approve", pb.ApproveReply)
BAR = Rpc("/saifu.v1.AdminService/Bar", pb.BarReply)
ROTATE_KEY = Rpc("/saifu.v1.AdminService/RotateKey", envelope_pb2.RotateKeyReply)
FREEZE_ACCOUNT = Rpc("/saifu.v1.AdminService/FreezeAccount", pb.FreezeAccountReply)


class Operator:
    """One person's key, at epoch 1."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def propose_merchant(self, key: Key, name: str, city: str, time_zone: str) -> bytes:
        """A new merchant with the public key of its server and its first store."""
        store = pb.StoreDetails(name=name, city=city, time_zone=time_zone)
        proof = key.possession(MERCHANT_KEY, self.caller.audience)
        merchant = pb.RegisterMerchant(key=key.candidate(), store=store, key_proof=proof)
        return self._propose(pb.ProposeRequest(register_merchant=merchant))

    def propose_operator(self, key: Key) -> bytes:
        """Another operator."""
        proof = key.possession(OPERATOR_KEY, self.caller.audience)
        operator = pb.AddOperator(key=key.candidate(), key_proof=proof)
        return self._propose(pb.ProposeRequest(add_operator=operator))

    def propose_to_revoke_operator(self, operator_id: bytes) -> bytes:
        """An operator leaves. Neither who proposes it nor who approves it is that operator."""
        return self._propose(pb.ProposeRequest(revoke_operator=pb.RevokeOperator(operator_id=operator_id)))

    def propose_operator_key(self, operator_id: bytes, key: Key) -> bytes:
        """An operator signs by another key from now on. Neither of the two is that operator."""
        proof = key.possession(OPERATOR_KEY, self.caller.audience, operator_id)
        wanted = pb.SetOperatorKey(operator_id=operator_id, key=key.candidate(), key_proof=proof)
        return self._propose(pb.ProposeRequest(set_operator_key=wanted))

    def propose_to_revoke_merchant_key(self, merchant_id: bytes) -> bytes:
        """A merchant has no key until one is set; its tills go on."""
        return self._propose(
            pb.ProposeRequest(revoke_merchant_key=pb.RevokeMerchantKey(merchant_id=merchant_id))
        )

    def propose_merchant_key(self, merchant_id: bytes, key: Key) -> bytes:
        """A merchant's server signs by another key from now on; the old one is revoked with it."""
        proof = key.possession(MERCHANT_KEY, self.caller.audience, merchant_id)
        wanted = pb.SetMerchantKey(merchant_id=merchant_id, key=key.candidate(), key_proof=proof)
        return self._propose(pb.ProposeRequest(set_merchant_key=wanted))

    def propose_to_lift_bar(self, subject: pb.BarSubject) -> bytes:
        """A barred merchant, store or till is barred no longer."""
        return self._propose(pb.ProposeRequest(lift_bar=pb.LiftBar(subject=subject)))

    def bar(self, subject: pb.BarSubject) -> None:
        """Nothing at all is done for a merchant, a store or a till any more."""
        self.caller.call(BAR, pb.BarRequest(subject=subject))

    def rotate_key(self, operator_id: bytes, key: Key) -> None:
        """Gives one's own key up for another, which signs from now on."""
        proof = key.possession(OPERATOR_KEY, self.caller.audience, operator_id)
        self.caller.call(ROTATE_KEY, envelope_pb2.RotateKeyRequest(key=key.candidate(), key_proof=proof))
        self.caller.key = key

    def _propose(self, proposed: pb.ProposeRequest) -> bytes:
        return self.caller.call(PROPOSE, proposed).proposal_id

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
