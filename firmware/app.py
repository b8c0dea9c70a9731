"""The app: drivers, outbox and line as tasks of one asyncio loop. The port brings what a board has.

sense    one per driver: read, emit, sleep; a failed read is a fault record, never a value
keep     readings to flash: events at once, the rest every `group_s`, each write costs an erase
line     stand-alone: a broker (`courier`); wired: frames on a UART to the Pi (`link`)
health   how the node is, every ten minutes
watch    feeds the watchdog while all the others have reported in time
"""

import asyncio

from firmware import duty, frame, wire
from firmware import settings as node_settings
from firmware.alarm import Alarm
from firmware.clock import Clock
from firmware.drivers import DriverFault, driver_of
from firmware.faults import Faults
from firmware.folder import Folder
from firmware.outbox import Outbox, OutboxFull
from firmware.version import SOFTWARE
from firmware.watchdog import Watchdog

HEALTH_MS = 600_000
LATE_MS = 120_000  # a task that says nothing for so long hangs
WATCH_MS = 2_000
MOST_WAITING = 200
STEP_MS = 2_000
ALARM_MS = 2_000
BEEP_MS = 200
DRIVER_FAULTS = ("no_reply", "crc", "power_on", "overload", "settings")  # over with the next good reading


class App:
    """One node, from its settings to its last record."""

    def __init__(self, port):
        self.port = port
        self.outbox = Outbox(Folder(port.path("rows")), port.boot(), port.random)
        self.store = node_settings.Store(self.outbox.notes)
        self.settings = None
        self.clock = Clock(self.outbox.notes.get("good_ms", 0))
        self.waiting = []
        self.overflow = 0
        self.has_event = asyncio.Event()
        self.faults = Faults(self.emit)
        self.faults.resume(self.outbox.notes.get("faults", []), self.outbox.is_resumed)
        self.watchdog = Watchdog()
        self.newest = {}
        self.courier = None
        self.alarms = {}
        self.pattern = None  # of light and buzzer, as the Pi says
        self.is_confirmed = False
        self.is_going = False  # off again as soon as all is receipted
        self.link = None
        self.readers = []  # of tags, when there is one
        self.parts = []

    # --- readings ---------------------------------------------------------------------------------------

    def emit(self, kind, source, values):
        """Take a reading; it is safe with the next write, an event within moments."""
        try:
            wire.check_values(kind, values)
        except wire.WireError as error:
            self.port.log("refused: %s" % error)
            return
        if len(self.waiting) >= MOST_WAITING:
            self.waiting.pop(0)
            self.overflow += 1
        self.waiting.append((kind, source, values, self.port.now_ms()))
        if wire.KINDS[kind].lane == "event":
            self.has_event.set()

    def keep(self):
        """Write what waits to flash."""
        given, self.waiting = self.waiting, []
        if not given:
            return
        try:
            standing = self.faults.standing()
            if standing != self.outbox.notes.get("faults", []):
                self.outbox.notes.put({"faults": standing})
            self.outbox.append(given, self.clock)
            self.faults.end("flash")
        except OutboxFull as error:
            self.waiting = given[error.landed :] + self.waiting
            self.faults.begin("flash", "full")
        except OSError as error:
            self.waiting = given + self.waiting
            self.faults.begin("flash", "broken", str(error))
        self.port.log(
            "safe: " + " ".join(["%s %d" % (lane, self.outbox.last_seq(lane)) for lane in wire.LANES])
        )

    def offer_time(self, source, utc_ms):
        """Evidence of what time it is."""
        now_ms = self.port.now_ms()
        won = self.clock.offer(source, utc_ms, now_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, now_ms, won[0], won[1])
            self.outbox.notes.put({"good_ms": self.clock.time_of(now_ms)[0]})
            self.port.log("time from " + source)

    # --- tasks ------------------------------------------------------------------------------------------

    async def run(self):
        """Until the power goes, or on a battery until the next sleep."""
        known = self.outbox.notes.get("times", {}).get(self.outbox.boot)
        if known is not None:  # woken from a sleep of the same boot
            self.clock.resume(wire.CLOCKS[known[1]], known[0])
        self.prepare()
        if "duty" in self.settings:
            await self.wake()
            return
        tasks = [self.watch(), self.keep_task(), self.health(), self.signal()]
        for given in self.settings["drivers"]:
            tasks.append(self.sense(given))
        tasks.append(self.alone() if self.settings["mode"] == "alone" else self.wired())
        await asyncio.gather(*tasks)

    def prepare(self):
        """What the settings say of drivers."""
        self.channels = {given["name"]: at for at, given in enumerate(self.settings["drivers"])}
        self.alarms = {
            given["name"]: Alarm(given["alarm"]) for given in self.settings["drivers"] if "alarm" in given
        }

    async def wake(self):
        """On a battery: one look at everything, a connection when it is due, and to sleep."""
        woke_ms = self.port.now_ms()
        for given in self.settings["drivers"]:
            await self.look(given)
        self.keep()
        self.port.feed_watchdog()
        notes, asked = self.outbox.notes, self.settings["duty"]
        has_event = self.outbox.last_seq("event") > self.outbox.mark("event")
        sent_ms, tried_ms = notes.get("sent", {}).get(self.outbox.boot, [None, None])
        if duty.is_send_due(woke_ms, sent_ms, tried_ms, asked["send_s"], has_event):
            self.is_going = True
            line = asyncio.create_task(self.alone())
            while self.is_going and self.port.now_ms() - woke_ms < duty.LONGEST_SEND_MS:
                self.port.feed_watchdog()
                await asyncio.sleep_ms(50)
            line.cancel()
            sent_ms = sent_ms if self.outbox.waiting else woke_ms
            notes.put({"sent": {self.outbox.boot: [sent_ms, woke_ms if self.outbox.waiting else None]}})
        self.port.sleep(duty.sleep_ms(self.port.now_ms(), woke_ms, asked["sample_s"]))

    async def look(self, given):
        """Read a driver once."""
        try:
            for kind, values in await driver_of(self.port, given).read():
                self.take(kind, given["name"], values)
            for code in DRIVER_FAULTS:
                self.faults.end(given["name"], code)
        except DriverFault as fault:
            self.faults.begin(given["name"], fault.code, fault.detail)
        except (KeyError, ValueError, OSError) as error:
            self.faults.begin(given["name"], "no_reply", str(error))

    def alive(self, task, within_ms=LATE_MS):
        self.watchdog.report(task, self.port.now_ms(), within_ms)

    def confirm(self):
        """Somebody was reached: settings and firmware that were on trial count."""
        if not self.is_confirmed:
            self.is_confirmed = True
            self.store.confirm()
            self.port.confirm()

    async def watch(self):
        while True:
            late = self.watchdog.late(self.port.now_ms())
            if late:
                self.port.log("late: %s" % late)  # not fed: the board starts again
            else:
                self.port.feed_watchdog()
            await asyncio.sleep_ms(WATCH_MS)

    async def keep_task(self):
        group_ms = self.settings.get("group_s", 10) * 1000
        kept_ms = self.port.now_ms()
        while True:
            self.alive("keep")
            now_ms = self.port.now_ms()
            if self.has_event.is_set() or now_ms - kept_ms >= group_ms:
                self.has_event.clear()
                self.keep()
                kept_ms = now_ms
            await asyncio.sleep_ms(50)

    async def sense(self, given):
        name = given["name"]
        try:
            driver = driver_of(self.port, given)
        except (KeyError, ValueError, OSError) as error:
            self.faults.begin(name, "settings", str(error))
            return
        if hasattr(driver, "hear"):
            self.readers.append(driver)
        while True:
            self.alive(name, driver.period_ms + LATE_MS)
            try:
                for kind, values in await driver.read():
                    self.take(kind, name, values)
                for code in DRIVER_FAULTS:
                    self.faults.end(name, code)
            except DriverFault as fault:
                self.failed(name, fault.code, fault.detail)
            except OSError as error:
                self.failed(name, "no_reply", str(error))
            await asyncio.sleep_ms(driver.period_ms)

    def take(self, kind, name, values):
        """What a driver read: to the Pi as long as it hears us, else into our own log."""
        if kind == "utc_ms":
            self.offer_time("gnss", values)
            return
        if kind == "frame":
            if self.link is not None:
                self.link.say(values[0], values[1])
            return
        if kind == "climate" and name in self.alarms:
            self.judge(name, values["temperature_cc"])
        if self.link is not None and self.link.is_heard(self.port.now_ms()):
            entries = live_entries(kind, self.channels[name], values)
            if entries:
                self.link.report(entries)
                return
        if kind == "mass":
            return  # a weight says something beside others only
        if kind == "fix":
            self.newest = {key: value for key, value in values.items() if value is not None}
        self.emit(kind, name, values)

    def judge(self, name, temperature_cc):
        """Sound and light while a probe is out of its limits, whoever else hears of it."""
        alarm = self.alarms[name]
        before = alarm.code
        if alarm.step(temperature_cc, self.port.now_ms()):
            if before:
                self.faults.end(name, before)
            if alarm.code:
                self.faults.begin(name, alarm.code)
        self.port.light(bool(alarm.code))
        if alarm.code:
            self.port.buzz(ALARM_MS)

    async def signal(self):
        """Light and buzzer as the Pi says, as long as it is heard; a node's own alarm goes first."""
        beeped_ms = 0
        while True:
            self.alive("signal")
            pattern, now_ms = self.pattern, self.port.now_ms()
            is_own = any([alarm.code for alarm in self.alarms.values()])
            if pattern is None or is_own or self.link is None or not self.link.is_heard(now_ms):
                await asyncio.sleep_ms(500)
                continue
            on_ms, off_ms, beeps, every_s = pattern
            if beeps and now_ms - beeped_ms >= every_s * 1000:
                beeped_ms = now_ms
                self.port.buzz(beeps * BEEP_MS)
            self.port.light(True)
            await asyncio.sleep_ms(min(on_ms, 5000))
            self.port.light(False)
            await asyncio.sleep_ms(min(off_ms, 5000))

    def failed(self, name, code, detail):
        """A driver could not read: never a value."""
        if self.link is not None and self.link.is_heard(self.port.now_ms()):
            value = frame.FAULTS.index(code) if code in frame.FAULTS else len(frame.FAULTS)
            self.link.report([frame.Entry(frame.PROBE_FAULT, self.channels[name], 0, value)])
        else:
            self.faults.begin(name, code, detail)

    async def health(self):
        while True:
            self.alive("health", HEALTH_MS + LATE_MS)
            values = {
                "uptime_s": self.port.now_ms() // 1000,
                "outbox_rows": self.outbox.waiting,
                "dropped": self.outbox.dropped + self.overflow,
                "reconnects": self.courier.reconnects if self.courier else 0,
            }
            self.emit("health", "unit", values)
            await asyncio.sleep_ms(HEALTH_MS)

    # --- the line ---------------------------------------------------------------------------------------

    async def alone(self):
        """Stand-alone: connect whenever it is due; whatever happens to a line, the next one is made."""
        from firmware.courier import Courier  # late: a wired node has no room for it

        capabilities = sorted({given["type"] for given in self.settings["drivers"]})

        def tell(code, detail, is_over):
            if is_over:
                self.faults.end("uplink", code)
            else:
                self.faults.begin("uplink", code, detail)

        unit = self.settings["unit"]
        courier = self.courier = Courier(
            unit, self.outbox, self.clock, self.port.random, tell, SOFTWARE, capabilities
        )
        while True:
            self.alive("line")
            if courier.is_connect_due(self.port.now_ms()):
                await self.one_connection(courier)
            await asyncio.sleep_ms(min(1000, max(20, courier.wait_ms(self.port.now_ms()))))

    async def wired(self):
        """With a Pi: frames on a UART, as long as the power is there."""
        from firmware.link import Link  # late, as above

        uart = self.port.uart("link")
        capabilities = sorted({given["type"] for given in self.settings["drivers"]})
        link = self.link = Link(
            self.outbox, self.port.random, self.port.reset(), capabilities, self.do, self.know_time, self.hear
        )
        out = b""
        while True:
            self.alive("line")
            waiting = uart.any()
            if waiting:
                link.feed(uart.read(waiting) or b"", self.port.now_ms())
            if link.is_heard(self.port.now_ms()):
                self.confirm()
            if not out:
                link.step(self.port.now_ms())
                out = link.output()
            if out:
                out = out[uart.write(out) or 0 :]
            await asyncio.sleep_ms(20)

    def know_time(self, word, utc_ms):
        """The Pi says what time it is; its line is too slow for less than STEP_MS."""
        now_ms = self.port.now_ms()
        word = "ntp" if word == "gnss" else word  # second hand
        if self.clock.word == word and abs(self.clock.boot_at_ms + now_ms - utc_ms) < STEP_MS:
            return
        won = self.clock.offer(word, utc_ms, now_ms)
        if won is not None:
            self.outbox.clock_won(self.clock, now_ms, won[0], won[1], False)

    def hear(self, kind, body):
        """Frames of others, as of tags."""
        for reader in self.readers:
            for answer in reader.hear(kind, body):
                self.link.say(answer[0], answer[1])

    def do(self, command):
        """A command of the Pi; (is it done, detail)."""
        what = command["do"]
        if what == "signal":
            found = [int(command[name]) for name in ("on_ms", "off_ms", "beeps", "every_s")]
            self.pattern = found if found[0] > 0 and found[1] > 0 else None
        elif what == "part":  # of settings, which are longer than a frame
            self.parts = self.parts[: int(command["at"])] + [str(command["text"])]
        elif what == "settings":
            text, self.parts = "".join(self.parts), []
            return True, "version %d at the next start" % self.store.stage(text)
        elif what == "restart":
            self.port.restart()
        else:
            return False, "no such command"
        return True, ""

    async def one_connection(self, courier):
        broker = self.settings["broker"]
        writer = None
        try:
            await self.port.join(self.settings.get("wifi"))
            evidence = await self.port.evidence()
            if evidence is not None:
                self.offer_time(evidence[0], evidence[1])
            if broker.get("is_tls") and self.clock.word == "none":
                raise OSError("no certificate can be judged before the time is known")
            tls = self.port.certificates() if broker.get("is_tls") else None
            reader, writer = await self.port.connect(broker["host"], broker["port"], tls)
            courier.connected(self.port.now_ms())
            await self.carry(courier, reader, writer)
        except (OSError, ValueError) as error:
            self.port.log("line: %s" % error)
        courier.lost(self.port.now_ms())
        self.is_going = False  # one attempt a wake: the battery pays for it
        if writer is not None:
            try:
                writer.close()
                await writer.wait_closed()
            except OSError as error:
                self.port.log("line: %s" % error)

    async def carry(self, courier, reader, writer):
        """Bytes to and fro until the line is of no more use."""
        came = []

        async def hear():
            while True:
                data = await reader.read(512)
                came.append(data)
                if not data:
                    return

        hearer = asyncio.create_task(hear())
        waited = 1
        try:
            while True:
                self.alive("line")
                while came:
                    data = came.pop(0)
                    if not data or not courier.feed(data, self.port.now_ms()):
                        return
                if courier.is_open:
                    self.confirm()
                    courier.send_live(self.newest, self.port.now_ms(), bool(self.newest))
                if self.outbox.waiting != waited:
                    waited = self.outbox.waiting
                    if not waited:
                        self.port.log("all receipted")
                if hearer.done() and not came:
                    return
                if not courier.step(self.port.now_ms()):
                    return
                is_last = self.is_going and courier.is_open and not self.outbox.waiting
                if is_last:
                    courier.close()
                out = courier.output()
                if out:
                    writer.write(out)
                    await writer.drain()
                if is_last:
                    self.is_going = False
                    return
                await asyncio.sleep_ms(20)
        finally:
            hearer.cancel()


def live_entries(kind, channel, values):
    """What a report says of a reading; nothing of kinds that only records tell."""
    if kind == "climate":
        found = [frame.Entry(frame.TEMPERATURE_CC, channel, 0, values["temperature_cc"])]
        if values.get("humidity_cpct") is not None:
            found.append(frame.Entry(frame.HUMIDITY_CPCT, channel, 0, values["humidity_cpct"]))
        return found
    if kind == "door":
        return [frame.Entry(frame.DOOR, channel, 0, values["state"])]
    if kind == "mass":
        if values["mass_mg"] is None:
            return [frame.Entry(frame.SCALE_FAULT, channel, 0, frame.FAULTS.index("overload"))]
        return [frame.Entry(frame.MASS_MG, channel, 0, values["mass_mg"])]
    return []
