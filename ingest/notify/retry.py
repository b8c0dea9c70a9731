"""When to try again: doubling from half a minute to an hour, with jitter, for a day. Pure."""

from __future__ import annotations

FIRST_S = 30
LONGEST_S = 3600
GIVE_UP_S = 86_400


def wait_s(attempts: int, jitter: float) -> float:
    """How long to wait after so many attempts; `jitter` is 0..1 and takes off up to half of it."""
    longest_s: int = min(LONGEST_S, FIRST_S << min(max(attempts - 1, 0), 16))
    return longest_s * (1 - jitter / 2)


def is_over(age_s: float) -> bool:
    """Whether a message so old is given up: whoever reads it then cannot act on it any more."""
    return age_s >= GIVE_UP_S
