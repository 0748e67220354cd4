"""What the receivers share: orders from the test, and what was accepted.

A receiver prints the port that it listens on, and then one line for each order: its counters, once the
order holds. It ends with its standard input, so it never outlives its test.
"""

import json
import sys
import threading


class Control:
    """The faults that the test asks for, and the counters that it reads."""

    def __init__(self, faults, counters, accepted):
        self._lock = threading.Lock()
        self._faults = faults
        self._counters = counters
        self._accepted = accepted

    def fault(self, name):
        """The fault as it is now."""
        with self._lock:
            return self._faults[name]

    def spend(self, name):
        """Whether a fault that is to come so many times comes now."""
        with self._lock:
            left = self._faults[name]
            self._faults[name] = max(left - 1, 0)
            return left > 0

    def count(self, name):
        """One more of these."""
        with self._lock:
            self._counters[name] += 1

    def accept(self, message):
        """Keeps an accepted message as one line of JSON: with its duplicates, in order."""
        with self._lock, open(self._accepted, "a", encoding="utf-8") as accepted:
            accepted.write(json.dumps(message) + "\n")

    def obey(self, port):
        """Tells the port, then does what each line says until there are no more."""
        print(port, flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            with self._lock:
                unknown = order.keys() - self._faults.keys()
                if unknown:
                    raise ValueError(f"no such fault: {unknown}")
                self._faults.update(order)
                print(json.dumps(self._counters), flush=True)
