"""What a measurement hands in: a figure, what it is compared with, and the goal it has to meet."""

import json
import operator
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

GOALS: dict[str, Callable[[float, float], bool]] = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, of several runs their median; `ratio` is value over reference value."""

    bench: str
    name: str
    value: float
    unit: str
    reference: str
    reference_value: float | None
    goal: str
    least: float
    most: float
    runs: int

    @property
    def ratio(self) -> float | None:
        return self.value / self.reference_value if self.reference_value else None

    @property
    def is_met(self) -> bool | None:
        """Whether the goal ("<= 8", ">= 800000") is met; None without a goal."""
        if not self.goal:
            return None
        sign, bound = self.goal.split()
        return GOALS[sign](self.value, float(bound.replace(",", "")))

    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.3g} x"
        reference = "" if self.reference_value is None else f"{self.reference} {spoken(self.reference_value)}"
        verdict = {None: "", True: f"met ({self.goal})", False: f"MISSED ({self.goal})"}[self.is_met]
        shown = f"{spoken(self.value)} {self.unit}"
        return (
            f"  {self.name:<46} {shown:>24} {self.spread:>17}  {reference:<44} {ratio:>9}  {verdict}".rstrip()
        )

    @property
    def spread(self) -> str:
        """The least and the greatest of several runs."""
        return "" if self.runs == 1 else f"{spoken(self.least)} .. {spoken(self.most)}"


class Report:
    """The rows of a run; a short one may leave out what only takes time."""

    def __init__(self, *, is_short: bool = False) -> None:
        self.is_short = is_short
        self.bench = ""
        self.rows: list[Row] = []
        self.failures: dict[str, str] = {}

    def row(
        self,
        name: str,
        value: float | Sequence[float],
        unit: str,
        reference: str = "",
        reference_value: float | Sequence[float] | None = None,
        goal: str = "",
    ) -> Row:
        """Hand in one figure; of several runs the median counts, and least and greatest are shown."""
        against = None if reference_value is None else median(reference_value)
        runs = [float(value)] if isinstance(value, int | float) else value
        spread = min(runs), max(runs), len(runs)
        row = Row(self.bench, name, median(value), unit, reference, against, goal, *spread)
        self.rows.append(row)
        print(row.line(), flush=True)
        return row

    def write(self, path: Path) -> None:
        """Keep the run for a later look."""
        machine = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "processor": processor(),
            "cores": os.cpu_count(),
        }
        rows = [{**asdict(row), "ratio": row.ratio, "is_met": row.is_met} for row in self.rows]
        text = json.dumps({"machine": machine, "rows": rows, "failures": self.failures}, indent=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


def processor() -> str:
    """As the kernel names it, empty where it does not."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return next((line.partition(": ")[2] for line in told.splitlines() if line.startswith("model name")), "")


def median(value: float | Sequence[float]) -> float:
    return float(value) if isinstance(value, int | float) else statistics.median(value)


def spoken(value: float) -> str:
    """Three digits that count, thousands set apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
