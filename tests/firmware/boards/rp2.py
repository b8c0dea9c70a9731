"""MicroPython's `rp2` (ports/rp2/modrp2.c)."""

import machine


def country(code):
    if len(code) != 2:
        raise ValueError
    machine.said.append("country " + code)
