"""What the schematic and the pin map must agree in: every pad, every connector's pin, every part between.

A signal's own net bears its name. Behind a part that stands between it is called NAME_X at the connector
and NAME_PI at the Pi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hardware.source import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hardware.carrier.circuit import Circuit
    from hardware.carrier.netlist import Netlist
    from hardware.pinmap import PinMap, Signal

NODE = ("U7", "esp32-s3")
PI = ("J13", "pi")


def outer_net(signal: Signal) -> str:
    """The net of a signal at its connector."""
    return f"{signal.name}_X" if signal.outside or signal.guard else signal.name


def pi_net(signal: Signal) -> str:
    """The net of a signal at the Pi's header."""
    return f"{signal.name}_PI" if len(signal.pins) > 1 else signal.name


def compare(pinmap: PinMap, circuit: Circuit, drawn: Netlist) -> Iterator[Fault]:
    """Every difference, at the line of the circuit where the part stands, or of the pin map."""
    lines = {part.ref: part.line for part in circuit.parts}
    for ref, board, pad, expected in _pads(pinmap):
        found = drawn.net_of(ref, str(pad))
        if found != expected:
            yield Fault(
                circuit.name,
                lines.get(ref, 1),
                f"{ref}: pad {pad} ({board}) is on {found}, the pin map says {expected}",
            )
    for connector in pinmap.connectors.values():
        for number, net in connector.pins.items():
            signal = pinmap.signals.get(net)
            expected = net if signal is None else outer_net(signal)
            found = drawn.net_of(connector.name, number)
            if found != expected:
                text = f"{connector.name}: pin {number} is on {found}, the pin map says {expected}"
                yield Fault(circuit.name, lines.get(connector.name, 1), text)
    yield from _between(pinmap, drawn)
    yield from _held(pinmap, drawn)


def _pads(pinmap: PinMap) -> Iterator[tuple[str, str, int, str | None]]:
    """(reference, board, pad, net) of each pin that the pin map knows; None for a pin that must stay free."""
    for ref, name in (NODE, PI):
        board = pinmap.boards[name]
        for signal in pinmap.signals.values():
            if name in signal.pins:
                net = signal.name if name != "pi" else pi_net(signal)
                if name != "pi" or _is_drawn(signal):
                    yield ref, name, board.header[signal.pins[name]], net
        taken = {signal.pins[name] for signal in pinmap.signals.values() if name in signal.pins}
        for pin in set(board.pins) - taken:
            if pin in board.header and not _is_service(name, pin):
                yield ref, name, board.header[pin], None


def _is_drawn(signal: Signal) -> bool:
    """The Pi's own probes hang on its header by a cable, where there is no node: not on the carrier."""
    return signal.name not in ("PI_SDA", "PI_SCL", "PI_PROBES")


def _is_service(name: str, pin: int) -> bool:
    """Pins that only the programming header uses."""
    return name == "esp32-s3" and pin in (0, 43, 44)


def _between(pinmap: PinMap, drawn: Netlist) -> Iterator[Fault]:
    """The parts that the pin map names do stand between a signal and its other side."""
    for signal in pinmap.signals.values():
        if not signal.through and not signal.guard:
            continue
        key = f"signal.{signal.name}.{'through' if signal.through else 'guard'}"
        for ref in (*signal.through, *signal.guard):
            if ref not in drawn.parts:
                yield pinmap.source.fault(key, f"{signal.name}: there is no part {ref} in the schematic")
        met = {
            name
            for ref in (*signal.through, *signal.guard)
            for name, pins in drawn.nets.items()
            if any(one == ref for one, _ in pins)
        }
        sides = [signal.name]
        sides += [outer_net(signal)] if signal.connector and (signal.outside or signal.guard) else []
        sides += (
            [pi_net(signal)] if len([name for name in signal.pins if name in ("pi", "esp32-s3")]) > 1 else []
        )
        for side in sides:
            if side not in met:
                yield pinmap.source.fault(key, f"{signal.name}: none of these parts is at {side}")


def _held(pinmap: PinMap, drawn: Netlist) -> Iterator[Fault]:
    """A resistor holds the level that the pin map promises for a reset."""
    ends: dict[str, set[str]] = {}
    for net, pins in drawn.nets.items():
        for ref, _ in pins:
            if ref.startswith("R"):
                ends.setdefault(ref, set()).add(net)
    for signal in pinmap.signals.values():
        levels = {0: {"GND"}, 1: {"+3V3"}}.get(signal.reset) if isinstance(signal.reset, int) else None
        sides = {signal.name, pi_net(signal)}
        if levels and not any(nets & sides and nets & levels for nets in ends.values()):
            text = f"{signal.name}: no resistor to {' or '.join(levels)} holds it in reset"
            yield pinmap.source.fault(f"signal.{signal.name}.reset", text)
