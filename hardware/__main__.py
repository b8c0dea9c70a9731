"""Makes everything that comes from the sources, or with --check tells what differs from what is here.

    python -m hardware            write hardware/made and firmware/board.py
    python -m hardware --check    write nothing; exit code 1 when anything differs

A source that is wrong stops it: each fault is printed as file:line, and nothing is written.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hardware import pinmap, power
from hardware.carrier import project
from hardware.source import FaultsFound

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def texts() -> dict[str, str]:
    """Path from the repository's top -> content, of all that is made; FaultsFound when a source is wrong."""
    pins = pinmap.load(HERE / "pinmap.toml")
    assumed, budget = power.load(HERE / "power.toml")
    _, carrier = project.make(HERE / "carrier", pins)
    return {
        **{f"hardware/carrier/kicad/{name}": text for name, text in carrier.items()},
        "firmware/board.py": pinmap.board_py(pins) + power.limits_py(assumed, budget),
        "hardware/made/power.md": power.page(assumed, budget),
        "hardware/made/pins.md": pinmap.tables(pins),
        "hardware/made/pi-config.txt": pinmap.pi_config(pins),
    }


def different() -> list[str]:
    """What is not as it would be made now."""
    made = texts()
    return [name for name, text in made.items() if not is_same(ROOT / name, text)]


def is_same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def write() -> None:
    for name, text in texts().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run it; the exit code."""
    try:
        if arguments == ["--check"]:
            stale = different()
            say(
                f"not as the sources make it: {', '.join(stale)}; run ./dev hardware"
                if stale
                else "all as made"
            )
            return 1 if stale else 0
        write()
    except FaultsFound as found:
        say(str(found))
        return 1
    return 0


def say(text: str) -> None:
    print(text)  # noqa: T201 - the terminal is where it belongs


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
