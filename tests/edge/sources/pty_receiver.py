"""A receiver on a pseudo-terminal that may speak one speed only, hang up and come back elsewhere."""

import os
import termios
import tty

SPEEDS = {4800: termios.B4800, 9600: termios.B9600, 38400: termios.B38400, 115200: termios.B115200}


class PtyReceiver:
    """`path` is a link; hanging up takes the device and the link away."""

    def __init__(self, path, baud=None):
        self.path = path
        self.speaks(baud)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        path.symlink_to(os.ttyname(self._slave))

    def speaks(self, baud):
        self._speed = None if baud is None else SPEEDS[baud]

    def send(self, data):
        """As the line would have it: at another speed than ours the reader gets nonsense."""
        if self._speed is not None and termios.tcgetattr(self._master)[5] != self._speed:
            data = bytes((byte * 7 + 0x80) & 0xFF | 0x80 for byte in data[::3])
        try:
            return os.write(self._master, data)
        except BlockingIOError:
            return 0

    def hang_up(self):
        self.path.unlink()
        os.close(self._slave)
        os.close(self._master)
