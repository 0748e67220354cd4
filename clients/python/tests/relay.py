"""A TCP relay on a loopback port that loses requests or answers for real: it cuts the connection under a call.

What goes through it is TLS, so it cannot look inside. On a connection that is quiet, the next bytes up are a
request and the next bytes down its answer.
"""

from __future__ import annotations

import select
import socket
import threading
from enum import Enum

#: An answer is over when nothing more of it came for so long.
QUIET_SECONDS = 0.3


class Loses(Enum):
    NOTHING = "nothing"
    REQUESTS = "requests"
    ANSWERS = "answers"
    EVERYTHING = "everything"


class Relay:
    """Begins by losing nothing. `lose` says what is lost next: one request or answer, or all until it is told."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._loses = Loses.NOTHING
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, what: Loses) -> None:
        self._loses = what

    @property
    def has_lost(self) -> bool:
        """Whether what was to be lost is gone by now."""
        return self._loses is Loses.NOTHING

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            if self._loses is Loses.EVERYTHING:
                return
            try:
                with socket.create_connection(self._server) as server:
                    self._carry(client, server)
            except OSError:
                pass

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        swallowed = False
        while True:
            readable, _, _ = select.select([client, server], [], [], QUIET_SECONDS if swallowed else None)
            if not readable:
                self._loses = Loses.NOTHING
                return
            for end in readable:
                chunk = end.recv(65_536)
                if not chunk or self._loses is Loses.EVERYTHING:
                    return
                if end is client:
                    if self._loses is Loses.REQUESTS:
                        self._loses = Loses.NOTHING
                        return
                    server.sendall(chunk)
                elif self._loses is Loses.ANSWERS:
                    swallowed = True
                else:
                    client.sendall(chunk)
