"""localstripe for tests: a fake of Stripe's API, on a loopback port, in memory alone.

stripe.py PORT. By itself it would listen on every address and keep its data in a file of /tmp that all of
its processes share. Its list of payment intents is oldest first and knows no range of time: here it is as
Stripe's, newest first, with created[gte] and created[lt].
"""

import asyncio
import sys
import threading

from aiohttp import web
from localstripe.errors import UserError, json_response
from localstripe.resources import PaymentIntent, StripeObject, store
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


def end_with_stdin():
    sys.stdin.read()
    # The test is gone.
    sys.exit(0)


def main():
    store.dump_to_disk = lambda: None
    UserError.to_response = to_response
    PaymentIntent._api_list_all = classmethod(list_intents)
    threading.Thread(target=lambda: asyncio.run(serve(int(sys.argv[1]))), daemon=True).start()
    end_with_stdin()


main()
