"""A scale under a slot: masses in, steps out. Pure, and one implementation for the Pi and for a node.

A load cell drifts by grams within minutes and is shaken by the road, so its absolute value says nothing for
long; what a hand does is a step between two quiet levels. Samples are gathered into blocks of a second:

    quiet block near the level    the level follows it slowly: drift of zero and of temperature
    quiet block far from it       a candidate; when three in a row agree it is a step, and the new level
    noisy block, overload         says nothing
    on the move, and just after   says nothing; the first level after it is compared as a doubtful step

Far means half a pack, so a step is a whole number of packs, and how near it comes to one says how sure it is.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLOCK_MS = 1000
AGREEING = 3  # quiet blocks until a level is believed
_FOLLOW = 32  # blocks in which the level comes up with a drift
SETTLE_MS = 5000  # a spring and a load need this long after the wheels stop


class Step:
    """The level changed by `change_mg` between `began_ms` and `at_ms`; doubtful across a drive."""

    def __init__(self, began_ms: int, at_ms: int, change_mg: int, is_doubtful: bool = False) -> None:
        self.began_ms = began_ms
        self.at_ms = at_ms
        self.change_mg = change_mg
        self.is_doubtful = is_doubtful


def packs_of(change_mg: int, pack_mg: int) -> "tuple[int, int]":
    """(packs, how sure in %) of a change: 100 at a whole number, 0 halfway between two."""
    packs = (2 * abs(change_mg) + pack_mg) // (2 * pack_mg)
    rest_mg = abs(abs(change_mg) - packs * pack_mg)
    return packs if change_mg >= 0 else -packs, max(0, 100 - 200 * rest_mg // pack_mg)


class Steps:
    """Finds the steps of one scale. `noise_mg` is how far samples of a quiet second lie apart."""

    def __init__(self, pack_mg: int, noise_mg: int, most_mg: int) -> None:
        self.is_overloaded = False
        self._pack_mg = pack_mg
        self._noise_mg = noise_mg
        self._most_mg = most_mg
        self._level: "int | None" = None  # in mg / _FOLLOW, so that a slow drift is not rounded away
        self._candidate_mg = 0
        self._agreeing = 0
        self._changed_ms: "int | None" = None  # since when nothing near the level was seen
        self._is_doubtful = False
        self._is_moving = False
        self._calm_ms = 0  # no block counts that began before
        self._block_ms = -_BLOCK_MS
        self._low = self._high = self._sum = self._count = 0

    def move(self, at_ms: int, *, is_moving: bool) -> None:
        """The vehicle moves, or not."""
        if is_moving or self._is_moving:
            self._calm_ms = at_ms + SETTLE_MS
            self._is_doubtful = True
            self._agreeing = 0
        self._is_moving = is_moving

    def overload(self) -> None:
        """The scale itself says that there is too much on it."""
        self.is_overloaded = True
        self._count = 0
        self._agreeing = 0

    def take(self, at_ms: int, mass_mg: int) -> "Step | None":
        """A sample; a step when it completes one."""
        if self._is_moving:
            return None
        if at_ms - self._block_ms >= _BLOCK_MS:
            step = self._end_block(at_ms)
            self._block_ms, self._count = at_ms, 1
            self._low = self._high = self._sum = mass_mg
            return step
        if mass_mg < self._low:
            self._low = mass_mg
        elif mass_mg > self._high:
            self._high = mass_mg
        self._sum += mass_mg
        self._count += 1
        return None

    # --- across a deep sleep, in which each look is a block ----------------------------------------------

    def state(self) -> "list[Any]":
        """What has to survive, as JSON can hold it."""
        block = [self._block_ms, self._low, self._high, self._sum, self._count]
        return [self._level, self._candidate_mg, self._agreeing, self._changed_ms, self.is_overloaded, block]

    def resume(self, state: "list[Any]") -> None:
        """Go on from a state of this scale."""
        self._level, self._candidate_mg, self._agreeing, self._changed_ms, self.is_overloaded, block = state
        self._block_ms, self._low, self._high, self._sum, self._count = block

    # --- inside -----------------------------------------------------------------------------------------

    def _end_block(self, now_ms: int) -> "Step | None":
        if not self._count or self._block_ms < self._calm_ms:
            return None
        if max(self._high, -self._low) > self._most_mg:
            self.overload()
            return None
        if self._high - self._low > self._noise_mg:
            self._depart(self._block_ms)
            return None
        self.is_overloaded = False
        return self._quiet(self._sum // self._count, now_ms)

    def _depart(self, at_ms: int) -> None:
        self._agreeing = 0
        if self._changed_ms is None:
            self._changed_ms = at_ms

    def _quiet(self, mass_mg: int, now_ms: int) -> "Step | None":
        level = self._level
        if level is not None and 2 * abs(mass_mg - level // _FOLLOW) < self._pack_mg:
            self._level = mass_mg * _FOLLOW if self._is_doubtful else level + mass_mg - level // _FOLLOW
            self._agreeing, self._changed_ms, self._is_doubtful = 0, None, False
            return None
        if not self._agreeing or abs(mass_mg - self._candidate_mg) > self._noise_mg:
            self._depart(self._block_ms)
            self._candidate_mg = mass_mg
        self._agreeing += 1
        return self._arrived(now_ms) if self._agreeing >= AGREEING else None

    def _arrived(self, now_ms: int) -> "Step | None":
        before, self._level = self._level, self._candidate_mg * _FOLLOW
        began_ms = self._block_ms if self._changed_ms is None else self._changed_ms
        is_doubtful, self._is_doubtful = self._is_doubtful, False
        self._agreeing, self._changed_ms = 0, None
        if before is None:
            return None
        return Step(began_ms, now_ms, self._candidate_mg - before // _FOLLOW, is_doubtful)
