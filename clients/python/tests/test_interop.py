"""The client against a running saifu, from the first enrolment to a reversal."""

from __future__ import annotations

import itertools
import re
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import grpc

from saifu import till as pos
from saifu import wallet as phone
from saifu.envelope import FIXED, Key, Rpc, new_request_id
from saifu.errors import NoAnswer, Refused
from saifu.merchant import Merchant
from saifu.operator import Operator
from saifu.sandbox import Sandbox
from saifu.till import NotPaid, Paid, Till, TooLate, Unsettled
from saifu.totp import Authenticator
from saifu.v1 import admin_pb2, merchant_pb2, payment_pb2, pos_pb2, top_up_pb2
from saifu.wallet import Wallet

from relay import Loses, Relay
from server import Line, Server

EMAILS = (f"taro{number}@example.jp" for number in itertools.count())
ORDERS = (f"order-{number}" for number in itertools.count())

server: Server


def setUpModule() -> None:
    global server
    server = Server()


def tearDownModule() -> None:
    ended, verified = server.stop()
    if ended != 0:
        raise AssertionError(f"saifu serve ended with {ended}")
    if verified.returncode != 0:
        raise AssertionError(f"saifu verify: {verified.stdout}{verified.stderr}")


def sandbox() -> Sandbox:
    return Sandbox(server.caller(Key.generate()))


def enrolled(*lines: Line) -> tuple[Wallet, Authenticator]:
    """A wallet that is not active yet, with the code read where the sandbox keeps its messages."""
    email = next(EMAILS)

    def read_code() -> str:
        (text,) = sandbox().wait_for_messages(email)
        found = re.search(r"\b\d{8}\b", text)
        assert found, text
        return found.group()

    return phone.enrol(server.caller(Key.generate(), 0, *lines), email, "a passphrase of length", "Pixel 9", read_code)


def code_of(authenticator: Authenticator) -> str:
    code = authenticator.code()
    assert code, "both steps' codes are used"
    return code


def funded(*lines: Line) -> Wallet:
    """An active wallet with ¥9,000."""
    wallet, authenticator = enrolled(*lines)
    wallet.activate(code_of(authenticator))
    funding = wallet.link_funding("sandbox-visa", "Visa")
    topped = wallet.top_up(funding, 9_000, new_request_id())
    assert topped.state == top_up_pb2.TOP_UP_STATE_SUCCEEDED, topped
    return wallet


class Phone(unittest.TestCase):
    line = Line()
    wallet: Wallet

    @classmethod
    def setUpClass(cls) -> None:
        # Shared where only differences matter: an origin has thirty enrolment calls a minute.
        cls.wallet = funded(cls.line)

    def test_enrol_top_up_pay_and_read(self) -> None:
        wallet, authenticator = enrolled()
        self.assertNotEqual("", wallet.activate(code_of(authenticator)))
        funding = wallet.link_funding("sandbox-visa", "Visa")
        topped = wallet.top_up(funding, 9_000, new_request_id())
        self.assertEqual(top_up_pb2.TOP_UP_STATE_SUCCEEDED, topped.state)

        shop = sandbox().shops()[0]
        payee = wallet.resolve(shop.static_qr)
        self.assertEqual((shop.store_id, shop.name, True), (payee.store_id, payee.payee_name, payee.open))
        paid = wallet.pay(payee, 1_200, new_request_id())

        self.assertEqual(7_800, paid.available_after_minor)
        self.assertEqual(7_800, wallet.balance().available_minor)
        self.assertEqual([-1_200, 9_000], [entry.amount_minor for entry in wallet.entries()])
        status = wallet.payment(paid.payment_id)
        self.assertEqual(payment_pb2.PAYMENT_STATE_CAPTURED, status.state)
        self.assertEqual((shop.name, 1_200), (status.payee_name, status.captured_minor))

    def test_one_request_id_pays_once(self) -> None:
        wallet, before = self.wallet, self.wallet.balance().available_minor
        payee = wallet.resolve(sandbox().shops()[0].static_qr)
        request_id = new_request_id()
        first = wallet.pay(payee, 300, request_id)
        self.assertEqual(first, wallet.pay(payee, 300, request_id))
        self.assertEqual(before - 300, wallet.balance().available_minor)
        with self.assertRaises(Refused) as reused:
            wallet.pay(payee, 301, request_id)
        self.assertEqual("REQUEST_ID_REUSED", reused.exception.reason)

    def test_a_lost_answer_pays_once(self) -> None:
        wallet, before, entries = self.wallet, self.wallet.balance().available_minor, self.wallet.entries()
        payee = wallet.resolve(sandbox().shops()[0].static_qr)
        self.line.lose_answers(phone.PAY, 1)
        paid = wallet.pay(payee, 300, new_request_id())
        self.assertEqual(before - 300, paid.available_after_minor)
        self.assertEqual(before - 300, wallet.balance().available_minor)
        self.assertEqual(entries, wallet.entries()[1:])

    def test_a_wrong_code_has_a_reason_and_leaves_the_request_id_open(self) -> None:
        wallet, authenticator = enrolled()
        right = code_of(authenticator)
        wrong = f"{(int(right) + 500_000) % 1_000_000:06}"
        with self.assertRaises(Refused) as refused:
            wallet.activate(wrong)
        self.assertEqual(("UNAUTHENTICATED", False), (refused.exception.reason, refused.exception.final))
        wallet.activate(right)

    def test_refusals_say_whether_they_are_final_and_which_field(self) -> None:
        wallet = self.wallet
        payee = wallet.resolve(sandbox().shops()[0].static_qr)
        with self.assertRaises(Refused) as much:
            wallet.pay(payee, 6_000, new_request_id())
        # A second factor comes before a limit, and ¥6,000 by itself wants none.
        self.assertEqual(("LIMIT_PER_PAYMENT", True), (much.exception.reason, much.exception.final))
        with self.assertRaises(Refused) as nothing:
            wallet.pay(payee, 0, new_request_id())
        self.assertEqual("MALFORMED", nothing.exception.reason)
        self.assertIn("amount_minor", nothing.exception.fields)
        funding = wallet.link_funding("sandbox-visa", "Visa")
        with self.assertRaises(Refused) as soon:
            wallet.top_up(funding, 500, new_request_id())
        self.assertEqual("TOP_UP_TOO_SOON", soon.exception.reason)
        self.assertGreater(soon.exception.retry_after_seconds or 0, 0)

    def test_a_clock_that_is_off_is_learnt(self) -> None:
        wallet = self.wallet
        wallet.caller.clock_offset_micros = -600_000_000
        self.assertGreater(wallet.balance().available_minor, 0)
        self.assertLess(abs(wallet.caller.clock_offset_micros), 60_000_000)


class AtTheTill(unittest.TestCase):
    """Two operators register a merchant, its server a till, and the till charges."""

    merchant: Merchant
    store: merchant_pb2.MerchantStore
    approved: admin_pb2.ApproveReply
    first: Operator
    second: Operator
    customer: Wallet

    @classmethod
    def setUpClass(cls) -> None:
        folder = server.data / "operators"
        cls.first = Operator(server.operator(Key.from_pkcs8(folder / "first.p8")))
        cls.second = Operator(server.operator(Key.from_pkcs8(folder / "second.p8")))
        key = Key.generate()
        proposal_id = cls.first.propose_merchant(key, "Yanaka Books", "Tokyo", "Asia/Tokyo")
        (proposal,) = [one for one in cls.second.proposals() if one.proposal_id == proposal_id]
        details = admin_pb2.ProposeRequest.FromString(proposal.payload)
        assert details.register_merchant.key == key.candidate(), details
        cls.approved = cls.second.approve(proposal)
        cls.merchant = Merchant(server.caller(key, 1))
        (cls.store,) = cls.merchant.stores()
        # Shared where only differences matter: an origin has thirty enrolment calls a minute.
        cls.customer = funded()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="saifu-till-")
        self.addCleanup(folder.cleanup)
        self.journal = Path(folder.name) / "unsettled.json"
        self.line = Line()
        self.order = next(ORDERS)

    def till(self) -> tuple[Till, bytes]:
        registered = self.merchant.register_terminal(self.store.store_id, "counter 1")
        caller = server.caller(Key.generate(FIXED), 0, self.line)
        till = Till.activate(caller, registered.activation_code.value, self.journal)
        return till, registered.terminal_id

    def test_the_merchant_is_the_one_that_was_approved(self) -> None:
        self.assertEqual(self.approved.store_id, self.store.store_id)
        self.assertEqual(("Yanaka Books", True), (self.store.name, self.store.open))
        payee = self.customer.resolve(self.store.static_qr)
        self.assertEqual("Yanaka Books", payee.payee_name)
        self.customer.pay(payee, 100, new_request_id())

    def test_nobody_approves_his_own_proposal(self) -> None:
        proposal_id = self.first.propose_merchant(Key.generate(), "Ueno Tea", "Tokyo", "Asia/Tokyo")
        (proposal,) = [one for one in self.first.proposals() if one.proposal_id == proposal_id]
        with self.assertRaises(Refused) as own:
            self.first.approve(proposal)
        self.assertEqual("SAME_OPERATOR", own.exception.reason)
        proposal.payload += b"!"
        with self.assertRaises(Refused) as changed:
            self.second.approve(proposal)
        self.assertEqual("PROPOSAL_CHANGED", changed.exception.reason)

    def approve(self, proposal_id: bytes) -> admin_pb2.ApproveReply:
        (proposal,) = [one for one in self.second.proposals() if one.proposal_id == proposal_id]
        return self.second.approve(proposal)

    def test_a_merchants_key_is_rotated_replaced_and_barred(self) -> None:
        key = Key.generate()
        merchant_id = self.approve(self.first.propose_merchant(key, "Ueno Books", "Tokyo", "Asia/Tokyo")).merchant_id
        merchant, stolen = Merchant(server.caller(key, 1)), Merchant(server.caller(key, 1))
        merchant.rotate_key(merchant_id, Key.generate())
        self.assertEqual(1, len(merchant.stores()))
        with self.assertRaises(Refused) as old:
            stolen.stores()
        self.assertEqual("UNAUTHENTICATED", old.exception.reason)
        with self.assertRaises(Refused) as back:
            self.approve(self.first.propose_merchant_key(merchant_id, key))
        self.assertEqual("KEY_IN_USE", back.exception.reason)
        new = Key.generate()
        self.approve(self.first.propose_merchant_key(merchant_id, new))
        merchant = Merchant(server.caller(new, 1))
        subject = admin_pb2.BarSubject(merchant_id=merchant_id)
        self.first.bar(subject)
        with self.assertRaises(Refused) as barred:
            merchant.stores()
        self.assertEqual("BARRED", barred.exception.reason)
        self.approve(self.first.propose_to_lift_bar(subject))
        self.assertEqual(1, len(merchant.stores()))

    def test_charge_twice_and_reverse(self) -> None:
        till, terminal_id = self.till()
        wallet = funded()
        code = wallet.issue_code(2_000)
        self.assertRegex(code, r"^\d{18}$")

        paid = till.charge(self.order, 1_500, code, "2 books")
        assert isinstance(paid, Paid)
        self.assertEqual((1_500, 7_500), (paid.amount_minor, wallet.balance().available_minor))

        with self.assertRaises(Refused) as used:
            till.charge(next(ORDERS), 100, code)
        self.assertEqual("CODE_NOT_USABLE", used.exception.reason)
        with self.assertRaises(Refused) as taken:
            till.charge(self.order, 1_500, wallet.issue_code(2_000))
        self.assertEqual("ORDER_TAKEN", taken.exception.reason)

        reversed_now = till.reverse(self.order)
        self.assertEqual(pos_pb2.REVERSE_RESULT_REVERSED, reversed_now.result)
        self.assertEqual((paid.payment_id, 1_500), (reversed_now.payment_id, reversed_now.refunded_minor))
        self.assertEqual(pos_pb2.REVERSE_RESULT_ALREADY_REVERSED, till.reverse(self.order).result)
        self.assertEqual(9_000, wallet.balance().available_minor)
        self.assertEqual(pos_pb2.ORDER_STATE_REVERSED, till.payment(self.order).state)
        self.assertEqual([], till.unsettled())
        self.assertIn(terminal_id, [one.terminal_id for one in self.merchant.terminals()])

    def test_above_the_cap_is_refused(self) -> None:
        till, _ = self.till()
        wallet, before = self.customer, self.customer.balance().available_minor
        with self.assertRaises(Refused) as above:
            till.charge(self.order, 2_001, wallet.issue_code(2_000))
        self.assertEqual("DECLINED", above.exception.reason)
        self.assertEqual(before, wallet.balance().available_minor)

    def test_a_hold_is_captured_in_parts_and_refunded(self) -> None:
        till, _ = self.till()
        wallet = funded()
        held = till.authorize(self.order, 900, wallet.issue_code(1_000), hold_seconds=3_600)
        self.assertEqual(payment_pb2.PAYMENT_STATE_AUTHORIZED, held.state)
        self.assertEqual(8_100, wallet.balance().available_minor)
        part = till.capture(self.order, 300, new_request_id(), more_follows=True)
        self.assertEqual((300, 600), (part.captured_minor, part.held_minor))
        rest = till.void(self.order, new_request_id())
        self.assertEqual((600, 0), (rest.released_minor, rest.held_minor))
        drawn = new_request_id()
        for _ in range(2):
            back = till.refund(self.order, 100, drawn)
            self.assertEqual((100, 100), (back.moved_minor, back.refunded_minor))
        self.assertEqual(8_800, wallet.balance().available_minor)

    def test_a_customer_is_asked_and_says_yes_or_no(self) -> None:
        till, _ = self.till()
        wallet = funded()
        for answer, left in ((True, 8_300), (False, 8_300)):
            order_id = next(ORDERS)
            request = pos_pb2.ChargeRequest(order_id=order_id, amount_minor=700, currency="JPY", ask=True)
            secret = pos_pb2.ChargePrivate(payment_code=wallet.issue_code(500))
            asked = till.caller.change(pos.CHARGE, request, new_request_id(), private=secret)
            self.assertEqual(payment_pb2.PAYMENT_STATE_AWAITING_CUSTOMER, asked.state)
            self.assertEqual(pos_pb2.ORDER_STATE_PENDING, till.payment(order_id).state)
            if answer:
                wallet.confirm(wallet.payment(asked.payment_id), new_request_id())
                self.assertEqual(pos_pb2.ORDER_STATE_PAID, till.payment(order_id).state)
            else:
                wallet.decline(asked.payment_id)
                self.assertEqual(pos_pb2.ORDER_STATE_OVER, till.payment(order_id).state)
            self.assertEqual(left, wallet.balance().available_minor)

    def test_a_lost_answer_is_repeated(self) -> None:
        till, _ = self.till()
        wallet, before = self.customer, self.customer.balance().available_minor
        self.line.lose_answers(pos.CHARGE, 1)
        self.assertIsInstance(till.charge(self.order, 700, wallet.issue_code(700)), Paid)
        self.assertEqual(before - 700, wallet.balance().available_minor)

    def test_without_any_answer_the_till_asks(self) -> None:
        till, _ = self.till()
        wallet, before = self.customer, self.customer.balance().available_minor
        self.line.lose_answers(pos.CHARGE, 3)
        paid = till.charge(self.order, 700, wallet.issue_code(700))
        assert isinstance(paid, Paid)
        self.assertEqual((700, before - 700), (paid.amount_minor, wallet.balance().available_minor))

    def test_a_repetition_gets_its_stored_reply_even_after_the_reversal(self) -> None:
        till, _ = self.till()
        request_id = new_request_id()
        request = pos_pb2.ChargeRequest(order_id=self.order, amount_minor=50, currency="JPY")
        secret = pos_pb2.ChargePrivate(payment_code=self.customer.issue_code(50))
        paid = till.caller.change(pos.CHARGE, request, request_id, private=secret)
        till.reverse(self.order)
        self.assertEqual(paid, till.caller.change(pos.CHARGE, request, request_id, private=secret))
        self.assertEqual(pos_pb2.ORDER_STATE_REVERSED, till.payment(self.order).state)

    def test_what_never_arrived_is_reversed_and_stays_refused(self) -> None:
        till, _ = self.till()
        wallet, before = self.customer, self.customer.balance().available_minor
        self.line.lose_requests(pos.CHARGE, 3)
        code = wallet.issue_code(700)
        self.assertEqual(NotPaid(self.order), till.charge(self.order, 700, code))
        with self.assertRaises(Refused) as late:
            till.charge(self.order, 700, code)
        self.assertEqual("ORDER_REVERSED", late.exception.reason)
        self.assertEqual(before, wallet.balance().available_minor)

    def test_on_a_line_that_really_breaks_it_is_paid_once_or_never(self) -> None:
        relay = Relay(server.address)
        self.addCleanup(relay.close)
        registered = self.merchant.register_terminal(self.store.store_id, "counter 3")
        caller = server.caller(Key.generate(FIXED), 0, address=relay.address)
        till = Till.activate(caller, registered.activation_code.value, self.journal)
        wallet = funded()
        for what, left in ((Loses.ANSWERS, 8_940), (Loses.REQUESTS, 8_880)):
            with self.assertRaises(Refused):
                till.payment(self.order)  # after a read the line is quiet
            relay.lose(what)
            paid = till.charge(next(ORDERS), 60, wallet.issue_code(60))
            assert isinstance(paid, Paid), what
            self.assertEqual((60, left), (paid.amount_minor, wallet.balance().available_minor), what)
            self.assertTrue(relay.has_lost, what)

        relay.lose(Loses.EVERYTHING)
        with self.assertRaises(Unsettled):
            till.charge(self.order, 60, wallet.issue_code(60))
        self.assertEqual([self.order], till.settle())
        relay.lose(Loses.NOTHING)
        again = Till(server.caller(till.caller.key, pos.EPOCH), self.journal)
        self.assertEqual([], again.settle())
        self.assertEqual(pos_pb2.ORDER_STATE_REVERSED, again.payment(self.order).state)
        self.assertEqual(8_880, wallet.balance().available_minor)

    def test_a_hold_without_any_answer_is_asked_about(self) -> None:
        till, _ = self.till()
        wallet = funded()
        self.line.lose_answers(pos.AUTHORIZE, 3)
        held = till.authorize(self.order, 700, wallet.issue_code(700))
        self.assertEqual((payment_pb2.PAYMENT_STATE_AUTHORIZED, 700), (held.state, held.amount_minor))
        self.assertEqual([], till.unsettled())
        self.assertEqual(8_300, wallet.balance().available_minor)
        lost = next(ORDERS)
        self.line.lose_requests(pos.AUTHORIZE, 3)
        with self.assertRaises(Unsettled):
            till.authorize(lost, 700, wallet.issue_code(700))
        self.assertEqual(([], 8_300), (till.unsettled(), wallet.balance().available_minor))

    def test_an_order_that_nobody_knows_about_outlives_the_till(self) -> None:
        till, _ = self.till()
        wallet = funded()
        for rpc in (pos.CHARGE, pos.GET_PAYMENT, pos.REVERSE):
            self.line.lose_answers(rpc, 3)
        with self.assertRaises(Unsettled):
            till.charge(self.order, 700, wallet.issue_code(700))
        again = Till(till.caller, self.journal)
        self.assertEqual([self.order], again.unsettled())
        with self.assertRaises(Unsettled):
            again.charge(self.order, 700, wallet.issue_code(700))
        self.assertEqual([self.order], again.unsettled())
        self.assertEqual([], again.settle())
        self.assertEqual(9_000, wallet.balance().available_minor)

    def test_a_till_that_guesses_codes_waits_for_seconds(self) -> None:
        till, _ = self.till()
        wallet = funded()
        for number in range(10):
            with self.assertRaises(Refused) as guess:
                till.charge(next(ORDERS), 100, f"{number:018}")
            self.assertEqual("CODE_NOT_USABLE", guess.exception.reason)
        with self.assertRaises(Refused) as blocked:
            till.charge(self.order, 100, wallet.issue_code(100))
        self.assertEqual("TERMINAL_BLOCKED", blocked.exception.reason)
        time.sleep(10)
        self.assertIsInstance(till.charge(next(ORDERS), 100, wallet.issue_code(100)), Paid)

    def test_the_merchant_reverses_for_a_till_it_suspended(self) -> None:
        till, terminal_id = self.till()
        wallet = funded()
        till.charge(self.order, 700, wallet.issue_code(700))
        self.merchant.suspend(terminal_id)
        with self.assertRaises(Refused) as suspended:
            till.reverse(self.order)
        self.assertEqual("TERMINAL_SUSPENDED", suspended.exception.reason)
        undone = self.merchant.reverse(terminal_id, self.order)
        self.assertEqual((pos_pb2.REVERSE_RESULT_REVERSED, 700), (undone.result, undone.refunded_minor))
        self.assertEqual(9_000, wallet.balance().available_minor)

    def test_a_suspended_till_keeps_what_it_cannot_settle_until_it_is_resumed(self) -> None:
        till, terminal_id = self.till()
        self.merchant.suspend(terminal_id)
        self.line.lose_requests(pos.CHARGE, 3)
        with self.assertRaises(Unsettled):
            till.charge(self.order, 700, "0" * 18)
        self.assertEqual([self.order], till.settle())
        self.merchant.resume(terminal_id)
        self.assertEqual([], till.settle())
        self.assertEqual(pos_pb2.ORDER_STATE_REVERSED, till.payment(self.order).state)

    def test_what_was_paid_in_a_day_that_is_closed_stays_paid(self) -> None:
        till, _ = self.till()
        wallet = funded()
        for rpc in (pos.CHARGE, pos.REVERSE):
            self.line.lose_answers(rpc, 3)
        self.line.lose_requests(pos.GET_PAYMENT, 1)
        with self.assertRaises(Unsettled):
            till.charge(self.order, 700, wallet.issue_code(700))
        paid = next(ORDERS)
        till.charge(paid, 300, wallet.issue_code(300))
        close_day = Rpc("/saifu.v1.PosService/CloseDay", pos_pb2.CloseDayReply)
        till.caller.change(close_day, pos_pb2.CloseDayRequest(business_day=1), new_request_id())
        with self.assertRaises(TooLate):
            till.reverse(paid)
        self.assertEqual(pos_pb2.ORDER_STATE_PAID, till.payment(paid).state)
        # What was reversed before, and never answered, is found out all the same.
        self.assertEqual([], till.settle())
        self.assertEqual(8_700, wallet.balance().available_minor)

    def test_what_is_found_out_only_by_a_reversal_that_comes_too_late_is_paid(self) -> None:
        till, _ = self.till()
        wallet = funded()
        self.line.lose_answers(pos.CHARGE, 3)
        close_day = Rpc("/saifu.v1.PosService/CloseDay", pos_pb2.CloseDayReply)

        def closes(_order_id: str) -> pos_pb2.PosGetPaymentReply:
            till.caller.change(close_day, pos_pb2.CloseDayRequest(business_day=1), new_request_id())
            raise NoAnswer(grpc.StatusCode.DEADLINE_EXCEEDED)

        with mock.patch.object(till, "payment", side_effect=closes):
            paid = till.charge(self.order, 700, wallet.issue_code(700))
        known = till.payment(self.order).payment
        self.assertEqual(Paid(known.payment_id, 700), paid)
        self.assertEqual(([], 8_300), (till.unsettled(), wallet.balance().available_minor))

    def test_the_order_of_another_till_is_not_there(self) -> None:
        till, _ = self.till()
        till.reverse(self.order)
        other, _ = self.till()
        for ask in (other.payment, other.reverse):
            with self.assertRaises(Refused) as absent:
                ask(self.order)
            self.assertEqual("NOT_FOUND", absent.exception.reason)
        self.assertEqual([], other.unsettled())

    def test_a_lost_activation_is_repeated_as_a_candidate(self) -> None:
        registered = self.merchant.register_terminal(self.store.store_id, "counter 2")
        caller = server.caller(Key.generate(FIXED))
        secret = pos_pb2.PosActivatePrivate(activation_code=registered.activation_code.value.lower().replace("-", ""))
        request_id = new_request_id()
        first, second = (
            caller.call(pos.ACTIVATE, pos_pb2.PosActivateRequest(), request_id=request_id, private=secret)
            for _ in range(2)
        )
        self.assertEqual(first, second)
        self.assertEqual((registered.terminal_id, self.store.store_id), (first.terminal_id, first.store_id))
        with self.assertRaises(Refused) as used:
            Till.activate(server.caller(Key.generate()), registered.activation_code.value, self.journal)
        self.assertEqual("ACTIVATION_OVER", used.exception.reason)

    def test_no_server_is_no_answer(self) -> None:
        till, _ = self.till()
        self.line.lose_requests(pos.GET_PAYMENT, 1)
        with self.assertRaises(NoAnswer):
            till.payment(self.order)
