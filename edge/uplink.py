"""The uplink: when to connect, what to send next, when to send it again. Pure: time is an argument.

Each lane has a window of batches that were sent and not yet receipted. A receipt moves the window; no receipt
in time means that the lane goes back to its mark and sends again, waiting longer each time. Only progress
shortens the wait again, so a service that is down for hours is not pestered. Three such time-outs without
progress are taken for a connection that only looks alive: a new one is made. On a new connection everything
under way is sent again at once, since nobody knows what arrived.

When the broker itself goes away, all units of a fleet lose it at one moment, while a tunnel takes one. So
whoever saw the broker's machine cut it waits a random while of `spread_ms`, and after each refusal that long
again and a little more: 1,000 units make 17 attempts a second with the minute that is the default.

What is lost on the way shows in a receipt that repeats the mark while later batches are under way. Going back
at once on each of them would send everything many times over, so one such hint counts per mark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LONGEST_RESEND_MS = 600_000
# A path that is back is used within 30 s. Half of a wait is chance, so that units do not move in step.
FIRST_RECONNECT_MS, LONGEST_RECONNECT_MS = 2_000, 30_000
STABLE_MS = 60_000  # a connection that lasts so long was a good one
HINT_AGE_MS = 2_000  # a younger batch may simply not have been answered yet
TIMEOUTS_TO_RECONNECT = 3
IDLE_LIVE_MS = 30_000  # without news a live message still says that the unit is there
LIVE_SLACK_MS = 50  # a fix each second must not wait for the second after because it came a moment early

Position = tuple[str, int]  # epoch, last seq


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a lane's mark stands after a receipt; `is_back`: behind what was marked, or in a new epoch."""

    lane: str
    epoch: str
    mark: int
    is_forward: bool
    is_back: bool


@dataclass(slots=True)
class _Sent:
    at: Position
    sent_ms: int


@dataclass(slots=True)
class _Lane:
    under_way: list[_Sent] = field(default_factory=list)
    tries: int = 0  # time-outs since progress
    deadline_ms: int = 0
    is_hint_used: bool = False

    def go_back(self) -> None:
        self.under_way.clear()


class Uplink:
    """State of the connection and of each lane. `random` gives floats in [0, 1)."""

    def __init__(
        self,
        *,
        window: int,
        receipt_timeout_ms: int,
        live_period_ms: int,
        random: Callable[[], float],
        spread_ms: int = 0,
    ) -> None:
        self._window = window
        self._spread_ms = spread_ms
        self._timeout_ms = receipt_timeout_ms
        self._live_period_ms = live_period_ms
        self._random = random
        self._lanes = {name: _Lane() for name in wire.LANES}
        self._opened_ms: int | None = None
        self._is_connecting = False
        self._failures = 0
        self._connect_at_ms = 0
        self._timeouts = 0
        self._live_ms: int | None = None
        self._live_free_ms = 0
        self.reconnects = 0

    # --- the connection ---------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._opened_ms is not None

    def is_connect_due(self, now_ms: int) -> bool:
        return self._opened_ms is None and not self._is_connecting and now_ms >= self._connect_at_ms

    def connecting(self) -> None:
        """An attempt has begun; `opened` or `failed` follows."""
        self._is_connecting = True

    def opened(self, now_ms: int) -> None:
        """The broker has accepted us; whatever was under way goes out again at once."""
        self._opened_ms = now_ms
        self._is_connecting = False
        self._timeouts = 0
        self._live_ms = None
        for lane in self._lanes.values():
            lane.go_back()

    def failed(self, now_ms: int, *, is_broker_gone: bool = False) -> None:
        """An attempt failed, or the connection is gone: wait, longer each time, each unit its own while.

        `is_broker_gone`: it was the broker's side, so others will be in the same case.
        """
        was_open = self._opened_ms is not None
        if self._opened_ms is not None:
            self.reconnects += 1
            if now_ms - self._opened_ms >= STABLE_MS:
                self._failures = 0
        self._opened_ms = None
        self._is_connecting = False
        longest_ms = min(FIRST_RECONNECT_MS << min(self._failures, 16), LONGEST_RECONNECT_MS)
        wait_ms = longest_ms // 2 + int(longest_ms / 2 * self._random())
        if is_broker_gone:
            # The first wait spreads a fleet evenly over a span; the same span again keeps it so.
            least_ms, chance_ms = (0, self._spread_ms) if was_open else (self._spread_ms, self._spread_ms / 4)
            wait_ms = max(wait_ms, least_ms + int(chance_ms * self._random()))
        self._failures += 1
        self._connect_at_ms = now_ms + wait_ms

    def retry_at_once(self, now_ms: int) -> None:
        """The attempt failed for a reason that the next one avoids."""
        self._connect_at_ms = now_ms

    def is_stuck(self) -> bool:
        """Whether the connection only looks alive; it is then to be closed, and a new one made."""
        return self.is_open and self._timeouts >= TIMEOUTS_TO_RECONNECT

    @property
    def has_no_receipts(self) -> bool:
        """Whether time-outs went on until no progress was to be expected: a fault to show."""
        return any(lane.tries >= TIMEOUTS_TO_RECONNECT for lane in self._lanes.values())

    # --- lanes ------------------------------------------------------------------------------------------

    def open_lanes(self, now_ms: int) -> list[str]:
        """Lanes that may send another batch, events first. Batches overdue are given up here."""
        if not self.is_open:
            return []
        for lane in self._lanes.values():
            if lane.under_way and now_ms >= lane.deadline_ms:
                lane.go_back()
                lane.tries += 1
                self._timeouts += 1
        return [name for name in self._lanes if self.has_room(name)]

    def has_room(self, lane: str) -> bool:
        return len(self._lanes[lane].under_way) < self._window

    def after(self, lane: str) -> Position | None:
        """Behind which (epoch, seq) the lane goes on; None: behind its mark."""
        under_way = self._lanes[lane].under_way
        return under_way[-1].at if under_way else None

    def sent(self, lane: str, epoch: str, last_seq: int, now_ms: int) -> None:
        state = self._lanes[lane]
        if not state.under_way:
            self._set_deadline(state, now_ms)
        state.under_way.append(_Sent((epoch, last_seq), now_ms))

    def settled(self, progress: Iterable[Progress], now_ms: int) -> None:
        """What a receipt said, after the outbox has judged it."""
        for told in progress:
            lane = self._lanes[told.lane]
            if told.is_back:
                lane.go_back()
            elif told.is_forward:
                self._timeouts = lane.tries = 0
                lane.is_hint_used = False
                lane.under_way = [sent for sent in lane.under_way if not _is_covered(sent.at, told)]
                self._set_deadline(lane, now_ms)
            elif self._is_hint(lane, told, now_ms):
                lane.is_hint_used = True
                lane.go_back()

    def wait_ms(self, now_ms: int) -> int:
        """How long nothing will be due by itself."""
        if self._is_connecting:
            return LONGEST_RECONNECT_MS  # how it ends is an event
        if not self.is_open:
            return max(0, self._connect_at_ms - now_ms)
        deadlines = [lane.deadline_ms for lane in self._lanes.values() if lane.under_way]
        return max(0, min(deadlines, default=now_ms + self._timeout_ms) - now_ms)

    def _set_deadline(self, lane: _Lane, now_ms: int) -> None:
        wait_ms = min(self._timeout_ms << min(lane.tries, 16), max(LONGEST_RESEND_MS, self._timeout_ms))
        lane.deadline_ms = now_ms + wait_ms + int(wait_ms * self._random() / 4)

    @staticmethod
    def _is_hint(lane: _Lane, told: Progress, now_ms: int) -> bool:
        if not lane.under_way or lane.is_hint_used or lane.under_way[0].at[0] != told.epoch:
            return False
        return now_ms - lane.under_way[0].sent_ms >= HINT_AGE_MS

    # --- live -------------------------------------------------------------------------------------------

    def is_live_due(self, now_ms: int, *, has_news: bool) -> bool:
        """Whether the newest position may go out: one per period on average, and rarely without news."""
        if not self.is_open or self._live_ms is None:
            return self.is_open
        if has_news:
            return now_ms >= self._live_free_ms
        return now_ms - self._live_ms >= max(IDLE_LIVE_MS, self._live_period_ms)

    def live_sent(self, now_ms: int) -> None:
        """One that went late lets the next go soon: else each would be a fix behind from then on."""
        self._live_ms = now_ms
        since_ms = max(now_ms - self._live_period_ms, self._live_free_ms)
        self._live_free_ms = since_ms + self._live_period_ms - LIVE_SLACK_MS


def _is_covered(at: Position, told: Progress) -> bool:
    return at[0] == told.epoch and at[1] <= told.mark
