"""The phone: enrols, brings money in, pays, and shows codes to tills.

What moves money takes a `request_id`. Draw it (`new_request_id`) when the person decides, keep it with the
request, and pass it again until there is a final answer: it is done at most once.
"""

from __future__ import annotations

from typing import Callable

from saifu.envelope import Caller, Rpc
from saifu.totp import Authenticator
from saifu.v1 import enrolment_pb2, payment_pb2, security_pb2, top_up_pb2, wallet_pb2

START = Rpc("/saifu.v1.EnrolmentService/Start", enrolment_pb2.EnrolmentStartReply)
CONFIRM = Rpc("/saifu.v1.EnrolmentService/Confirm", enrolment_pb2.EnrolmentConfirmReply, secret=True)
ACTIVATE = Rpc("/saifu.v1.EnrolmentService/Activate", enrolment_pb2.EnrolmentActivateReply, secret=True)
VERIFY = Rpc("/saifu.v1.SecurityService/VerifySecondFactor", security_pb2.VerifySecondFactorReply)
LINK = Rpc("/saifu.v1.TopUpService/LinkFunding", top_up_pb2.LinkFundingReply)
TOP_UP = Rpc("/saifu.v1.TopUpService/TopUp", top_up_pb2.TopUpReply)
RESOLVE = Rpc("/saifu.v1.PaymentService/ResolvePayee", payment_pb2.ResolvePayeeReply)
PAY = Rpc("/saifu.v1.PaymentService/Pay", payment_pb2.PayReply)
ISSUE_CODE = Rpc("/saifu.v1.PaymentService/IssueCode", payment_pb2.IssueCodeReply, secret=True)
CONFIRM_PAYMENT = Rpc("/saifu.v1.PaymentService/Confirm", payment_pb2.ConfirmPaymentReply)
DECLINE_PAYMENT = Rpc("/saifu.v1.PaymentService/Decline", payment_pb2.DeclinePaymentReply)
GET_PAYMENT = Rpc("/saifu.v1.PaymentService/GetPayment", payment_pb2.GetPaymentReply)
BALANCE = Rpc("/saifu.v1.WalletService/GetBalance", wallet_pb2.GetBalanceReply)
ENTRIES = Rpc("/saifu.v1.WalletService/ListEntries", wallet_pb2.ListEntriesReply)

CURRENCY = "JPY"


def enrol(
    caller: Caller, email: str, passphrase: str, label: str, read_code: Callable[[], str]
) -> tuple[Wallet, Authenticator]:
    """Start and Confirm, as a candidate. `read_code` asks the person for the eight digits he was sent."""
    contact = enrolment_pb2.EnrolmentStartPrivate(email=email)
    started = caller.call(START, enrolment_pb2.EnrolmentStartRequest(), private=contact)
    confirmed = caller.call(
        CONFIRM,
        enrolment_pb2.EnrolmentConfirmRequest(enrolment_id=started.enrolment_id),
        private=enrolment_pb2.EnrolmentConfirmPrivate(passphrase=passphrase, device_label=label),
        contact_code=read_code(),
    )
    caller.epoch = confirmed.epoch
    return Wallet(caller), Authenticator(confirmed.totp_uri.value)


class Wallet:
    """An enrolled device."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def activate(self, totp: str) -> str:
        """The first code makes the account active. Returns the recovery code, to be written down."""
        reply = self.caller.call(ACTIVATE, enrolment_pb2.EnrolmentActivateRequest(), totp=totp)
        return reply.recovery_code.value

    def verify(self, totp: str) -> None:
        """Makes this device fresh for five minutes."""
        self.caller.call(VERIFY, security_pb2.VerifySecondFactorRequest(), totp=totp)

    def link_funding(self, token: str, label: str) -> bytes:
        private = top_up_pb2.LinkFundingPrivate(token=token, label=label)
        return self.caller.call(LINK, top_up_pb2.LinkFundingRequest(), private=private).funding_id

    def top_up(
        self, funding_id: bytes, amount_minor: int, request_id: bytes, totp: str = ""
    ) -> top_up_pb2.TopUpStatus:
        request = top_up_pb2.TopUpRequest(funding_id=funding_id, amount_minor=amount_minor, currency=CURRENCY)
        return self.caller.change(TOP_UP, request, request_id, totp=totp).top_up

    def resolve(self, scanned: str) -> payment_pb2.ResolvePayeeReply:
        """The registered payee behind a shop's QR code: show `payee_name` to the person."""
        return self.caller.call(RESOLVE, payment_pb2.ResolvePayeeRequest(scanned=scanned))

    def pay(
        self, payee: payment_pb2.ResolvePayeeReply, amount_minor: int, request_id: bytes, totp: str = ""
    ) -> payment_pb2.PayReply:
        """Pays whom the person was shown. After `NoAnswer`: again, with the same request id."""
        request = payment_pb2.PayRequest(
            store_id=payee.store_id, payee_name=payee.payee_name, amount_minor=amount_minor, currency=CURRENCY
        )
        return self.caller.change(PAY, request, request_id, totp=totp)

    def issue_code(self, cap_minor: int, totp: str = "") -> str:
        """18 digits for a till to scan, good for a minute; it kills the code that this device had."""
        request = payment_pb2.IssueCodeRequest(
            purpose=payment_pb2.CODE_PURPOSE_PAY, cap_minor=cap_minor, currency=CURRENCY
        )
        return self.caller.call(ISSUE_CODE, request, totp=totp).payment_code.value

    def confirm(
        self, asked: payment_pb2.PaymentStatus, request_id: bytes, totp: str = ""
    ) -> payment_pb2.ConfirmPaymentReply:
        """Yes to a till that asked, for the shop and the amount that the person was shown."""
        request = payment_pb2.ConfirmPaymentRequest(
            payment_id=asked.payment_id,
            payee_name=asked.payee_name,
            amount_minor=asked.authorised_minor,
            currency=asked.currency,
        )
        return self.caller.change(CONFIRM_PAYMENT, request, request_id, totp=totp)

    def decline(self, payment_id: bytes) -> None:
        """No to it."""
        self.caller.call(DECLINE_PAYMENT, payment_pb2.DeclinePaymentRequest(payment_id=payment_id))

    def payment(self, payment_id: bytes) -> payment_pb2.PaymentStatus:
        return self.caller.call(GET_PAYMENT, payment_pb2.GetPaymentRequest(payment_id=payment_id)).payment

    def balance(self) -> wallet_pb2.GetBalanceReply:
        return self.caller.call(BALANCE, wallet_pb2.GetBalanceRequest())

    def entries(self) -> list[wallet_pb2.Entry]:
        """All entries, newest first."""
        found: list[wallet_pb2.Entry] = []
        token = b""
        while True:
            page = self.caller.call(ENTRIES, wallet_pb2.ListEntriesRequest(page_token=token))
            found.extend(page.entries)
            token = page.next_page_token
            if not token:
                return found
