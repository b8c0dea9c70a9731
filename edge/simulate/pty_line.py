"""A serial line that is a pseudo-terminal: a receiver's bytes go in here, the agent opens the other end.

The other end keeps one name, a link, whatever number the kernel gives; the agent may open and close it as it
likes. Whoever opens a serial port throws away what waited in it, so a replay waits until its reader has done
that, of which the kernel tells in packet mode (TIOCPKT).
"""

import contextlib
import fcntl
import os
import select
import struct
import termios
import threading
import tty
from pathlib import Path

LOOK_S = 0.02
MOST_LOOKS = 100  # between opening and emptying the port; a few readers never empty it


class PtyLine:
    """One line; `link` is the port's name for the agent."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._master, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        fcntl.ioctl(self._master, termios.TIOCPKT, struct.pack("i", 1))
        self._heard = b""
        self._is_emptied = False  # by the reader, since it was looked for
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLOUT)
        fresh = link.with_name(link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(link)
        os.close(slave)

    @property
    def has_reader(self) -> bool:
        """Whether somebody has the other end open."""
        return not any(events & select.POLLHUP for _, events in self._poll.poll(0))

    def send(self, payload: bytes) -> int:
        """Send what fits, as a receiver does that waits for nobody; the number of bytes sent."""
        try:
            return os.write(self._master, payload)
        except BlockingIOError:
            return 0

    def send_all(self, payload: bytes, stop: threading.Event) -> None:
        """Send everything, waiting for the reader as long as it takes or until `stop`."""
        while payload and not stop.is_set():
            if not self.has_reader:
                self._wait_for_reader(stop)
            elif not self._is_emptied:
                self._wait_until_emptied(stop)
            elif any(events & select.POLLOUT for _, events in self._poll.poll(200)):
                payload = payload[self.send(payload) :]

    def received(self) -> bytes:
        """What the other end has said since; nothing when it said nothing, or is not there."""
        self._listen()
        heard, self._heard = self._heard, b""
        return heard

    def _listen(self) -> None:
        """Take in what the other end has said, and done to its port."""
        with contextlib.suppress(OSError):
            while packet := os.read(self._master, 65536):
                if packet[0] == termios.TIOCPKT_DATA:
                    self._heard += packet[1:]
                elif packet[0] & termios.TIOCPKT_FLUSHREAD:
                    self._is_emptied = True

    def _wait_for_reader(self, stop: threading.Event) -> None:
        self._listen()
        self._is_emptied = False
        while not self.has_reader and not stop.wait(LOOK_S):
            pass

    def _wait_until_emptied(self, stop: threading.Event) -> None:
        for _ in range(MOST_LOOKS):  # not so many seconds: a machine that stood still has not looked
            self._listen()
            if self._is_emptied or stop.wait(LOOK_S):
                return
        self._is_emptied = True  # as good as

    def close(self) -> None:
        """Hang up and take the name away."""
        self.link.unlink(missing_ok=True)
        os.close(self._master)
