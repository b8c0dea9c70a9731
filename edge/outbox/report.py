"""What is in an outbox file, for people: read from a copy, since a running agent alone may open the file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from edge.outbox.connection import Connection, connect
from firmware import wire


def report(path: Path) -> list[str]:
    """Lines that tell epoch, marks and depth; raises OSError or sqlite3.Error."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "outbox.db"
        for tail in ("-wal", ""):
            source = path.with_name(path.name + tail)
            if not tail or source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + tail))
        db = connect(copy)
        try:
            return _lines(db, path)
        finally:
            db.close()


def _lines(db: Connection, path: Path) -> list[str]:
    execute = db.execute
    found = execute("SELECT value FROM meta WHERE key = 'dropped'").fetchone()
    lines = [f"{path}: {path.stat().st_size // 1024} KiB, {0 if found is None else found[0]} records dropped"]
    for epoch, epoch_id in execute("SELECT epoch, id FROM epochs ORDER BY id").fetchall():
        for lane, seq, offered, mark in execute(
            "SELECT lane, seq, offered, mark FROM lanes WHERE epoch = ? ORDER BY lane", (epoch_id,)
        ).fetchall():
            rows = execute(
                "SELECT count(*) FROM rows WHERE epoch = ? AND lane = ? AND seq > ?", (epoch_id, lane, mark)
            ).fetchone()[0]
            name = wire.LANES[lane]
            lines.append(
                f"epoch {epoch} {name:5}: last {seq}, offered {offered}, mark {mark}, {rows} to send"
            )
    return lines
