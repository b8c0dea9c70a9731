"""The senses: every driver in its own time. A reading goes to the Pi as long as that hears us, else to flash.

What is on flash goes first: as long as the Pi is still taking it, a reading is put behind it, so that whoever
judges gets a probe's temperatures in their order. In the log a reading has the name that it has live, its
channel.

A failed read is a fault, never a value. What readings mean is judged here too, where the settings ask for it
(`cabinet`): a node that stands alone records the judgement, and a wired one only sounds, for its Pi judges.
"""

import asyncio

from firmware import late
from firmware.drivers import DriverFault, driver_of
from firmware.watchdog import LATE_MS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from firmware.line import frame
    from firmware.cabinet.cabinet import Cabinet
    from firmware.drivers.driver import Driver
    from firmware.store.intake import Intake
    from firmware.ports.port import Port
    from firmware.watchdog import Watchdog

    class Listener(Protocol):  # the link to a Pi
        def is_heard(self, now_ms: int) -> bool: ...
        def is_behind(self, lane: str, now_ms: int) -> bool: ...
        def report(self, entries: "list[frame.Entry]") -> None: ...
        def say(self, kind: int, body: bytes) -> None: ...

    Hear = Callable[[int, bytes], list[tuple[int, bytes]]]

_ALARM_MS = 2_000
JUDGES = ("cabinet", "alarm", "excursion", "profile", "axis", "scale", "tally")  # files of cabinet/
PROBES = ("ds18b20", "sht4x")  # whose failures a Pi hears live: the next temperature ends them
DRIVER_FAULTS = ("no_reply", "crc", "power_on", "overload", "settings")  # over with the next good reading


class Senses:
    """`given`: the drivers of the settings. `link` is there when a Pi is wired to the node.

    `sample_s` of a node that sleeps between samples, else 0.
    """

    def __init__(
        self, port: "Port", intake: "Intake", given: "list[dict[str, Any]]", sample_s: int = 0
    ) -> None:
        self._port = port
        self._intake = intake
        self._faults = intake.faults
        self._channels = {one["name"]: at for at, one in enumerate(given)}
        self._probes = [one["name"] for one in given if one["type"] in PROBES]
        self._cabinet = self._cabinet_of(given, sample_s)
        self._is_lit = False
        self._drivers: "list[Driver]" = []
        self.link: "Listener | None" = None
        self.newest: "dict[str, Any]" = {}  # position
        self._fixed_ms = 0

    def _cabinet_of(self, given: "list[dict[str, Any]]", sample_s: int) -> "Cabinet | None":
        if not any(["profile" in one or "alarm" in one or "slot" in one for one in given]):
            return None
        from firmware.cabinet.cabinet import Cabinet  # late: a node that only measures has no room for it

        intake = self._intake
        made = Cabinet(given, intake.clock, intake.faults, intake.outbox.boot, self._port.now_ms(), sample_s)
        made.resume(intake.notes)
        intake.cabinet = made
        return made

    @property
    def is_alarmed(self) -> bool:
        return self._is_lit if self._cabinet is None else self._cabinet.is_sounding

    @property
    def is_parked(self) -> bool:
        """Whether the Pi is off, and nobody is about to start it."""
        return any([getattr(driver, "is_parked", False) for driver in self._drivers])

    def driver(self, given: "dict[str, Any]") -> "Driver | None":
        """The driver of an entry in the settings; None, and a fault, when it cannot be made."""
        try:
            driver = driver_of(self._port, given)
        except (KeyError, ValueError, OSError) as error:
            self._faults.begin(given["name"], "settings", str(error))
            return None
        self._drivers.append(driver)
        return driver

    async def run(self, given: "dict[str, Any]", watchdog: "Watchdog") -> None:
        """Read one driver, again and again."""
        name, driver = given["name"], self.driver(given)
        while driver is not None:
            watchdog.report("driver " + name, self._port.now_ms(), driver.period_ms + LATE_MS)
            await self.look(name, driver)
            await asyncio.sleep(driver.period_ms / 1000)

    async def look(self, name: str, driver: "Driver") -> None:
        """Read it once."""
        try:
            for kind, values in await driver.read():
                self.take(kind, name, values)
            for code in DRIVER_FAULTS:
                self._faults.end(name, code)
        except DriverFault as fault:
            self.failed(name, fault.code, fault.detail)
        except OSError as error:
            self.failed(name, "no_reply", str(error))

    def take(self, kind: str, name: str, values: "Any") -> None:
        """What a driver read."""
        if kind == "utc_ms":
            self._intake.offer_time("gnss", values)
            return
        if kind == "frame":
            if self.link is not None:
                self.link.say(values[0], values[1])
            return
        if self._cabinet is not None and (kind != "mass" or self.link is None):
            self._cabinet.take(kind, name, values, self._port.now_ms())
            self._judge(name)
        if self._is_told(kind, name, values) or kind == "mass":
            return  # a weight says something beside others only
        if kind == "fix":
            self.newest = {key: value for key, value in values.items() if value is not None}
            self._fixed_ms = self._port.now_ms()
        if kind == "help" and "lat_e7" in self.newest:
            values["lat_e7"], values["lon_e7"] = self.newest["lat_e7"], self.newest["lon_e7"]
            values["fix_age_s"] = (self._port.now_ms() - self._fixed_ms) // 1000
        is_live = self.link is not None and kind in ("climate", "door")
        self._intake.emit(kind, str(self._channels[name]) if is_live else name, values)

    def failed(self, name: str, code: str, detail: str) -> None:
        """A driver could not read: never a value."""
        if name not in self._probes or not self._is_told("failed", name, {"code": code}):
            self._faults.begin(name, code, detail)
        self._judge(name)

    def hear(self, kind: int, body: bytes) -> None:
        """A frame of the Pi for a reader of tags."""
        for driver in self._drivers:
            hear: "Hear | None" = getattr(driver, "hear", None)
            for answer in hear(kind, body) if hear is not None else ():
                self.take("frame", "", answer)

    def _is_told(self, kind: str, name: str, values: "dict[str, Any]") -> bool:
        """Whether a Pi heard it."""
        now_ms = self._port.now_ms()
        if self.link is None or not self.link.is_heard(now_ms):
            return False
        from firmware.cabinet import live  # late: a node that stands alone has no use for it

        lane = live.LANES.get(kind)
        if lane is not None and (self._intake.is_waiting(lane) or self.link.is_behind(lane, now_ms)):
            self._intake.hurry()
            return False
        entries = live.entries_of(kind, self._channels[name], values)
        if entries:
            self.link.report(entries)
        return bool(entries)

    def conclude(self) -> None:
        """Before a deep sleep: judge what still waits for the clock."""
        self._judge("", True)

    def rest(self, given: "list[dict[str, Any]]") -> None:
        """Before a line is made that needs the room: nothing is read any more, nor judged, before a sleep."""
        if self._cabinet is not None and (self._intake.waiting or not self._cabinet.is_settled):
            return
        self._cabinet = self._intake.cabinet = None
        self._drivers = []
        late.forget(*["drivers." + one["type"] for one in given])
        late.forget(*["cabinet." + name for name in JUDGES])

    def _judge(self, name: str, is_last: bool = False) -> None:
        """What a look at this driver means, whether it saw something or failed."""
        if self._cabinet is None:
            return
        for kind, source, values, at_ms in self._cabinet.step(self._port.now_ms(), is_last):
            if self.link is None:
                self._intake.emit(kind, source, values, at_ms)
        if self._cabinet.has_probe(name):
            self._sound(self._cabinet.is_sounding)

    def _sound(self, is_on: bool) -> None:
        """Light and buzzer, whoever else hears of it."""
        if is_on or self._is_lit:
            self._port.light(is_on)
        self._is_lit = is_on
        if is_on:
            self._port.buzz(_ALARM_MS)
