"""localstripe for tests: a fake of Stripe's API, on a loopback port, in memory alone.

stripe.py PORT. By itself it would listen on every address and keep its data in a file of /tmp that all of
its processes share.
"""

import asyncio
import sys
import threading

from aiohttp import web
from localstripe.resources import store
from localstripe.server import app


async def serve(port):
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


def end_with_stdin():
    sys.stdin.read()
    # The test is gone.
    sys.exit(0)


def main():
    store.dump_to_disk = lambda: None
    threading.Thread(target=lambda: asyncio.run(serve(int(sys.argv[1]))), daemon=True).start()
    end_with_stdin()


main()
