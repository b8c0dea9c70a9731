"""A copy of the service's files while it runs: whole, of one moment, and complete or not there at all.

A copy that is older than what the units have receipts for is no loss: a service started from it asks them
for the rest, out of their black boxes. It must not be younger than a history that lies elsewhere, or rows
count as stored which that history does not have: copy the ledger first, then InfluxDB.
"""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from ingest.ledger.files import access_path, open_reading

if TYPE_CHECKING:
    from pathlib import Path

_STAMP = r"\d{8}T\d{6}Z"


class BackupError(RuntimeError):
    """No copy was made, and none is half made."""


def back_up(store: Path, folder: Path, stamp: str) -> list[Path]:
    """Copy the store and its keys into `folder`, `stamp` (20261121T120000Z) in their names.

    The keys come last: whoever finds them finds both.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = (store, access_path(store))
        return [_copied(file, folder / f"{file.stem}-{stamp}{file.suffix}") for file in files]
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"{store} could not be copied into {folder}: {error}") from None


def _copied(file: Path, copy: Path) -> Path:
    part = copy.with_name(f"{copy.name}.part")
    try:
        part.touch(mode=0o600)
        with closing(open_reading(file)) as now, closing(sqlite3.connect(part)) as then:
            now.backup(then)  # in one step: the writer goes on beside it
        _sync(part)
        part.rename(copy)
    finally:
        part.unlink(missing_ok=True)
    _sync(copy.parent)
    return copy


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_old(store: Path, folder: Path, keep: int) -> list[Path]:
    """Remove all but the newest `keep` copies of this store and of its keys; what is not ours stays.

    What a backup left half made that was killed goes with them, once there is a newer copy.
    """
    removed: list[Path] = []
    for file in (store, access_path(store)):
        ours = re.compile(f"({re.escape(file.stem)}-{_STAMP}{re.escape(file.suffix)})(\\.part(-journal)?)?")
        found = {path: match for path in folder.iterdir() if (match := ours.fullmatch(path.name))}
        copies = sorted(path for path, match in found.items() if match[2] is None)
        removed += copies[: max(0, len(copies) - keep)]
        removed += [
            path for path, match in found.items() if match[2] and copies and match[1] < copies[-1].name
        ]
    for path in removed:
        path.unlink()
    return removed
