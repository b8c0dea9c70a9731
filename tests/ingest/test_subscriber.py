"""The service's end of a real Mosquitto."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from ingest.config import BrokerSettings
from ingest.intake import Intake, Message
from ingest.receipts import receipt
from ingest.subscriber import FIRST_MID, Subscriber
from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.waiting import wait_until
from tests.ingest.made import UNIT, birth, fixes

BATCH, LIVE, BIRTH, RECEIPT = (f"ortoo/v1/{UNIT}/{leaf}" for leaf in ("batch", "live", "birth", "receipt"))


class Unit:
    """Another client of the broker; `heard` is what came on receipt topics."""

    def __init__(self, broker: Mosquitto) -> None:
        self.heard: list[tuple[str, bytes, int, bool]] = []
        self.client = Client(CallbackAPIVersion.VERSION2)
        self.client.on_message = lambda _client, _data, message: self.heard.append(
            (message.topic, message.payload, message.qos, message.retain)
        )
        self.client.connect(broker.host, broker.port)
        self.client.loop_start()

    def say(self, topic: str, payload: bytes, qos: int = 1, *, is_retained: bool = False) -> None:
        self.client.publish(topic, payload, qos, is_retained).wait_for_publish(60)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def unit(mosquitto: Mosquitto) -> Iterator[Unit]:
    unit = Unit(mosquitto)
    yield unit
    unit.close()


@pytest.fixture
def subscribers() -> Iterator[list[Subscriber]]:
    made: list[Subscriber] = []
    yield made
    for subscriber in made:
        subscriber.stop()


@pytest.fixture
def join(mosquitto: Mosquitto, subscribers: list[Subscriber]) -> Callable[..., tuple[Subscriber, Intake]]:
    """A started subscriber and its intake."""

    def start(**options: object) -> tuple[Subscriber, Intake]:
        intake = Intake()
        settings = BrokerSettings.model_validate({"port": mosquitto.port, **options})
        subscriber = Subscriber(settings, None, intake, time.monotonic)
        subscribers.append(subscriber)
        subscriber.start()
        return subscriber, intake

    return start


def take(intake: Intake, count: int, subscriber: Subscriber | None = None) -> list[Message]:
    """So many messages, acknowledged as they come when there is a subscriber."""
    found: list[Message] = []

    def is_enough() -> bool:
        some = intake.take(1000)
        found.extend(some)
        if subscriber is not None:
            subscriber.ack(some)
        return len(found) >= count

    wait_until(is_enough, what=f"{count} messages")
    return found


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_messages_come_in_order_by_leaf(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit, protocol: str
) -> None:
    subscriber, intake = join(protocol=protocol)
    assert subscriber.wait_settled(60)
    wait_until(lambda: subscriber.is_connected)
    payloads = [fixes([seq]) for seq in range(1, 201)] + [b"", b"x" * 60000]
    for payload in payloads:
        unit.client.publish(BATCH, payload, 1)
    unit.say(BIRTH, birth(1), is_retained=True)
    unit.say(LIVE, b"live", 0)
    found = take(intake, 203, subscriber)
    assert [message.payload for message in found] == [*payloads, birth(1)]
    assert {message.qos for message in found} == {1}
    assert found[0].topic == BATCH
    wait_until(intake.take_live)


def test_retained_births_come_at_the_start_and_say_so(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit
) -> None:
    unit.say(BIRTH, birth(1), is_retained=True)
    _, intake = join()
    (message,) = take(intake, 1)
    assert (message.payload, message.is_retained) == (birth(1), True)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_receipts_are_retained_at_qos_1_the_newest_per_topic(
    join: Callable[..., tuple[Subscriber, Intake]], mosquitto: Mosquitto, unit: Unit, protocol: str
) -> None:
    subscriber, _ = join(protocol=protocol)
    wait_until(lambda: subscriber.is_connected)
    unit.client.subscribe("ortoo/v1/+/receipt", 1)
    for number in range(30):  # times thirty: no more than a broker keeps for one listener
        receipts = [(f"ortoo/v1/u-{at}/receipt", b"%d" % number) for at in range(30)]
        assert subscriber.publish_receipts(receipts)
    wait_until(lambda: len({heard[0] for heard in unit.heard if heard[1] == b"29"}) == 30)
    assert {heard[2] for heard in unit.heard} == {1}
    later = Unit(mosquitto)
    later.client.subscribe("ortoo/v1/u-3/receipt", 1)
    wait_until(lambda: later.heard == [("ortoo/v1/u-3/receipt", b"29", 1, True)])
    later.close()


def test_receipts_of_two_epochs_at_once_both_go(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit
) -> None:
    subscriber, _ = join()
    wait_until(lambda: subscriber.is_connected)
    unit.client.subscribe(RECEIPT, 1)
    both = [receipt(1, epoch * 16, {}) for epoch in "ab"]
    wait_until(lambda: subscriber.publish_receipts([(RECEIPT, one) for one in both]) and len(unit.heard) >= 2)
    assert {heard[1] for heard in unit.heard} == set(both)


def test_what_is_not_acknowledged_comes_again_after_a_restart(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit
) -> None:
    first, intake = join()
    wait_until(lambda: first.is_connected)
    for seq in (1, 2, 3):
        unit.say(BATCH, fixes([seq]))
    first.ack(take(intake, 3)[:1])
    first.stop()
    unit.say(BATCH, fixes([4]))
    _, intake = join()
    assert sorted(message.payload for message in take(intake, 3)) == sorted(fixes([seq]) for seq in (2, 3, 4))


def test_a_number_of_an_old_connection_acknowledges_nothing(
    join: Callable[..., tuple[Subscriber, Intake]], mosquitto: Mosquitto
) -> None:
    subscriber, intake = join()
    wait_until(lambda: subscriber.is_connected)
    unit = Unit(mosquitto)
    for seq in (1, 2, 3):
        unit.say(BATCH, fixes([seq]))
    unit.close()
    old = take(intake, 3)
    mosquitto.restart()
    new = take(intake, 3)
    assert {message.connection for message in new} == {2}
    subscriber.ack(old)
    subscriber.stop()
    _, intake = join()
    assert len(take(intake, 3)) == 3


def test_it_comes_back_after_the_broker_was_killed(
    join: Callable[..., tuple[Subscriber, Intake]], mosquitto: Mosquitto
) -> None:
    subscriber, intake = join()
    wait_until(lambda: subscriber.is_connected)
    mosquitto.kill()
    wait_until(lambda: not subscriber.is_connected)
    assert not subscriber.publish_receipts([(RECEIPT, b"lost")])
    mosquitto.start()
    wait_until(lambda: subscriber.is_connected, 20)
    unit = Unit(mosquitto)
    unit.say(BATCH, fixes([1]))
    (message,) = take(intake, 1)
    assert message.connection == 2
    unit.close()


def test_a_broker_that_is_not_there_is_named_once(
    join: Callable[..., tuple[Subscriber, Intake]], mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    mosquitto.stop()
    with caplog.at_level(logging.WARNING):
        subscriber, _ = join()
        assert subscriber.wait_settled(60)
    assert subscriber.refusal is None
    assert [record.message for record in caplog.records] == [
        f"broker 127.0.0.1:{mosquitto.port} cannot be reached; trying again for ever"
    ]
    mosquitto.start()
    wait_until(lambda: subscriber.is_connected, 20)


def test_a_broker_that_refuses_says_why(
    mosquitto_factory: Callable[..., Mosquitto], subscribers: list[Subscriber]
) -> None:
    broker = mosquitto_factory(is_anonymous=False)
    subscriber = Subscriber(BrokerSettings(port=broker.port), None, Intake(), time.monotonic)
    subscribers.append(subscriber)
    subscriber.start()
    assert subscriber.wait_settled(60)
    assert subscriber.refusal == f"broker 127.0.0.1:{broker.port} refuses the service: Not authorized"


def test_a_command_goes_through_paho_beside_the_receipts(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit
) -> None:
    subscriber, _ = join()
    wait_until(lambda: subscriber.is_connected)
    unit.client.subscribe("ortoo/v1/+/command", 1)
    subscriber.publish_receipts([(RECEIPT, b"{}")])
    wait_until(lambda: subscriber.publish(f"ortoo/v1/{UNIT}/command", b"do") and unit.heard)
    assert unit.heard[0][:3] == (f"ortoo/v1/{UNIT}/command", b"do", 1)
    assert subscriber._client._last_mid < FIRST_MID


def test_a_flood_of_many_sizes_arrives_whole(
    join: Callable[..., tuple[Subscriber, Intake]], unit: Unit
) -> None:
    """Reads end in the middle of packets at every place."""
    subscriber, intake = join()
    wait_until(lambda: subscriber.is_connected)
    payloads = [bytes([number % 256]) * (number * 37 % 3000) for number in range(3000)]
    for first in range(0, 3000, 500):  # no more at once than the broker keeps
        for payload in payloads[first : first + 500]:
            unit.client.publish(BATCH, payload, 1)
        found = take(intake, 500, subscriber)
        assert [message.payload for message in found] == payloads[first : first + 500]


def test_the_passwords_file_and_certificates_are_no_surprise(tmp_path: Path) -> None:
    settings = BrokerSettings(is_tls=True, certificate_file=str(tmp_path / "none.pem"))
    with pytest.raises(OSError, match="No such file"):
        Subscriber(settings, None, Intake(), time.monotonic)
