"""localstripe for tests: a fake of Stripe's API, on a loopback port, in memory alone.

stripe.py PORT. By itself it would listen on every address and keep its data in a file of /tmp that all of
its processes share. Its list of payment intents is oldest first and knows no range of time: here it is as
Stripe's, newest first, with created[gte] and created[lt]. It attaches a card that is another customer's, and
knows no 3-D Secure but that of cards that always want it: here a charge says that it was done where it was asked
for, but for a card that does not know it, and that its owner was asked, but for one whose bank never asks.
"""

import asyncio
import sys
import threading

from aiohttp import web
from localstripe.errors import UserError, json_response
from localstripe.resources import Charge, PaymentIntent, PaymentMethod, StripeObject, store
from localstripe.server import app


async def serve(port):
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def list_intents(cls, url, limit=None, starting_after=None, created=None, **others):
    """What GET /v1/payment_intents answers."""
    found = StripeObject._api_list_all.__func__(cls, url, limit, starting_after, **others)
    since, before = (int((created or {}).get(bound, 0)) for bound in ("gte", "lt"))
    listed = (one for one in found._list if since <= one.created and (not before or one.created < before))
    found._list = sorted(reversed(list(listed)), key=lambda one: -one.created)
    return found


def to_response(self):
    """What a refusal looks like: what is not there has a code of its own at Stripe."""
    if self.code == 404:
        self.body["error"]["code"] = "resource_missing"
    return json_response(self.body, status=self.code)


# Its bank knows no 3-D Secure.
UNSECURED = "5105105105105100"
# Its bank says that it is its owner's, without asking them.
FRICTIONLESS = "4000056655665556"


def details(self):
    """What a charge says of how its card was charged."""
    intent = self.payment_intent and PaymentIntent._api_retrieve(self.payment_intent)
    options = (intent and intent.card_options) or {}
    method = PaymentMethod._api_retrieve(self.payment_method)
    number = getattr(method, "_card_number", UNSECURED)
    asked = options.get("request_three_d_secure") == "challenge" and number != UNSECURED
    is_done = asked or method._requires_authentication()
    flow = "frictionless" if number == FRICTIONLESS else "challenge"
    return {"card": {"three_d_secure": {"result": "authenticated", "authentication_flow": flow} if is_done else None}}


def with_options(made):
    """An intent that remembers how its card is to be charged."""

    def init(self, *args, payment_method_options=None, **others):
        made(self, *args, payment_method_options=payment_method_options, **others)
        self.card_options = (payment_method_options or {}).get("card", {})

    return init


def attach_once(attach):
    """A card that is another customer's is nobody else's."""

    def attached(cls, id, customer=None, **others):
        if cls._api_retrieve(id).customer not in (None, customer):
            raise UserError(400, "It is attached to a customer.")
        return attach.__func__(cls, id, customer=customer, **others)

    return classmethod(attached)


def end_with_stdin():
    sys.stdin.read()
    # The test is gone.
    sys.exit(0)


def main():
    store.dump_to_disk = lambda: None
    UserError.to_response = to_response
    PaymentIntent._api_list_all = classmethod(list_intents)
    PaymentIntent.__init__ = with_options(PaymentIntent.__init__)
    PaymentMethod._api_attach = attach_once(PaymentMethod._api_attach)
    Charge.payment_method_details = property(details)
    threading.Thread(target=lambda: asyncio.run(serve(int(sys.argv[1]))), daemon=True).start()
    end_with_stdin()


main()
