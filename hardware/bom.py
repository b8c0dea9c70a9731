"""bom.csv -> what is wrong with it, and what a variant costs.

Every reference of the schematic and the harness stands in just one line, with a maker, a part, a temperature
grade and the datasheet that all of it is to be checked against. What is not rated down to -40 degC says beside
it how it is used nevertheless.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hardware.pinmap import table
from hardware.source import Fault, FaultsFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hardware.carrier.circuit import Circuit
    from hardware.harness import Harness

VARIANTS = {
    "vehicle": "vehicle with a Pi",
    "cabinet": "household cabinet on cells",
    "pilot": "pilot from breakout boards",
    "option_a": "option A: unclamped load dump",
    "option_can": "option: CAN",
}
TEXTS = ["refs", "what", "manufacturer", "part", "grade_c", "alternates", "datasheet", "price_usd"]
COLUMNS = [*TEXTS, *VARIANTS, "note"]
MAY_BE_EMPTY = ("alternates", "note")
COLDEST_C = -40
OWN = re.compile(r"^(PCB|CASE|PI|PILOT|LC)\d+$")  # in neither drawing
_GRADE = re.compile(r"^(-?\d+)\.\.(\d+)$")
_PRICE = re.compile(r"^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)(?: a metre)?$")


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list."""

    line: int
    refs: tuple[str, ...]
    texts: dict[str, str]
    counts: dict[str, int]

    @property
    def price(self) -> tuple[float, float]:
        """The band of one piece, or one metre, in USD."""
        low, high = _PRICE.fullmatch(self.texts["price_usd"]).groups()  # type: ignore[union-attr]
        return float(low), float(high)


def load(path: Path, circuit: Circuit, harness: Harness, name: str = "hardware/bom.csv") -> list[Item]:
    """The parts; FaultsFound with every line that is wrong."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    faults: list[Fault] = []
    items: list[Item] = []
    for line, row in enumerate(rows, 2):
        problems = list(_wrong_with(row))
        faults += [Fault(name, line, text) for text in problems]
        if not problems:
            counts = {variant: int(row[variant]) for variant in VARIANTS}
            items.append(Item(line, tuple(row["refs"].split()), row, counts))
    if not faults:
        faults = [Fault(name, line, text) for line, text in _against_drawings(items, circuit, harness)]
        faults += _missing(items, circuit, harness)
    if faults:
        raise FaultsFound(faults)
    return items


def _wrong_with(row: dict[str, str]) -> Iterator[str]:
    if list(row) != COLUMNS or None in row.values():
        yield f"its columns are not {','.join(COLUMNS)}"
        return
    for column in TEXTS:
        if not row[column].strip() and column not in MAY_BE_EMPTY:
            yield f"{row['refs'] or 'a part'}: no {'temperature grade' if column == 'grade_c' else column}"
    for variant in VARIANTS:
        if not row[variant].isdigit():
            yield f"{row['refs']}: {variant} is no number of pieces"
    grade = _GRADE.match(row["grade_c"])
    if row["grade_c"].strip() and not grade:
        yield f"{row['refs']}: the temperature grade is written as -40..85"
    if grade and int(grade[1]) > COLDEST_C and not row["note"].strip():
        yield f"{row['refs']}: rated to {grade[1]} degC only, and no note says how it is used"
    if row["price_usd"].strip() and not _PRICE.match(row["price_usd"]):
        yield f"{row['refs']}: a price is a band as 0.1-0.3"


def _against_drawings(items: list[Item], circuit: Circuit, harness: Harness) -> Iterator[tuple[int, str]]:
    parts = {part.ref: part for part in circuit.parts}
    lines: dict[str, int] = {}
    for item in items:
        for ref in item.refs:
            if lines.setdefault(ref, item.line) != item.line:
                yield item.line, f"{ref} is in line {lines[ref]} already"
            if ref not in parts and ref not in harness.parts and not OWN.match(ref):
                yield item.line, f"{ref} is in no drawing"
            part, plug = parts.get(ref), harness.plugs.get(ref)
            if part is not None and part.ref.startswith("U") and part.value not in item.texts["part"]:
                yield item.line, f"{ref} is {part.value} in the schematic"
            if plug is not None and not _is_same(plug.mpn, item):
                yield item.line, f"{ref} is {plug.mpn} in the harness"
        drawn = [ref for ref in item.refs if ref in parts]
        fitted = max(
            item.counts["cabinet"], sum(item.counts[one] for one in ("vehicle", "option_a", "option_can"))
        )
        if drawn and fitted > len(drawn):
            yield item.line, f"{' '.join(item.refs)}: {fitted} fitted, the schematic has {len(drawn)}"


def _is_same(mpn: str, item: Item) -> bool:
    given = f"{item.texts['part']} {item.texts['what']}"
    return mpn in given or mpn.removesuffix("-series") in given or item.texts["manufacturer"] == "any" or (
        not any(letter.isdigit() for letter in mpn)
    )  # fmt: skip


def _missing(items: list[Item], circuit: Circuit, harness: Harness) -> Iterator[Fault]:
    listed = {ref for item in items for ref in item.refs}
    for part in circuit.parts:
        if part.ref not in listed:
            yield Fault(circuit.name, part.line, f"{part.ref} is not in bom.csv")
    for ref, line in harness.parts.items():
        if ref not in listed:
            yield Fault(harness.name, line, f"{ref} is not in bom.csv")


def totals(items: list[Item]) -> dict[str, tuple[int, float, float]]:
    """Variant -> kinds of parts, and the least and the most they cost together, in USD."""
    found = {}
    for variant in VARIANTS:
        used = [item for item in items if item.counts[variant]]
        low = sum(item.price[0] * item.counts[variant] for item in used)
        high = sum(item.price[1] * item.counts[variant] for item in used)
        found[variant] = (len(used), low, high)
    return found


def page(items: list[Item]) -> str:
    """parts.md: what each variant costs, what is not rated to -40, and every part with its datasheet."""
    sums = [
        (VARIANTS[variant], str(kinds), f"{low:.0f} to {high:.0f}")
        for variant, (kinds, low, high) in totals(items).items()
    ]
    warm = [
        (" ".join(item.refs), item.texts["what"], item.texts["grade_c"], item.texts["note"])
        for item in items
        if int(item.texts["grade_c"].split("..")[0]) > COLDEST_C
    ]
    everything = [
        (
            " ".join(item.refs), item.texts["what"], f"{item.texts['manufacturer']} {item.texts['part']}",
            item.texts["grade_c"], *(str(item.counts[variant] or "") for variant in VARIANTS),
            item.texts["alternates"], item.texts["datasheet"],
        )
        for item in items
    ]  # fmt: skip
    return (
        "# Parts\n\nMade from [bom.csv](../bom.csv) by `./dev hardware`: change it there. Nothing was bought yet: every "
        "part number,\nrating and price is to be checked against the datasheet named, and an offer.\n\n"
        "## What a unit costs in parts\n\nUSD, bands for about a hundred pieces, without work, freight and taxes.\n\n"
        + table(("variant", "kinds of parts", "USD"), sums)
        + "\n## Not rated to -40 °C\n\n"
        + table(("part", "what", "rated, °C", "so"), warm)
        + "\n## All parts\n\n"
        + table(
            ("part", "what", "maker and number", "°C", *VARIANTS, "alternates", "to be checked against"),
            everything,
        )
    )
