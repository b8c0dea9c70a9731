"""The cabinet as a whole: raw readings in, records out. Pure; runs in the agent's main thread.

Raw readings that are no records: `mass` (mass_mg, None for an overload) and `scan` (code). A door and a
climate reading become records here, too: a door only when it changed, a climate in its period.

The judges count on an axis of their own, which goes on across a restart (firmware/axis). Until it is known
where this boot lies on it, samples wait.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.cabinet.barcode import CodeError
from edge.cabinet.clerk import Clerk
from edge.cabinet.door import Door
from edge.cabinet.probe import Gate
from edge.cabinet.status import Reason, Sight, Status, celsius, span
from edge.record import Reading
from edge.sources.faults import Faults
from firmware.cabinet.axis import Axis
from firmware.cabinet.excursion import GAP_PERIODS, Excursion, Judge
from firmware.cabinet.scale import Steps
from firmware.cabinet.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge.cabinet.layout import Layout, ProbePlan
    from edge.cabinet.planogram import Planogram, Slot
    from edge.clock import Clock
    from edge.record import Values

MOST_HELD = 1000
LOG_MS = 86_400_000  # a node that is not heard for longer is taken for lost, with what it logged
MOVING_CM_S = 150
STILL_AFTER_MS = 600_000  # without a word of the speed
SOURCE = "cabinet"
VERSION = 1  # of the state


class Probe:
    """One probe: gate, judge, and what is known of it."""

    def __init__(self, plan: ProbePlan, faults: Faults, begin_ms: int) -> None:
        self.plan = plan
        self.faults = faults
        self.gate = Gate()
        self.judge = Judge(plan.profile, plan.period_ms)
        self.good_ms = begin_ms  # of the last good sample, or of the start
        self.heard_ms = begin_ms  # when the last one came: what a node logged is older than that
        self.is_failing = False  # the node says that it cannot read it
        self.newest_cc: int | None = None
        self.told_ms: int | None = None
        self.is_silent = False

    def settled_ms(self, now_ms: int, offset_ms: int) -> int:
        """Up to when nothing more can come, on the judge's axis: a silent node may have kept a log."""
        newest_ms, axis_ms = self.judge.newest_ms, now_ms + offset_ms
        is_waited_for = self.plan.has_log and not self.is_failing and now_ms - self.heard_ms < LOG_MS
        return axis_ms if newest_ms is None or not is_waited_for else min(newest_ms + 1, axis_ms)

    def is_due(self, now_ms: int, period_ms: int) -> bool:
        """Whether its temperature is to be recorded."""
        return self.told_ms is None or now_ms - self.told_ms >= period_ms


class Scale:
    """One slot's scale: steps, and their sum."""

    def __init__(self, slot: Slot, noise_mg: int, most_mg: int, faults: Faults) -> None:
        self.slot = slot
        self.faults = faults
        self.steps = Steps(slot.pack_mg, noise_mg, most_mg)
        self.tally = Tally(slot.pack_mg)


class Cabinet:
    """One unit's cabinet. `take` and `step` give the readings that are to be recorded."""

    def __init__(self, layout: Layout, begin_ms: int) -> None:
        self._layout = layout
        self._now_ms = begin_ms
        self._out: list[Reading] = []
        self._probes = {plan.input: Probe(plan, self._faults(plan.name), begin_ms) for plan in layout.probes}
        self._scales = {
            slot.input: Scale(
                slot,
                layout.scales[slot.name].noise_mg,
                layout.scales[slot.name].most_mg,
                self._faults(slot.name),
            )
            for slot in layout.planogram.slots
            if slot.input
        }
        self._door = Door(layout.door_open_s) if layout.door_input else None
        self._clerk = Clerk(layout.planogram)
        self._scan_faults: dict[str, Faults] = {}
        self._scan_trouble: tuple[str, str] | None = None
        self._is_moving = False
        self._speed_ms = begin_ms
        self._axis = Axis(begin_ms)
        self._saved: dict[str, Any] | None = None
        self._held: list[tuple[Probe, int, int]] = []
        self.has_changed = False  # the state, since `state` was last asked

    @property
    def planogram(self) -> Planogram:
        return self._layout.planogram

    # --- readings ---------------------------------------------------------------------------------------

    def take(self, reading: Reading) -> list[Reading]:
        """What is to be recorded because of this reading; what is not of the cabinet passes as it is."""
        self._now_ms = max(self._now_ms, reading.mono_ms)
        if reading.kind == "climate" and reading.source in self._probes:
            self._climate(self._probes[reading.source], reading)
        elif reading.kind == "door" and self._door is not None and reading.source == self._layout.door_input:
            self._change_door(self._door, reading)
        elif reading.kind == "mass":
            self._weigh(reading)
        elif reading.kind == "scan":
            self._scan(reading)
        else:
            if reading.kind == "fix":
                self._move(reading)
            if reading.kind == "fault" and reading.source in self._probes:
                self._probes[reading.source].is_failing = reading.values["state"] == 0
            self._out.append(reading)
        return self._given()

    def named(self, reading: Reading) -> Reading:
        """A record that a node logged, by the name that the cabinet has for its source."""
        if reading.kind == "climate" and reading.source in self._probes:
            return replace(reading, source=self._probes[reading.source].plan.name)
        if reading.kind == "door" and self._door is not None and reading.source == self._layout.door_input:
            return replace(reading, source="door")
        return reading

    def learn(self, reading: Reading) -> None:
        """What a record that a node logged tells: it is judged at its own time, and is recorded already."""
        state, given_cc = reading.values.get("state"), reading.values.get("temperature_cc")
        if reading.kind == "door" and self._door is not None and isinstance(state, int):
            self._door.take(reading.mono_ms, state)
        if reading.kind != "climate" or not isinstance(given_cc, int):
            return
        for probe in [one for one in self._probes.values() if one.plan.name == reading.source]:
            if probe.gate.take(reading.mono_ms, given_cc).temperature_cc is not None:
                self._feel(probe, reading.mono_ms, given_cc)
                probe.heard_ms = self._now_ms

    def step(self, now_ms: int, clock: Clock) -> list[Reading]:
        """What is due by itself."""
        self._now_ms = max(self._now_ms, now_ms)
        self._find_offset(clock)
        if self._axis.offset_ms is not None:
            for probe in self._probes.values():
                self._tell(probe, probe.judge.settle(probe.settled_ms(now_ms, self._axis.offset_ms)))
        for probe in self._probes.values():
            self._listen(probe, now_ms)
        if self._is_moving and now_ms - self._speed_ms > STILL_AFTER_MS:
            self._set_moving(now_ms, is_moving=False)
        for scale in self._scales.values():
            self._sum_up(scale, now_ms)
        return self._given()

    def _given(self) -> list[Reading]:
        given, self._out = self._out, []
        return given

    def _put(self, reading: Reading) -> None:
        self._out.append(reading)

    def _faults(self, part: str) -> Faults:
        return Faults(part, self._put, lambda: self._now_ms)

    # --- temperature ------------------------------------------------------------------------------------

    def _climate(self, probe: Probe, reading: Reading) -> None:
        given_cc = reading.values.get("temperature_cc")
        if not isinstance(given_cc, int):
            return
        verdict = probe.gate.take(reading.mono_ms, given_cc)
        if verdict.temperature_cc is None:
            probe.faults.begin(verdict.fault, f"{celsius(given_cc)} is not believed")
            return
        self._feel(probe, reading.mono_ms, given_cc)
        self._record(probe, reading)

    def _feel(self, probe: Probe, at_ms: int, temperature_cc: int) -> None:
        """A temperature that is believed."""
        probe.faults.end()
        probe.is_silent = probe.is_failing = False
        probe.good_ms = probe.heard_ms = at_ms
        probe.newest_cc = temperature_cc
        if self._axis.offset_ms is None:
            self._held = [*self._held[-MOST_HELD:], (probe, at_ms, temperature_cc)]
        else:
            self._tell(probe, probe.judge.take(at_ms + self._axis.offset_ms, temperature_cc))
        self.has_changed = True

    def _record(self, probe: Probe, reading: Reading) -> None:
        if not probe.is_due(reading.mono_ms, self._layout.climate_ms):
            return
        probe.told_ms = reading.mono_ms
        is_open = None if self._door is None or self._door.is_open is None else int(self._door.is_open)
        values: Values = {
            "temperature_cc": reading.values["temperature_cc"],
            "humidity_cpct": reading.values.get("humidity_cpct"),
            "is_door_open": is_open,
        }
        self._out.append(Reading("climate", probe.plan.name, reading.mono_ms, values))

    def _listen(self, probe: Probe, now_ms: int) -> None:
        if now_ms - probe.heard_ms > probe.plan.silent_ms and not probe.is_silent:
            probe.is_silent, probe.newest_cc = True, None
            probe.faults.begin("silent", f"no temperature for {probe.plan.silent_ms // 1000} s")

    def _tell(self, probe: Probe, found: list[Excursion]) -> None:
        for one in found:
            at_ms = one.at_ms - (self._axis.offset_ms or 0)
            self._out.append(Reading("excursion", probe.plan.name, at_ms, one.values(probe.plan.profile)))
            self.has_changed = True

    # --- door, stock ------------------------------------------------------------------------------------

    def _change_door(self, door: Door, reading: Reading) -> None:
        state = reading.values.get("state")
        values = door.take(reading.mono_ms, state) if isinstance(state, int) else None
        if values is not None:
            self._out.append(Reading("door", "door", reading.mono_ms, values))

    def _weigh(self, reading: Reading) -> None:
        scale = self._scales.get(reading.source)
        if scale is None:
            return
        mass_mg = reading.values.get("mass_mg")
        if not isinstance(mass_mg, int):
            scale.steps.overload()
            scale.faults.begin("overload", f"slot {scale.slot.name}: more than the scale can carry")
            return
        step = scale.steps.take(reading.mono_ms, mass_mg)
        if step is not None:
            scale.tally.take(step, is_behind_door=self._was_shut(step.began_ms))
        if scale.steps.is_overloaded:
            scale.faults.begin("overload", f"slot {scale.slot.name}: {mass_mg // 1000} g")
        else:
            scale.faults.end("overload")

    def _was_shut(self, since_ms: int) -> bool:
        """Whether a door is known, and has not been open since then (a scale lags by its block)."""
        door = self._door
        if door is None or door.is_open is None or door.is_open:
            return False
        return door.closed_ms is None or door.closed_ms < since_ms - 2000

    def _sum_up(self, scale: Scale, now_ms: int) -> None:
        door = self._door
        is_open = None if door is None else door.is_open
        closed_ms = None if door is None else door.closed_ms
        change = scale.tally.due(now_ms, is_open=is_open, closed_ms=closed_ms)
        if change is not None:
            slot = scale.slot
            values = change.values(slot.name, slot.item, slot.pack_pieces, now_ms)
            self._out.append(Reading("count", SOURCE, now_ms, values))

    def _scan(self, reading: Reading) -> None:
        faults = self._scan_faults.setdefault(reading.source, self._faults(reading.source))
        try:
            values = self._clerk.scan(reading.mono_ms, str(reading.values.get("code") or ""))
        except CodeError as error:
            faults.end()  # each refused code is told
            faults.begin(f"scan_{error.code}", str(error))
            self._scan_trouble = (reading.source, str(error))
            return
        faults.end()
        self._scan_trouble = None
        if values is not None:
            self._out.append(Reading("move", reading.source, reading.mono_ms, values))

    # --- motion -----------------------------------------------------------------------------------------

    def _move(self, fix: Reading) -> None:
        speed = fix.values.get("speed_cm_s")
        if isinstance(speed, int):
            self._speed_ms = fix.mono_ms
            self._set_moving(fix.mono_ms, is_moving=speed >= MOVING_CM_S)

    def _set_moving(self, at_ms: int, *, is_moving: bool) -> None:
        if is_moving != self._is_moving or is_moving:
            self._is_moving = is_moving
            for scale in self._scales.values():
                scale.steps.move(at_ms, is_moving=is_moving)

    # --- across a restart -------------------------------------------------------------------------------

    def state(self, boot: str, clock: Clock) -> str:
        """What has to survive a power cut; to be committed with the records given so far."""
        self.has_changed = False
        if self._axis.offset_ms is None and self._saved is not None:
            return json.dumps(self._saved)
        axis = self._axis.state(boot, self._now_ms, clock.time_of(self._now_ms))
        probes = {probe.plan.name: probe.judge.state() for probe in self._probes.values()}
        return json.dumps({"v": VERSION, **axis, "probes": probes})

    def resume(self, text: str | None, boot: str) -> None:
        """Go on from a state. One that cannot be read is no state; excursions then begin anew."""
        saved = _loaded(text)
        if saved is None:
            return
        for probe in self._probes.values():
            state = saved["probes"].get(probe.plan.name)
            if state is not None:
                probe.judge.resume(state)
        self._saved = saved
        self._axis.resume(saved, boot)

    def _find_offset(self, clock: Clock) -> None:
        periods_ms = max((probe.plan.period_ms for probe in self._probes.values()), default=0)
        time = clock.time_of(self._now_ms)
        if not self._axis.find(self._now_ms, time, GAP_PERIODS * periods_ms):
            return
        held, self._held = self._held, []
        for probe, at_ms, temperature_cc in held:
            self._tell(probe, probe.judge.take(at_ms + (self._axis.offset_ms or 0), temperature_cc))

    # --- for the crew -----------------------------------------------------------------------------------

    def status(self, now_ms: int) -> Status:
        """Fine, look or act: and why."""
        probes = tuple(
            Sight(
                probe.plan.name,
                probe.newest_cc,
                None if probe.newest_cc is None else max(now_ms - probe.good_ms, 0) // 1000,
                f"{probe.plan.profile.name} {probe.plan.profile.version}",
            )
            for probe in self._probes.values()
        )
        is_open = None if self._door is None else self._door.is_open
        return Status(probes, is_open, tuple(self._reasons(now_ms)))

    def _reasons(self, now_ms: int) -> Iterator[Reason]:
        for probe in self._probes.values():
            yield from _of_probe(probe)
        left_open_s = None if self._door is None else self._door.left_open_s(now_ms)
        if left_open_s is not None:
            yield Reason("look", "door", f"open for {span(left_open_s)}: close it")
        for scale in self._scales.values():
            if scale.steps.is_overloaded:
                yield Reason("look", scale.slot.name, "too much on the scale: take something off")
        if self._scan_trouble is not None:
            yield Reason("look", self._scan_trouble[0], self._scan_trouble[1])


def _of_probe(probe: Probe) -> Iterator[Reason]:
    name = probe.plan.name
    for found in probe.judge.open():
        limit = found.limit
        cold = limit.direction == "low"
        extreme_cc = found.lowest_cc if cold else found.highest_cc
        advice = "it freezes: warm it, mark what lies in it" if cold else "move what lies in it to the cold"
        text = (
            f"too {'cold' if cold else 'warm'} for {span(found.outside_s)}, {celsius(extreme_cc)}"
            f" ({limit.comparator.replace('_', ' ')} {celsius(limit.limit_cc)}"
            f" for {span(limit.limit_s)}): {advice}"
        )
        yield Reason("act", name, text, 0 if cold else 1)
    for limit, seconds in probe.judge.outside():
        text = f"{limit.comparator.replace('_', ' ')} {celsius(limit.limit_cc)} for {span(seconds)}"
        yield Reason("look", name, f"{text}: is it shut, and has it power?")
    if probe.is_silent:
        yield Reason("look", name, "says nothing: its temperature is unknown; look at the probe's cable")


def _loaded(text: str | None) -> dict[str, Any] | None:
    try:
        saved = json.loads(text or "")
    except ValueError:
        return None
    return saved if isinstance(saved, dict) and saved.get("v") == VERSION else None
