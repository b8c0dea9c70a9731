"""What a node on a battery does when: wake, measure, look for a network, send now and then, sleep. Pure.

    | 1 s |          sample_s          | 1 s |   ...   | 1 s + look 2.5 s + send up to 15 s |
     sample           deep sleep        sample           sample, and send if a network is there

Scales are read every `scale_s`. What waits is sent every `send_s`, and at the next wake when it is urgent;
after an attempt, good or bad, the next one waits `look_s`, or what comes and goes would empty the battery.
Parked is a wired node whose Pi is off and whose ignition is off: it only samples.

An update of the firmware prolongs a wake that sends as long as it comes forward, up to LONGEST_UPDATE_MS, and
goes on at the first wake after `look_s`: 300 parts take about a minute, once a release.

Periods and the longest times awake are board.DUTY, made from hardware/power.toml, where what they cost
becomes months: a setting may ask for less than that, never for more.
"""

from firmware import board

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LONGEST_S = 604_800
LONGEST_UPDATE_MS = 180_000
URGENT = ("excursion", "fault", "help")  # kinds of record that do not wait for `send_s`


def bounds(mode: str) -> "dict[str, tuple[int, int]]":
    """Setting -> (lowest, highest) in seconds, for a node of that mode; the lowest is also its default."""
    kind = "cabinet_" if mode == "alone" else "parked_"
    return {name[len(kind) :] + "_s": (board.DUTY[name][0], LONGEST_S) for name in board.DUTY if kind in name}


def periods(mode: str, given: "dict[str, Any]") -> "dict[str, int]":
    """All of the settings, of which `given` names some."""
    least = bounds(mode)
    return {name: int(given.get(name, least[name][0])) for name in least}


def awake_ms(task: str) -> int:
    """How long a task may keep the node awake, as cabinet_send."""
    return board.DUTY[task][1]


def is_turn(woke_ms: int, period_s: int, sample_s: int) -> bool:
    """Whether this wake is the first of a period, of which only every so many-th sample is."""
    return woke_ms % (period_s * 1000) < sample_s * 1000


def is_send_due(
    now_ms: int, sent_ms: "int | None", tried_ms: "int | None", periods: "dict[str, int]", is_urgent: bool
) -> bool:
    """Whether this wake is one to send in. `sent_ms` and `tried_ms` are of this boot, None for never."""
    if tried_ms is not None and now_ms - tried_ms < periods["look_s"] * 1000:
        return False
    return is_urgent or sent_ms is None or now_ms - sent_ms >= periods["send_s"] * 1000


def is_send_going(awake_for_ms: int, is_updating: bool, has_modem: bool) -> bool:
    """Whether a node that has sent for so long stays awake; `is_updating`: an update comes forward."""
    longest_ms = awake_ms("modem_dial" if has_modem else "cabinet_send")
    return awake_for_ms < (max(longest_ms, LONGEST_UPDATE_MS) if is_updating else longest_ms)


def sleep_ms(now_ms: int, woke_ms: int, sample_s: int) -> int:
    """How long to sleep until the next sample, at least a second."""
    return max(1000, woke_ms + sample_s * 1000 - now_ms)
