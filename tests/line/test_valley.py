"""A valley without a network, from the sensor to whoever is told: stock, cold chain, alerts, messages.

A vehicle gives out vaccine below its par level, its fridge warms for seventy minutes, and its power is cut
before anybody could be told. What comes out of the valley has to be right, at its own time, and once.
"""

from __future__ import annotations

import datetime
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fixtures.ports import free_port as any_free_port
from tests.fixtures.programs import Program, module_command
from tests.fixtures.receivers import Hook, MailServer, hook_url, mail_url
from tests.fixtures.waiting import wait_until
from tests.line import books
from tests.line.whole_line import Service, instant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto

UNIT, SITE, ITEM, LOT = "hospital-01", "van", "opv-20", "OPV7"
MINUTE_MS = 60_000
VALLEY_MS = 150 * MINUTE_MS  # so long before now it begins
GTIN = "09520000000011"
ENDS = datetime.datetime.fromtimestamp(time.time() + 500 * 86_400, datetime.UTC).date()  # of the lot
PACK = f"]d201{GTIN}17{ENDS:%y%m%d}"
FIVE_PACKS = f"{PACK}10{LOT}\x1d305"
ONE_PACK = f"{PACK}10{LOT}"
BELOW_PAR = 9  # the minute of it
WARM = range(20, 91)  # samples: the first to the last are seventy minutes apart
MINUTES = 100
SETTLE_S = 6  # between deciding and telling: long enough to be killed in

CONFIG = """\
[unit]
id = "{unit}"
[broker]
host = "{host}"
port = {port}
spread_s = 0.0
[outbox]
path = "{folder}/outbox.db"
[uplink]
receipt_timeout_s = 2.0
[[source]]
name = "node"
type = "node"
port = "{folder}/node"
[[source]]
name = "scanner"
type = "scanner"
port = "{folder}/scanner"
[cabinet]
folder = "{folder}/run"
[[cabinet.probe]]
name = "fridge"
input = "node-0"
profile = "tight"
[[cabinet.slot]]
name = "a1"
item = "{item}"
gtin = "{gtin}"
pack_pieces = 20
"""
NOTIFY = """\
[notify]
settle_s = {settle_s}
[[notify.contact]]
name = "by-mail"
address_file = "{folder}/mail"
language = "en"
[[notify.contact]]
name = "by-hook"
address_file = "{folder}/hook"
"""
SHEETS = {
    "items": f"item,pack_size,profile,codes\n{ITEM},20,tight,{GTIN}\n",
    "sites": f"site,level,unit,probes\n{SITE},vehicle,{UNIT},fridge\n",
    "levels": f"site,item,min,reorder,max\n{SITE},{ITEM},50,60,200\n",
}


def minutes() -> list[tuple[int, list[str]]]:
    """Temperature and codes of each minute in the valley."""
    codes = {2: ["ORTOO:RECEIVE", FIVE_PACKS], 6: [ONE_PACK], 7: [ONE_PACK], BELOW_PAR: [ONE_PACK]}
    return [(950 if minute in WARM else 500, codes.get(minute, [])) for minute in range(1, MINUTES + 1)]


class Valley:
    """The vehicle: each run is a boot of its own, ended by a power cut or in order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.outbox = folder, folder / "outbox.db"
        self.program = Program(
            module_command("tests.line.valley", folder / "unit.toml", folder / "script.json"),
            folder / "unit.log",
        )

    def start(self, port: int, begin_ms: int, speed: float, told: list[tuple[int, list[str]]]) -> None:
        known = {"unit": UNIT, "host": "127.0.0.1", "item": ITEM, "gtin": GTIN}
        (self.folder / "unit.toml").write_text(CONFIG.format(port=port, folder=self.folder, **known))
        script = {"begin_ms": begin_ms, "speed": speed, "minutes": told}
        (self.folder / "script.json").write_text(json.dumps(script))
        self.program.start()


class Office:
    """The service, and those who are told; nobody of them can be reached at first."""

    def __init__(self, folder: Path, mosquitto: Mosquitto) -> None:
        self.mail_port, self.hook_port, http_port = any_free_port(), any_free_port(), any_free_port()
        (folder / "mail").write_text(mail_url(self.mail_port))
        (folder / "hook").write_text(hook_url(self.hook_port))
        notify = NOTIFY.format(settle_s=SETTLE_S, folder=folder)
        self.service = Service(folder, mosquitto.host, mosquitto.port, http_port, settings=notify)
        self.receivers: list[MailServer | Hook] = []

    def take_in(self, what: str, sheet: str) -> None:
        answer = httpx.post(
            f"{self.service.url}/api/v1/stock/import", params={"what": what}, content=sheet, timeout=30
        )
        assert answer.json()["is_taken"], answer.text

    def open_mail(self) -> tuple[MailServer, Hook]:
        mail, hook = MailServer(self.mail_port), Hook(self.hook_port)
        self.receivers += [mail, hook]
        return mail, hook

    def alerts(self, state: str = "all") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.service.get("alerts", state=state)["alerts"]
        return found


@pytest.fixture
def office(tmp_path: Path, mosquitto: Mosquitto, programs: list[Program]) -> Iterator[Office]:
    made = Office(tmp_path, mosquitto)
    programs.append(made.service.program)
    made.service.start()
    made.service.wait_until_ready()
    for what, sheet in SHEETS.items():
        made.take_in(what, sheet)
    yield made
    for receiver in made.receivers:
        receiver.close()


@pytest.fixture
def vehicle(tmp_path: Path, programs: list[Program]) -> Valley:
    made = Valley(tmp_path)
    programs.append(made.program)
    return made


def test_out_of_the_valley(office: Office, vehicle: Valley, mosquitto: Mosquitto) -> None:
    begin_ms = time.time_ns() // 1_000_000 - VALLEY_MS
    vehicle.start(any_free_port(), begin_ms, 1200, minutes())
    vehicle.program.wait_for_log("through", 120)
    vehicle.program.kill()
    recorded, _ = books.of_unit(vehicle.outbox)
    vehicle.start(mosquitto.port, time.time_ns() // 1_000_000, 1, [(500, [])])
    service = office.service
    wait_until(lambda: "low_stock" in [one["rule"] for one in office.alerts("open")], 60, what="an alert")
    service.program.kill()  # it is decided, and nobody could be told yet
    mail, hook = office.open_mail()
    service.start()
    service.wait_until_ready()
    wait_until(lambda: is_stored(service, recorded), 60, every_s=0.2, what="all that the valley held")
    check_stock(service)
    check_cold_chain(service, begin_ms)
    wait_until(lambda: is_told(office), 90, what="a letter and a call")
    check_alerts(office, begin_ms)
    assert vehicle.program.stop() == 0
    check_books(service, vehicle)
    letters = [f"{one['title']} {one['message']}" for one in hook.told]
    assert sum(ITEM in letter for letter in letters) == 1, letters
    # The others that may be told are so in the same letter, before it, or a while later: a matter of ms.
    assert max(len(mail.told), len(letters)) <= 3


def is_stored(service: Service, recorded: books.Books) -> bool:
    """Whether the service has as many rows of the boots in the valley."""
    boots = {row[0] for row in recorded.values()}
    held = books.of_service(service.store, UNIT)
    return sum(row[0] in boots for row in held.values()) >= len(recorded)


def is_told(office: Office) -> bool:
    """Whether all has been judged, and the letters of the first alert are known to have come."""
    found = {one["rule"]: one for one in office.alerts()}
    if not {"low_stock", "overheating", "quarantine"} <= found.keys():
        return False
    messages = office.service.get(f"alerts/{found['low_stock']['id']}")["messages"]
    return [message["state"] for message in messages] == ["sent", "sent"]


def check_stock(service: Service) -> None:
    """Five packs came and three went, by lot."""
    (row,) = service.get("stock", site=SITE)["rows"]
    assert (row["on_hand"]["value"], row["usable"]["value"]) == (40, 40)
    assert row["status"]["value"] == "LOW_STOCK"
    (lot,) = service.get(f"stock/sites/{SITE}")["lots"]
    assert (lot["lot"], lot["on_hand"], lot["expires_on"]) == (LOT, 40, ENDS.isoformat())


def check_cold_chain(service: Service, begin_ms: int) -> None:
    """The lot carries the minutes, and the excursion is over."""
    (lot,) = service.get("stock/cold-chain", site=SITE)["lots"]
    assert lot["minutes_high"] == len(WARM)
    assert lot["proposal"]["reasons"] == [
        {"code": "too_warm_single", "measured": 70, "allowed": 60, "unit": "min"}
    ]
    assert lot["minutes_unknown"] > 0  # from the cut to the return
    (excursion,) = service.get(f"stock/sites/{SITE}")["excursions"]
    assert (excursion["state"], excursion["minutes_outside"]) == ("ended", 70)
    assert_near(excursion["began_at"], begin_ms + WARM[0] * MINUTE_MS)


def check_alerts(office: Office, begin_ms: int) -> None:
    """What is open was told once, since it happened; what is past told nobody."""
    found = {one["rule"]: one for one in office.alerts()}
    low, warm, hold = found["low_stock"], found["overheating"], found["quarantine"]
    told = {one["rule"] for one in office.alerts() if one["told_at"] is not None}
    # Of one place at one time only the first is told at once. That the valley had no broker stands until the
    # boot after it is known, which may be after the service was killed.
    assert told <= {"low_stock", "quarantine", "unit_fault"}
    assert (hold["state"], hold["text"]["values"]["names"]) == ("firing", LOT)
    (suspect,) = office.service.get("stock/quarantine")["lots"]
    assert [why["code"] for why in suspect["reasons"]] == ["too_warm_single"]
    assert (low["state"], sorted(low["told_to"])) == ("firing", ["by-hook", "by-mail"])
    assert_near(low["since_at"], begin_ms + BELOW_PAR * MINUTE_MS)
    assert (warm["state"], warm["told_at"], warm["told_to"]) == ("past", None, [])
    whole = office.service.get(f"alerts/{low['id']}")
    assert [message["state"] for message in whole["messages"]] == ["sent", "sent"]


def assert_near(said: str, time_ms: int) -> None:
    """Within a second: a minute of the script is heard when its line is read."""
    assert instant(time_ms - 1000) <= said <= instant(time_ms + 1000)


def check_books(service: Service, vehicle: Valley) -> None:
    own, waiting = books.of_unit(vehicle.outbox)
    held = books.of_service(service.store, UNIT)
    late = [row for row in books.unbalanced(own, held) if not row.startswith("lost")]
    assert late == []
    assert len(own) - len(held) <= waiting
