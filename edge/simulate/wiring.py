"""A cabinet's lines to its unit, the node's and the scanner's; and what has to outlast a restart."""

import json
import os
from pathlib import Path

from edge.simulate.cabinet import Cabinet
from edge.simulate.caller import Caller
from edge.simulate.drive import Scene
from edge.simulate.fleet import Unit
from edge.simulate.node import Node
from edge.simulate.pty_line import PtyLine
from edge.simulate.supply import cabin_c


class Wiring:
    """The cabinet of one unit from a moment on. All of it belongs to the world's thread."""

    def __init__(self, unit: Unit, folder: Path, utc_ms: int) -> None:
        self._path = state_path(folder)
        self._cabinet = Cabinet(unit.id, unit.cabinet, utc_ms)
        if self._path.exists():
            self._cabinet.resume(json.loads(self._path.read_text()))
        self._line, self._scanner = PtyLine(folder / "node"), PtyLine(folder / "scanner")
        self._node = Node(unit.id, folder / "node-flash", utc_ms)
        self._caller = Caller(unit.id, self._node, utc_ms) if unit.has_help_button else None

    def step(self, scene: Scene, utc_ms: int) -> None:
        """Live on to a moment. Nobody comes to a vehicle that drives, or that could not hear of it."""
        is_heard = scene.is_powered and self._line.has_reader and self._scanner.has_reader
        is_moving = scene.speed_m_s > 0
        said = self._cabinet.advance(
            utc_ms, cabin_c(scene, utc_ms), is_staffed=is_heard and not is_moving, is_moving=is_moving
        )
        if is_heard and self._caller is not None:
            self._caller.step(utc_ms)
        answer = self._node.step(self._line.received(), said.entries, utc_ms)
        if is_heard:
            self._line.send(answer)
            self._scanner.send(b"".join(said.codes))

    def save(self) -> None:
        """Keep what has to outlast a restart."""
        save(self._path, self._cabinet)

    def close(self) -> None:
        """Take the lines away."""
        self._line.close()
        self._scanner.close()


def state_path(folder: Path) -> Path:
    """Where a unit's cabinet is kept."""
    return folder / "cabinet.json"


def save(path: Path, cabinet: Cabinet) -> None:
    """Replace the file as a whole."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(cabinet.state()))
    os.replace(fresh, path)  # noqa: PTH105 (one call that is known to be atomic)
