"""pinmap.toml -> what is wrong with it, and what is made of it.

load(path) ──▶ PinMap ──▶ faults     no pin twice, none refused, each able to do its work, domains matched
                      ├─▶ board_py   firmware/board.py
                      ├─▶ pi_config  the lines of the Pi's config.txt
                      └─▶ tables     the tables of pins.md
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hardware.source import Fault, FaultsFound, TomlSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

NODES = ("esp32-s3", "pico-2-w")
BOARDS = (*NODES, "pi")
FREE_KINDS = ("input", "output", "pwm", "onewire")  # any pin can be these
SIGNAL_KEYS = {
    *BOARDS, "what", "kind", "wakes", "reset", "divide", "connector", "outside", "through", "guard", "pi_kind",
}  # fmt: skip
I2C_FREE = range(0x08, 0x78)  # the rest is reserved by the bus's specification
LEVELS = {"low": 0, "high": 1}
RESET: dict[int | str, str] = {0: "low", 1: "high", "kept": "as it was"}
MATRIX = ("esp32-s3",)  # any pin can take any bus role there


@dataclass(frozen=True, slots=True)
class Board:
    """A machine: its pins, which must not be used and why, and which can do what."""

    name: str
    domain: str
    datasheet: str
    pins: list[int]
    refused: dict[int, str]
    can: dict[str, list[int]]
    header: dict[int, int]


@dataclass(frozen=True, slots=True)
class Signal:
    """One line between pins and the world."""

    name: str
    what: str
    kind: str
    pins: dict[str, int]
    connector: str = ""
    outside: str = ""
    through: tuple[str, ...] = ()
    guard: tuple[str, ...] = ()
    wakes: str = ""
    reset: int | str | None = None
    divide: int = 1
    pi_kind: str = ""


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector of the carrier: pin number -> net."""

    name: str
    what: str
    plug: str
    harness: str
    pins: dict[str, str]


@dataclass(slots=True)
class PinMap:
    """All of pinmap.toml, typed."""

    source: TomlSource
    boards: dict[str, Board]
    rails: dict[str, dict[str, str]]
    signals: dict[str, Signal]
    buses: dict[str, dict[str, Any]]
    devices: dict[str, dict[str, Any]]
    connectors: dict[str, Connector]
    faults: list[Fault] = field(default_factory=list)


def load(path: Path, name: str = "hardware/pinmap.toml") -> PinMap:
    """The pin map; FaultsFound with every line that is wrong."""
    source = TomlSource(path, name)
    try:
        pinmap = _typed(source)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FaultsFound([Fault(name, 1, f"not shaped as a pin map: {error!r}")]) from None
    found = [*_shape(pinmap), *_pins(pinmap), *_domains(pinmap), *_connectors(pinmap), *_buses(pinmap)]
    if found:
        raise FaultsFound(found)
    return pinmap


def _typed(source: TomlSource) -> PinMap:
    content = source.content
    return PinMap(
        source,
        {name: _board(values) for name, values in content["board"].items()},
        content["rail"],
        {name: _signal(name, values) for name, values in content["signal"].items()},
        content["bus"],
        content["device"],
        {
            name: Connector(name, values["what"], values["plug"], values["harness"], values["pins"])
            for name, values in content["connector"].items()
        },
    )


def _board(values: dict[str, Any]) -> Board:
    refused = {int(pin): why for pin, why in values["refused"].items()}
    header = {int(pin): place for pin, place in values["header"].items()}
    return Board(
        values["name"], values["domain"], values["datasheet"], values["pins"], refused, values["can"], header
    )


def _signal(name: str, values: dict[str, Any]) -> Signal:
    return Signal(
        name,
        values["what"],
        values["kind"],
        {board: values[board] for board in BOARDS if board in values},
        values.get("connector", ""),
        values.get("outside", ""),
        tuple(values.get("through", "").split()),
        tuple(values.get("guard", "").split()),
        values.get("wakes", ""),
        values.get("reset"),
        values.get("divide", 1),
        values.get("pi_kind", ""),
    )


# What is wrong


def _shape(pinmap: PinMap) -> Iterator[Fault]:
    for name, values in pinmap.source.content["signal"].items():
        for key in values.keys() - SIGNAL_KEYS:
            yield pinmap.source.fault(f"signal.{name}.{key}", f"{name}: unknown key {key!r}")
        if values.get("wakes", "high") not in LEVELS:
            yield pinmap.source.fault(f"signal.{name}.wakes", f"{name}: wakes is one of {', '.join(LEVELS)}")
        if not name.isidentifier() or not name.isupper():
            yield pinmap.source.fault(f"signal.{name}", f"{name}: a constant is spelt in capitals")
        if not any(board in values for board in BOARDS):
            yield pinmap.source.fault(f"signal.{name}", f"{name}: no board has a pin for it")


def _pins(pinmap: PinMap) -> Iterator[Fault]:
    """No pin twice, none that is refused, each able to do its work."""
    owners: dict[tuple[str, int], str] = {}
    for signal in pinmap.signals.values():
        for name, pin in signal.pins.items():
            board, key = pinmap.boards[name], f"signal.{signal.name}.{name}"
            for text in _wrong_with(board, name, signal, pin):
                yield pinmap.source.fault(key, f"{signal.name}: pin {pin} of {name} {text}")
            owner = owners.setdefault((name, pin), signal.name)
            if owner != signal.name:
                yield pinmap.source.fault(key, f"{signal.name}: pin {pin} of {name} is {owner}'s already")


def _wrong_with(board: Board, name: str, signal: Signal, pin: int) -> Iterator[str]:
    if pin not in board.pins:
        yield "does not exist"
    elif pin in board.refused:
        yield f"must stay free ({board.refused[pin]})"
    elif pin not in board.header:
        yield "has no place in the board's header table"
    kind = signal.pi_kind if name == "pi" and signal.pi_kind else signal.kind
    is_free = kind in FREE_KINDS or (name in MATRIX and kind != "adc")
    if not is_free and pin not in board.can.get(kind, []):
        yield f"cannot be {kind}; those that can: {board.can.get(kind, [])}"
    if signal.wakes and name in NODES and pin not in board.can["wake"]:
        yield "cannot wake the node from deep sleep"


def _domains(pinmap: PinMap) -> Iterator[Fault]:
    """Where two voltage domains meet, a part stands between."""
    for signal in pinmap.signals.values():
        met = {pinmap.boards[name].domain for name in signal.pins} | ({signal.outside} - {""})
        if len(met) > 1 and not signal.through:
            key = f"signal.{signal.name}"
            apart = " and ".join(sorted(met))
            yield pinmap.source.fault(key, f"{signal.name}: joins {apart} with no part between (through)")
        if signal.kind == "adc" and signal.outside and signal.divide < 2:
            yield pinmap.source.fault(f"signal.{signal.name}", f"{signal.name}: {signal.outside} undivided")


def _connectors(pinmap: PinMap) -> Iterator[Fault]:
    """A signal and the connector that it names agree, and each plug is named once."""
    plugs: dict[str, str] = {}
    for connector in pinmap.connectors.values():
        owner = plugs.setdefault(connector.harness, connector.name)
        if owner != connector.name:
            text = f"{connector.name}: plug {connector.harness} is {owner}'s already"
            yield pinmap.source.fault(f"connector.{connector.name}.harness", text)
        for pin, net in connector.pins.items():
            signal, place = pinmap.signals.get(net), f"{connector.name}.{pin}"
            if signal is not None and signal.connector != place:
                text = f"{place} carries {net}, which says it is at {signal.connector or 'no connector'}"
                yield pinmap.source.fault(f"connector.{connector.name}.pins.{pin}", text)
    for signal in pinmap.signals.values():
        name, _, pin = signal.connector.partition(".")
        if signal.connector and (name not in pinmap.connectors or pin not in pinmap.connectors[name].pins):
            key = f"signal.{signal.name}.connector"
            yield pinmap.source.fault(key, f"{signal.name}: there is no pin {signal.connector}")
        elif signal.connector and pinmap.connectors[name].pins[pin] != signal.name:
            text = f"{signal.name}: {signal.connector} carries {pinmap.connectors[name].pins[pin]}"
            yield pinmap.source.fault(f"signal.{signal.name}.connector", text)


def _buses(pinmap: PinMap) -> Iterator[Fault]:
    for name, bus in pinmap.buses.items():
        for line in bus["lines"]:
            if line not in pinmap.signals:
                yield pinmap.source.fault(f"bus.{name}.lines", f"bus {name}: there is no signal {line}")
    taken: dict[tuple[str, int], str] = {}
    for name, device in pinmap.devices.items():
        bus, address, key = device["bus"], device["address"], f"device.{name}.address"
        if bus not in pinmap.buses:
            yield pinmap.source.fault(f"device.{name}.bus", f"{name}: there is no bus {bus}")
        if address not in I2C_FREE:
            yield pinmap.source.fault(key, f"{name}: address {address:#04x} is reserved")
        owner = taken.setdefault((bus, address), name)
        if owner != name:
            yield pinmap.source.fault(key, f"{name}: address {address:#04x} on {bus} is {owner}'s already")


# What is made


def net_of(pinmap: PinMap, place: str) -> str | None:
    """The net at a connector's pin, as "J2.3"; None when there is no such pin."""
    name, _, pin = place.partition(".")
    connector = pinmap.connectors.get(name)
    return None if connector is None else connector.pins.get(pin)


def board_py(pinmap: PinMap) -> str:
    """firmware/board.py: the pins of each node, in the subset of Python that MicroPython shares."""
    parts = [_HEAD]
    for name in NODES:
        parts.append(f'    if name == "{name}":\n        return {{\n')
        parts += [
            f'            "{signal.name}": {signal.pins[name]},  # {_remark(signal)}\n'
            for signal in pinmap.signals.values()
            if name in signal.pins
        ]
        parts.append("        }\n")
    parts.append('    raise ValueError("no such board: " + str(name))\n\n\n')
    parts.append(_dictionary("BUSES", _BUSES, _node_buses(pinmap)))
    devices = {
        name: f'("{device["bus"]}", 0x{device["address"]:02X})'
        for name, device in pinmap.devices.items()
        if any(node in pinmap.buses[device["bus"]] for node in NODES)
    }
    parts.append(_dictionary("DEVICES", _DEVICES, devices))
    node = [signal for signal in pinmap.signals.values() if any(name in signal.pins for name in NODES)]
    divided = {signal.name: str(signal.divide) for signal in node if signal.divide > 1}
    parts.append(_dictionary("DIVIDERS", _DIVIDERS, divided))
    wakes = {signal.name: str(LEVELS[signal.wakes]) for signal in node if signal.wakes}
    parts.append(_dictionary("WAKES", _WAKES, wakes).rstrip() + "\n")
    return "".join(parts)


_HEAD = '''"""Pins of the node, per board. Made from hardware/pinmap.toml by ./dev hardware: change it there.

Resistors outside hold every input: use no pull of the chip. Designed, not built.
"""


def pins(name: str) -> "dict[str, int]":
    """Signal -> GPIO number of the board "esp32-s3" or "pico-2-w"; ValueError for another."""
'''
_BUSES = "# Bus -> (kind, its signals, speed in Hz or baud, controller per board; -1: made by software)."
_DEVICES = "# I2C device -> (bus, address)."
_WAKES = "# What can wake the node from deep sleep, and the level that does."
_DIVIDERS = "# What the voltage at the pin has to be multiplied by."


def _remark(signal: Signal) -> str:
    level = "" if signal.reset is None else f"; in reset {RESET[signal.reset]}"
    return f"{signal.kind}: {signal.what}{level}"


def _node_buses(pinmap: PinMap) -> dict[str, str]:
    found = {}
    for name, bus in pinmap.buses.items():
        if all(node in bus for node in NODES):
            lines = ", ".join(f'"{line}"' for line in bus["lines"]) + ("," if len(bus["lines"]) == 1 else "")
            numbers = ", ".join(f'"{node}": {bus[node]}' for node in NODES)
            found[name] = f'("{bus["kind"]}", ({lines}), {bus["hz"]}, {{{numbers}}})'
    return found


def _dictionary(name: str, remark: str, entries: dict[str, str]) -> str:
    lines = "".join(f'    "{key}": {value},\n' for key, value in entries.items())
    return f"{remark}\n{name} = {{\n{lines}}}\n\n"


def pi_config(pinmap: PinMap) -> str:
    """What belongs into the Pi's /boot/firmware/config.txt."""
    pin = {name: signal.pins["pi"] for name, signal in pinmap.signals.items() if "pi" in signal.pins}
    return f"""\
# For /boot/firmware/config.txt of the Pi on the carrier. Made from hardware/pinmap.toml by ./dev hardware.
# Designed, not built: not tried on a carrier yet. Overlays: /boot/firmware/overlays/README on the Pi.
enable_uart=1
# The node, on the UART at GPIO {pin["LINK_RX"]} and {pin["LINK_TX"]} (serial0), kept free of Bluetooth.
dtoverlay=disable-bt
# The node asks for a shutdown, and hears when it is done.
dtoverlay=gpio-shutdown,gpio_pin={pin["PI_HALT"]},active_low=0,gpio_pull=down
dtoverlay=gpio-poweroff,gpiopin={pin["PI_OFF"]}
# The GNSS receiver of the carrier (Pi 4, CM4; not on a Zero 2 W, which takes one on USB), and its pulse.
dtoverlay=uart5
dtoverlay=pps-gpio,gpiopin={pin["GNSS_PPS"]}
# Only where the option is fitted or the probes hang on the Pi itself:
#dtoverlay=mcp251xfd,spi0-0,interrupt={pin["CAN_INT"]}
#dtoverlay=w1-gpio,gpiopin={pin["PI_PROBES"]}
#dtparam=i2c_arm=on
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---" for _ in head], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def tables(pinmap: PinMap) -> str:
    """pins.md: every signal, connector, address and refused pin."""
    signals = [
        (f"`{s.name}`", s.what, s.kind, *(_place(pinmap, s, name) for name in BOARDS), s.connector or "",
         " ".join((*s.through, *s.guard)))
        for s in pinmap.signals.values()
    ]  # fmt: skip
    connectors = [
        (
            f"{c.name}.{pin}" if pin != "1" else f"**{c.name}.{pin}** {c.what} ({c.plug})",
            f"`{net}`",
            c.harness,
        )
        for c in pinmap.connectors.values()
        for pin, net in c.pins.items()
    ]
    devices = [
        (f"`{name}`", d["what"], d["bus"], f"{d['address']:#04x}") for name, d in pinmap.devices.items()
    ]
    refused = [
        (pinmap.boards[name].name, str(pin), why)
        for name in BOARDS
        for pin, why in pinmap.boards[name].refused.items()
    ]
    names = tuple(pinmap.boards[name].name for name in BOARDS)
    return (
        "# Pins\n\nMade from [pinmap.toml](../pinmap.toml) by `./dev hardware`: change it there.\n"
        "Designed, not built. A pin is given as GPIO, and in brackets where it is on the module or header.\n"
        "\n## Signals\n\n"
        + table(("signal", "what", "kind", *names, "connector", "through"), signals)
        + "\n## Connectors of the carrier\n\n"
        + table(("pin", "net", "plug in the harness"), connectors)
        + "\n## Addresses\n\n"
        + table(("device", "what", "bus", "address"), devices)
        + "\n## Pins that must stay free\n\n"
        + table(("board", "pin", "why"), refused)
    )


def _place(pinmap: PinMap, signal: Signal, name: str) -> str:
    pin = signal.pins.get(name)
    return "" if pin is None else f"{pin} ({pinmap.boards[name].header[pin]})"
