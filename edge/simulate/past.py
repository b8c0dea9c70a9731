"""What a cabinet has been through before the demo begins: weeks of stock, and a day of temperatures.

A unit that starts for the first time has lain in a valley, so to say: its real cabinet code has heard a
simulated node and scanner faster than the day, and its outbox holds what came of it. The service gets it as
it gets any backlog. Weeks of temperatures would be too much for a demo: of these it only has the scans.
"""

from collections.abc import Iterable
from pathlib import Path

from edge.cabinet.cabinet import Cabinet as Judge
from edge.cabinet.keeper import STATE
from edge.cabinet.layout import layout_of
from edge.intake import Intake
from edge.record import Reading
from edge.settings import Settings
from edge.simulate.bygone import PastTime, bygone
from edge.simulate.cabinet import Cabinet
from edge.simulate.fleet import Unit
from edge.simulate.shelf import DAY_MS, Visit, opening, visits
from edge.simulate.supply import HEATED_C
from edge.simulate.wiring import save, state_path
from edge.sources.node import Reports
from edge.sources.scanner import Codes
from firmware.line import frame

WEEKS_MS = 25 * DAY_MS
LAST_MS = DAY_MS
STEP_MS = 60_000
COMMIT_READINGS = 1000


def live_through(unit: Unit, settings: Settings, until_ms: int) -> None:
    """Fill the outbox of a unit that has none."""
    path = Path(settings.outbox.path)
    if path.exists():
        return
    first = opening(unit.id, Cabinet(unit.id, unit.cabinet, 0).goods, until_ms - WEEKS_MS)
    begin_ms = first[0].at_ms - STEP_MS
    time = PastTime(begin_ms)
    with bygone(settings, time) as intake:
        line = _Line(settings, intake, time)
        cabinet = Cabinet(unit.id, unit.cabinet, begin_ms, STEP_MS)
        _weeks(line, cabinet, first, until_ms - LAST_MS)
        _last_day(line, cabinet, until_ms)
        line.end()
        save(state_path(path.parent), cabinet)


class _Line:
    """The unit from its decoders to its outbox."""

    def __init__(self, settings: Settings, intake: Intake, time: PastTime) -> None:
        self.intake, self.time = intake, time
        self.reports, self.codes = Reports("node"), Codes("scanner")
        self._judge = Judge(layout_of(settings.cabinet), 0)
        self._taken = self._said = 0

    def measured(self, entries: list[frame.Entry]) -> None:
        """As a node tells what it measures."""
        for at in range(0, len(entries), frame.MAX_ENTRIES):
            self._said += 1
            body = frame.report(entries[at : at + frame.MAX_ENTRIES])
            said = frame.encode(frame.REPORT, 0, self._said, body)
            self.hear(self.reports.feed(said, self.time.mono_ms()))

    def hear(self, readings: list[Reading]) -> None:
        for reading in readings:
            self._keep(self._judge.take(reading))

    def judge(self) -> None:
        self._keep(self._judge.step(self.time.mono_ms(), self.intake.clock))

    def _keep(self, made: list[Reading]) -> None:
        for reading in made:
            self.intake.take(reading)
        self._taken += len(made)
        if self._taken >= COMMIT_READINGS:
            self._taken = 0
            self.intake.commit(self.time.mono_ms())

    def end(self) -> None:
        self.intake.keep(STATE, self._judge.state(self.time.boot, self.intake.clock), self.time.mono_ms())


def _weeks(line: _Line, cabinet: Cabinet, first: list[Visit], until_ms: int) -> None:
    """Deliveries and what was taken: only the scanner speaks."""
    later = visits(cabinet.seed, cabinet.goods, first[-1].at_ms + STEP_MS, until_ms)
    for visit in [*first, *later]:
        line.time.utc_ms = visit.at_ms
        _scan(line, cabinet.scanned(visit))
    cabinet.at_ms = until_ms


def _last_day(line: _Line, cabinet: Cabinet, until_ms: int) -> None:
    while cabinet.at_ms < until_ms:
        said = cabinet.advance(
            min(cabinet.at_ms + STEP_MS, until_ms), HEATED_C, is_staffed=True, is_moving=False
        )
        line.time.utc_ms = cabinet.at_ms
        line.measured(said.entries)
        _scan(line, said.codes)
        line.judge()


def _scan(line: _Line, codes: Iterable[bytes]) -> None:
    for code in codes:
        line.hear(line.codes.feed(code, line.time.mono_ms()))
