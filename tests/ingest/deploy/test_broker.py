"""The broker as it is deployed: the shipped settings, access list and certificates on a real Mosquitto."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from firmware import wire
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.programs import ROOT, Program
from tests.fixtures.waiting import wait_until

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

SHIPPED = ROOT / "ingest" / "deploy" / "mosquitto"
INSTALLED = "/etc/mosquitto/ortoo"
UP, DOWN = ("birth", "live", "batch"), ("receipt", "command")


def certificates(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SHIPPED / "certificates.sh", folder, *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county's certificates: the broker's, the service's and those of three units, one of them stolen."""
    folder = tmp_path_factory.mktemp("county")
    for arguments in (
        ("authority",),
        ("broker", "localhost", "127.0.0.1"),
        *(("client", name) for name in ("ortoo-ingest", "library-01", "cabinet-07", "stolen-09")),
        ("revoke", "stolen-09"),
    ):
        assert certificates(folder, *arguments).returncode == 0, arguments
    return folder


class Deployed(Mosquitto):
    """The shipped files with this machine's folder and port in them."""

    def __init__(self, directory: Path, authority: Path) -> None:
        self.authority = authority
        super().__init__(directory)

    def _config(self, lines: object, *, is_anonymous: bool) -> list[str]:
        access = self.directory / "access"
        access.write_text((SHIPPED / "access").read_text())
        shipped = (SHIPPED / "ortoo.conf").read_text()
        shipped = shipped.replace("listener 8883", f"listener {self.port} {self.host}")
        shipped = shipped.replace(f"{INSTALLED}.access", str(access)).replace(INSTALLED, str(self.authority))
        settings = [line for line in shipped.splitlines() if not line.startswith("#")]
        assert not any("/etc/" in line for line in settings)
        main = (SHIPPED / "mosquitto.conf").read_text().replace("/mosquitto/data/", f"{self.data_path}/")
        main = main.replace("include_dir /etc/mosquitto/conf.d", "").replace("stdout", "stderr")
        return ["user root", *main.splitlines(), *settings]


@pytest.fixture
def broker(tmp_path: Path, programs: list[Program], authority: Path) -> Deployed:
    broker = Deployed(tmp_path / "broker", authority)
    programs.append(broker)
    broker.start()
    return broker


class Peer:
    """A client with a certificate: what it heard, and how the broker answered it."""

    def __init__(self, broker: Deployed, certificate: str | None, folder: Path | None = None) -> None:
        self.codes: dict[int, ReasonCode] = {}
        self.granted: dict[int, ReasonCode] = {}
        self.heard: list[str] = []
        self.welcome: list[ReasonCode] = []
        folder = folder or broker.authority
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        own = [] if certificate is None else [str(folder / f"{certificate}.{end}") for end in ("crt", "key")]
        self.client.tls_set(str(broker.authority / "ca.crt"), *own)
        self.client.on_connect = lambda _c, _d, _f, code, _p: self.welcome.append(code)
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.codes.update({mid: code})
        self.client.on_subscribe = lambda _c, _d, mid, codes, _p: self.granted.update({mid: codes[0]})
        self.client.on_message = lambda _c, _d, message: self.heard.append(message.topic)
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def is_allowed_to_write(self, topic: str) -> bool:
        mid = self.client.publish(topic, b"x", qos=1).mid
        code = wait_until(lambda: self.codes.get(mid), what=topic)
        return code.value < 0x80

    def subscribe(self, topic: str) -> None:
        _, mid = self.client.subscribe(topic, qos=1)
        assert mid is not None
        wait_until(lambda: self.granted.get(mid), what=topic)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def peer(broker: Deployed) -> Iterator[Callable[[str], Peer]]:
    made: list[Peer] = []

    def make(certificate: str) -> Peer:
        made.append(Peer(broker, certificate))
        wait_until(lambda: made[-1].welcome, what=f"{certificate} to be let in")
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_unit_writes_and_reads_under_its_own_name_alone(peer: Callable[[str], Peer]) -> None:
    unit, service = peer("library-01"), peer("ortoo-ingest")
    written = {
        (name, leaf): unit.is_allowed_to_write(f"ortoo/v1/{name}/{leaf}")
        for name in ("library-01", "cabinet-07")
        for leaf in (*UP, *DOWN)
    }
    assert {what for what, is_allowed in written.items() if is_allowed} == {("library-01", up) for up in UP}
    for topic in ("ortoo/v1/+/#", "ortoo/v1/library-01/#", "#"):
        unit.subscribe(topic)
    for name in ("cabinet-07", "library-01"):
        for leaf in DOWN:
            assert service.is_allowed_to_write(f"ortoo/v1/{name}/{leaf}")
    wait_until(lambda: len(set(unit.heard)) == 2, what="what is for the unit")
    assert set(unit.heard) == {f"ortoo/v1/library-01/{leaf}" for leaf in DOWN}


def test_the_service_reads_all_and_answers_all(peer: Callable[[str], Peer]) -> None:
    unit, service = peer("cabinet-07"), peer("ortoo-ingest")
    service.subscribe("ortoo/v1/+/batch")
    assert unit.is_allowed_to_write("ortoo/v1/cabinet-07/batch")
    wait_until(lambda: service.heard == ["ortoo/v1/cabinet-07/batch"], what="the batch")
    assert not service.is_allowed_to_write("ortoo/v1/cabinet-07/batch")


def test_every_unit_reads_releases_and_the_service_alone_writes_them(peer: Callable[[str], Peer]) -> None:
    unit, service = peer("library-01"), peer("ortoo-ingest")
    part = f"{wire.PREFIX}/_release/{'0a' * 32}/0"
    assert not unit.is_allowed_to_write(part)
    assert service.is_allowed_to_write(part)
    unit.subscribe(part)
    assert service.is_allowed_to_write(part)
    wait_until(lambda: unit.heard == [part], what="the part")


@pytest.mark.parametrize("certificate", [None, "stolen-09"])
def test_nobody_comes_in_without_a_good_certificate(broker: Deployed, certificate: str | None) -> None:
    stranger = Peer(broker, certificate)
    wait_until(lambda: "certificate" in broker.tail() or "alert" in broker.tail(), what="a refusal")
    stranger.close()
    assert stranger.welcome == []


def test_nobody_comes_in_with_another_countys_certificate(broker: Deployed, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for arguments in (("authority",), ("client", "library-01")):
        assert certificates(other, *arguments).returncode == 0
    stranger = Peer(broker, "library-01", other)
    wait_until(lambda: "certificate verify failed" in broker.tail(), what="a refusal")
    stranger.close()
    assert stranger.welcome == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("client", "Library 1"), "not a unit's name"),
        (("client", "library-01"), "already there"),
        (("broker",), "already there"),
        (("authority",), "already there"),
        (("revoke", "nobody"), "no nobody.crt"),
        (("revoke", "stolen-09"), "is it already?"),
        (("make",), "none of authority"),
    ],
)
def test_the_authority_says_what_is_wrong(
    authority: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    before = {path.name: path.read_bytes() for path in authority.iterdir()}
    answer = certificates(authority, *arguments)
    assert answer.returncode == 2
    assert complaint in answer.stderr
    assert {path.name: path.read_bytes() for path in authority.iterdir()} == before


def test_the_broker_passes_what_the_wire_allows() -> None:
    assert f"max_packet_size {wire.MAX_BATCH_BYTES}" in (SHIPPED / "ortoo.conf").read_text()
