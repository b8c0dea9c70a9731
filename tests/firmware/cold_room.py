"""A DS18B20 in a cabinet whose temperature is the text of a file: ORTOO_ROOM, in 1/16 deg C, or "dead".

Wired to the firmware on a real MicroPython by ORTOO_WIRED.
"""

import os

from firmware.drivers.ds18b20 import crc8


class Wire:
    """As the frozen driver's DS18X20."""

    def scan(self):
        return [b"\x28" + bytes(7)]

    def convert_temp(self):
        """It stands in the file."""

    def read_scratch(self, rom):
        with open(os.getenv("ORTOO_ROOM")) as file:  # noqa: PTH123 - a board has no pathlib
            text = file.read().strip()
        if text == "dead":
            raise OSError(5, "EIO")
        data = bytes((int(text) & 0xFF, int(text) >> 8 & 0xFF, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))
        return data + bytes((crc8(data),))


def onewire(name):
    return Wire()
