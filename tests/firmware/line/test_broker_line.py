"""A modem before the broker: each thing that is in its way told once, and asked again when it may help."""

import asyncio
from pathlib import Path
from typing import Any

from firmware.line import broker_line, modem_fault
from firmware.line.broker_line import BrokerLine
from firmware.line.modem_fault import ModemFault
from firmware.watchdog import Watchdog
from tests.firmware.test_app import Desk, Node

SETTINGS: dict[str, Any] = {
    "unit": "household-01",
    "modem": {"apn": "internet"},
    "broker": {"host": "h", "port": 1},
    "drivers": [],
}


class Hut(Desk):
    """A port with a modem, in which `codes` are in the way one after the other, and no broker behind it."""

    def __init__(self, folder: Path, codes: list[str]) -> None:
        super().__init__(folder)
        self.codes = codes

    async def dial(self, given: dict[str, Any]) -> None:
        code = self.codes.pop(0)
        if code:
            raise ModemFault(code)

    async def evidence(self) -> None:
        return None

    async def connect(self, host: str, port: int, tls: object) -> None:
        raise OSError("nobody")


def test_a_fault_of_the_modem_is_told_once_and_over_when_it_is_online(tmp_path: Path) -> None:
    node, watchdog = Node(tmp_path), Watchdog()
    hut: Any = Hut(tmp_path, ["no_card", "no_card", "no_signal", ""])
    store: Any = node.store
    line = BrokerLine(hut, node.intake, node.senses, watchdog, SETTINGS, store, lambda: None)
    tries = []
    for _ in range(4):
        asyncio.run(line._one_connection())
        tries.append(line._dial_at_ms)
        hut.ms += 1000
    told = [(values["code"], values["state"]) for _, _, values, _ in node.intake.waiting]
    assert told == [("no_card", 0), ("no_card", 1), ("no_signal", 0), ("no_signal", 1)]
    first, second, *later = tries
    assert (first, second) == (1000 + broker_line.SOMEBODY_MS, 2000 + broker_line.SOMEBODY_MS)
    assert later == [second, second], "a signal may come by itself"
    assert watchdog.late(hut.ms + modem_fault.LONGEST_MS + modem_fault.ADDRESS_MS) == []
    assert "line: nobody" in hut.done
