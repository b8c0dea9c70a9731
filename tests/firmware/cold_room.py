"""A DS18B20 in a cabinet whose temperature is the text of a file: ORTOO_ROOM, in 1/16 deg C, or "dead".

Wired to the firmware on a real MicroPython by ORTOO_WIRED.
"""

import os

from firmware.drivers.ds18b20 import crc8


class Wire:
    """As MicroPython's onewire.OneWire."""

    def scan(self):
        return [bytearray(b"\x28" + bytes(7))]

    def reset(self, required=False):
        with open(os.getenv("ORTOO_ROOM")) as file:  # noqa: PTH123 - a board has no pathlib
            self._text = file.read().strip()
        if required and self._text == "dead":
            raise Exception  # noqa: TRY002 - as OneWireError, which is a bare one

    def select_rom(self, rom):
        """There is but one."""

    def writebyte(self, value):
        """It stands in the file."""

    def readinto(self, into):
        warmth = int(self._text)
        data = bytes((warmth & 0xFF, warmth >> 8 & 0xFF, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))
        into[:] = data + bytes((crc8(data),))


def onewire(name):
    return Wire()
