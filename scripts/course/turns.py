"""Several programs at once of which only one works at a time: each waits where it says so, until it is its turn.

A program connects to the address in `BENCH_TURNS`; each byte that it writes ends its turn, and each that it reads begins the next one.
When it closes the connection it has done its work. A machine that gets slower so gets slower for all of them.
"""

import socket
import time

BEGIN = 600  # seconds in which all programs begin to wait


class TurnsError(RuntimeError):
    """A program never waited for its turn."""


class Turns:
    """A place for each name; `run` gives turns, in the order of the names, until all have done their work."""

    def __init__(self, names):
        self.places = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
        self.links = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Who still waits is told, by the end of its connection."""
        for link in (*self.places.values(), *self.links.values()):
            link.close()

    def address(self, name):
        return "127.0.0.1:{}".format(self.places[name].getsockname()[1])

    def run(self, goes_on=lambda: True):
        """`goes_on` is asked while nobody works; where it says no, no more turns are given."""
        limit = time.monotonic() + BEGIN
        for name, place in self.places.items():
            place.settimeout(0.2)
            while name not in self.links:
                try:
                    self.links[name] = place.accept()[0]
                except TimeoutError:
                    if not goes_on():
                        return
                    if time.monotonic() > limit:
                        raise TurnsError(f"{name} had not begun after {BEGIN} s") from None
        # All have begun when each has ended a turn that it never had.
        waiting = {name: link for name, link in self.links.items() if ended(link)}
        while waiting and goes_on():
            for name, link in list(waiting.items()):
                link.sendall(b".")
                if not ended(link):
                    del waiting[name]


def ended(link):
    """Waits for the end of a turn; whether there will be another one."""
    try:
        return bool(link.recv(1))
    except OSError:
        return False
