"""The MQTT core on MicroPython against a real Mosquitto: what it says, and what it does when it dies."""

import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.mosquitto import Mosquitto
from tests.micropython import MicroPython

CODE = "import asyncio; from mqtt_talker import Talker; asyncio.run(Talker().main())"
CORE = {"client_id": "node-01", "keep_alive_s": 60, "session_s": 3600}
WAIT_S = 60


class Lines:
    """What a process prints, line by line, as long as it takes up to WAIT_S."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self.child = child
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._lines.put(line.strip())

    def line(self) -> str:
        return self._lines.get(timeout=WAIT_S)

    def close(self) -> None:
        self.child.kill()
        self.child.wait()
        self._reader.join()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                pipe.close()


class Talker:
    """A process with the core inside; `hear` waits for an event by its name."""

    def __init__(self, board: MicroPython) -> None:
        self._child = board.start(CODE)
        self._lines = Lines(self._child)
        self.passed: list[tuple[str, dict[str, Any]]] = []

    def do(self, name: str, **values: Any) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps([name, values]) + "\n")

    def hear(self, *names: str) -> dict[str, Any]:
        while True:
            try:
                name, values = json.loads(self._lines.line())
            except queue.Empty:
                raise AssertionError(f"no {names} in {WAIT_S} s, but {self.passed}") from None
            self.passed.append((name, values))
            if name in names:
                found: dict[str, Any] = values
                return found

    def open(self, host: str, port: int, **options: Any) -> dict[str, Any]:
        """Open until the broker is there again."""
        for _ in range(100):
            self.do("open", host=host, port=port, **options)
            if "is_resumed" in (heard := self.hear("Opened", "Failed", "Broken", "Closed", "Refused")):
                return heard
            time.sleep(0.1)
        raise AssertionError(f"never let in: {self.passed}")

    def publish(self, text: str, qos: int = 1, topic: str = "t/up", **options: Any) -> int:
        self.do("publish", topic=topic, payload=text, qos=qos, **options)
        number: int = self.hear("Number")["number"]
        return number

    def close(self) -> None:
        self._lines.close()


@pytest.fixture
def talk(board: MicroPython) -> Iterator[Callable[..., Talker]]:
    made: list[Talker] = []

    def make(**core: Any) -> Talker:
        made.append(Talker(board))
        made[-1].do("make", **{**CORE, **core})
        return made[-1]

    yield make
    for talker in made:
        talker.close()


class Listener(Lines):
    """mosquitto_sub as a process, made when it listens."""

    def __init__(self, broker: Mosquitto) -> None:
        command = ["mosquitto_sub", "-p", str(broker.port), "-q", "1", "-F", "%t %p", "-t", "#"]
        say(broker, "ready", "1", "-r")
        super().__init__(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        self._passed: list[str] = []
        self.hear("ready 1")

    def hear(self, text: str) -> None:
        """Wait for this line; others may come before or have come already."""
        while text not in self._passed:
            self._passed.append(self.line())
        self._passed.remove(text)

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def say(broker: Mosquitto, topic: str, text: str, *options: str) -> None:
    command = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic, "-m", text, *options]
    subprocess.run(command, check=True, timeout=WAIT_S)


@pytest.mark.parametrize("level", [5, 4])
def test_a_node_and_a_broker_on_one_line(
    mosquitto: Mosquitto, talk: Callable[..., Talker], level: int
) -> None:
    """Publish, hear, will, session resumed, all in the life of one node."""
    node = talk()
    will = ["t/birth", "gone"]
    assert node.open(mosquitto.host, mosquitto.port, level=level, will=will) == {"is_resumed": False}
    number = node.publish("alone")
    # Only MQTT 5 tells that nobody hears.
    assert node.hear("Taken") == {"number": number, "code": 0x10 if level == 5 else 0}
    node.publish("here", topic="t/birth", retained=True)
    node.hear("Taken")
    node.do("subscribe", topic="t/down")
    assert node.hear("Subscribed")["code"] == 1
    with Listener(mosquitto) as listener:
        listener.hear("t/birth here")
        number = node.publish("ä 1")
        assert node.hear("Taken") == {"number": number, "code": 0}
        listener.hear("t/up ä 1")
        say(mosquitto, "t/down", "do it")
        came = node.hear("Came")
        assert (came["topic"], came["payload"], came["is_repeat"]) == ("t/down", "do it", False)
        listener.hear("t/down do it")
        node.do("drop")  # not acknowledged: it comes again when the session goes on
        node.hear("Dropped")
        listener.hear("t/birth gone")
        assert node.open(mosquitto.host, mosquitto.port, level=level, will=will) == {"is_resumed": True}
        came = node.hear("Came")
        assert (came["payload"], came["is_repeat"]) == ("do it", True)
        node.do("acknowledge", number=came["number"])
        node.do("disconnect")
        node.hear("Closed", "Broken")
    say(mosquitto, "t/down", "while away")
    assert node.open(mosquitto.host, mosquitto.port, level=level) == {"is_resumed": True}
    assert node.hear("Came")["payload"] == "while away"


def test_a_killed_broker_costs_nothing(mosquitto: Mosquitto, talk: Callable[..., Talker]) -> None:
    node = talk()
    node.open(mosquitto.host, mosquitto.port)
    mosquitto.pause()  # it hears nothing more: half open
    first = node.publish("first")
    node.do("step", later_ms=60_000)  # asks whether anybody is there
    node.do("step", later_ms=70_001)
    assert node.hear("Ended") == {"cause": "silent", "code": 0}
    node.do("drop")
    node.hear("Dropped")
    mosquitto.kill()
    mosquitto.wipe()
    mosquitto.start()
    assert node.open(mosquitto.host, mosquitto.port) == {"is_resumed": False}
    assert node.hear("Forgotten") == {"numbers": [first]}
    again = node.publish("again")
    assert node.hear("Taken") == {"number": again, "code": 0x10}


def test_a_session_that_is_kept_gets_what_it_missed(
    mosquitto: Mosquitto, talk: Callable[..., Talker]
) -> None:
    node = talk()
    node.open(mosquitto.host, mosquitto.port)
    with Listener(mosquitto) as listener:
        mosquitto.pause()
        number = node.publish("held")
        node.do("drop")
        node.hear("Dropped")
        mosquitto.resume()
        node.open(mosquitto.host, mosquitto.port)
        assert node.hear("Taken")["number"] == number
        listener.hear("t/up held")


def test_a_second_acknowledgement_is_none(talk: Callable[..., Talker]) -> None:
    """And a broker that ends the line says why."""
    node = talk()
    with socket.create_server(("127.0.0.1", 0)) as server:
        node.do("open", host="127.0.0.1", port=server.getsockname()[1])
        line, _ = server.accept()
        with line:
            assert line.recv(1000)[0] == 0x10
            line.sendall(b"\x20\x06\x00\x00\x03\x21\x00\x01")  # one at a time
            node.hear("Opened")
            number = node.publish("one")
            assert node.publish("two") is None
            line.sendall(b"\x40\x02" + number.to_bytes(2, "big") + b"\x40\x02" + number.to_bytes(2, "big"))
            node.hear("Taken")
            node.publish("three")
            line.sendall(b"\xe0\x02\x8e\x00")
            assert node.hear("Ended") == {"cause": "closed", "code": 0x8E}
    assert [name for name, _ in node.passed].count("Taken") == 1


# --- TLS ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """P-256: `ca` signs `broker` (for 127.0.0.1), `elsewhere` (for another host), `old` (ran out), `node`."""
    folder = tmp_path_factory.mktemp("authority")
    key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"

    def openssl(arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)

    for name in ("ca", "other"):
        openssl(f"req -x509 {key} -days 30 -subj /CN={name} -keyout {name}.key -out {name}.crt")
        openssl(f"x509 -in {name}.crt -outform DER -out {name}.der")
    names = {"broker": "127.0.0.1", "elsewhere": "192.0.2.1", "old": "127.0.0.1", "node": "192.0.2.9"}
    for name, host in names.items():
        (folder / "names").write_text(f"subjectAltName=IP:{host}\n")
        subject = host if name != "node" else "node-01"
        openssl(f"req {key} -subj /CN={subject} -keyout {name}.key -out {name}.csr")
        days = -1 if name == "old" else 30
        openssl(
            f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -days {days} -extfile names -out {name}.crt"
        )
        openssl(f"x509 -in {name}.crt -outform DER -out {name}.der")
        openssl(f"ec -in {name}.key -outform DER -out {name}.key.der")
    return folder


@pytest.mark.parametrize(
    ("server", "ca", "has_certificate", "is_let_in", "says"),
    [
        ("broker", "ca", True, True, ""),
        ("broker", "other", True, False, "not correctly signed"),  # a broker of another authority
        ("elsewhere", "ca", True, False, "does not match"),  # of another host
        ("old", "ca", True, False, "validity has expired"),  # whose time is over
        ("broker", "ca", False, False, ""),  # a node without a certificate
    ],
)
def test_tls_lets_in_who_is_known_to_both(
    mosquitto_factory: Callable[..., Mosquitto],
    talk: Callable[..., Talker],
    authority: Path,
    server: str,
    ca: str,
    has_certificate: bool,
    is_let_in: bool,
    says: str,
) -> None:
    broker = mosquitto_factory(
        [
            f"certfile {authority / server}.crt",
            f"keyfile {authority / server}.key",
            f"cafile {authority / 'ca.crt'}",
            "require_certificate true",
            "use_identity_as_username true",
        ],
        is_anonymous=False,
    )
    names = [f"{ca}.der", *(["node.der", "node.key.der"] if has_certificate else [])]
    ders = [(authority / name).read_bytes().hex() for name in names] + [""] * (3 - len(names))
    node = talk()
    node.do("open", host=broker.host, port=broker.port, tls=ders)
    heard = node.hear("Opened", "Broken", "Closed", "Failed")
    assert ("is_resumed" in heard) == is_let_in, node.passed
    assert is_let_in or says in str(heard.get("why", "")), heard
