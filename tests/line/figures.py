"""Figures of a run: what a test of the promise has measured goes to a file, and from there on the page.

Each test notes its figures when it has passed; `./dev soak` gathers them in tests/artefacts/soak.json. A run
that is worth showing is copied to soak.json here, and `./dev render` (`python -m tests.line.figures`) writes
the table of README.md from it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE, SHOWN = HERE / "README.md", HERE / "soak.json"
BEGIN, END = "<!-- figures: ./dev render -->\n", "<!-- end of figures -->"
CONFIDENT = 3  # 0 in N bounds the rate at 3/N with 95 % confidence

Figures = dict[str, int | float | str]

# Test -> what was done, how it went.
ROWS = {
    "test_no_promise_is_broken": (
        (
            "{cuts:,} cuts of a unit's power, {cycle_s} s each (seed {seed}),"
            " with {broker_kills} kills of the broker and {service_kills} of the service"
        ),
        "{promised:,} records promised, **{lost} lost, {twice} twice**",
    ),
    "test_control_of_the_unit_loses": (
        "control: {cuts} such cuts with `synchronous=NORMAL`",
        "{lost:,} of {promised:,} lost",
    ),
    "test_what_is_receipted_is_in_the_store": (
        "{cuts:,} cuts of the service's power, {cycle_s} s each (seed {seed})",
        "{receipted:,} records receipted, **{lost} lost**",
    ),
    "test_control_of_the_service_loses": (
        "control: {cuts} such cut with `synchronous=NORMAL`",
        "{lost:,} of {receipted:,} lost",
    ),
    "test_books_balance_after_kills": (
        (
            "{seconds:g} s of kills at random (seed {seed}):"
            " {unit_kills} of {units} units, {broker_kills} of the broker, {service_kills} of the service"
        ),
        "{rows:,} rows on both sides, **{lost} lost, {twice} twice**",
    ),
    "test_the_protocol_loses_nothing_and_counts_nothing_twice": (
        "{runs:,} runs of up to {steps} steps through the model",
        "**{lost} lost, {twice} twice**",
    ),
}


def note(path: Path, test: str, figures: Figures) -> None:
    """Put the figures of a test beside those of the others."""
    noted: dict[str, Figures] = json.loads(path.read_text()) if path.exists() else {}
    noted[test] = figures
    path.write_text(json.dumps(noted, indent=1) + "\n")


def table(noted: dict[str, Figures]) -> str:
    """The figures as a table in Markdown, and what a run without a loss says of the rate."""
    lines = ["| what was done | what came of it |", "|---|---|"]
    for test, (done, outcome) in ROWS.items():
        figures = {"broker_kills": 0, "service_kills": 0, "unit_kills": 0, **noted[test]}
        lines.append(f"| {done.format(**figures)} | {outcome.format(**figures)} |")
    cuts = int(noted["test_no_promise_is_broken"]["cuts"])
    lines += [
        "",
        f"No loss in {cuts} cuts: with 95 % confidence fewer than {CONFIDENT / cuts:.1%} of cuts lose.",
    ]
    return "\n".join(lines) + "\n"


def rendered(page: str, noted: dict[str, Figures]) -> str:
    """The page with its table written anew."""
    found = re.compile(f"({re.escape(BEGIN)}).*({re.escape(END)})", re.DOTALL)
    return found.sub(lambda match: match[1] + table(noted) + match[2], page)


def main() -> None:
    PAGE.write_text(rendered(PAGE.read_text(), json.loads(SHOWN.read_text())))


if __name__ == "__main__":
    main()
