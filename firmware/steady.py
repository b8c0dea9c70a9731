"""Contacts bounce: a level counts when it has stood for LOOKS looks, LOOK_MS apart. Pure."""

LOOK_MS = 20
LOOKS = 3


class Steady:
    """Levels as they are seen -> changes that have stood; pure."""

    def __init__(self) -> None:
        self._seen = -1
        self._count = 0
        self.level = -1

    def step(self, level: int) -> bool:
        """Whether the level that counts has changed."""
        self._count = self._count + 1 if level == self._seen else 1
        self._seen = level
        if self._count < LOOKS or level == self.level:
            return False
        self.level = level
        return True
