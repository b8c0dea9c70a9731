"""The app: what a node is made of, and its tasks in one asyncio loop. The port brings what a board has.

senses    one task per driver: read, tell, sleep
intake    readings to flash
line      alone: a broker (`broker_line`); wired: frames on a UART to the Pi (`pi_line`)
health    how the node is, every ten minutes
watch     feeds the watchdog while all the others have reported in time

A node on a battery has no tasks but one `wake`; a wired one that may sleep has one more, `park`. What a
node's mode does not need is imported late: a board has no room for it.
"""

import asyncio

from firmware.store.intake import Intake
from firmware.senses import Senses
from firmware.settings.store import Store
from firmware.watchdog import LATE_MS, Watchdog

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from firmware.line.broker_line import BrokerLine
    from firmware.line.pi_line import PiLine
    from firmware.ports.port import Port

_HEALTH_S = 600
_WATCH_S = 2


class App:
    """One node, from its settings to its last record."""

    def __init__(self, port: "Port") -> None:
        self._port = port
        self.intake = Intake(port)
        self.store = Store(self.intake.notes)
        self._watchdog = Watchdog()
        self._is_confirmed = False

    async def run(self, settings: "dict[str, Any]") -> None:
        """Until the power goes, or on a battery until the next sleep."""
        if "help" in [one["type"] for one in settings["drivers"]]:
            from firmware.call import Call

            self.intake.call = Call(self.intake.notes)
        slots = self._port.slots()
        if slots["undone"]:
            from firmware.update import trial

            trial.tell_undone(self._port, self.intake)
        if self.store.taken_back:
            self.intake.faults.begin("settings", "rolled_back", "version %d" % self.store.taken_back)
        is_alone, has_duty = settings["mode"] == "alone", "duty" in settings
        sample_s = 0
        if has_duty and self._port.sleeps:
            from firmware.power import duty  # late: few nodes sleep

            sample_s = duty.periods(settings["mode"], settings["duty"])["sample_s"]
        senses = Senses(self._port, self.intake, settings["drivers"], sample_s)
        if has_duty and not self._port.sleeps:
            self.intake.faults.begin("node", "no_sleep", "this board forgets its boot in a deep sleep")
        elif has_duty and is_alone:
            from firmware.power.wake import wake

            def line_of() -> "BrokerLine":
                return self._broker_line(senses, settings)

            await wake(self._port, self.intake, senses, line_of, settings, self.store.is_on_trial)
            return
        line = self._broker_line(senses, settings) if is_alone else self._pi_line(senses, settings)
        tasks: "list[Coroutine[Any, Any, None]]" = [
            self._watch(),
            self.intake.run(settings.get("group_s", 10), self._watchdog),
            self._health(line),
            line.run(),
        ]
        for given in settings["drivers"]:
            tasks.append(senses.run(given, self._watchdog))
        if slots["trial"] or self.store.is_on_trial:
            from firmware.update import trial

            tasks.append(trial.end(self._port, lambda: self._is_confirmed))
        if is_alone and self.intake.call is not None:
            from firmware.signal import Signal

            tasks.append(Signal(self._port, senses, self.intake.call).run(self._watchdog))
        if has_duty and self._port.sleeps:
            from firmware.power.wake import park

            tasks.append(park(self._port, self.intake, senses, settings))
        await asyncio.gather(*tasks)

    def _broker_line(self, senses: Senses, settings: "dict[str, Any]") -> "BrokerLine":
        from firmware.line.broker_line import BrokerLine

        return BrokerLine(
            self._port, self.intake, senses, self._watchdog, settings, self.store, self._confirm
        )

    def _pi_line(self, senses: Senses, settings: "dict[str, Any]") -> "PiLine":
        from firmware.line.pi_line import PiLine

        return PiLine(self._port, self.intake, senses, self._watchdog, settings, self.store, self._confirm)

    def _confirm(self) -> None:
        """Somebody was reached: settings and firmware that were on trial count."""
        if not self._is_confirmed:
            self._is_confirmed = True
            self.store.confirm()
            self._port.confirm()

    async def _watch(self) -> None:
        while True:
            late = self._watchdog.late(self._port.now_ms())
            if late:
                self._port.log("late: %s" % late)  # not fed: the board starts again
            else:
                self._port.feed_watchdog()
            await asyncio.sleep(_WATCH_S)

    async def _health(self, line: "BrokerLine | PiLine") -> None:
        while True:
            self._watchdog.report("health", self._port.now_ms(), _HEALTH_S * 1000 + LATE_MS)
            values = {
                "uptime_s": self._port.now_ms() // 1000,
                "outbox_rows": self.intake.outbox.waiting,
                "dropped": self.intake.outbox.dropped + self.intake.overflow,
                "reconnects": line.reconnects,
            }
            self.intake.emit("health", "unit", values)
            await asyncio.sleep(_HEALTH_S)
