"""The board's /main.py: picks the folder of firmware and starts it. An update never changes this file."""

import sys

import slots

slot, is_safe = slots.begin()
sys.path.insert(0, "/" + slot)

from firmware.main import main  # noqa: E402 - which one depends on the folder

main(is_safe)
