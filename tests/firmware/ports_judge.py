"""The ports of both boards on the real interpreter, over doubles of what a board's MicroPython has."""

import asyncio
import os
import sys


def _port(given):
    """The port of that board; its doubles come first on the path."""
    sys.path.insert(0, given["doubles"])
    for name, value in given["env"].items():
        os.putenv(name, value)
    if given["board"] == "esp32":
        from firmware.ports.esp32 import Esp32

        return Esp32()
    from firmware.ports.rp2 import Rp2

    return Rp2()


def whole(given):
    """Use everything at once that a board is made of; who has which signal in the end."""
    port = _port(given)
    import machine

    from firmware import board

    port.begin()
    port.watch()
    signals = port.pins
    port.pin_out("BOOKS_CS", 1), port.pin_out("BOOKS_RESET", 1), port.pin_out("PI_HALT")
    for signal in ("DOOR", "HELP", "IGNITION", "PI_OFF", "BOOKS_BUSY"):
        port.pin_in(signal)
    port.spi("books"), port.uart("link")
    port.uart("aux")
    port.light(True)
    buses = [port.i2c(bus) for bus in ("climate", "scale-a", "scale-b")]
    codes = []
    for bus in buses:
        try:
            bus.writeto(0x2A, b"\x00")
        except OSError as error:
            codes.append(error.errno)
    volts = [port.millivolts(signal) for signal in board.DIVIDERS]
    clocked = port.clock_in([port.pin_in("SCALE_DATA_A")], port.pin_out("SCALE_CLOCK"), 2)
    owners = {signal: machine.owners.get(signals[signal]) for signal in signals}
    return {"owners": owners, "said": machine.said, "codes": codes, "volts": volts, "clocked": clocked}


def buzzes(given):
    """(owner, level) of the buzzer while it sounds, and after."""
    port = _port(given)
    import machine

    number = port.pins["BUZZER"]

    async def run():
        port.buzz(10)
        port.buzz(60)
        out = [[machine.owners[number], machine.levels[number]]]
        await port._hushing
        out.append([machine.owners[number], machine.levels[number]])
        return out

    return asyncio.run(run())


def causes(given):
    """The word for each cause that this board knows: (as it says, its watchdog's register)."""
    port = _port(given)
    import machine

    out = []
    for cause, register in given["causes"]:
        machine.cause[0], machine.mem32[0x400D8008] = cause, register
        out.append(port.reset())
    return out


def sleeps(given):
    """A deep sleep and the wake from it: what was said, and (boot kept, ms that passed)."""
    port = _port(given)
    import machine

    for signal, level in given["levels"].items():
        machine.levels[port.pins[signal]] = level
    before = port.now_ms()
    is_asleep = False
    try:
        port.sleep(60_000)
    except machine.Ended:
        is_asleep = True
    machine.cause[0] = machine.DEEPSLEEP_RESET
    again = type(port)()
    kept = is_asleep and again.boot() == port.boot()
    return {"said": machine.said, "kept": kept, "ms": again.now_ms() - before}


def joins(given):
    """What coming onto the network said, and whether its station goes on trying by itself."""
    port = _port(given)
    import network

    from firmware.ports import micro

    micro.JOIN_MS = 300
    network.WLAN._is_active = network.WLAN._is_asked = given["is_trying"]
    try:
        asyncio.run(port.join({"ssid": "somum", "password": "at-least-8"}))
        said = "joined"
    except OSError as error:
        said = str(error)
    return said, network.WLAN._is_asked


def asks(given):
    """(evidence, address or error, turns of another task meanwhile) with a name server at that port."""
    port = _port(given)
    from firmware.ports import dns, micro

    dns.PORT, micro.NTP_PORT, micro.ANSWER_LOOKS = given["dns"], given["ntp"], given["looks"]
    turns = [0]

    async def beat():
        while True:
            await asyncio.sleep(0)
            turns[0] += 1

    async def run():
        beating = asyncio.create_task(beat())
        evidence = await port.evidence()
        try:
            found = await port._address(given["host"])
        except OSError as error:
            found = "error " + str(error.errno)
        beating.cancel()
        return [evidence, found, turns[0]]

    return asyncio.run(run())


def hangs_up(given):
    """Who still listens to a modem's line when the next call is about to be made."""
    _port(given)
    import network

    from firmware.ports.ppp import Ppp

    class Line:
        listeners = 0

    ppp = Ppp(lambda: None, lambda: 0)
    ppp._ppp = network.PPP(Line)
    asyncio.run(ppp.leave())
    return Line.listeners


def starts(given):
    """How /main.py of a board ends, twice, on a flash with these files; its state and what was said."""
    sys.path.insert(0, given["doubles"])
    os.putenv("ORTOO_BOARD", given["board"])
    import machine
    import vfs

    from firmware.ports.image import ImageFlash

    flash = ImageFlash(given["image"], 64)
    vfs.VfsLfs2.mkfs(flash)
    vfs.umount("/")
    vfs.mount(vfs.VfsLfs2(flash), "/")
    os.chdir("/")
    os.mkdir("/a")  # noqa: PTH102 - a board has no pathlib
    os.mkdir("/a/firmware")  # noqa: PTH102 - as above
    for name, text in given["files"].items():
        with open(name, "w") as file:  # noqa: PTH123 - as above
            file.write(text)
    for name in list(sys.modules):
        if name.split(".")[0] == "firmware":
            del sys.modules[name]
    ends = []
    for _ in range(2):
        try:
            exec(given["files"]["/main.py"], {})
            ends.append("prompt")
        except machine.Ended:
            ends.append("restart")
        ends.append(sorted(os.listdir("/")))  # noqa: PTH208 - as above
    return {"ends": ends, "said": machine.said}
