"""Nodes that sleep: a wake of one that stands alone on a battery, and a wired one that parks.

A wake is a look at everything, a connection when it is due, and to sleep. No task keeps the node awake for
longer than its budget says; a driver that has not answered by then is a fault. A board has no room for who
looks and who sends at once: the line is made when the judges have gone.
"""

import asyncio

from firmware.power import duty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.line.broker_line import BrokerLine
    from firmware.drivers.driver import Driver
    from firmware.store.intake import Intake
    from firmware.ports.port import Port
    from firmware.senses import Senses

LOOK_S = 0.05
ALARM_S = 2
SWITCH_S, SWITCH_MS, LOOKS = 0.02, 250, 5  # what is looked at so often is looked at several times
BEEP_MS = 200
SCALES = ("hx711", "nau7802")


async def wake(
    port: "Port",
    intake: "Intake",
    senses: "Senses",
    line_of: "Callable[[], BrokerLine]",
    settings: "dict[str, Any]",
    is_on_trial: bool = False,
) -> None:
    """A node that stands alone; ends in a deep sleep. `is_on_trial`: its settings are to prove themselves."""
    woke_ms, notes = port.now_ms(), intake.notes
    every = duty.periods("alone", settings["duty"])
    is_weighed = duty.is_turn(woke_ms, every["scale_s"], every["sample_s"])
    given = [one for one in settings["drivers"] if is_weighed or one["type"] not in SCALES]
    until_ms = woke_ms + duty.awake_ms("cabinet_sample") + is_weighed * duty.awake_ms("cabinet_scale")
    await _look(port, senses, given, until_ms)
    _forget_repeats(intake)
    was = notes.get("attempts", {}).get(intake.outbox.boot, [None, None, False])
    is_urgent = was[2] or any([row[0] in duty.URGENT for row in intake.waiting])
    intake.keep()
    is_open = _shown(port, intake)
    now = [was[0], was[1], is_urgent]
    if duty.is_send_due(woke_ms, was[0], was[1], every, is_urgent) or is_on_trial or is_open:
        is_there = await _is_network_there(port, intake, settings)
        port.feed_watchdog()  # a name server that is silent has taken ten of its fifteen seconds
        if "modem" not in settings:  # which tells the time once it is dialled
            is_urgent = _concluded(intake, senses) or is_urgent
        senses.rest(settings["drivers"])
        is_sent = is_there and await _send(port, intake, line_of(), settings)
        now = [woke_ms if is_sent else was[0], woke_ms, is_urgent and not is_sent]
        _shown(port, intake)
    now[2] = _concluded(intake, senses) or now[2]
    if now != was:
        notes.put({"attempts": {intake.outbox.boot: now}})
    if senses.is_alarmed:
        await asyncio.sleep(ALARM_S)  # in a deep sleep the buzzer is still
    port.sleep(duty.sleep_ms(port.now_ms(), woke_ms, every["sample_s"]))


def _shown(port: "Port", intake: "Intake") -> bool:
    """Have light and buzzer show a call for help; whether one is open: then each wake asks for its answer."""
    if intake.call is None:
        return False
    beeps = intake.call.take_beeps()
    if beeps:
        port.buzz(beeps * BEEP_MS)
    port.light(intake.call.light is not None)
    return intake.call.light is not None


async def park(port: "Port", intake: "Intake", senses: "Senses", settings: "dict[str, Any]") -> None:
    """A wired node: sleep between samples as long as its Pi is off; ignition ends the sleep."""
    every = duty.periods("wired", settings["duty"])
    woke_ms = port.now_ms()
    since_ms: "int | None" = None
    while True:
        await asyncio.sleep(LOOK_S)
        now_ms = port.now_ms()
        if not senses.is_parked:
            since_ms = None
        elif since_ms is None:
            since_ms = now_ms
        elif now_ms - max(since_ms, woke_ms) >= duty.awake_ms("parked_sample"):
            intake.keep()
            port.sleep(duty.sleep_ms(port.now_ms(), woke_ms, every["sample_s"]))


async def _look(port: "Port", senses: "Senses", given: "list[dict[str, Any]]", until_ms: int) -> None:
    switches: "list[tuple[str, Driver]]" = []
    for one in given:
        driver, name = senses.driver(one), one["name"]
        if driver is None:
            continue
        if driver.period_ms <= SWITCH_MS:
            switches.append((name, driver))
            continue
        try:
            await asyncio.wait_for(senses.look(name, driver), max(0, until_ms - port.now_ms()) / 1000)
        except asyncio.TimeoutError:
            senses.failed(name, "no_reply", "not within the time awake")
        port.feed_watchdog()
    await _look_at_switches(port, senses, switches)


async def _look_at_switches(port: "Port", senses: "Senses", switches: "list[tuple[str, Driver]]") -> None:
    """Contacts bounce, so they are looked at several times; a button that is held may become a call."""
    until_ms, rounds = port.now_ms() + duty.awake_ms("cabinet_send"), LOOKS
    while switches and rounds:
        rounds -= 1
        for name, driver in switches:
            await senses.look(name, driver)
            is_held = getattr(driver, "is_held", False)
            rounds += not rounds and is_held and port.now_ms() < until_ms
        port.feed_watchdog()
        await asyncio.sleep(SWITCH_S)


def _forget_repeats(intake: "Intake") -> None:
    """A door tells how it stands at every wake; a record is what has changed."""
    known = dict(intake.notes.get("doors", {}))
    before = dict(known)
    kept = []
    for row in intake.waiting:
        if row[0] == "door":
            if known.get(row[1]) == row[2]["state"]:
                continue
            known[row[1]] = row[2]["state"]
        kept.append(row)
    intake.waiting = kept
    if known != before:
        intake.notes.put({"doors": known})


def _concluded(intake: "Intake", senses: "Senses") -> bool:
    """Judge what waited for the clock, and keep it; whether an excursion came of it."""
    senses.conclude()
    is_urgent = any([row[0] == "excursion" for row in intake.waiting])
    intake.keep()
    return is_urgent


async def _is_network_there(port: "Port", intake: "Intake", settings: "dict[str, Any]") -> bool:
    """If not, it was only looked for; if it is, the time is asked. A modem is dialled first."""
    if "modem" in settings:
        return True
    try:
        await asyncio.wait_for(port.join(settings.get("wifi")), duty.awake_ms("cabinet_look") / 1000)
    except (OSError, asyncio.TimeoutError) as error:
        port.log("no network: %s" % error)
        _miss(port)
        return False
    evidence = await port.evidence()
    if evidence is not None:
        intake.offer_time(evidence[0], evidence[1])
    return True


async def _send(port: "Port", intake: "Intake", line: "BrokerLine", settings: "dict[str, Any]") -> bool:
    """Whether nothing waits any more, nor an update."""
    began_ms = port.now_ms()
    line.is_going = True
    task = asyncio.create_task(line.run())
    has_modem = "modem" in settings
    while line.is_going and not task.done():  # it ends by itself only when it fails
        if not duty.is_send_going(port.now_ms() - began_ms, line.is_updating, has_modem):
            break
        port.feed_watchdog()
        await asyncio.sleep(LOOK_S)
    task.cancel()
    await port.hang_up()
    if line.updater is not None and line.updater.is_staged:
        port.restart()
    if not line.is_reached:
        _miss(port)
    return not intake.outbox.waiting and not line.is_updating


def _miss(port: "Port") -> None:
    if port.slots()["trial"]:
        from firmware.update import trial

        trial.miss(port)
