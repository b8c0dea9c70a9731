"""MicroPython's `esp32` of an ESP32-S3 (ports/esp32/modesp32.c)."""

import machine

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True
RTC_PINS = range(22)


def wake_on_ext0(pin, level):
    if pin.number not in RTC_PINS:
        raise ValueError("invalid pin")
    machine.said.append(f"ext0 {pin.number} {int(level)}")


def wake_on_ext1(pins, level):
    for pin in pins:
        if pin.number not in RTC_PINS:
            raise ValueError("invalid pin")
    machine.said.append(f"ext1 {sorted([pin.number for pin in pins])} {int(level)}")
