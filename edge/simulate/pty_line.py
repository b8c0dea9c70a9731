"""A serial line that is a pseudo-terminal: a receiver's bytes go in here, the agent opens the other end.

The other end keeps one name, a link, whatever number the kernel gives. This side holds both ends open, so the
agent may open and close the port as it likes.
"""

import os
import select
import threading
import tty
from pathlib import Path


class PtyLine:
    """One line; `link` is the port's name for the agent."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(self._slave))
        fresh.replace(link)

    def send(self, payload: bytes) -> int:
        """Send what fits, as a receiver does that waits for nobody; the number of bytes sent."""
        try:
            return os.write(self._master, payload)
        except BlockingIOError:
            return 0

    def send_all(self, payload: bytes, stop: threading.Event) -> None:
        """Send everything, waiting for the reader; gives up when `stop` is set."""
        while payload and not stop.is_set():
            _, ready, _ = select.select([], [self._master], [], 0.2)
            if ready:
                payload = payload[self.send(payload) :]

    def close(self) -> None:
        """Hang up and take the name away."""
        self.link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
