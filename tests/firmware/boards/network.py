"""MicroPython's `network`: a station as ports/esp32/network_wlan.c and extmod/network_cyw43.c have it.

ORTOO_DNS is the server that the network named, ORTOO_AIR says whether its access point is there.
"""

import os

import machine

STA_IF = 0


class WLAN:
    _is_active = False
    _is_asked = False  # an ESP32 that was asked to connect goes on trying until it is asked not to

    def __init__(self, interface):
        if interface != STA_IF:
            raise ValueError("invalid WLAN interface identifier")

    def active(self, is_active=None):
        if is_active is None:
            return WLAN._is_active
        WLAN._is_active = is_active
        machine.said.append(f"wifi {int(is_active)}")
        return None

    def isconnected(self):
        return WLAN._is_asked and os.getenv("ORTOO_AIR") == "1"

    def connect(self, ssid, key):
        if not WLAN._is_active:
            raise OSError("Wifi Not Started")
        if machine.IS_ESP32 and WLAN._is_asked:
            raise OSError("Wifi Internal State Error")
        WLAN._is_asked = True

    def disconnect(self):
        if not WLAN._is_active:
            raise OSError("Wifi Not Started")
        WLAN._is_asked = False


class PPP:
    """Of an ESP32 (ports/esp32/network_ppp.c): it listens to its line until it is freed."""

    def __init__(self, line):
        self._line = line
        line.listeners += 1
        self._is_dead = False

    def poll(self):
        return 0

    def disconnect(self):
        """A modem that is dead does not answer."""

    def isconnected(self):
        return False

    def __del__(self):
        if not self._is_dead:
            self._line.listeners -= 1
        self._is_dead = True


def ipconfig(what):
    if what != "dns":
        raise ValueError("unexpected key")
    return os.getenv("ORTOO_DNS") or "0.0.0.0"
