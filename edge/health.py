"""The health and the power of the unit itself, from /proc and /sys; what cannot be read is absent."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from edge.record import Values

MIB = 1024 * 1024


class Machine:
    """Reads the machine; `root` stands for "/" in tests."""

    def __init__(self, disk: Path, root: Path = Path("/")) -> None:
        self._disk = disk
        self._root = root

    def health(self) -> Values:
        """What the machine itself knows for a health record."""
        return _believable(
            {
                "uptime_s": _scaled(_first(self._root / "proc/uptime"), 1),
                "disk_free_mib": self._disk_free_mib(),
                "soc_temperature_cc": _scaled(
                    _first(self._root / "sys/class/thermal/thermal_zone0/temp"), 0.1
                ),
                "load_c": _scaled(_first(self._root / "proc/loadavg"), 100),
            }
        )

    def power(self) -> Values:
        """A power record's values: supply in mV and the Pi's undervoltage flag, where readable."""
        alarm = self._hwmon("rpi_volt", "in0_lcrit_alarm")
        return {
            "supply_mv": self._supply_mv(),
            "battery_mv": self._supply("Battery"),
            "is_ignition_on": None,
            "is_undervolted": None if alarm is None else int(alarm != 0),
        }

    def _disk_free_mib(self) -> int | None:
        try:
            return shutil.disk_usage(self._disk).free // MIB
        except OSError:
            return None

    def _supply_mv(self) -> int | None:
        mains_mv = self._supply("Mains")
        return self._supply("USB") if mains_mv is None else mains_mv

    def _supply(self, kind: str) -> int | None:
        """The voltage of the first supply of a kind that tells one."""
        for folder in _folders(self._root / "sys/class/power_supply"):
            if _text(folder / "type") == kind:
                millivolts = _scaled(_first(folder / "voltage_now"), 0.001)
                if millivolts is not None and 0 <= millivolts <= 100_000:
                    return millivolts
        return None

    def _hwmon(self, name: str, entry: str) -> float | None:
        for folder in _folders(self._root / "sys/class/hwmon"):
            if _text(folder / "name") == name:
                return _first(folder / entry)
        return None


def _believable(values: Values) -> Values:
    """Without what no record of health can hold: one sensor that is mad must not cost all the others."""
    fields = wire.KINDS["health"].by_name
    return {
        name: value if isinstance(value, int) and fields[name].low <= value <= fields[name].high else None
        for name, value in values.items()
    }


def resident_kib() -> int | None:
    """Memory in use by this process."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _first(path: Path) -> float | None:
    """The first number in a file."""
    try:
        return float(_text(path).split()[0])
    except (ValueError, IndexError):
        return None


def _scaled(number: float | None, factor: float) -> int | None:
    return None if number is None or not math.isfinite(number) else round(number * factor)
