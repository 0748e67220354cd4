"""What a caller may conclude from one attempt after another, without a server."""

import unittest
from typing import Any
from unittest import mock

import grpc

from saifu import envelope
from saifu.envelope import Caller, Key, Rpc, new_request_id
from saifu.errors import NoAnswer, Refused
from saifu.v1 import pos_pb2

CHARGE = Rpc("/saifu.v1.PosService/Charge", pos_pb2.ChargeReply)
LOST = NoAnswer(grpc.StatusCode.DEADLINE_EXCEEDED)
THROTTLED = Refused("THROTTLED", final=False)
UNAVAILABLE = Refused("UNAVAILABLE", final=False)
DECLINED = Refused("DECLINED", final=True)
PAID = pos_pb2.ChargeReply(amount_minor=1)


class Outcomes(unittest.TestCase):
    def charge(self, *attempts: Any) -> tuple[pos_pb2.ChargeReply, int]:
        """What `change` makes of these attempts, and how many request ids it used."""
        caller = Caller(mock.Mock(spec=grpc.Channel), "sandbox.saifu.invalid", Key.generate(), 1)
        with (
            mock.patch.object(caller, "call", side_effect=attempts) as call,
            mock.patch.object(envelope, "PAUSE_SECONDS", 0),
        ):
            reply = caller.change(CHARGE, pos_pb2.ChargeRequest(), new_request_id())
        return reply, len({attempt.kwargs["request_id"] for attempt in call.call_args_list})

    def test_lost_or_unavailable_is_repeated_under_the_same_request_id(self) -> None:
        self.assertEqual((PAID, 1), self.charge(LOST, UNAVAILABLE, PAID))

    def test_a_refusal_of_the_first_attempt_is_certain(self) -> None:
        with self.assertRaises(Refused):
            self.charge(THROTTLED)

    def test_a_final_refusal_is_certain_after_a_lost_attempt_too(self) -> None:
        with self.assertRaises(Refused):
            self.charge(LOST, DECLINED)

    def test_another_refusal_says_nothing_about_a_lost_attempt(self) -> None:
        with self.assertRaises(NoAnswer):
            self.charge(LOST, THROTTLED, THROTTLED)

    def called(self, *attempts: Any) -> tuple[pos_pb2.ChargeReply, list[float]]:
        """What `call` makes of these attempts, and how long it waited before the later ones."""
        caller = Caller(mock.Mock(spec=grpc.Channel), "sandbox.saifu.invalid", Key.generate(), 1)
        with mock.patch.object(caller, "_send", side_effect=attempts), mock.patch.object(envelope.time, "sleep") as sleep:
            reply = caller.call(CHARGE, pos_pb2.ChargeRequest())
        return reply, [waited.args[0] for waited in sleep.call_args_list]

    def test_who_is_throttled_waits_as_he_is_told(self) -> None:
        wait = Refused("THROTTLED", final=False, retry_after_seconds=2.0)
        self.assertEqual((PAID, [2.0, 2.0]), self.called(wait, wait, PAID))

    def test_who_is_throttled_for_long_is_told(self) -> None:
        with self.assertRaises(Refused):
            self.called(Refused("THROTTLED", final=False, retry_after_seconds=3_600.0), PAID)


if __name__ == "__main__":
    unittest.main()
