"""What the firmware costs: bytes of each .mpy, and heap once a node of either kind is loaded.

python -m tests.firmware.sizes      writes sizes.json anew: look at what grew, and say why in the commit
"""

import json
import tempfile
from pathlib import Path

from tests.fixtures.programs import ROOT, find_program
from tests.micropython import MicroPython, board_with_firmware

TABLE = Path(__file__).with_name("sizes.json")
LOADED = {
    "heap of a node alone": ("main", "line.broker_line"),
    "heap of a wired node": ("main", "line.pi_line"),
    "heap of a node alone with a cabinet": (
        "main",
        "line.broker_line",
        "cabinet.cabinet",
        "cabinet.scale",
        "cabinet.tally",
    ),
    "heap of a node on a battery that looks, with a cabinet and a button": (
        "main",
        "power.wake",
        "call",
        "drivers.help",
        "drivers.ds18b20",
        "cabinet.cabinet",
    ),
    "heap of a node on a battery that dials": (
        "main",
        "power.wake",
        "line.broker_line",
        "line.modem_fault",
        "line.modem_line",
        "line.modem",
    ),
    "heap of a node that updates": (
        "main",
        "line.broker_line",
        "update.trial",
        "update.updater",
        "update.p256",
    ),
}


def measured(board: MicroPython) -> dict[str, int]:
    """Name -> bytes, on this 64-bit machine; a board's heap has 0.71 of it (test_wasm.py)."""
    firmware = board.library / "firmware"
    found = {
        path.relative_to(firmware).with_suffix("").as_posix(): path.stat().st_size
        for path in sorted(firmware.rglob("*.mpy"))
    }
    for name, modules in LOADED.items():
        found[name] = board.call("heap_judge.after", list(modules)).result
    return found


def main() -> None:
    """Write the table."""
    program = find_program("micropython", variable="MICROPYTHON")
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        board = board_with_firmware(program, Path(folder) / "board")
        TABLE.write_text(json.dumps(measured(board), indent=1) + "\n")
    print(f"{TABLE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
