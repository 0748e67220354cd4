"""Keys, what they sign, and the one way a call is made (docs/protocol.md, "Envelope").

Everything is built in memory from its parts, so the worked example of the documentation can be checked byte
for byte; `Caller` adds the clock, randomness and a channel.
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from saifu import errors
from saifu.v1 import envelope_pb2 as pb

R = TypeVar("R", bound=Message)

DER = pb.SIGNATURE_FORM_DER
FIXED = pb.SIGNATURE_FORM_FIXED

#: What stands where a call has its method, in what a merchant's or an operator's new key signs.
MERCHANT_KEY = "saifu.v1.KeyPossession/Merchant"
OPERATOR_KEY = "saifu.v1.KeyPossession/Operator"

#: How often a change is sent before its outcome counts as unknown, and how long the first pause is.
ATTEMPTS = 3
PAUSE_SECONDS = 0.2

#: No server asks for more work than this.
STAMP_BITS_MOST = 26


class Key:
    """A P-256 key and the form in which it writes signatures, for good."""

    def __init__(self, private: ec.EllipticCurvePrivateKey, form: int = DER) -> None:
        self._private = private
        self.form = form
        self.spki = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = base64.urlsafe_b64encode(hashlib.sha256(self.spki).digest()).rstrip(b"=").decode()

    @classmethod
    def generate(cls, form: int = DER) -> Key:
        return cls(ec.generate_private_key(ec.SECP256R1()), form)

    @classmethod
    def from_pkcs8(cls, path: Path, form: int = DER) -> Key:
        private = serialization.load_der_private_key(path.read_bytes(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{path} holds no P-256 key")
        return cls(private, form)

    def sign(self, message: bytes) -> bytes:
        der = self._private.sign(message, ec.ECDSA(hashes.SHA256()))
        return der if self.form == DER else fixed_from_der(der)

    def candidate(self) -> pb.Candidate:
        return pb.Candidate(spki=self.spki, signature_form=self.form)

    def possession(self, kind: str, audience: str, owner_id: bytes = b"") -> bytes:
        """What this key signs before it becomes a merchant's or an operator's; no id while there is none yet."""
        what = pb.KeyPossession(audience=audience, owner_id=owner_id, spki=self.spki)
        return self.sign(pae(kind, what.SerializeToString()))


def fixed_from_der(der: bytes) -> bytes:
    """r‖s, 32 bytes each, out of ASN.1."""
    r, s = decode_dss_signature(der)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def pae(method: str, payload: bytes) -> bytes:
    """The bytes that are signed: method and payload, each with its length."""
    name = method.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def private_part(
    body: bytes = b"",
    totp: str = "",
    contact_code: str = "",
    salt: bytes = b"",
    stamp: bytes = b"",
    secret: bool = False,
) -> bytes:
    """A serialized `Private`; empty when there is nothing to put into it and the reply has no `secret`."""
    if not (body or totp or contact_code or stamp or secret):
        return b""
    part = pb.Private(salt=salt or os.urandom(16), body=body, stamp=stamp)
    if totp:
        part.second_factor.totp_code = totp
    elif contact_code:
        part.second_factor.contact_code = contact_code
    return part.SerializeToString()


def stamp_bits(prefix: bytes, stamp: bytes) -> int:
    """How many zero bits the hash over a call's prefix and a stamp begins with."""
    return 256 - int.from_bytes(hashlib.sha256(prefix + stamp).digest(), "big").bit_length()


def make_stamp(audience: str, method: str, key_id: str, request_id: bytes, issued_at: int, bits: int) -> bytes:
    """The first stamp of so many bits (docs/protocol.md, "Stamps")."""
    head = "\n".join(("saifu stamp v1", audience, method, key_id, "")).encode()
    prefix = head + request_id + issued_at.to_bytes(8, "big")
    number = 0
    while stamp_bits(prefix, number.to_bytes(8, "big")) < bits:
        number += 1
    return number.to_bytes(8, "big")


def call_payload(
    audience: str, key_id: str, request_id: bytes, issued_at: Timestamp, epoch: int, body: bytes, private: bytes
) -> bytes:
    """A serialized `Call`: what the server keeps as evidence."""
    return pb.Call(
        audience=audience,
        key_id=key_id,
        request_id=request_id,
        issued_at=issued_at,
        epoch=epoch,
        body=body,
        private_sha256=hashlib.sha256(private).digest() if private else b"",
    ).SerializeToString()


def new_request_id() -> bytes:
    """16 bytes: a UUIDv7, so that a log of them sorts by time."""
    drawn = bytearray(int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10))
    drawn[6] = drawn[6] & 0x0F | 0x70
    drawn[8] = drawn[8] & 0x3F | 0x80
    return bytes(drawn)


@dataclass(frozen=True)
class Rpc(Generic[R]):
    """An RPC: the path that is called, which is also the one that is signed, and what it answers."""

    method: str
    reply: type[R]
    #: Whether the reply has a `Secret`: then the call is salted, or it is refused.
    secret: bool = False


class Caller:
    """One key at one deployment. `epoch` 0 calls as a candidate, anything else as a principal."""

    def __init__(self, channel: grpc.Channel, audience: str, key: Key, epoch: int = 0) -> None:
        self.channel = channel
        self.audience = audience
        self.key = key
        self.epoch = epoch
        self.clock_offset_micros = 0
        self.deadline_seconds = 15.0
        self.patience_seconds = 20.0

    def call(
        self,
        rpc: Rpc[R],
        body: Message,
        *,
        request_id: bytes = b"",
        private: Message | None = None,
        totp: str = "",
        contact_code: str = "",
    ) -> R:
        """Signs and sends once; once more, with the same request id, when clock or epoch were off.

        Without a request id a new one is drawn, which is right for a read; a change keeps its own.
        Turned away for being too many calls, it waits as it is told, up to `patience_seconds` in all.
        """
        request_id = request_id or new_request_id()
        secret = private.SerializeToString() if private is not None else b""
        learned, waited, bits = False, 0.0, 0
        while True:
            try:
                return self._send(rpc, body, request_id, (secret, totp, contact_code), bits)
            except errors.Refused as refused:
                if bits < refused.stamp_bits <= STAMP_BITS_MOST:
                    bits = refused.stamp_bits
                elif refused.throttled_seconds is not None:
                    waited += refused.throttled_seconds
                    if waited > self.patience_seconds:
                        raise
                    time.sleep(refused.throttled_seconds)
                elif learned or not self._learn(refused):
                    raise
                else:
                    learned = True

    def change(
        self, rpc: Rpc[R], body: Message, request_id: bytes, *, private: Message | None = None, totp: str = ""
    ) -> R:
        """The same change, signed anew under one request id, until it has an outcome.

        `Refused` is then certain, and `NoAnswer` says that the outcome is still unknown.
        """
        unknown: errors.NoAnswer | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_SECONDS * attempt)
            try:
                return self.call(rpc, body, request_id=request_id, private=private, totp=totp)
            except errors.NoAnswer as failure:
                unknown = failure
            except errors.Refused as refused:
                # Once an attempt got no answer, one that was turned away says nothing about the first.
                certain = refused.final or (unknown is None and not refused.outcome_unknown)
                if certain:
                    raise
                unknown = errors.NoAnswer(grpc.StatusCode.UNKNOWN, str(refused))
        raise unknown or AssertionError("ATTEMPTS is at least 1")

    def _learn(self, refused: errors.Refused) -> bool:
        if refused.reason == "CLOCK_SKEW":
            self.clock_offset_micros = int(refused.metadata["server_time"]) - _now_micros()
        elif refused.reason == "EPOCH_CHANGED":
            self.epoch = int(refused.metadata["epoch"])
        else:
            return False
        return True

    def _send(self, rpc: Rpc[R], body: Message, request_id: bytes, given: tuple[bytes, str, str], bits: int) -> R:
        issued_at = Timestamp()
        issued_at.FromMicroseconds(_now_micros() + self.clock_offset_micros)
        stamp = b""
        if bits:
            stamp = make_stamp(self.audience, rpc.method, self.key.key_id, request_id, issued_at.seconds, bits)
        private = private_part(*given, stamp=stamp, secret=rpc.secret)
        payload = call_payload(
            self.audience, self.key.key_id, request_id, issued_at, self.epoch, body.SerializeToString(), private
        )
        envelope = pb.Envelope(
            payload=payload,
            signature=self.key.sign(pae(rpc.method, payload)),
            key_id=self.key.key_id,
            private=private,
            candidate=self.key.candidate() if self.epoch == 0 else None,
        )
        invoke = self.channel.unary_unary(
            rpc.method, request_serializer=pb.Envelope.SerializeToString, response_deserializer=rpc.reply.FromString
        )
        try:
            return invoke(envelope, timeout=self.deadline_seconds)
        except grpc.RpcError as failure:
            raise errors.read(failure) from failure


def connect(address: str, authority_pem: Path, *interceptors: grpc.UnaryUnaryClientInterceptor) -> grpc.Channel:
    """TLS to `host:port`, trusting this authority alone. A sandbox's certificate is for localhost."""
    credentials = grpc.ssl_channel_credentials(authority_pem.read_bytes())
    options = [
        ("grpc.ssl_target_name_override", "localhost"),
        # Between two connections gRPC waits a second and more, and calls fail at once meanwhile: a till's customer
        # stands at the counter.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
    return grpc.intercept_channel(grpc.secure_channel(address, credentials, options), *interceptors)


def _now_micros() -> int:
    return time.time_ns() // 1000
