"""Items: the kinds of thing that are counted, in whole base units, with the codes they are scanned by."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3


class ItemError(ValueError):
    """What is said of an item cannot be; waiting does not help."""


@dataclass(frozen=True, slots=True)
class Item:
    """A kind; `names` by language, `codes` are GTINs or the leading digits-free whole codes of packs."""

    item: str
    base_unit: str = "piece"
    pack_size: int = 1
    profile: str | None = None
    is_freeze_sensitive: bool = False
    vvm: str | None = None
    names: dict[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()


_COLUMNS = "item, base_unit, pack_size, profile, is_freeze_sensitive, vvm, names"


def put(ledger: sqlite3.Connection, item: Item) -> None:
    """Make or change an item; raises ItemError for a code that another item has."""
    for code in item.codes:
        holder = by_code(ledger, code)
        if holder not in {None, item.item}:
            raise ItemError(f"code {code} belongs to item {holder}")
    ledger.execute(
        f"INSERT OR REPLACE INTO item ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            item.item,
            item.base_unit,
            item.pack_size,
            item.profile,
            item.is_freeze_sensitive,
            item.vvm,
            json.dumps(item.names, ensure_ascii=False, sort_keys=True),
        ),
    )
    ledger.execute("DELETE FROM item_code WHERE item = ?", (item.item,))
    ledger.executemany("INSERT INTO item_code VALUES (?, ?)", [(code, item.item) for code in item.codes])


def by_code(ledger: sqlite3.Connection, code: str) -> str | None:
    """The item that a code stands for, None when nobody knows it."""
    row = ledger.execute("SELECT item FROM item_code WHERE code = ?", (code,)).fetchone()
    return None if row is None else str(row[0])


def find(ledger: sqlite3.Connection, item: str) -> Item | None:
    """One item, None when there is none of that name."""
    row = ledger.execute(f"SELECT {_COLUMNS} FROM item WHERE item = ?", (item,)).fetchone()  # noqa: S608
    if row is None:
        return None
    codes = ledger.execute("SELECT code FROM item_code WHERE item = ? ORDER BY code", (item,))
    return _item(row, tuple(code for (code,) in codes))


def all_items(ledger: sqlite3.Connection) -> list[Item]:
    """Every item by name."""
    codes: dict[str, list[str]] = {}
    for code, item in ledger.execute("SELECT code, item FROM item_code ORDER BY code"):
        codes.setdefault(item, []).append(code)
    rows = ledger.execute(f"SELECT {_COLUMNS} FROM item ORDER BY item")  # noqa: S608
    return [_item(row, tuple(codes.get(row[0], ()))) for row in rows]


def _item(row: tuple[Any, ...], codes: tuple[str, ...]) -> Item:
    item, base_unit, pack_size, profile, is_freeze_sensitive, vvm, names = row
    return Item(item, base_unit, pack_size, profile, bool(is_freeze_sensitive), vvm, json.loads(names), codes)
