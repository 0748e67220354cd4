"""A receiver of webhooks for tests: verifies with the standard's own library, answers on order.

webhook.py PORT TLS CERTIFICATE KEY ACCEPTED SECRET, where TLS is implicit or none.
"""

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from control import Control


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    control = None
    secret = None

    def do_POST(self):
        self.control.count("requests")
        body = self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self.control.fault("delay_ms") / 1000)
        status = self.control.fault("status")
        if self.control.spend("busy"):
            status = 503
        if status == 200:
            self.control.accept(self.described(body))
        if self.control.spend("hang_up"):
            self.close_connection = True
            return
        self.answer(status)

    do_GET = do_POST

    def described(self, body):
        problem = ""
        try:
            Webhook(self.secret).verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            problem = str(error)
        return {
            "path": self.path,
            "problem": problem,
            "id": self.headers["webhook-id"],
            "timestamp": self.headers["webhook-timestamp"],
            "signatures": self.headers["webhook-signature"].split(" "),
            "type": self.headers["content-type"],
            "body": json.loads(body),
        }

    def answer(self, status):
        self.send_response(status)
        if self.control.fault("redirect"):
            self.send_header("location", self.control.fault("redirect"))
        if self.control.fault("endless"):
            self.send_header("content-length", str(1 << 40))
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    """Says nothing of clients that are gone."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    port, tls, certificate, key, accepted, secret = sys.argv[1:]
    Handler.secret = secret
    Handler.control = Control(
        {"status": 200, "busy": 0, "delay_ms": 0, "hang_up": 0, "redirect": "", "endless": False},
        {"requests": 0},
        accepted,
    )
    server = Server(("127.0.0.1", int(port)), Handler)
    if tls == "implicit":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.control.obey(server.server_address[1])


main()
