"""A library vehicle lends for two days without coverage, loses power, and meets the library's system again.

Real ends and a real broker: two agents with book shelves, the service, a SIP2 server in a process of its own.
One vehicle lends 40 and takes back 30, another lends a book that the first one lent, and the library blocks a
reader meanwhile. Afterwards every list is right to the item, and so is the library.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fixtures.ports import free_port as find_port
from tests.fixtures.programs import Program, module_command
from tests.fixtures.waiting import wait_until
from tests.line.library_vehicle import LibraryVehicle
from tests.line.whole_line import Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto

COPIES = [f"QL{number:03}" for number in range(1, 46)]
READERS = [f"R{number:02}" for number in range(1, 9)]
BLOCKED, TWICE, OF_BLOCKED = "R08", "QL001", "QL040"
DAY_MS = 86_400_000
LIBRARY = """\
[library]
kind = "sip2"
port = {port}
institution = "nmg"
user = "ortoo"
password_file = "{folder}/password"
card_key_file = "{folder}/card.key"
"""


class Peer:
    """The library's own system."""

    def __init__(self, folder: Path, programs: list[Program]) -> None:
        self.path = folder / "library.json"
        readers: dict[str, dict[str, bool]] = {card: {} for card in READERS}
        readers[BLOCKED] = {"blocked": True}  # since the vehicle left
        copies = {copy: {"title": f"书 {copy}"} for copy in COPIES}
        self.path.write_text(json.dumps({"readers": readers, "copies": copies}))
        program = Program(
            module_command("tests.ingest.books.sip2_peer", "--state", self.path), folder / "peer.log"
        )
        programs.append(program)
        program.start()
        self.port = int(program.wait_for_log("\n", 30))

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def on_loan(self) -> dict[str, str]:
        copies = self.state["copies"].items()
        return {copy: one["on_loan_to"] for copy, one in copies if one.get("on_loan_to")}


@pytest.fixture
def peer(tmp_path: Path, programs: list[Program]) -> Peer:
    return Peer(tmp_path, programs)


@pytest.fixture
def office(
    tmp_path: Path, mosquitto: Mosquitto, peer: Peer, free_port: int, programs: list[Program]
) -> Iterator[Service]:
    """The service, which knows the vehicle, its books and the readers as they were before the trip."""
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "card.key").write_bytes(bytes(range(32)))
    settings = LIBRARY.format(port=peer.port, folder=tmp_path)
    made = Service(tmp_path, mosquitto.host, mosquitto.port, free_port, settings=settings)
    programs.append(made.program)
    made.start()
    made.wait_until_ready()
    books = "copy,name,language,home\n" + "".join(f"{copy},书 {copy},chi,van\n" for copy in COPIES)
    readers = "card\n" + "".join(f"{card}\n" for card in READERS)
    put = httpx.put(f"{made.url}/api/v1/stock/sites/van", json={"level": "vehicle", "unit": "library-01"})
    assert put.is_success, put.text
    for what, body in (("books", books), ("readers", readers)):
        answer = httpx.post(
            f"{made.url}/api/v1/books/import", params={"what": what}, content=body, timeout=30
        )
        assert answer.json()["problems"] == []
    yield made
    assert made.program.stop(30) == 0


@pytest.fixture
def vehicles(tmp_path: Path, programs: list[Program]) -> Callable[[str], LibraryVehicle]:
    def make(unit: str) -> LibraryVehicle:
        vehicle = LibraryVehicle(tmp_path / unit, unit, tmp_path / "card.key")
        programs.append(vehicle.program)
        return vehicle

    return make


def card_of(copy: str) -> str:
    """Who borrows a copy: the blocked reader only one."""
    return BLOCKED if copy == OF_BLOCKED else READERS[int(copy[2:]) % 7]


def two_days(van: LibraryVehicle, now_ms: int) -> None:
    """40 loans and 30 returns over two days without coverage; the power goes once in each."""
    dark = find_port()
    lent, back = COPIES[:40], COPIES[5:35]
    van.start(dark, now_ms - 2 * DAY_MS)
    assert van.ask("status")["copies"] == len(COPIES)
    for copy in lent[:20]:
        assert van.ask("lend", item=copy, card=card_of(copy))["state"] == "done"
    answer = van.ask_and_cut(
        dark, now_ms - 2 * DAY_MS + 3_600_000, "lend", item=lent[20], card=card_of(lent[20])
    )
    assert answer["state"] == "done"
    van.stop()
    van.start(dark, now_ms - DAY_MS)
    for copy in lent[21:]:
        assert van.ask("lend", item=copy, card=card_of(copy))["state"] == "done"
    for copy in back[:-1]:
        assert van.ask("return", item=copy)["state"] == "done"
    answer = van.ask_and_cut(dark, now_ms - DAY_MS + 3_600_000, "return", item=back[-1])
    assert answer["state"] == "done"
    van.stop()


def test_two_days_without_coverage_end_right_to_the_item(
    office: Service, peer: Peer, mosquitto: Mosquitto, vehicles: Callable[[str], LibraryVehicle]
) -> None:
    van, other = vehicles("library-01"), vehicles("library-02")
    now_ms = time.time_ns() // 1_000_000
    lists = httpx.get(f"{office.url}/api/v1/units/library-01/books/lists")
    (van.folder / "books" / "fresh.jsonl").write_bytes(lists.content)
    two_days(van, now_ms)
    other.start(find_port(), now_ms - DAY_MS - 3_600_000)
    assert other.ask("lend", item=TWICE, card="R05", override=True, reason="书在这里")["state"] == "done"
    other.stop()

    van.start(mosquitto.port, now_ms - 1000)
    wait_until(lambda: office.get("books")["loans"] == 10, 60, every_s=0.2, what="what the van has lent")
    other.start(mosquitto.port, now_ms - 1000)
    wait_until(lambda: is_told(office), 60, every_s=0.2, what="the library to hear of all but the disputed")
    van.stop()
    other.stop()

    still_out = {copy for copy in COPIES[:40] if copy not in COPIES[5:35]}
    loans = office.get("books/loans", limit=500)["copies"]
    assert {one["copy"]: one["card"] for one in loans} == {copy: card_of(copy) for copy in still_out}
    found = office.get("books/conflicts")["conflicts"]
    assert {(one["copy"], one["cause"], one["ours"]["unit"]) for one in found} == {
        (TWICE, "on_loan_elsewhere", "library-02"),
        (OF_BLOCKED, "reader_blocked", "library-01"),
    }
    (twice,) = [one for one in found if one["copy"] == TWICE]
    assert (twice["other"]["unit"], twice["other"]["card"]) == ("library-01", card_of(TWICE))
    assert twice["ours"]["card"] == "R05"
    for one, ruling in ((twice, "void"), (next(c for c in found if c is not twice), "stands")):
        decision = {"ruling": ruling, "comment": "电话问过"}
        url = f"{office.url}/api/v1/books/conflicts/{one['number']}/decision"
        assert httpx.post(url, json=decision, timeout=30).json() == {"changed": 1}
    expected = {copy: card_of(copy) for copy in still_out}
    wait_until(lambda: peer.on_loan() == expected, 60, every_s=0.2, what="the library to have our loans")
    journal = [f"{one['what']} {one['copy']}" for one in peer.state["journal"]]
    assert len([line for line in journal if line.startswith("take_back") and TWICE not in line]) == 30
    assert len([line for line in journal if line.startswith("lend") and TWICE not in line]) == 39
    assert office.get("books/conflicts")["conflicts"] == []


def is_told(office: Service) -> bool:
    """Whether all has come, and the library heard of it but for the first loan of the disputed copy."""
    found = office.get("books")
    is_here = found["loans"] == 10 and sum(found["conflicts"].values()) == 2
    return is_here and found["library"]["waiting"] <= 1
