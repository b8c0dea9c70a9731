"""The line of a node that stands alone: one connection to the broker after the other, as the courier asks.

Whatever happens to a connection, the next one is made. What goes over it is the courier's business.
"""

import asyncio

from firmware.line.courier import Courier
from firmware.update.version import SOFTWARE
from firmware.watchdog import LATE_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.store.intake import Intake
    from firmware.ports.port import Port, Reader, Writer
    from firmware.senses import Senses
    from firmware.settings.store import Store
    from firmware.update.updater import Updater
    from firmware.watchdog import Watchdog

_LOOK_S = 0.02
SOMEBODY_MS = 600_000
_READ_BYTES = 512
ANSWER_S = 60  # a line that takes longer is none; the watchdog would think that the task hangs


class BrokerLine:
    """`confirm` is called whenever the broker took us in."""

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
        self._senses = senses
        self._watchdog = watchdog
        self._settings = settings
        self._store = store
        self._confirm = confirm
        capabilities = sorted({given["type"] for given in settings["drivers"]})
        self._courier = Courier(
            settings["unit"],
            intake.outbox,
            intake.clock,
            port.random,
            self._tell,
            SOFTWARE,
            capabilities,
        )
        self._courier.call = intake.call
        self._dial_at_ms = 0  # not before, while somebody has to come to the modem
        self._courier.on_update = self._update_asked
        self._courier.on_settings = self._settings_asked
        self._is_restarting = False  # for new settings
        self.updater: "Updater | None" = None
        self._waited = 1  # rows without a receipt, when it was last said
        self.is_going = False  # off again as soon as all is receipted
        self.is_reached = False  # whether a broker ever took us in

    @property
    def reconnects(self) -> int:
        return self._courier.reconnects

    async def run(self) -> None:
        """Connect whenever it is due."""
        while True:
            self._alive()
            now_ms = self._port.now_ms()
            if self._courier.is_connect_due(now_ms) and now_ms >= self._dial_at_ms:
                await self._one_connection()
            wait_ms = self._courier.wait_ms(self._port.now_ms())
            await asyncio.sleep(min(1000, max(20, wait_ms)) / 1000)

    def _alive(self) -> None:
        self._watchdog.report("line", self._port.now_ms())

    def _tell(self, code: str, detail: str, is_over: bool) -> None:
        if is_over:
            self._intake.faults.end("uplink", code)
        else:
            self._intake.faults.begin("uplink", code, detail)

    async def _one_connection(self) -> None:
        writer = None
        try:
            reader, writer = await self._opened()
            self._courier.connected(self._port.now_ms())
            await self._carry(reader, writer)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            self._port.log("line: %s" % (error or "no answer"))
        self._courier.lost(self._port.now_ms())
        if self.updater is not None:
            self.updater.lost()
        self.is_going = False  # one attempt a wake: the battery pays for it
        if writer is not None:
            try:
                writer.close()
                await writer.wait_closed()
            except OSError as error:
                self._port.log("line: %s" % error)

    async def _opened(self) -> "tuple[Reader, Writer]":
        broker = self._settings["broker"]
        if "modem" in self._settings:
            await self._dialled(self._settings["modem"])
        else:
            await self._port.join(self._settings.get("wifi"))
        evidence = await self._port.evidence()
        if evidence is not None:
            self._intake.offer_time(evidence[0], evidence[1])
        if broker.get("is_tls") and self._intake.clock.word == "none":
            raise OSError("no certificate can be judged before the time is known")
        tls = self._port.certificates() if broker.get("is_tls") else None
        return await asyncio.wait_for(self._port.connect(broker["host"], broker["port"], tls), ANSWER_S)

    async def _dialled(self, given: "dict[str, Any]") -> None:
        from firmware.line.modem_fault import ADDRESS_MS, LONGEST_MS, ModemFault  # late: most have no modem

        faults, now_ms = self._intake.faults, self._port.now_ms()
        self._watchdog.report("line", now_ms, LONGEST_MS + ADDRESS_MS + LATE_MS)
        try:
            await self._port.dial(given)
            faults.end("modem")
        except ModemFault as fault:
            if ["modem", fault.code] not in faults.standing():
                faults.end("modem")
                faults.begin("modem", fault.code, fault.detail)
            if not fault.is_waiting_good:
                self._dial_at_ms = now_ms + SOMEBODY_MS
            raise

    async def _carry(self, reader: "Reader", writer: "Writer") -> None:
        """Bytes to and fro until the line is of no more use."""
        came: "list[bytes]" = []
        self._waited = 1

        async def hear() -> None:
            while True:
                data = await reader.read(_READ_BYTES)
                came.append(data)
                if not data:
                    return

        hearer = asyncio.create_task(hear())
        try:
            while self._is_fed(came) and not (hearer.done() and not came):
                if not self._courier.step(self._port.now_ms()):
                    return
                self._step_update()
                is_last = self.is_going and self._courier.is_open and not self._intake.outbox.waiting
                is_last = is_last and not self.is_updating and not self._is_unheard
                if is_last:
                    self._courier.close()
                out = self._courier.output()
                if out:
                    writer.write(out)
                    await asyncio.wait_for(writer.drain(), ANSWER_S)
                if is_last:
                    self.is_going = False
                    return
                await asyncio.sleep(_LOOK_S)
        finally:
            hearer.cancel()

    def _is_fed(self, came: "list[bytes]") -> bool:
        """Give the courier what came; False when the line is to be closed."""
        self._alive()
        while came:
            data = came.pop(0)
            if not data or not self._courier.feed(data, self._port.now_ms()):
                return False
        if self._courier.is_open:
            self.is_reached = True
            self._confirm()
            newest = self._senses.newest
            self._courier.send_live(newest, self._port.now_ms(), bool(newest))
        if self._waited and not self._intake.outbox.waiting:
            self._port.log("all receipted")
        self._waited = self._intake.outbox.waiting
        if self._is_restarting and not self.is_going:  # a node on a battery starts anew anyway
            self._intake.keep()
            self._port.restart()
        return True

    @property
    def is_on_trial(self) -> bool:
        """Whether the node has new settings that are to prove themselves."""
        return self._store.is_on_trial

    def _settings_asked(self) -> None:
        self._confirm()  # or those that are on trial would be forgotten
        self._is_restarting = True

    @property
    def _is_unheard(self) -> bool:
        """Whether somebody called for help and the service has not said that it heard."""
        return self._intake.call is not None and self._intake.call.state == "called"

    @property
    def is_updating(self) -> bool:
        """Whether an update comes forward."""
        return self.updater is not None and self.updater.is_moving(self._port.now_ms())

    def _update_asked(self, command: "dict[str, Any]") -> None:
        from firmware.update import trial  # late: most starts have none

        trial.asked(self.updater, self._intake, command)

    def _step_update(self) -> None:
        if not self._courier.is_open:
            return
        if self.updater is None and self._intake.notes.get("update") is not None:
            from firmware.update import trial

            if trial.may_update(self._intake):
                from firmware.update import updater

                self.updater = updater.over_broker(self._port, self._intake, self._courier)
        if self.updater is not None:
            self.updater.step(self._port.now_ms())
