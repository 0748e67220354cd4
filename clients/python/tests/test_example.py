"""The worked example of docs/protocol.md, byte for byte: every value is made here from those before it."""

import hashlib
import re
import unittest
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.timestamp_pb2 import Timestamp

from saifu.envelope import DER, FIXED, Key, call_payload, fixed_from_der, make_stamp, pae, private_part
from saifu.totp import code_at, secret_of
from saifu.v1 import envelope_pb2, payment_pb2

PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"


def values() -> dict[str, str]:
    """`name: value` of all example blocks; a value goes on in indented lines."""
    found: dict[str, str] = {}
    for block in re.findall(r"^```example\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.replace("\n  ", "").splitlines():
            name, _, value = line.partition(": ")
            found[name] = value
    return found


class WorkedExample(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.page = values()
        cls.private_key = ec.derive_private_key(int(cls.page["private_key"], 16), ec.SECP256R1())
        cls.key = Key(cls.private_key)

    def same(self, name: str, made: bytes) -> None:
        self.assertEqual(self.page[name], made.hex(), name)

    def payload(self) -> bytes:
        seconds, nanos = self.page["issued_at"].split(".")
        return call_payload(
            self.page["audience"],
            self.key.key_id,
            bytes.fromhex(self.page["request_id"]),
            Timestamp(seconds=int(seconds), nanos=int(nanos)),
            int(self.page["epoch"]),
            bytes.fromhex(self.page["body"]),
            bytes.fromhex(self.page["private"]),
        )

    def test_stamp(self) -> None:
        """The vector of the server's own tests."""
        made = make_stamp(
            "wallet.example.jp", "/saifu.v1.EnrolmentService/Start", "A" * 43, bytes([7]) * 16, 1_767_582_000, 16
        )
        self.assertEqual(int.from_bytes(made, "big"), 39_123)

    def test_key(self) -> None:
        self.same("spki", self.key.spki)
        self.assertEqual(self.page["key_id"], self.key.key_id)

    def test_body_and_private(self) -> None:
        request = payment_pb2.PayRequest(
            store_id=bytes.fromhex(self.page["store_id"]),
            payee_name=self.page["payee_name"],
            amount_minor=int(self.page["amount_minor"]),
            currency=self.page["currency"],
        )
        self.same("body", request.SerializeToString())
        private = private_part(totp=self.page["totp_code"], salt=bytes.fromhex(self.page["salt"]))
        self.same("private", private)
        self.same("private_sha256", hashlib.sha256(private).digest())

    def test_payload_and_what_is_signed(self) -> None:
        payload = self.payload()
        self.same("payload", payload)
        signed = pae(self.page["method"], payload)
        self.same("pae", signed)
        self.same("sha256_of_pae", hashlib.sha256(signed).digest())

    def test_signature_in_both_forms(self) -> None:
        signed = bytes.fromhex(self.page["pae"])
        rfc_6979 = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        der = self.private_key.sign(signed, rfc_6979)
        self.same("signature_der", der)
        self.same("signature_fixed", fixed_from_der(der))
        # What this client signs has another nonce, and is as good.
        public = self.private_key.public_key()
        public.verify(Key(self.private_key, DER).sign(signed), signed, ec.ECDSA(hashes.SHA256()))
        self.assertEqual(64, len(Key(self.private_key, FIXED).sign(signed)))

    def test_envelope(self) -> None:
        envelope = envelope_pb2.Envelope(
            payload=self.payload(),
            signature=bytes.fromhex(self.page["signature_der"]),
            key_id=self.key.key_id,
            private=bytes.fromhex(self.page["private"]),
        )
        self.same("envelope", envelope.SerializeToString())

    def test_one_time_code(self) -> None:
        code = code_at(secret_of(self.page["totp_uri"]), int(self.page["totp_time"]))
        self.assertEqual(self.page["totp_code_then"], code)
