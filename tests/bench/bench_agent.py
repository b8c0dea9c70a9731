"""What the agent costs a Raspberry Pi: memory and processor, at one fix a second on a real broker.

The reference is a bare loop of the same libraries: pyserial's readline, pynmea2, a paho publish of each fix.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import paho.mqtt as paho
import pynmea2
import serial

from tests.bench.report import Report
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import ROOT, Program, module_command
from tests.line.driver import Driver
from tests.line.whole_line import Unit

SETTLE_S = 8.0
SECONDS = 40.0
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1", "PYTHONDONTWRITEBYTECODE": ""}  # as in the unit file
BARE = """
import sys, paho.mqtt.client as paho, pynmea2, serial
client = paho.Client(paho.CallbackAPIVersion.VERSION2)
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_start()
port = serial.Serial(sys.argv[2], 115200)
while True:
    sentence = pynmea2.parse(port.readline().decode())
    if sentence.sentence_type == "RMC":
        client.publish("bare", f"{sentence.latitude} {sentence.longitude}", qos=1)
"""


def compile_all() -> None:
    """Byte code beside every module, as pip leaves it: compiling at the start costs memory for ever."""
    libraries = [Path(package.__file__).parent for package in (paho, pynmea2, serial)]
    folders = map(str, (ROOT / "edge", ROOT / "firmware", *libraries))
    subprocess.run([sys.executable, "-m", "compileall", "-q", *folders], check=True)


def cost(program: Program) -> tuple[float, float]:
    """(MB of memory, per cent of a core) of a running program."""
    time.sleep(SETTLE_S)
    before_s = cpu_s(program.pid)
    time.sleep(SECONDS)
    percent = 100 * (cpu_s(program.pid) - before_s) / SECONDS
    pages = int(Path(f"/proc/{program.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6, percent


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(report: Report) -> None:
    compile_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Mosquitto(folder / "broker")
        driver = Driver(folder / "tty", 1.0)
        unit = Unit(
            folder, "bench-1", broker.host, broker.port, tolerance_m=5.0, window_s=120.0, sense_s=60.0
        )
        with unit.config.open("a") as config:
            config.write(f'[[source]]\nname = "gnss"\nport = "{folder / "tty"}"\nbaud = 115200\n')
        bare = [sys.executable, "-c", BARE, str(broker.port), str(folder / "tty")]
        programs = [
            Program(command, folder / "log", env=ENVIRONMENT)
            for command in (module_command("edge", "run", "--config", str(unit.config)), bare)
        ]
        broker.start()
        try:
            (memory_mb, percent), (bare_mb, bare_percent) = (measured(program) for program in programs)
        finally:
            broker.kill()
            driver.close()
    report.row("agent at 1 Hz, resident memory", memory_mb, "MB", "bare loop", bare_mb, "<= 30")
    report.row("agent at 1 Hz, processor", percent, "% of a core", "bare loop", bare_percent, "<= 0.5")


def measured(program: Program) -> tuple[float, float]:
    program.start()
    try:
        return cost(program)
    finally:
        program.kill()
