"""The judge of one probe: samples in, what to tell of excursions out. Pure; its state is plain data.

A sample beyond a limit begins a run, the first sample that is not ends it; its length is last minus first
sample beyond. "single" breaks the rule by one run, "cumulative" by the sum of runs since the profile was set.
More than two periods without a sample end a run too, as "lost": nobody knows what was in between, and a hole
is neither hot nor fine. Broken means a length of at least `limit_s`: a run of exactly an hour is an hour.

Samples of one moment count together, the coldest against the low limits and the warmest against the high
ones, so that their order does not matter; they are judged when time has moved on. What is older than what
was judged is refused. An excursion keeps its number until it is over, also across restarts and midnight.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.cabinet.profile import Limit, Profile

State = Literal["open", "ended", "lost"]

GAP_PERIODS = 2
REPEAT_MS = 3_600_000  # while it lasts, it is told again this often
CALM_MS = 900_000  # a sum is not told as ended, and open again, with every other sample


@dataclass(frozen=True, slots=True)
class Excursion:
    """What is to be told of one excursion at `at_ms`; all times on the caller's axis."""

    at_ms: int
    number: int
    state: State
    limit: Limit
    began_ms: int
    ended_ms: int | None
    outside_s: int
    lowest_cc: int
    highest_cc: int


@dataclass(slots=True)
class _Track:
    """How far one limit is on the way to being broken; None where nothing was beyond it."""

    began_ms: int | None = None  # first sample that counts
    run_ms: int | None = None  # first sample of the present run
    last_ms: int = 0  # last sample beyond
    sum_ms: int = 0  # of the runs before the present one
    lowest_cc: int = 0
    highest_cc: int = 0
    number: int | None = None
    is_open: bool = False
    told_ms: int = 0

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

    @property
    def held(self) -> bool:
        """Whether there is anything to remember."""
        return self.began_ms is not None


class Judge:
    """Judges the samples of one probe, expected every `period_ms`, by one profile."""

    def __init__(self, profile: Profile, period_ms: int) -> None:
        self.profile = profile
        self.late = 0  # samples refused because they came after younger ones
        self._gap_ms = GAP_PERIODS * period_ms
        self._tracks = [_Track() for _ in profile.limits]
        self._number = 0
        self._newest: tuple[int, int, int] | None = None  # moment, coldest, warmest: not judged yet
        self._judged_ms: int | None = None

    def take(self, at_ms: int, temperature_cc: int) -> list[Excursion]:
        """A sample; what is to be told of those before it."""
        newest = self._newest
        if (newest is not None and at_ms < newest[0]) or (
            self._judged_ms is not None and at_ms <= self._judged_ms
        ):
            self.late += 1
            return []
        if newest is not None and at_ms == newest[0]:
            self._newest = (at_ms, min(newest[1], temperature_cc), max(newest[2], temperature_cc))
            return []
        told = self.settle(at_ms)
        self._newest = (at_ms, temperature_cc, temperature_cc)
        return told

    def settle(self, now_ms: int) -> list[Excursion]:
        """Judge what is older than now, and see whether the probe has fallen silent."""
        told: list[Excursion] = []
        if self._newest is not None and self._newest[0] < now_ms:
            at_ms, coldest_cc, warmest_cc = self._newest
            self._newest = None
            told += self._gap(at_ms)
            self._judged_ms = at_ms
            for track, limit in self._pairs():
                value_cc = coldest_cc if limit.direction == "low" else warmest_cc
                told += self._judge(track, limit, at_ms, value_cc)
        return told + self._gap(now_ms)

    def restart(self, at_ms: int) -> list[Excursion]:
        """All sums and runs begin anew, as after a new load; what is open is told as lost."""
        told = [self._told(track, limit, at_ms, "lost") for track, limit in self._pairs() if track.is_open]
        self._tracks = [_Track() for _ in self.profile.limits]
        return told

    def open(self) -> list[Excursion]:
        """The excursions that go on, as of their last sample."""
        return [self._told(t, limit, t.last_ms, "open") for t, limit in self._pairs() if t.is_open]

    def outside(self) -> list[tuple[Limit, int]]:
        """The limits that are exceeded but not broken yet, and for how long (s)."""
        return [
            (limit, track.outside_ms // 1000)
            for track, limit in self._pairs()
            if track.run_ms is not None and not track.is_open
        ]

    # --- across a power cut -----------------------------------------------------------------------------

    @property
    def newest_ms(self) -> int | None:
        """The moment of the newest sample."""
        return self._judged_ms if self._newest is None else self._newest[0]

    def state(self) -> dict[str, Any]:
        """All that has to survive, as JSON can hold it."""
        return {
            "profile": [self.profile.name, self.profile.version, len(self._tracks)],
            "number": self._number,
            "newest": self._newest,
            "judged_ms": self._judged_ms,
            "tracks": [asdict(track) if track.held else None for track in self._tracks],
        }

    def resume(self, state: dict[str, Any]) -> bool:
        """Go on from a state; False where it was another profile's, of which only the numbers go on."""
        self._number = int(state["number"])
        profile = [self.profile.name, self.profile.version, len(self._tracks)]
        if state["profile"] != profile:
            return False
        self._judged_ms = state["judged_ms"]
        newest = state["newest"]
        self._newest = None if newest is None else (newest[0], newest[1], newest[2])
        self._tracks = [_Track() if saved is None else _track(saved) for saved in state["tracks"]]
        return True

    # --- inside -----------------------------------------------------------------------------------------

    def _pairs(self) -> Iterator[tuple[_Track, Limit]]:
        return zip(self._tracks, self.profile.limits, strict=True)

    def _judge(self, track: _Track, limit: Limit, at_ms: int, value_cc: int) -> Iterator[Excursion]:
        if not limit.is_outside(value_cc):
            yield from self._inside(track, limit, at_ms)
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
        yield self._told(track, limit, at_ms, "open")

    def _inside(self, track: _Track, limit: Limit, at_ms: int) -> Iterator[Excursion]:
        track.end_run()
        is_calm = limit.judgement == "single" or at_ms - track.last_ms >= CALM_MS
        if track.is_open and is_calm:
            yield self._told(track, limit, at_ms, "ended")
            track.is_open = False
        if limit.judgement == "single":
            self._forget(track)

    def _gap(self, now_ms: int) -> list[Excursion]:
        if self._judged_ms is None or now_ms - self._judged_ms <= self._gap_ms or self._newest is not None:
            return []
        told = []
        for track, limit in self._pairs():
            track.end_run()
            if track.is_open:
                told.append(self._told(track, limit, now_ms, "lost"))
                track.is_open = False
            if limit.judgement == "single":
                self._forget(track)
        return told

    def _forget(self, track: _Track) -> None:
        if track.held:
            self._tracks[next(i for i, one in enumerate(self._tracks) if one is track)] = _Track()

    def _told(self, track: _Track, limit: Limit, at_ms: int, state: State) -> Excursion:
        return Excursion(
            at_ms,
            track.number or 0,
            state,
            limit,
            at_ms if track.began_ms is None else track.began_ms,
            None if state == "open" else track.last_ms,
            track.outside_ms // 1000,
            track.lowest_cc,
            track.highest_cc,
        )


def _track(saved: dict[str, Any]) -> _Track:
    return _Track(**{item.name: saved[item.name] for item in fields(_Track)})
