"""`python -m ingest.demo`, what `./dev run` runs: the whole line on this machine."""

import argparse
import sys
from pathlib import Path

from ingest.demo.options import Options
from ingest.demo.ports import PortInUse
from ingest.demo.stage import CannotStart, PartEnded, Stage

MAX_UNITS = 2000


def broker_of(text: str) -> tuple[str, int]:
    """HOST or HOST:PORT."""
    host, _, port = text.partition(":")
    if not host or (port and not port.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST or HOST:PORT")
    return host, int(port or 1883)


def recording_of(text: str) -> Path:
    """A file that is there."""
    path = Path(text).absolute()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {path}")
    return path


def between(low: float, high: float, text: str) -> float:
    """A number in these bounds."""
    try:
        number = float(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {low:g} to {high:g}")
    return number


def options_of(arguments: list[str]) -> Options:
    """The options from a command line; ends the program with a message when one is wrong."""
    parser = argparse.ArgumentParser(
        prog="./dev run", description="A simulated fleet on a live map, on this machine alone."
    )
    add = parser.add_argument
    add("--units", type=lambda text: int(between(1, MAX_UNITS, text)), default=24, metavar="N")
    add("--speed", type=lambda text: between(0.1, 1000, text), default=1.0, metavar="X", help="a faster day")
    add(
        "--replay", type=recording_of, action="append", default=[], metavar="FILE", help="NMEA or GPX, a unit"
    )
    add("--broker", type=broker_of, metavar="HOST[:PORT]", help="a broker that runs, not the demo's own")
    add("--port", type=lambda text: int(between(1, 65535, text)), metavar="P", help="of the page")
    add("--folder", type=Path, default=Path("var"), metavar="DIR", help="where everything is kept")
    chosen = parser.parse_args(arguments)
    return Options(
        folder=chosen.folder.absolute(),
        units=chosen.units,
        speed=chosen.speed,
        replay=tuple(chosen.replay),
        broker=chosen.broker,
        page_port=chosen.port,
    )


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when it was asked to end, 1 when a part ended, 2 when it could not start."""
    stage = Stage(options_of(arguments))
    try:
        stage.run()
    except (CannotStart, PortInUse) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 2
    except PartEnded as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
