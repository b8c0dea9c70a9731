"""Run the measurements that are named, or all: every tests/bench/bench_NAME.py with its `run(report)`.

    ./dev bench [--short] [NAME...]

At the end all rows come once more as one table, and tests/artefacts/bench.json keeps them. `--short` takes
the shorter series of those that have one. The exit code is 1 when a measurement broke or a goal was missed.
"""

import importlib
import sys
import time
import traceback
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from tests.bench.report import Report

FOLDER = Path(__file__).resolve().parent
SHORT = "--short"
HEAD = "what: median, least .. greatest of the runs, reference in the same run, ratio, goal"
RESULT = FOLDER.parent / "artefacts" / "bench.json"


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(path.stem.removeprefix("bench_") for path in folder.glob("bench_*.py"))


def chosen(arguments: list[str]) -> list[str]:
    unknown = sorted(set(arguments) - set(names()))
    if unknown:
        sys.exit(f"no bench named {', '.join(unknown)}; there are: {', '.join(names())}")
    return arguments or names()


def run(name: str, report: Report) -> None:
    """One measurement; what breaks it is told, and the others go on."""
    print(f"\n{name}", flush=True)
    began_s = time.monotonic()
    report.bench = name
    try:
        importlib.import_module(f"tests.bench.bench_{name}").run(report)
    except Exception as error:  # noqa: BLE001 - one broken measurement must not keep the others away
        report.failures[name] = repr(error)
        traceback.print_exc()
    print(f"  ({time.monotonic() - began_s:.1f} s)", flush=True)


def table(report: Report) -> str:
    """All rows, under the names of their measurements."""
    lines = []
    for bench, rows in groupby(report.rows, attrgetter("bench")):
        lines += ["", bench, *(row.line() for row in rows)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    report = Report(is_short=SHORT in arguments)
    named = chosen([argument for argument in arguments if argument != SHORT])
    for name in named:
        run(name, report)
    report.write(RESULT)
    if len(named) > 1:
        print(f"\n{HEAD}{table(report)}\n")
    missed = [f"{row.bench}: {row.name}" for row in report.rows if row.is_met is False]
    broken = [f"{name}: {why}" for name, why in report.failures.items()]
    for line in [*(f"goal missed: {row}" for row in missed), *(f"broke: {row}" for row in broken)]:
        print(line)
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
