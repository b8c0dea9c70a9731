"""A part of a transaction that may fail by itself: what it wrote is undone, and the rest goes on.

What the store cannot do at all is not spared: then the whole transaction has to wait.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


@contextmanager
def spared(ledger: sqlite3.Connection, what: str) -> Iterator[None]:
    """Let the block fail without harm to what is around it; it is logged as `what`."""
    ledger.execute("SAVEPOINT spared")
    try:
        yield
    except sqlite3.OperationalError:
        raise
    except Exception:
        ledger.execute("ROLLBACK TO spared")
        log.exception("%s failed; the rest goes on", what)
    ledger.execute("RELEASE spared")
