"""A unit's life in simulated time through the agent's own intake, as fast as the machine goes.

A fix a second as the receiver gives it, health and power each minute, a few doors an hour; commits, windows
and tidying as the agent has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edge.clock import Clock
from edge.intake import Intake, OpenFile
from edge.outbox import Limits, open_outbox
from edge.record import Reading, fault
from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tests.bench.tracks import Fix

SECOND_MS, MINUTE_MS = 1000, 60_000
RADIUS_M = 15.0
EVENT_S = 900  # a fault begins or ends so often: four events an hour
NAMES = [field.name for field in wire.KINDS["fix"].fields]


class SteppedTime:
    """A unit's clock that stands until it is set."""

    speed = 1.0

    def __init__(self, boot: str = "0123456789abcdef") -> None:
        self.boot = boot
        self.now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms

    def evidence(self) -> tuple[Literal["ntp", "rtc"], int] | None:
        return None

    def pause(self, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


def intake(
    path: Path,
    time: SteppedTime,
    *,
    tolerance_m: float = 5.0,
    group_ms: int = SECOND_MS,
    open_file: OpenFile = open_outbox,
) -> Intake:
    """The agent's own, with the settings of `example.toml` unless told."""
    made = Intake(
        path,
        Limits(tolerance_m=tolerance_m),
        time,
        Clock,
        group_ms=group_ms,
        anchor_radius_m=RADIUS_M,
        open_file=open_file,
    )
    assert made.open(0)
    return made


def live(
    taken: Intake,
    time: SteppedTime,
    fixes: Iterable[Fix],
    begin_ms: int,
    after: Callable[[int], None] | None = None,
) -> None:
    """Live through the fixes, one a second, the first at `begin_ms` since 1970; `after` each second."""
    for second, fix in enumerate(fixes):
        time.now_ms = now_ms = (second + 1) * SECOND_MS
        values = {name: fix[name] for name in NAMES}
        taken.take(Reading("fix", "gnss", now_ms, values, begin_ms + second * SECOND_MS))
        for reading in own_records(second, now_ms):
            taken.take(reading)
        taken.step(now_ms)
        if taken.is_commit_due(now_ms):
            assert taken.commit(now_ms)
        if after is not None:
            after(now_ms)


def own_records(second: int, now_ms: int) -> list[Reading]:
    """What a unit says of itself in this second."""
    found = []
    if second % 60 == 0:
        supply = {"supply_mv": 12_600 + second // 60 % 9 * 100, "battery_mv": None}
        found.append(Reading("power", "unit", now_ms, {**supply, "is_ignition_on": 1, "is_undervolted": 0}))
        found.append(Reading("health", "unit", now_ms, _health(second)))
    if second % EVENT_S == EVENT_S - 1:
        is_over = second // EVENT_S % 2 == 1
        found.append(fault("uplink", "unreachable", now_ms, detail="broker: no answer", is_over=is_over))
    return found


def _health(second: int) -> dict[str, int | str | None]:
    minute = second // 60
    return {
        "uptime_s": second,
        "disk_free_mib": 20_000 - minute // 50,
        "soc_temperature_cc": 4800 + 50 * (minute * 7 % 11),
        "load_c": 3 + minute * 5 % 9,
        "outbox_rows": minute * 9,
        "outbox_age_s": second,
        "odometer_m": second * 11,
        "dropped": 0,
        "nmea_refused": 0,
        "reconnects": 0,
    }
