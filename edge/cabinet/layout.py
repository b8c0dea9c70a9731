"""What the settings say of a cabinet, as its parts want it; contradictions are named here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.cabinet.planogram import Planogram, PlanogramError, Slot
from firmware.cabinet.profile import TABLE, Limit, Profile, profile_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge.settings import CabinetSettings, LimitSettings, SlotSettings


class LayoutError(ValueError):
    """The settings contradict themselves; waiting will not help."""


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """One probe: what its readings are called, what it is judged by, and when it counts as silent.

    `has_log`: what nobody heard comes later, since a node keeps it.
    """

    name: str
    input: str
    profile: Profile
    period_ms: int
    silent_ms: int
    has_log: bool = False


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """How a slot's scale behaves."""

    noise_mg: int
    most_mg: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole cabinet; `door_input` "" means that there is no door."""

    probes: tuple[ProbePlan, ...]
    planogram: Planogram
    scales: dict[str, ScalePlan]
    door_input: str
    door_open_s: float
    climate_ms: int


def layout_of(settings: CabinetSettings, nodes: Iterable[str] = ()) -> Layout:
    """The layout of a cabinet on a unit with these nodes; raises LayoutError."""
    logged = tuple(f"{node}-" for node in nodes)
    profiles = {**{name: profile_of(name) for name in TABLE}, **_profiles(settings.limit)}
    probes = []
    for probe in settings.probe:
        if probe.profile not in profiles:
            raise LayoutError(
                f'[[probe]] profile = "{probe.profile}": unknown; known are {", ".join(profiles)}'
            )
        plan = ProbePlan(
            probe.name,
            probe.input or probe.name,
            profiles[probe.profile],
            int(probe.period_s * 1000),
            int(probe.silent_s * 1000),
            (probe.input or probe.name).startswith(logged),
        )
        probes.append(plan)
    _refuse_repeats("[[probe]] name", [probe.name for probe in probes])
    inputs = [probe.input for probe in probes] + [slot.input for slot in settings.slot if slot.input]
    _refuse_repeats("input", inputs)
    try:
        planogram = Planogram(_slot(slot) for slot in settings.slot)
    except PlanogramError as error:
        raise LayoutError(f"[[slot]]: {error}") from None
    scales = {slot.name: _scale(slot) for slot in settings.slot if slot.input}
    door_open_s, climate_ms = settings.door_open_s, int(settings.climate_period_s * 1000)
    return Layout(tuple(probes), planogram, scales, settings.door_input, door_open_s, climate_ms)


def _profiles(limits: Iterable[LimitSettings]) -> dict[str, Profile]:
    found: dict[str, Profile] = {}
    for limit in limits:
        name, version = limit.profile, limit.version
        if name in TABLE:
            raise LayoutError(f'[[limit]] profile = "{name}": built in; give yours another name')
        known = found.setdefault(name, Profile(name, version, ()))
        if known.version != version:
            raise LayoutError(f'[[limit]] profile = "{name}": has versions {known.version} and {version}')
        rule = Limit(limit.comparator, round(limit.limit_c * 100), int(limit.limit_min * 60), limit.judgement)
        found[name] = Profile(name, version, (*known.limits, rule))
    return found


def _slot(slot: SlotSettings) -> Slot:
    return Slot(
        slot.name,
        slot.item,
        round(slot.pack_g * 1000),
        slot.pack_pieces,
        slot.par_pieces,
        slot.gtin.zfill(14) if len(slot.gtin) > 7 else slot.gtin,
        slot.input,
        slot.is_serialised,
    )


def _scale(slot: SlotSettings) -> ScalePlan:
    if not slot.pack_g:
        raise LayoutError(f'[[slot]] name = "{slot.name}": has an input, but no pack_g to count by')
    if slot.noise_g * 2 > slot.pack_g:
        raise LayoutError(
            f'[[slot]] name = "{slot.name}": noise_g = {slot.noise_g} hides packs of {slot.pack_g} g'
        )
    return ScalePlan(round(slot.noise_g * 1000), round(slot.most_g * 1000))


def _refuse_repeats(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise LayoutError(f'{what} = "{name}": is there twice')
