"""Releases on a real Mosquitto: laid, laid again after it has lost them, cleared when they are withdrawn."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from firmware import wire
from firmware.update import manifest
from ingest.config import BrokerSettings
from ingest.history.factory import SqliteHistories
from ingest.intake import Intake
from ingest.ledger import releases, rollouts
from ingest.ledger.files import open_store
from ingest.ledger.releases import Release
from ingest.reader import Reader, ReaderBusy
from ingest.releases import carrier
from ingest.releases.carrier import Carrier
from ingest.subscriber import Subscriber
from tests.fixtures.waiting import wait_until
from tests.ingest.test_subscriber import Unit

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fixtures.mosquitto import Mosquitto

NOW_MS = 1_795_251_600_000
SHARED, OWN = b"s" * 3000, b"o" * 2048


class BusyAtFirst(Reader):
    """Lent out each first time that anybody asks for the same."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.asked: set[str] = set()

    def look(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        name = work.__qualname__
        if name not in self.asked:
            self.asked.add(name)
            raise ReaderBusy("as when four browsers read long tracks")
        self.asked.discard(name)
        return super().look(work)


class Office:
    """The store, the line and the carrier, as the service joins them."""

    def __init__(self, folder: Path, broker: Mosquitto) -> None:
        self.now_ms = NOW_MS
        self.store = open_store(folder / "store.sqlite3")
        SqliteHistories().prepare(self.store)
        self.reader = BusyAtFirst(folder / "store.sqlite3", SqliteHistories())
        settings = BrokerSettings(port=broker.port)
        self.line = Subscriber(settings, None, Intake(), time.monotonic)
        self.carrier = Carrier(self.reader, self.change, self.line, lambda: self.now_ms)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.carrier.run, args=(self._stop,))
        self.line.start()
        self._thread.start()

    def change(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        return work(self.store)  # each statement commits by itself

    def add(self, number: int, *bodies: bytes) -> Release:
        head = b'{"number":%d}\n' % number + b"0" * 1500
        blobs = {manifest.digest_of(data).hex(): data for data in (head, *bodies)}
        release = Release(number, "0.2.0", next(iter(blobs)), head, "operator", NOW_MS)
        releases.add(self.store, release, blobs)
        self.carrier.look_again()
        return release

    def close(self) -> None:
        self._stop.set()
        self._thread.join(60)
        self.line.stop()
        self.reader.close()
        self.store.close()


@pytest.fixture
def office(tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(carrier, "RETRY_S", 0.01)
    office = Office(tmp_path, mosquitto)
    yield office
    office.close()


@contextmanager
def listening(broker: Mosquitto) -> Iterator[Callable[[], dict[str, bytes]]]:
    """What the broker keeps of releases: each blob joined from its parts, by its digest."""
    unit = Unit(broker)
    unit.client.subscribe(f"{wire.PREFIX}/_release/#", 1)

    def kept() -> dict[str, bytes]:
        parts = {topic.split("/", 3)[3]: payload for topic, payload, _, _ in list(unit.heard)}
        digests = {name.split("/")[0] for name, payload in parts.items() if payload}
        return {digest: b"".join(parts.get(f"{digest}/{at}", b"") for at in range(100)) for digest in digests}

    yield kept
    unit.close()


def is_whole(kept: dict[str, bytes]) -> bool:
    return all(manifest.digest_of(data).hex() == digest for digest, data in kept.items())


def test_laid_part_by_part_and_again_by_a_broker_that_lost_all(office: Office, mosquitto: Mosquitto) -> None:
    office.add(1, SHARED, OWN)
    for _ in range(2):
        wait_until(lambda: office.carrier.is_published, 30, what="all parts to be on the broker")
        with listening(mosquitto) as kept:
            wait_until(lambda: len(kept()) == 3 and is_whole(kept()), 30, what="all blobs, whole")
        mosquitto.kill()
        mosquitto.wipe()
        wait_until(lambda: not office.carrier.is_published, 30, what="the loss to be seen")
        mosquitto.start()


def test_withdrawn_its_own_parts_go_and_shared_ones_stay(office: Office, mosquitto: Mosquitto) -> None:
    office.add(1, SHARED, OWN)
    newer = office.add(2, SHARED)
    with listening(mosquitto) as kept:
        wait_until(lambda: len(kept()) == 4 and is_whole(kept()), 30, what="both releases")
        releases.withdraw(office.store, 1, "operator", NOW_MS)
        office.carrier.look_again()
        left = {newer.digest, manifest.digest_of(SHARED).hex()}
        wait_until(lambda: set(kept()) == left, 30, what="the older one to be gone")
    with listening(mosquitto) as kept:
        wait_until(lambda: set(kept()) == left and is_whole(kept()), 30, what="what others still need")


def test_a_command_is_handed_over_and_said_again_before_the_broker_forgets_it(
    office: Office, mosquitto: Mosquitto
) -> None:
    release = office.add(1, OWN)
    unit = Unit(mosquitto)
    unit.client.subscribe(wire.topic("van", "command"), 1)
    asked = rollouts.ask(office.store, 1, "van", "power", "c1", "operator", NOW_MS)
    office.carrier.look_again()
    wait_until(lambda: unit.heard, 30, what="the command")
    command = wire.decode_json("command", unit.heard[0][1])
    assert (command["id"], command["release"], command["bytes"], command["node"]) == (
        "c1",
        release.digest,
        len(release.head),
        "power",
    )
    wait_until(lambda: rollouts.unsent(office.store, 0, 9) == [], 30, what="it to be noted")
    office.now_ms += 7 * 86_400_000
    office.carrier.look_again()
    wait_until(lambda: len(unit.heard) == 2, 30, what="the command once more")
    wait_until(lambda: rollouts.unsent(office.store, office.now_ms, 9) == [], 30, what="it to be noted")
    rollouts.settle(office.store, asked, rollouts.STAGED, "", office.now_ms)
    unit.close()
