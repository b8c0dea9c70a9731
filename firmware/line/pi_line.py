"""The line of a wired node: frames on a UART to its Pi, as long as the power is there."""

import asyncio

from firmware.line.link import Link
from firmware.line.orders import Orders
from firmware.signal import Signal
from firmware.update.version import SOFTWARE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.store.intake import Intake
    from firmware.ports.port import Port
    from firmware.senses import Senses
    from firmware.settings.store import Store
    from firmware.update.updater import Updater
    from firmware.watchdog import Watchdog

_LOOK_S = 0.02


class PiLine:
    """`confirm` is called whenever the Pi is heard."""

    reconnects = 0

    def __init__(
        self,
        port: "Port",
        intake: "Intake",
        senses: "Senses",
        watchdog: "Watchdog",
        settings: "dict[str, Any]",
        store: "Store",
        confirm: "Callable[[], None]",
    ) -> None:
        self._port = port
        self._intake = intake
        self._watchdog = watchdog
        self._confirm = confirm
        self._signal = Signal(port, senses, intake.call)
        orders = Orders(port, store, self._signal, intake.call)
        orders.on_update = self._update_asked
        self._updater: "Updater | None" = None
        # The version first: a hello has room for 100 bytes.
        capabilities = [SOFTWARE.replace(" ", "/")] + sorted({given["type"] for given in settings["drivers"]})
        self._link = senses.link = Link(
            intake.outbox, port.random, port.reset(), capabilities, orders.do, intake.know_time, senses.hear
        )

    async def run(self) -> None:
        """Line and signal together."""
        await asyncio.gather(self._carry(), self._signal.run(self._watchdog))

    async def _carry(self) -> None:
        uart, out = self._port.uart("link"), b""
        while True:
            now_ms = self._port.now_ms()
            self._watchdog.report("line", now_ms)
            waiting = uart.any()
            if waiting:
                self._link.feed(uart.read(waiting) or b"", now_ms)
            if self._link.is_heard(now_ms):
                self._confirm()
                self._step_update(now_ms)
            if not out:
                self._link.step(now_ms)
                out = self._link.output()
            if out:
                out = out[uart.write(out) or 0 :]
            await asyncio.sleep(_LOOK_S)

    def _update_asked(self, command: "dict[str, Any]") -> None:
        from firmware.update import trial  # late: most starts have none

        trial.asked(self._updater, self._intake, command)

    def _step_update(self, now_ms: int) -> None:
        if self._updater is None and self._intake.notes.get("update") is not None:
            from firmware.update import trial

            if trial.may_update(self._intake):
                from firmware.update import updater

                self._updater = updater.over_link(self._port, self._intake, self._link)
        if self._updater is not None:
            self._updater.step(now_ms)
