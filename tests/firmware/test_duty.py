"""A node on a battery: it wakes, measures, sends now and then, and sleeps; a sleep is no new boot."""

import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware import duty, wire
from tests.fixtures.mosquitto import Mosquitto
from tests.micropython import MicroPython

CODE = "from firmware.main import main; main()"
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("now_ms", "sent_ms", "tried_ms", "has_event", "is_due"),
    [
        (0, None, None, False, True),  # never yet
        (HOUR_MS, 0, None, False, False),
        (HOUR_MS, 0, None, True, True),
        (25 * HOUR_MS, 0, None, False, True),
        (25 * HOUR_MS, 0, 24.5 * HOUR_MS, True, False),  # just tried in vain
        (26 * HOUR_MS, 0, 24.5 * HOUR_MS, False, True),
    ],
)
def test_when_a_wake_is_one_to_send_in(
    now_ms: int, sent_ms: int | None, tried_ms: int | None, has_event: bool, is_due: bool
) -> None:
    assert duty.is_send_due(now_ms, sent_ms, tried_ms, 86400, has_event) == is_due


def test_a_sleep_ends_when_the_next_sample_is_due() -> None:
    assert duty.sleep_ms(5_000, 2_000, 300) == 297_000
    assert duty.sleep_ms(400_000, 2_000, 300) == 1_000


def test_wakes_of_one_boot_log_and_send_what_they_have(
    board: MicroPython, mosquitto_factory: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = mosquitto_factory()
    probe = {"type": "sht4x", "name": "probe-1", "bus": "climate", "address": 0x44}
    settings = {
        "version": 1,
        "unit": "household-02",
        "mode": "alone",
        "broker": {"host": broker.host, "port": broker.port},
        "duty": {"sample_s": 300, "send_s": 86400},
        "drivers": [probe],
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    env = {f"ORTOO_{name.upper()}": str(tmp_path / name) for name in ("image", "rtc")}
    env["ORTOO_SETTINGS"] = str(tmp_path / "settings.json")
    broker.stop()
    for _ in range(3):  # nobody is there: one attempt, then it is left alone for an hour
        child = board.start(CODE, env)
        out, _ = child.communicate(timeout=60)
        assert "Traceback" not in out, out
    boot, now_ms = (tmp_path / "rtc").read_text().split()
    assert int(now_ms) > 3 * 300_000
    waiting, rows = board.call("image_judge.rows", str(tmp_path / "image"), heap_kib=2048).result
    climate = [row for row in rows if row[4] == "climate"]
    assert (waiting, len(climate)) == (len(rows), 3)
    assert {row[3] for row in rows} == {boot}
    times = [row[6][0] - row[6][1] for row in climate]
    assert [round((late - early) / 300_000) for early, late in itertools.pairwise(times)] == [1, 1]
    broker.start()
    (tmp_path / "rtc").write_text(f"{boot} {int(now_ms) + HOUR_MS}")
    command = ["mosquitto_sub", "-p", str(broker.port), "-t", "ortoo/#", "-C", "2", "-W", "30", "-F", "%t %x"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listener:
        child = board.start(CODE, env)
        assert listener.stdout is not None
        topics = [line.split()[0] for line in listener.stdout]
        child.kill()
        child.communicate()
    assert topics[0] == wire.topic("household-02", "birth")
