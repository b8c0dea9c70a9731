"""Time on a node: milliseconds since boot that never wrap, and UTC once a source has earned it.

A board's ticks wrap (after 12 days at 30 bits), and its wall clock begins in 1970 or in 2000: so `Ticks`
makes one number that only rises, and UTC is one more number on top of it, `boot_at_ms`. Evidence climbs a
ladder, none < rtc < ntp < gnss: what ranks lower never moves what ranks higher. A receiver's word counts when
it agrees with itself; a time before the build or twenty years after it is refused.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SOURCES = ("none", "estimated", "rtc", "ntp", "gnss")  # as wire.CLOCKS
BUILT_MS = 1793491200000  # 2026-11-01; no clock may be before it
CEILING_MS = BUILT_MS + 20 * 31557600000
STEP_MS = 250  # less than this is jitter
AGREEMENT_MS = 500
AGREEING = 3
ROLLOVER_MS = 1024 * 7 * 86400000


class Ticks:
    """`now` is ms since boot, as long as it is asked at least every six days."""

    def __init__(
        self, ticks: "Callable[[], int]", difference: "Callable[[int, int], int]", since_ms: int = 0
    ) -> None:
        """`since_ms`: how long this boot had lasted already, as after a deep sleep."""
        self._ticks = ticks
        self._difference = difference
        self._last = ticks()
        self._now_ms = since_ms

    def now(self) -> int:
        last = self._ticks()
        self._now_ms += self._difference(last, self._last)
        self._last = last
        return self._now_ms


class Clock:
    """Maps ms since boot to UTC, as far as the evidence goes."""

    def __init__(self, floor_ms: int = BUILT_MS) -> None:
        self._floor_ms = max(floor_ms, BUILT_MS)
        self.word = "none"
        self.boot_at_ms = 0
        self.refused = 0
        self._run = [0, 0]  # of a receiver: its first word, how often it agreed

    def offer(self, source: str, utc_ms: int, now_ms: int) -> "tuple[int, str] | None":
        """Take evidence; (step in ms, word before) when records that were timed before are to be moved."""
        if source == "gnss" and utc_ms < self._floor_ms:
            utc_ms += ROLLOVER_MS
        if not self._floor_ms <= utc_ms < CEILING_MS:
            self.refused += 1
            return None
        boot_at_ms = utc_ms - now_ms
        if SOURCES.index(source) < SOURCES.index(self.word) or not self._is_agreed(source, boot_at_ms):
            return None
        was, before_ms = self.word, self.boot_at_ms
        if was == source and abs(boot_at_ms - before_ms) <= STEP_MS:
            return None
        self.word = source
        if abs(boot_at_ms - before_ms) > STEP_MS:
            self.boot_at_ms = boot_at_ms
        return self.boot_at_ms - before_ms, was

    def resume(self, word: str, boot_at_ms: int) -> None:
        """Go on with what was known before a deep sleep of the same boot."""
        self.word, self.boot_at_ms = word, boot_at_ms

    def time_of(self, at_ms: int) -> "tuple[int, int, str]":
        """(time_ms, boot_at_ms, clock) of a moment; without a clock the time counts from boot."""
        return self.boot_at_ms + at_ms, self.boot_at_ms, self.word

    def _is_agreed(self, source: str, boot_at_ms: int) -> bool:
        if source != "gnss":
            return True
        if abs(boot_at_ms - self._run[0]) > AGREEMENT_MS:
            self._run = [boot_at_ms, 0]
        self._run[1] += 1
        return self._run[1] >= AGREEING
