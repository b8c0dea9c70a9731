"""Chance that repeats: the same words always give the same dice."""

import random


def dice(*seed: object) -> random.Random:
    """Dice of their own for these words."""
    return random.Random(" ".join(map(str, seed)))  # noqa: S311 (scenery, no secret)
