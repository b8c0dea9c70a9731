"""What an administrator would have typed in for the demo's medicine cabinets: sites, items and par levels.

The sheets are those that the API takes, but for the column `units`: the row is there when so many units run.
A demo whose stock somebody has begun to edit is left as it is.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from ingest.demo.watch import ask_json, send

SHEETS = Path(__file__).parent / "sheets"
COUNT = "units"


def furnish(port: int, units: int) -> None:
    """Have the service know the cabinets of so many units, unless it knows sites already."""
    known = ask_json(port, "/api/v1/stock/sites")
    if known is None or known["sites"]:
        return
    for what in ("items", "sites", "levels"):
        send(port, f"/api/v1/stock/import?what={what}", sheet(what, units))


def sheet(what: str, units: int) -> bytes:
    """A sheet without the rows of units that do not run."""
    with (SHEETS / f"{what}.csv").open(encoding="utf-8", newline="") as lines:
        table = csv.DictReader(lines)
        rows = [row for row in table if int(row.get(COUNT, 0)) <= units]
        columns = [column for column in table.fieldnames or () if column != COUNT]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
