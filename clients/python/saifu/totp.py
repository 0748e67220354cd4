"""One-time codes of RFC 6238, from the URI that Confirm's reply has once."""

from __future__ import annotations

import base64
import hmac
import time
from urllib.parse import parse_qs, urlsplit

STEP_SECONDS = 30


def secret_of(uri: str) -> bytes:
    """The secret inside an otpauth:// URI, base32 without padding."""
    text = parse_qs(urlsplit(uri).query)["secret"][0]
    return base64.b32decode(text + "=" * (-len(text) % 8))


def code_at(secret: bytes, seconds: int) -> str:
    """The six digits of the step that holds this moment."""
    digest = hmac.digest(secret, (seconds // STEP_SECONDS).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 1_000_000:06}"


class Authenticator:
    """What the person reads codes from. The server takes each step's code once: so does this."""

    def __init__(self, uri: str) -> None:
        self._secret = secret_of(uri)
        self._next_step = 0

    def code(self, clock_offset_micros: int = 0) -> str | None:
        """The first unused code that the server takes by now; none when both steps' codes are used."""
        present = (int(time.time()) + clock_offset_micros // 1_000_000) // STEP_SECONDS
        step = max(self._next_step, present - 1)
        if step > present:
            return None
        self._next_step = step + 1
        return code_at(self._secret, step * STEP_SECONDS)
