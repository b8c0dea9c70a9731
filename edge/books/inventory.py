"""A shelf check: rounds of reading until nothing new comes, and how sure it is that nothing is missing. Pure.

A read is not presence and a miss is not absence: a tag behind another, or turned edgewise to the antenna,
answers now and then. So the shelf is read in rounds, and the check is stable when STABLE rounds in a row
brought no tag that was not there before. How many tags were never read is estimated from those that were
read in one round only and in two (Chao 1984, "Nonparametric estimation of the number of classes in a
population", bias-corrected): n1 (n1 - 1) / (2 (n2 + 1)).

A copy that was not read is missing with the probability that a copy which is there would have been read: of
those that were, each round read the share p, so after k rounds it is 1 - (1 - p)^k. Labels that a person
scans one by one are sure: one round, nothing to estimate.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

ROUND_MS = 4_000
STABLE = 3
MOST_ITEMS = 20_000
Place = Literal["present", "misplaced", "foreign"]
Method = Literal["tag", "barcode", "typed"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found: where each copy lies, what is missing, and how sure that is, in percent."""

    places: dict[str, Place]
    missing: tuple[str, ...]
    unread: tuple[str, ...]  # identities of tags that name no copy
    expected: int
    rounds: int
    sure_pct: int
    missing_sure_pct: int

    def count(self, place: Place) -> int:
        """How many copies are in such a place."""
        return sum(1 for found in self.places.values() if found == place)


@dataclass(slots=True)
class Inventory:
    """One check of a shelf, "" for all of them. `homes` says where each listed copy belongs."""

    number: int
    began_ms: int
    shelf: str
    method: Method
    expected: frozenset[str]
    homes: dict[str, str]
    actor: str = ""
    reads: Counter[str] = field(default_factory=Counter)  # copy -> rounds in which it was read
    unread: set[str] = field(default_factory=set)
    rounds: int = 0
    quiet_rounds: int = 0
    _round: set[str] = field(default_factory=set)
    _round_ms: int | None = None
    _has_news: bool = False

    def see(self, at_ms: int, item: str, uid: str = "") -> None:
        """A copy was read, or a tag that names none (`item` empty)."""
        if self._round_ms is None:
            self._round_ms = at_ms
        if not item:
            self._has_news |= uid not in self.unread
            self.unread.add(uid)
        elif item not in self._round and len(self.reads) < MOST_ITEMS:
            self._round.add(item)
            self._has_news |= item not in self.reads
            self.reads[item] += 1

    def step(self, now_ms: int) -> None:
        """End the round when its time is over; one in which nothing at all was read is none."""
        if self._round_ms is None or now_ms - self._round_ms < ROUND_MS:
            return
        self.rounds += 1
        self.quiet_rounds = 0 if self._has_news else self.quiet_rounds + 1
        self._round, self._has_news, self._round_ms = set(), False, None

    @property
    def is_stable(self) -> bool:
        """Whether the last rounds brought nothing new."""
        return self.quiet_rounds >= STABLE

    def found(self) -> Found:
        """What is known by now."""
        missing = tuple(sorted(self.expected - set(self.reads)))
        rounds = max(self.rounds, 1)
        return Found(
            {item: self._place(item) for item in self.reads},
            missing,
            tuple(sorted(self.unread)),
            len(self.expected),
            rounds,
            100 if self.method != "tag" else sure_pct(list(self.reads.values())),
            100 if self.method != "tag" else missing_pct(list(self.reads.values()), rounds),
        )

    def _place(self, item: str) -> Place:
        home = self.homes.get(item)
        if home is None:
            return "foreign"
        return "present" if self.shelf in {"", home} or not home else "misplaced"


def sure_pct(reads: list[int]) -> int:
    """How sure it is that all that lies there was read, from how many rounds read each; 0 for nothing."""
    if not reads:
        return 0
    once, twice = reads.count(1), reads.count(2)
    unseen = once * (once - 1) / (2 * (twice + 1))
    return int(100 * len(reads) / (len(reads) + unseen))


def missing_pct(reads: list[int], rounds: int) -> int:
    """How sure it is that a copy which was never read is not there; 0 when nothing was read."""
    if not reads:
        return 0
    share = min(sum(reads) / (len(reads) * rounds), 1.0)
    return int(100 * (1 - (1 - share) ** rounds))
