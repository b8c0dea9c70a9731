"""The cabinet on a node: probes, door and scales, judged where they are. Pure; loaded if configured.

A probe with a `profile` gives excursions by the Pi's table and the Pi's judge, one with an `alarm` sounds,
and a scale with a `slot` counts: see settings/cabinet.py.

What has to survive is one note, written behind the rows that it belongs to: should the power go in between,
an excursion is told once more under the number that it has, and stays one. As long as nothing is beyond a
limit the note does not change; while a probe is, it is written with each sample, by some 250 bytes. A node
that sleeps between samples keeps its scales in it, too; one that does not begins with what lies there.
"""

from firmware.cabinet.alarm import Alarm
from firmware.cabinet.axis import HOLD_MS, Axis
from firmware.drivers import DriverFault
from firmware.cabinet.excursion import GAP_PERIODS, TRACK, Judge
from firmware.cabinet.profile import profile_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.clock import Clock
    from firmware.cabinet.excursion import Excursion
    from firmware.faults import Faults
    from firmware.store.notes import Notes
    from firmware.cabinet.profile import Profile

    Made = tuple[str, str, dict[str, Any], int]  # kind, source, values, ms since boot

NOTE, VERSION = "cabinet", 1
_MOST_HELD = 100
PERIOD_MS, SLACK_MS = 1050, 1000  # of a second between samples: a look takes a moment, which adds to it
_LAG_MS = 2_000  # a scale tells by its blocks


class Probe:
    """One probe: its official judge, and what sounds."""

    def __init__(self, given: "dict[str, Any]", period_ms: int) -> None:
        self.name = str(given["name"])
        self.judge = Judge(profile_of(given["profile"]), period_ms) if "profile" in given else None
        self.alarm = Alarm(given["alarm"], period_ms) if "alarm" in given else None
        self.is_broken = False  # the profile's rule, and no sample has said since that it is over

    @property
    def is_sounding(self) -> bool:
        return self.is_broken or (self.alarm is not None and self.alarm.code != "")

    def state(self) -> "list[Any] | None":
        """None when there is nothing to remember."""
        judge, alarm = _short(self.judge), None if self.alarm is None else _short(self.alarm.judge)
        if judge is None and alarm is None:
            return None
        return [judge, self.is_broken, alarm, "" if self.alarm is None else self.alarm.code]

    def resume(self, state: "list[Any]", is_same_boot: bool) -> None:
        """An alarm counts in ms of its boot, and never waits for a clock; in another it begins anew."""
        judge, self.is_broken, alarm, code = state
        if judge is not None and self.judge is not None:
            self.judge.resume(_long(judge))
        if alarm is not None and self.alarm is not None and is_same_boot:
            self.alarm.resume(_long(alarm), code)


class Scale:
    """One slot's scale: steps, and their sum."""

    def __init__(self, given: "dict[str, Any]") -> None:
        from firmware.cabinet.scale import Steps  # late: most nodes have no scale
        from firmware.cabinet.tally import Tally

        slot = given["slot"]
        self.slot, self.item = str(slot.get("name", given["name"])), str(slot["item"])
        self.pieces, pack_mg = int(slot.get("pack_pieces", 1)), int(slot["pack_mg"])
        self.steps = Steps(pack_mg, int(slot.get("noise_mg", pack_mg // 4)), int(slot["most_mg"]))
        self.tally = Tally(pack_mg)

    def state(self) -> "list[Any]":
        return [self.steps.state(), self.tally.sum]

    def resume(self, state: "list[Any]") -> None:
        self.steps.resume(state[0])
        self.tally.sum = state[1]


class Cabinet:
    """`sample_s` of a node that sleeps between samples, else 0."""

    def __init__(
        self,
        given: "list[dict[str, Any]]",
        clock: "Clock",
        faults: "Faults",
        boot: str,
        now_ms: int,
        sample_s: int = 0,
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._boot = boot
        self._sample_s = sample_s
        self._axis = Axis(now_ms)
        self._gap_ms = 0
        self._probes: "dict[str, Probe]" = {}
        self._scales: "dict[str, Scale]" = {}
        for one in given:
            self._add(one)
        self._door: "tuple[bool, int] | None" = None  # is it open, since when
        self._held: "list[tuple[Probe, int, int]]" = []
        self._out: "list[Made]" = []

    def _add(self, one: "dict[str, Any]") -> None:
        if "slot" in one:
            self._scales[one["name"]] = Scale(one)
        elif "profile" in one or "alarm" in one:
            period_ms = max(int(one.get("period_s", 60)), self._sample_s) * PERIOD_MS + SLACK_MS
            self._gap_ms = max(self._gap_ms, GAP_PERIODS * period_ms)
            self._probes[one["name"]] = Probe(one, period_ms)

    def has_probe(self, name: str) -> bool:
        return name in self._probes

    @property
    def is_sounding(self) -> bool:
        return any([probe.is_sounding for probe in self._probes.values()])

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for the clock: the note has all that is known, once it is kept."""
        return self._axis.offset_ms is not None and not self._held and not self._out

    def take(self, kind: str, name: str, values: "dict[str, Any]", now_ms: int) -> None:
        """A reading of a driver; DriverFault for a scale that carries too much."""
        if kind == "climate" and name in self._probes:
            self._feel(self._probes[name], now_ms, values["temperature_cc"])
        elif kind == "mass" and name in self._scales:
            self._weigh(self._scales[name], self._at(now_ms), values["mass_mg"])
        elif kind == "door":
            self._door = (bool(values["state"]), self._at(now_ms))

    def step(self, now_ms: int, is_last: bool = False) -> "list[Made]":
        """What is to be recorded by now; after each look of a driver, also one that failed.

        `is_last` before a deep sleep: nothing waits any longer for the clock to be won.
        """
        self._find(now_ms, -1 if is_last else HOLD_MS)
        if self._axis.offset_ms is not None:
            for probe in self._probes.values():
                if probe.judge is not None:
                    self._tell(probe.name, probe.judge.profile, probe.judge.settle(self._at(now_ms) + 1))
        for scale in self._scales.values():
            self._sum_up(scale, now_ms)
        given, self._out = self._out, []
        return given

    # --- across a restart -------------------------------------------------------------------------------

    def keep(self, notes: "Notes", now_ms: int) -> None:
        """Write the note if it has changed; OSError: it has not."""
        if self._axis.offset_ms is None:
            return  # what is known of before is still there
        probes = {probe.name: probe.state() for probe in self._probes.values()}
        found: "dict[str, Any]" = {
            "probes": {name: probes[name] for name in probes if probes[name] is not None}
        }
        if self._sample_s:
            found["scales"] = {name: self._scales[name].state() for name in self._scales}
        known = notes.get(NOTE, {"probes": {}})
        if any([found[name] != known.get(name) for name in found]):
            found["v"] = VERSION
            found["axis"] = self._axis.state(self._boot, now_ms, self._clock.time_of(now_ms))
            notes.put({NOTE: found})

    def resume(self, notes: "Notes") -> None:
        """Go on from the note; one that cannot be read is none."""
        known = notes.get(NOTE)
        if known is not None and known["v"] == VERSION:
            self._go_on(known)

    def _go_on(self, known: "dict[str, Any]") -> None:
        self._axis.resume(known["axis"], self._boot)
        for name in known["probes"]:
            if name in self._probes:
                self._probes[name].resume(known["probes"][name], known["axis"]["boot"] == self._boot)
        for name in known.get("scales", {}) if self._sample_s else ():
            if name in self._scales:
                self._scales[name].resume(known["scales"][name])

    def _find(self, now_ms: int, hold_ms: int = HOLD_MS) -> None:
        if self._axis.find(now_ms, self._clock.time_of(now_ms), self._gap_ms, hold_ms):
            held, self._held = self._held, []
            for probe, at_ms, temperature_cc in held:
                self._judge(probe, at_ms, temperature_cc)

    def _at(self, now_ms: int) -> int:
        return now_ms + (self._axis.offset_ms or 0)

    # --- temperature ------------------------------------------------------------------------------------

    def _feel(self, probe: Probe, now_ms: int, temperature_cc: int) -> None:
        self._find(now_ms)
        if probe.alarm is not None:
            self._sound(probe.name, probe.alarm, now_ms, temperature_cc)
        if self._axis.offset_ms is None:
            self._held = self._held[-_MOST_HELD:] + [(probe, now_ms, temperature_cc)]
        else:
            self._judge(probe, now_ms, temperature_cc)

    def _sound(self, name: str, alarm: Alarm, now_ms: int, temperature_cc: int) -> None:
        before = alarm.code
        if alarm.step(temperature_cc, now_ms):
            if before:
                self._faults.end(name, before)
            if alarm.code:
                self._faults.begin(name, alarm.code)

    def _judge(self, probe: Probe, now_ms: int, temperature_cc: int) -> None:
        judge = probe.judge
        if judge is None:
            return
        self._tell(probe.name, judge.profile, judge.take(self._at(now_ms), temperature_cc))
        self._tell(probe.name, judge.profile, judge.settle(self._at(now_ms) + 1))
        if judge.open():
            probe.is_broken = True
        elif judge.is_calm:
            probe.is_broken = False

    def _tell(self, name: str, profile: "Profile", found: "list[Excursion]") -> None:
        for one in found:
            at_ms = max(0, one.at_ms - self._at(0))
            self._out.append(("excursion", name, one.values(profile), at_ms))

    # --- stock ------------------------------------------------------------------------------------------

    def _weigh(self, scale: Scale, at_ms: int, mass_mg: "int | None") -> None:
        if mass_mg is None:
            scale.steps.overload()
        else:
            step = scale.steps.take(at_ms, mass_mg)
            if step is not None:
                scale.tally.take(step, is_behind_door=self._was_shut(step.began_ms))
        if scale.steps.is_overloaded:
            raise DriverFault("overload", "more than it can carry")

    def _was_shut(self, since_ms: int) -> bool:
        """Whether a door is known, and has not been open since then (a scale lags by its block)."""
        return self._door is not None and not self._door[0] and self._door[1] < since_ms - _LAG_MS

    def _sum_up(self, scale: Scale, now_ms: int) -> None:
        is_open, since_ms = (None, None) if self._door is None else self._door
        closed_ms = None if is_open else since_ms
        change = scale.tally.due(self._at(now_ms), is_open=is_open, closed_ms=closed_ms)
        if change is not None:
            values = change.values(scale.slot, scale.item, scale.pieces, self._at(now_ms))
            self._out.append(("count", "cabinet", values, now_ms))


def _short(judge: "Judge | None") -> "list[Any] | None":
    """A judge's state without its names, and without what a calm one may forget: the flash is small."""
    state: "dict[str, Any]" = {"number": 0, "tracks": []} if judge is None else judge.state()
    tracks = [track and [track[name] for name in TRACK] for track in state["tracks"]]
    if judge is None or not (state["number"] or any(tracks)):
        return None
    return [state["profile"], state["number"], None if judge.is_calm else state["judged_ms"], tracks]


def _long(short: "list[Any]") -> "dict[str, Any]":
    """What Judge.resume wants."""
    profile, number, judged_ms, tracks = short
    named = [track and {TRACK[at]: track[at] for at in range(len(TRACK))} for track in tracks]
    return {"profile": profile, "number": number, "judged_ms": judged_ms, "newest": None, "tracks": named}
