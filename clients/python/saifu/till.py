"""The till: charges the codes that customers show, and owns the state in which nobody knows.

No answer does not mean "not paid". So an order is written to the till's journal before its charge is sent, and
leaves it only when its outcome is known. When a charge has no answer the till sends the same call again, then
asks, then reverses: either it learns of the payment, or it makes sure that there is none.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from saifu.envelope import Caller, Rpc, new_request_id
from saifu.errors import NoAnswer, Refused
from saifu.v1 import payment_pb2
from saifu.v1 import pos_pb2 as pb

ACTIVATE = Rpc("/saifu.v1.PosService/Activate", pb.PosActivateReply)
CHARGE = Rpc("/saifu.v1.PosService/Charge", pb.ChargeReply)
AUTHORIZE = Rpc("/saifu.v1.PosService/Authorize", pb.AuthorizeReply)
CAPTURE = Rpc("/saifu.v1.PosService/Capture", pb.PaymentStepReply)
VOID = Rpc("/saifu.v1.PosService/Void", pb.PaymentStepReply)
REFUND = Rpc("/saifu.v1.PosService/Refund", pb.PaymentStepReply)
GET_PAYMENT = Rpc("/saifu.v1.PosService/GetPayment", pb.PosGetPaymentReply)
REVERSE = Rpc("/saifu.v1.PosService/Reverse", pb.ReverseReply)

CURRENCY = "JPY"
#: The epoch of every till: it does not step yet.
EPOCH = 1


class Unsettled(Exception):
    """Nobody knows yet whether the order is paid. It stays in the journal: call `settle` until that is empty."""


class TooLate(Exception):
    """The order was paid too long ago, or in a business day that is closed: it stays so, and a refund is the way."""

    def __init__(self, order_id: str, reply: pb.ReverseReply) -> None:
        super().__init__(order_id)
        self.reply = reply


@dataclass(frozen=True)
class Paid:
    """The order is paid: hand over the goods."""

    payment_id: bytes
    amount_minor: int


@dataclass(frozen=True)
class NotPaid:
    """The order is not paid and never will be: a new attempt is a new order id."""

    order_id: str


class Till:
    """An active till. `journal` is a file that outlives the program."""

    def __init__(self, caller: Caller, journal: Path) -> None:
        self.caller = caller
        self._journal = journal

    @classmethod
    def activate(cls, caller: Caller, activation_code: str, journal: Path) -> Till:
        """Binds a key that belongs to nobody yet, with the code from the merchant's server."""
        secret = pb.PosActivatePrivate(activation_code=activation_code)
        caller.call(ACTIVATE, pb.PosActivateRequest(), private=secret)
        caller.epoch = EPOCH
        return cls(caller, journal)

    def charge(self, order_id: str, amount_minor: int, payment_code: str, receipt_line: str = "") -> Paid | NotPaid:
        """Charges, and returns only what is certain; `Refused` when the server says that it did nothing."""
        request = pb.ChargeRequest(
            order_id=order_id, amount_minor=amount_minor, currency=CURRENCY, receipt_line=receipt_line
        )
        secret = pb.ChargePrivate(payment_code=payment_code)
        self._begin(order_id)
        try:
            reply = self.caller.change(CHARGE, request, new_request_id(), private=secret)
        except NoAnswer:
            return self._find_out(order_id, amount_minor)
        except Refused:
            self._forget(order_id)
            raise
        self._forget(order_id)
        return Paid(reply.payment_id, reply.amount_minor)

    def authorize(self, order_id: str, amount_minor: int, payment_code: str, hold_seconds: int = 0) -> pb.AuthorizeReply:
        """Holds an amount, to be captured later. Without an answer the till asks; `Unsettled` after that says that
        nothing is held, or that nobody knows yet: `unsettled` tells which."""
        request = pb.AuthorizeRequest(
            order_id=order_id, amount_minor=amount_minor, currency=CURRENCY, hold_seconds=hold_seconds
        )
        secret = pb.ChargePrivate(payment_code=payment_code)
        self._begin(order_id)
        try:
            reply = self.caller.change(AUTHORIZE, request, new_request_id(), private=secret)
        except NoAnswer as failure:
            held = self._asked(order_id).payment
            if held.state != payment_pb2.PAYMENT_STATE_AUTHORIZED:
                try:
                    self.reverse(order_id)
                except Refused as refused:
                    raise Unsettled(order_id) from refused
                raise Unsettled(order_id) from failure
            reply = pb.AuthorizeReply(
                payment_id=held.payment_id, amount_minor=held.held_minor, state=held.state, hold_until=held.hold_until
            )
        except Refused:
            self._forget(order_id)
            raise
        self._forget(order_id)
        return reply

    def capture(
        self, order_id: str, amount_minor: int, request_id: bytes, more_follows: bool = False
    ) -> pb.PaymentStepReply:
        """Takes a part of what is held, and releases the rest unless more follows. After `NoAnswer`: again, with
        the same request id."""
        request = pb.CaptureRequest(order_id=order_id, amount_minor=amount_minor, more_follows=more_follows)
        return self.caller.change(CAPTURE, request, request_id)

    def void(self, order_id: str, request_id: bytes) -> pb.PaymentStepReply:
        """Releases what is held. After `NoAnswer`: again, with the same request id."""
        return self.caller.change(VOID, pb.VoidRequest(order_id=order_id), request_id)

    def refund(self, order_id: str, amount_minor: int, request_id: bytes) -> pb.PaymentStepReply:
        """Gives back a part of what was captured. After `NoAnswer`: again, with the same request id, or the
        customer gets it twice."""
        request = pb.RefundRequest(order_id=order_id, amount_minor=amount_minor)
        return self.caller.change(REFUND, request, request_id)

    def payment(self, order_id: str) -> pb.PosGetPaymentReply:
        return self.caller.call(GET_PAYMENT, pb.PosGetPaymentRequest(order_id=order_id))

    def reverse(self, order_id: str) -> pb.ReverseReply:
        """Undoes the order's payment, or sees to it that there will be none. It is for minutes after the payment:
        later it is `TooLate`, and the order is known to be paid."""
        if order_id not in self._pending():
            self._note(order_id, new_request_id())
        request = pb.ReverseRequest(order_id=order_id)
        try:
            reply = self.caller.change(REVERSE, request, self._pending()[order_id])
        except NoAnswer as failure:
            raise Unsettled(order_id) from failure
        except Refused as refused:
            if refused.reason == "NOT_FOUND":
                self._forget(order_id)  # another till's: no charge of this one was taken, or will be
            elif refused.final:
                self._note(order_id, new_request_id())  # this refusal is stored: the next attempt is a new one
            raise
        self._forget(order_id)
        if reply.result in (pb.REVERSE_RESULT_DAY_CLOSED, pb.REVERSE_RESULT_TOO_LATE):
            raise TooLate(order_id, reply)
        return reply

    def settle(self) -> list[str]:
        """Reverses every order whose outcome this till does not know: after a restart, or an outage.

        Returns those that are still unsettled; when it is not empty, the merchant's server has to help. An order
        that was paid too long ago to be undone is settled, too: it is paid, and `payment` tells how it stands.
        """
        for order_id in self._pending():
            try:
                self.reverse(order_id)
            except (TooLate, Unsettled, Refused):
                continue
        return self.unsettled()

    def unsettled(self) -> list[str]:
        return list(self._pending())

    def _find_out(self, order_id: str, amount_minor: int) -> Paid | NotPaid:
        found = self._asked(order_id)
        if found.state == pb.ORDER_STATE_PAID:
            self._forget(order_id)
            return Paid(found.payment.payment_id, found.payment.captured_minor)
        # Open, not found or no answer: the charge may still be on its way. Reverse stops it for good.
        try:
            self.reverse(order_id)
        except Refused as refused:
            if refused.reason != "NOT_FOUND":
                raise Unsettled(order_id) from refused
        except TooLate as late:
            # The order is this charge's: it took what it asked for, or nothing.
            return Paid(late.reply.payment_id, amount_minor)
        return NotPaid(order_id)

    def _asked(self, order_id: str) -> pb.PosGetPaymentReply:
        """What became of the order; nothing of it when there is no answer."""
        try:
            return self.payment(order_id)
        except (NoAnswer, Refused):
            return pb.PosGetPaymentReply()

    def _begin(self, order_id: str) -> None:
        """Writes a new call down. An order whose outcome is not known yet is not tried anew: the answer would be
        about the first attempt."""
        if order_id in self._pending():
            raise Unsettled(order_id)
        self._note(order_id, new_request_id())

    def _pending(self) -> dict[str, bytes]:
        """Orders without a known outcome, and the request id of each one's reversal."""
        if not self._journal.exists():
            return {}
        return {order: bytes.fromhex(drawn) for order, drawn in json.loads(self._journal.read_text()).items()}

    def _note(self, order_id: str, reversal_id: bytes) -> None:
        self._write({**self._pending(), order_id: reversal_id})

    def _forget(self, order_id: str) -> None:
        self._write({order: drawn for order, drawn in self._pending().items() if order != order_id})

    def _write(self, pending: dict[str, bytes]) -> None:
        beside = self._journal.with_suffix(".new")
        with beside.open("w") as file:
            json.dump({order: drawn.hex() for order, drawn in pending.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._journal)
