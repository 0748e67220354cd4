"""A mail relay for tests: aiosmtpd over TLS with a login, and faults on order.

smtp.py PORT TLS CERTIFICATE KEY ACCEPTED, where TLS is starttls, implicit or none.
"""

import asyncio
import email
import email.policy
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from control import Control

USER = LoginPassword(b"saifu", b"a relay's password")


class Relay:
    """Decides over recipients and contents."""

    def __init__(self, control):
        self._control = control

    async def handle_RCPT(self, server, session, envelope, address, options):
        self._control.count("recipients")
        await asyncio.sleep(self._control.fault("delay_ms") / 1000)
        if address in self._control.fault("refused"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        if self._control.spend("busy"):
            return "451 4.3.0 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self._control.accept(
            {
                "to": envelope.rcpt_tos,
                "from": envelope.mail_from,
                "subject": str(message["subject"]),
                "text": message.get_content(),
                "message_id": str(message["message-id"]),
                "automatic": str(message["auto-submitted"]),
                "tls": session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None,
                "user": getattr(session.auth_data, "login", b"").decode(),
            }
        )
        if self._control.spend("hang_up"):
            server.transport.abort()
        return "250 2.0.0 accepted"


async def serve(port, tls, certificate, key, control, told):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if tls != "none":
        context.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, data):
        control.count("logins")
        return AuthResult(success=data == USER, handled=False, auth_data=data)

    def connection():
        control.count("connections")
        return SMTP(
            Relay(control),
            hostname="relay.test",
            tls_context=context if tls == "starttls" else None,
            require_starttls=tls == "starttls",
            auth_required=tls != "none",
            # By itself it takes only STARTTLS for TLS.
            auth_require_tls=tls != "implicit",
            authenticator=authenticate,
        )

    implicit = context if tls == "implicit" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", port, ssl=implicit)
    told(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def main():
    port, tls, certificate, key, accepted = sys.argv[1:]
    control = Control(
        {"refused": [], "busy": 0, "delay_ms": 0, "hang_up": 0},
        {"connections": 0, "logins": 0, "recipients": 0},
        accepted,
    )
    ports = []
    listening = threading.Event()

    def told(port):
        ports.append(port)
        listening.set()

    serving = serve(int(port), tls, certificate, key, control, told)
    threading.Thread(target=lambda: asyncio.run(serving), daemon=True).start()
    if not listening.wait(30):
        sys.exit(1)
    control.obey(ports[0])


main()
