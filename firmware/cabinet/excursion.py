"""The judge of one probe: samples in, what to tell of excursions out. Pure; its state is plain data.

A sample beyond a limit begins a run, the first sample that is not ends it; its length is last minus first
sample beyond. "single" breaks the rule by one run, "cumulative" by the sum of runs since the profile was set.
More than two periods without a sample end a run too, as "lost": nobody knows what was in between, and a hole
is neither hot nor fine. Broken means a length of at least `limit_s`: a run of exactly an hour is an hour.

Samples of one moment count together, the coldest against the low limits and the warmest against the high
ones, so that their order does not matter; they are judged when time has moved on. What is older than what
was judged is refused. An excursion keeps its number until it is over, also across restarts and midnight.

It judges on the Pi and on a node that stands alone, so it is written once, for the weaker of the two.
"""

from firmware import wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.cabinet.profile import Limit, Profile

GAP_PERIODS = 2
REPEAT_MS = 3_600_000  # while it lasts, it is told again this often
CALM_MS = 900_000  # a sum is not told as ended, and open again, with every other sample


class Excursion:
    """What is to be told of one excursion at `at_ms`: open, ended or lost; times on the caller's axis."""

    def __init__(self, at_ms: int, state: str, limit: "Limit", track: "_Track") -> None:
        self.at_ms = at_ms
        self.state = state
        self.limit = limit
        self.number = track.number or 0
        self.began_ms = at_ms if track.began_ms is None else track.began_ms
        self.ended_ms = None if state == "open" else track.last_ms
        self.outside_s = track.outside_ms // 1000
        self.lowest_cc = track.lowest_cc
        self.highest_cc = track.highest_cc

    def values(self, profile: "Profile") -> "dict[str, Any]":
        """The record of it, whose time is `at_ms`."""
        limit, ended_ms = self.limit, self.ended_ms
        return {
            "number": self.number,
            "state": _word("state", self.state),
            "direction": _word("direction", limit.direction),
            "judgement": _word("judgement", limit.judgement),
            "comparator": _word("comparator", limit.comparator),
            "limit_cc": limit.limit_cc,
            "limit_s": limit.limit_s,
            "began_ago_ms": max(self.at_ms - self.began_ms, 0),
            "ended_ago_ms": None if ended_ms is None else max(self.at_ms - ended_ms, 0),
            "outside_s": self.outside_s,
            "lowest_cc": self.lowest_cc,
            "highest_cc": self.highest_cc,
            "profile": profile.name,
            "profile_version": profile.version,
        }


def _word(name: str, word: str) -> int:
    return wire.KINDS["excursion"].by_name[name].words.index(word)


TRACK = (
    "began_ms",
    "run_ms",
    "last_ms",
    "sum_ms",
    "lowest_cc",
    "highest_cc",
    "number",
    "is_open",
    "told_ms",
)


class _Track:
    """How far one limit is on the way to being broken; None where nothing was beyond it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Nothing was beyond."""
        self.began_ms: "int | None" = None  # first sample that counts
        self.run_ms: "int | None" = None  # first sample of the present run
        self.last_ms = 0  # last sample beyond
        self.sum_ms = 0  # of the runs before the present one
        self.lowest_cc = 0
        self.highest_cc = 0
        self.number: "int | None" = None
        self.is_open = False
        self.told_ms = 0

    def take(self, at_ms: int, value_cc: int) -> None:
        """A sample beyond the limit."""
        if self.began_ms is None:
            self.began_ms, self.lowest_cc, self.highest_cc = at_ms, value_cc, value_cc
        if self.run_ms is None:
            self.run_ms = at_ms
        self.last_ms = at_ms
        self.lowest_cc = min(self.lowest_cc, value_cc)
        self.highest_cc = max(self.highest_cc, value_cc)

    def end_run(self) -> None:
        """The present run is over; what it lasted stays in the sum."""
        if self.run_ms is not None:
            self.sum_ms += self.last_ms - self.run_ms
            self.run_ms = None

    @property
    def outside_ms(self) -> int:
        return self.sum_ms + (0 if self.run_ms is None else self.last_ms - self.run_ms)

    def state(self) -> "dict[str, Any] | None":
        """None when there is nothing to remember."""
        return None if self.began_ms is None else {name: getattr(self, name) for name in TRACK}

    def resume(self, state: "dict[str, Any] | None") -> None:
        self.forget()
        if state is not None:
            for name in TRACK:
                setattr(self, name, state[name])


class Judge:
    """Judges the samples of one probe, expected every `period_ms`, by one profile."""

    def __init__(self, profile: "Profile", period_ms: int) -> None:
        self.profile = profile
        self.late = 0  # samples refused because they came after younger ones
        self._gap_ms = GAP_PERIODS * period_ms
        self._pairs = [(_Track(), limit) for limit in profile.limits]
        self._number = 0
        self._newest: "tuple[int, int, int] | None" = None  # moment, coldest, warmest: not judged yet
        self._judged_ms: "int | None" = None

    def take(self, at_ms: int, temperature_cc: int) -> "list[Excursion]":
        """A sample; what is to be told of those before it."""
        newest, judged_ms = self._newest, self._judged_ms
        is_late = newest is not None and at_ms < newest[0]
        if is_late or (judged_ms is not None and at_ms <= judged_ms):
            self.late += 1
            return []
        if newest is not None and at_ms == newest[0]:
            self._newest = (at_ms, min(newest[1], temperature_cc), max(newest[2], temperature_cc))
            return []
        told = self.settle(at_ms)
        self._newest = (at_ms, temperature_cc, temperature_cc)
        return told

    def settle(self, now_ms: int) -> "list[Excursion]":
        """Judge what is older than now, and see whether the probe has fallen silent."""
        told: "list[Excursion]" = []
        if self._newest is not None and self._newest[0] < now_ms:
            at_ms, coldest_cc, warmest_cc = self._newest
            self._newest = None
            self._gap(at_ms, told)
            self._judged_ms = at_ms
            for track, limit in self._pairs:
                value_cc = coldest_cc if limit.direction == "low" else warmest_cc
                self._judge(track, limit, at_ms, value_cc, told)
        self._gap(now_ms, told)
        return told

    def open(self) -> "list[Excursion]":
        """The excursions that go on, as of their last sample."""
        return [
            Excursion(track.last_ms, "open", limit, track) for track, limit in self._pairs if track.is_open
        ]

    def outside(self) -> "list[tuple[Limit, int]]":
        """The limits that are exceeded but not broken yet, and for how long (s)."""
        return [
            (limit, track.outside_ms // 1000)
            for track, limit in self._pairs
            if track.run_ms is not None and not track.is_open
        ]

    # --- across a power cut -----------------------------------------------------------------------------

    @property
    def newest_ms(self) -> "int | None":
        """The moment of the newest sample."""
        return self._judged_ms if self._newest is None else self._newest[0]

    @property
    def is_calm(self) -> bool:
        """Nothing is beyond a limit and nothing is open: the moment of the next sample changes nothing."""
        return all([track.run_ms is None and not track.is_open for track, _ in self._pairs])

    def state(self) -> "dict[str, Any]":
        """All that has to survive, as JSON can hold it."""
        return {
            "profile": [self.profile.name, self.profile.version, len(self._pairs)],
            "number": self._number,
            "newest": self._newest,
            "judged_ms": self._judged_ms,
            "tracks": [track.state() for track, _ in self._pairs],
        }

    def resume(self, state: "dict[str, Any]") -> bool:
        """Go on from a state; False where it was another profile's, of which only the numbers go on."""
        self._number = int(state["number"])
        if state["profile"] != [self.profile.name, self.profile.version, len(self._pairs)]:
            return False
        self._judged_ms = state["judged_ms"]
        newest = state["newest"]
        self._newest = None if newest is None else (newest[0], newest[1], newest[2])
        for at in range(len(self._pairs)):
            self._pairs[at][0].resume(state["tracks"][at])
        return True

    # --- inside -----------------------------------------------------------------------------------------

    def _judge(
        self, track: _Track, limit: "Limit", at_ms: int, value_cc: int, told: "list[Excursion]"
    ) -> None:
        if not limit.is_outside(value_cc):
            self._inside(track, limit, at_ms, told)
            return
        track.take(at_ms, value_cc)
        if not track.is_open and track.outside_ms >= limit.limit_s * 1000:
            if track.number is None:
                self._number += 1
                track.number = self._number
            track.is_open = True
        elif not track.is_open or at_ms - track.told_ms < REPEAT_MS:
            return
        track.told_ms = at_ms
        told.append(Excursion(at_ms, "open", limit, track))

    def _inside(self, track: _Track, limit: "Limit", at_ms: int, told: "list[Excursion]") -> None:
        track.end_run()
        is_calm = limit.judgement == "single" or at_ms - track.last_ms >= CALM_MS
        if track.is_open and is_calm:
            told.append(Excursion(at_ms, "ended", limit, track))
            track.is_open = False
        if limit.judgement == "single":
            track.forget()

    def _gap(self, now_ms: int, told: "list[Excursion]") -> None:
        if self._judged_ms is None or now_ms - self._judged_ms <= self._gap_ms or self._newest is not None:
            return
        for track, limit in self._pairs:
            track.end_run()
            if track.is_open:
                told.append(Excursion(now_ms, "lost", limit, track))
                track.is_open = False
            if limit.judgement == "single":
                track.forget()
