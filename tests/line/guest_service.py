"""`python -m tests.line.guest_service CONFIG FULL`: the service, with that care for its store's disk."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import ingest.premises
from ingest.__main__ import app
from ingest.ledger.files import open_store

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


def main(config: str, synchronous: str) -> None:
    def opened(path: Path) -> sqlite3.Connection:
        connection = open_store(path)
        if synchronous != "FULL":
            connection.execute(f"PRAGMA synchronous = {synchronous}")
        return connection

    ingest.premises.open_store = opened  # type: ignore[attr-defined]
    app(["run", "--config", config])


if __name__ == "__main__":
    main(*sys.argv[1:])
