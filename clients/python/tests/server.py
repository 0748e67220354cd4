"""A saifu of the test's own on free loopback ports, and a line to it that loses what it is told to lose."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import grpc

from saifu.envelope import Caller, Key, Rpc, connect

STARTS_WITHIN_SECONDS = 30


class Server:
    """Started by its constructor; `stop` ends it, and says whether it ended well and its books are right."""

    def __init__(self) -> None:
        self._binary = os.environ["SAIFU_BINARY"]
        self._folder = tempfile.TemporaryDirectory(prefix="saifu-python-")
        self.data = Path(self._folder.name) / "data"
        self._process = subprocess.Popen(
            [self._binary, "serve", "--data-dir", str(self.data), "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            text=True,
        )
        said = self._what_it_says()
        self.address = said["address"].removeprefix("https://")
        self.operators = said["operators"].removeprefix("https://")
        self.authority = Path(said["CA"])
        self.audience = said["audience"]

    def _what_it_says(self) -> dict[str, str]:
        said: dict[str, str] = {}
        assert self._process.stdout is not None
        for line in self._process.stdout:
            name, _, value = line.strip().partition("  ")
            said[name] = value.strip()
            if name == "stop it":
                return said
        raise RuntimeError(f"saifu serve ended with {self._process.wait()} before it served; it said {said}")

    def caller(
        self, key: Key, epoch: int = 0, *interceptors: grpc.UnaryUnaryClientInterceptor, address: str = ""
    ) -> Caller:
        """A caller, straight to the server or to another address that leads there."""
        channel = connect(address or self.address, self.authority, *interceptors)
        return Caller(channel, self.audience, key, epoch)

    def operator(self, key: Key) -> Caller:
        return Caller(connect(self.operators, self.authority), self.audience, key, 1)

    def stop(self) -> tuple[int, subprocess.CompletedProcess[str]]:
        """The server's exit code, and what `saifu verify` then says of its data."""
        try:
            self._process.send_signal(signal.SIGTERM)
            ended = self._process.wait(timeout=STARTS_WITHIN_SECONDS)
            verified = subprocess.run(
                [self._binary, "verify", "--data-dir", str(self.data)], capture_output=True, text=True, timeout=60
            )
            return ended, verified
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._folder.cleanup()


class Lost(grpc.RpcError):
    """What a client sees when nothing comes back in time."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.DEADLINE_EXCEEDED

    def details(self) -> str:
        return "lost on the line"

    def trailing_metadata(self) -> tuple[()]:
        return ()


class Line(grpc.UnaryUnaryClientInterceptor):
    """Loses the next requests, or the next answers, of the RPCs it is told."""

    def __init__(self) -> None:
        self.requests_to_lose: Counter[str] = Counter()
        self.answers_to_lose: Counter[str] = Counter()

    def lose_requests(self, rpc: Rpc[Any], times: int) -> None:
        self.requests_to_lose[rpc.method] = times

    def lose_answers(self, rpc: Rpc[Any], times: int) -> None:
        self.answers_to_lose[rpc.method] = times

    def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: grpc.ClientCallDetails, request: Any
    ) -> Any:
        method = client_call_details.method
        if self.requests_to_lose[method]:
            self.requests_to_lose[method] -= 1
            raise Lost
        answer = continuation(client_call_details, request)
        if self.answers_to_lose[method]:
            self.answers_to_lose[method] -= 1
            answer.exception()  # waits until the server has done it
            raise Lost
        return answer
