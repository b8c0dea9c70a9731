"""power.toml -> currents, energy and life, and whether the supply can do what is asked of it.

    hold-up    1/2 C (full^2 - empty^2) x efficiency x aged x cold  >=  shutdown power x time x margin, the time
               with that in which the loss is noticed
    parked     (sleep + sum of for/every x mA) x 3.3 V / (12 V x both efficiencies) + quiescent  <=  goal
    fuse       peak power / lowest voltage / efficiency  <=  share of its rating
    battery    share of the capacity / (mean current + self-discharge)  >=  goal, at 20 and at -40 degC

The docs and the firmware's limits are made from the same results, so they cannot quote others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardware.pinmap import table
from hardware.source import Fault, FaultsFound, TomlSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

HOURS_PER_MONTH = 730.5
READING = 0.95  # the node reads a voltage within 3 %, the charger ends within 2 %
SHARES = ("efficiency", "share", "aged", "lost_per_year")

MODES = ("parked", "cabinet", "modem")
BY_WIFI = ("look", "send")  # what a cabinet with a modem does not do

RAIL_V = {"+5V": 5.0, "+5V_PI": 5.0, "+5V_USB": 5.0, "+3V3": 3.3}


@dataclass(frozen=True, slots=True)
class Budget:
    """What comes out; every figure in the docs and the firmware is one of these or of the assumptions."""

    drive_w: float
    peak_w: float
    peak_a: float
    converter_a: float
    shutdown_w: float
    needed_j: float
    stored_j: float
    holds_s: float
    start_v: float
    parked_ma: float
    parked_days: float
    cabinet_ua: float
    months: dict[str, tuple[float, float]]
    modem_ua: float
    modem_months: dict[str, tuple[float, float]]


def load(path: Path, name: str = "hardware/power.toml") -> tuple[TomlSource, Budget]:
    """The assumptions and the budget; FaultsFound naming the goal that is missed."""
    source = TomlSource(path, name)
    try:
        budget = compute(source.content)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise FaultsFound([Fault(name, 1, f"not shaped as a power budget: {error!r}")]) from None
    if found := [*unlikely(source), *missed(source, budget)]:
        raise FaultsFound(found)
    return source, budget


def compute(given: dict[str, Any]) -> Budget:
    """The budget that follows from the assumptions."""
    vehicle, goal, holdup = given["vehicle"], given["goal"], given["holdup"]
    shutdown_w = _watts(given, "shutdown_ma")
    peak_w = _watts(given, "peak_ma")
    stored_j = _stored_j(holdup, holdup["full_v"])
    needed_j = shutdown_w * (given["cold"]["supply_low_s"] + goal["shutdown_s"])
    parked_ma = _parked_ma(given)
    cabinet, batteries = given["cabinet"], given["battery"]
    cabinet_ma = _mean_ma(given, cabinet.values())
    measured = [task for name, task in cabinet.items() if name not in BY_WIFI]
    modem_ma = _mean_ma(given, [*measured, *given["modem"].values()])
    return Budget(
        drive_w=_watts(given, "typical_ma") / given["converter"]["efficiency"],
        peak_w=peak_w,
        peak_a=peak_w / given["converter"]["efficiency"] / vehicle["lowest_v"],
        converter_a=peak_w / given["converter"]["volts"],
        shutdown_w=shutdown_w,
        needed_j=needed_j,
        stored_j=stored_j,
        holds_s=stored_j / shutdown_w,
        start_v=_volts_for(holdup, needed_j * goal["margin"]),
        parked_ma=parked_ma,
        parked_days=vehicle["battery_ah"] * vehicle["battery_share"] * 1000 / parked_ma / 24,
        cabinet_ua=cabinet_ma * 1000,
        months={name: _months(given, cell, cabinet_ma) for name, cell in batteries.items()},
        modem_ua=modem_ma * 1000,
        modem_months={name: _months(given, cell, modem_ma) for name, cell in batteries.items()},
    )


def _watts(given: dict[str, Any], column: str) -> float:
    """What all loads draw from +5V together; those at 3.3 V through their converter."""
    total = 0.0
    for load in given["load"].values():
        volts = RAIL_V[load["rail"]]
        share = given["node_supply"]["efficiency"] if load["rail"] == "+3V3" else 1.0
        total += load[column] / 1000 * volts / share
    return total


def _stored_j(holdup: dict[str, Any], volts: float) -> float:
    """What the capacitors give from `volts` down, old and cold."""
    joules = holdup["farad"] * (volts**2 - holdup["empty_v"] ** 2) / 2
    return float(joules * holdup["efficiency"] * holdup["aged"] * holdup["cold"])


def _volts_for(holdup: dict[str, Any], joules: float) -> float:
    """The voltage at which they hold so much."""
    farad = holdup["farad"] * holdup["efficiency"] * holdup["aged"] * holdup["cold"]
    return math.sqrt(2 * joules / farad + holdup["empty_v"] ** 2)


def _mean_ma(given: dict[str, Any], tasks: Iterable[dict[str, Any]]) -> float:
    """At +3V3, averaged."""
    return float(given["sleep"]["ma"] + sum(task["ma"] * task["for_s"] / task["every_s"] for task in tasks))


def _parked_ma(given: dict[str, Any]) -> float:
    """At the vehicle's battery."""
    node, converter, vehicle = given["node_supply"], given["converter"], given["vehicle"]
    at_5v = _mean_ma(given, given["parked"].values()) * node["volts"] / node["efficiency"] / 5.0
    at_5v += node["quiescent_ma"]
    drawn = at_5v * converter["volts"] / converter["efficiency_parked"] / vehicle["nominal_v"]
    return float(drawn + converter["quiescent_ma"])


def _months(given: dict[str, Any], cell: dict[str, Any], mean_ma: float) -> tuple[float, float]:
    """The life of the cells at 20 and -40 degC."""
    node = given["node_supply"]
    drawn = mean_ma * node["volts"] / node["efficiency"] / cell["volts"] + node["quiescent_ma"]
    drawn += cell["ah"] * 1000 * cell["lost_per_year"] / 12 / HOURS_PER_MONTH
    warm, cold = (cell["ah"] * 1000 * cell[share] for share in ("share_20c", "share_m40c"))
    return warm / drawn / HOURS_PER_MONTH, cold / drawn / HOURS_PER_MONTH


def unlikely(source: TomlSource) -> Iterator[Fault]:
    """Assumptions that cannot be meant."""
    for mode in MODES:
        for name, task in source.content[mode].items():
            if not 0 < task["for_s"] < task["every_s"]:
                yield source.fault(f"{mode}.{name}.for_s", f"{mode}.{name}: awake longer than its period")
    for place, values in _tables("", source.content):
        for key, value in values.items():
            is_share = key.startswith(SHARES) or key.endswith("_share") or (place, key) == ("holdup", "cold")
            if is_share and not (isinstance(value, float) and 0 < value <= 1):
                yield source.fault(f"{place}.{key}", f"{place}.{key} is a share: above 0, at most 1")
            if key.endswith(("_ma", "_ah", "_s")) and value < 0:
                yield source.fault(f"{place}.{key}", f"{place}.{key} is less than nothing")


def _tables(place: str, values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in values.items():
        if isinstance(value, dict):
            inner = f"{place}.{key}" if place else key
            yield inner, {name: one for name, one in value.items() if not isinstance(one, dict)}
            yield from _tables(inner, value)


def missed(source: TomlSource, budget: Budget) -> Iterator[Fault]:
    """Each goal that is not met, at the line that would have to change."""
    goal, vehicle, converter = (source.content[name] for name in ("goal", "vehicle", "converter"))
    if budget.stored_j < budget.needed_j * goal["margin"]:
        yield source.fault(
            "holdup.farad",
            f"the supply cannot hold the shutdown: {budget.stored_j:.0f} J kept, old and cold, of "
            f"{budget.needed_j * goal['margin']:.0f} J needed ({goal['shutdown_s']:g} s, margin included)",
        )
    holdup = source.content["holdup"]
    last_w = holdup["empty_v"] * holdup["most_in_a"] * holdup["efficiency"]
    if budget.start_v > holdup["full_v"] * READING:
        text = f"the Pi would be started at {budget.start_v:.2f} V, too near to {holdup['full_v']:g} V to be told apart"
        yield source.fault("holdup.farad", text)
    if last_w < budget.shutdown_w:
        text = f"{last_w:.1f} W at {holdup['empty_v']:g} V, the shutdown draws {budget.shutdown_w:.1f} W"
        yield source.fault("holdup.empty_v", text)
    if budget.parked_ma > goal["parked_ma"]:
        text = f"a parked vehicle loses {budget.parked_ma:.2f} mA, more than {goal['parked_ma']:g} mA"
        yield source.fault("goal.parked_ma", text)
    if budget.peak_a > vehicle["fuse_a"] * goal["fuse_share"]:
        text = f"{budget.peak_a:.2f} A at {vehicle['lowest_v']:g} V is too much for {vehicle['fuse_a']:g} A"
        yield source.fault("vehicle.fuse_a", text)
    if budget.converter_a > converter["most_a"]:
        text = f"loads of {budget.converter_a:.2f} A, more than {converter['most_a']:g} A"
        yield source.fault("converter.most_a", text)
    for name, (warm, cold) in budget.months.items():
        for months, key in ((warm, "months_20c"), (cold, "months_m40c")):
            if months < goal[key]:
                yield source.fault(f"battery.{name}.ah", f"{months:.1f} months, goal.{key} is {goal[key]:g}")


# What is made


def limits_py(source: TomlSource, budget: Budget) -> str:
    """The end of firmware/board.py: what the duty cycle and the Pi's supply go by, as integers."""
    given, cold = source.content, source.content["cold"]
    pi = ", ".join(
        f'"{name}": ({round((one["lowest_c"] + cold["start_above_c"]) * 100)}, {round(one["lowest_c"] * 100)})'
        for name, one in given["pi"].items()
    )
    duty = "".join(
        f'    "{mode}_{name}": ({round(task["every_s"])}, {round(task["for_s"] * 1000)}),\n'
        for mode in MODES
        for name, task in given[mode].items()
    )
    return f"""
# From hardware/power.toml. Nothing of it was measured yet.
LIMITS = {{
    "holdup_start_mv": {math.ceil(budget.start_v * 100) * 10},  # below: a shutdown could not be held
    "supply_low_mv": {round(cold["supply_low_v"] * 1000)},  # below for supply_low_ms: shut the Pi down
    "supply_low_ms": {round(cold["supply_low_s"] * 1000)},
    "halt_timeout_ms": {round(cold["halt_timeout_s"] * 1000)},  # then its supply is cut all the same
    "linger_ms": {round(cold["linger_s"] * 1000)},  # the Pi stays on for so long after the ignition went
}}

# Computer -> (started above, shut down below), hundredths of a degree in the cabin.
PI_COLD_CC = {{{pi}}}

# What the node wakes for -> (every so many seconds, awake for at most so many ms).
DUTY = {{
{duty}}}
"""


def page(source: TomlSource, budget: Budget) -> str:
    """power.md: the assumptions and what follows from them."""
    given = source.content
    goal, holdup, vehicle, cold = (given[name] for name in ("goal", "holdup", "vehicle", "cold"))
    return "\n".join([
        "# Power and cold\n",
        "Made from [power.toml](../power.toml) by `./dev hardware`: change the assumptions there. Nothing was",
        "measured: every assumption names the datasheet that it has to be checked against.\n",
        "## What follows\n",
        table(("what", "figure", "goal"), [
            ("driving, averaged, from the vehicle", f"{budget.drive_w:.1f} W", ""),
            ("all loads at their peak, at 5 V", f"{budget.peak_w:.1f} W, {budget.converter_a:.2f} A",
             f"{given['converter']['most_a']:g} A"),
            (f"the same at {vehicle['lowest_v']:g} V, through the fuse of {vehicle['fuse_a']:g} A",
             f"{budget.peak_a:.2f} A", f"{vehicle['fuse_a'] * goal['fuse_share']:.2f} A"),
            (f"ordered shutdown at {budget.shutdown_w:.1f} W: {cold['supply_low_s']:g} s to notice, "
             f"{goal['shutdown_s']:g} s to shut down", f"{budget.needed_j:.0f} J", ""),
            (f"kept for it: {holdup['what']}, aged and at -40 °C",
             f"{budget.stored_j:.0f} J, {budget.holds_s:.0f} s", f"{budget.needed_j * goal['margin']:.0f} J"),
            ("the Pi is started when the capacitors have", f"{budget.start_v:.2f} V", f"{holdup['full_v']:g} V"),
            (f"parked, at {vehicle['nominal_v']:g} V", f"{budget.parked_ma:.2f} mA", f"{goal['parked_ma']:g} mA"),
            (f"{vehicle['battery_share']:.0%} of a vehicle's {vehicle['battery_ah']:g} Ah last",
             f"{budget.parked_days:.0f} days", ""),
            ("a cabinet in a home, averaged at 3.3 V", f"{budget.cabinet_ua:.0f} µA", ""),
            ("the same by a modem instead of Wi-Fi", f"{budget.modem_ua:.0f} µA", ""),
        ]),
        table(("cells", "at 20 °C", "at -40 °C", "goal", "by a modem"), [
            (given["battery"][name]["what"], f"{warm:.0f} months", f"{cold_:.0f} months",
             f"{goal['months_20c']:g} and {goal['months_m40c']:g}",
             "{:.0f} and {:.0f} months".format(*budget.modem_months[name]))
            for name, (warm, cold_) in budget.months.items()
        ]),
        "## What the node wakes for\n",
        table(("when", "what", "every", "awake", "mA at 3.3 V"), [
            (f"{mode}, {name}", task["what"], f"{task['every_s']:g} s", f"{task['for_s']:g} s",
             f"{task['ma']:g}")
            for mode in MODES for name, task in given[mode].items()
        ]),
        "## What the Pi may not do in the cold\n",
        "Below its lowest temperature the Pi is not started, and one that runs is asked to shut down: its clock,",
        "memory and eMMC are not rated there, and a card that is written to may lose more than the last file. The",
        "node decides by the sensor beside the Pi (`CABIN`), logs and sounds alarms alone until it is warm, and",
        "starts the Pi only with the hold-up charged. An SHT40 that fails keeps the Pi off.\n",
        table(("computer", "started above", "shut down below", "to be checked against"), [
            (one["what"], f"{one['lowest_c'] + cold['start_above_c']:g} °C", f"{one['lowest_c']:g} °C",
             one["datasheet"])
            for one in given["pi"].values()
        ]),
        f"It is also asked to shut down {cold['linger_s']:g} s after the ignition went, and when the supply has",
        f"been below {cold['supply_low_v']:g} V for {cold['supply_low_s']:g} s. After {cold['halt_timeout_s']:g} s",
        "without its word its supply is cut.\n",
        "## Loads\n",
        table(("load", "rail", "typical", "peak", "in shutdown", "to be checked against"), [
            (one["what"], f"`{one['rail']}`",
             *(f"{one[key]:g} mA" for key in ("typical_ma", "peak_ma", "shutdown_ma")), one["datasheet"])
            for one in given["load"].values()
        ]),
        "## Sources\n",
        table(("source", "assumed", "to be checked against"), [
            *((given[name]["what"], _assumed(given[name]), given[name]["datasheet"])
              for name in ("converter", "node_supply", "holdup", "sleep")),
            *((cell["what"], _assumed(cell), cell["datasheet"]) for cell in given["battery"].values()),
        ]),
    ])  # fmt: skip


def _assumed(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if not isinstance(value, str))
