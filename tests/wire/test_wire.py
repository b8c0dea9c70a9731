"""What is refused where it is made; topics; the small JSON under whatever may come."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware import wire
from tests.wire import vectors
from tests.wire.strategies import as_plain, batches

NUMBERS = st.integers() | st.floats() | st.sampled_from([True, False, 10**400, -1, 2**53])
VALUES = st.none() | st.booleans() | NUMBERS | st.text() | st.sampled_from(["\ud800", "gnss", "00" * 8])
ANYTHING = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner), max_leaves=6
)


def refusal(call: Any, *arguments: Any) -> wire.WireError:
    with pytest.raises(wire.WireError) as refused:
        call(*arguments)
    return refused.value


def test_a_refusal_says_cause_and_place() -> None:
    refused = refusal(wire.check_values, "fix", {"fix_mode": 2, "speed_cm_s": -1})
    assert str(refused) == "range: fix.speed_cm_s: -1 is not within 0..50000"
    assert (refused.code, refused.where) == ("range", "fix.speed_cm_s")


@pytest.mark.parametrize(
    ("kind", "values", "code", "where"),
    [
        ("fix", {}, "missing", "fix.fix_mode"),
        ("fix", {"fix_mode": True}, "shape", "fix.fix_mode"),
        ("fix", {"fix_mode": 2.0}, "shape", "fix.fix_mode"),
        ("fix", {"fix_mode": "3d"}, "shape", "fix.fix_mode"),
        ("fix", {"fix_mode": 2, "speed": 1}, "shape", "fix.speed"),
        ("fix", {"fix_mode": 2, "altitude_msl_dm": 10**5000}, "range", "fix.altitude_msl_dm"),
        ("fault", {"part": "\ud800", "code": "x", "state": 0}, "shape", "fault.part"),
        ("fault", {"part": "é" * 129, "code": "x", "state": 0}, "too_large", "fault.part"),
        ("comet", {}, "shape", "comet"),
    ],
)
def test_a_record_is_refused_where_it_is_made(
    kind: str, values: dict[str, Any], code: str, where: str
) -> None:
    refused = refusal(wire.check_values, kind, values)
    assert (refused.code, refused.where) == (code, where)


def one_fix(**columns: list[Any]) -> wire.Batch:
    names = [field.name for field in wire.BASE + wire.KINDS["fix"].fields]
    base = {**{name: [None] for name in names}, "seq": [1], "time_ms": [0], "boot_at_ms": [0], "clock": [0]}
    group = wire.Group("fix", "gnss", {**base, "fix_mode": [2], **columns})
    return wire.Batch("00" * 8, "track", 0, "11" * 8, None, [group])


@pytest.mark.parametrize(
    ("columns", "code", "where"),
    [
        ({"speed_cm_s": [1.5]}, "shape", "fix[0].speed_cm_s"),
        ({"speed_cm_s": [True]}, "shape", "fix[0].speed_cm_s"),
        ({"speed_cm_s": [1, 2]}, "shape", "fix.speed_cm_s"),
        ({"speed": [1]}, "shape", "fix"),
        ({"clock": [None]}, "missing", "fix[0].clock"),
        ({"seq": []}, "missing", "fix"),
        ({"seq": [0]}, "range", "fix[0].seq"),
    ],
)
def test_a_batch_is_refused_before_it_is_sent(columns: dict[str, list[Any]], code: str, where: str) -> None:
    refused = refusal(wire.encode_batch, one_fix(**columns))
    assert (refused.code, refused.where) == (code, where)


@given(batches())
def test_what_a_decoder_gives_can_be_sent_on(batch: wire.Batch) -> None:
    payload = wire.encode_batch(batch)
    assert wire.encode_batch(wire.decode_batch(payload)) == payload


@given(batches(), st.randoms())
def test_groups_go_in_the_order_of_their_kinds(batch: wire.Batch, chance: Any) -> None:
    whole = as_plain(batch)
    by_kind = [[group for group in batch.groups if group.kind == name] for name in wire.KINDS_IN_ORDER]
    chance.shuffle(by_kind)
    batch.groups = [group for groups in by_kind for group in groups]
    assert as_plain(wire.decode_batch(wire.encode_batch(batch))) == whole


@given(st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True), st.sampled_from(wire.UP + wire.DOWN))
def test_topics_come_back(unit: str, leaf: str) -> None:
    assert wire.parse_topic(wire.topic(unit, leaf)) == (unit, leaf)


@given(st.text())
@example("ortoo/v1/u/batch/x")
@example("ortoo/v2/u/batch")
@example("ortoo/v1/-u/batch")
@example("ortoo/v1/U/batch")
@example("ortoo/v1//batch")
@example("ortoo/v1/" + "u" * 33 + "/batch")
@example("ortoo/v1/u/history")
def test_other_topics_are_refused(text: str) -> None:
    assert refusal(wire.parse_topic, text).code == "topic"


@given(st.sampled_from(sorted(wire.CHECKS)), st.binary() | st.text().map(str.encode))
@example("live", b"\xef\xbb\xbf{}")
@example("live", '{"v":1}'.encode("utf-16"))
def test_json_noise_gives_only_refusals(leaf: str, noise: bytes) -> None:
    assert refusal(wire.decode_json, leaf, noise).code in ("not_json", "shape", "version", "too_large")


@given(st.sampled_from(sorted(vectors.GOOD_JSON)), st.data())
def test_changed_json_is_refused_or_comes_back(name: str, data: st.DataObject) -> None:
    leaf = vectors.LEAVES.get(name, name)
    message = json.loads(vectors.GOOD_JSON[name])
    for _ in range(data.draw(st.integers(1, 2))):
        key = data.draw(st.sampled_from(sorted(message)) | st.text(max_size=8))
        message[key] = data.draw(ANYTHING)
    try:
        taken = wire.decode_json(leaf, json.dumps(message))
    except wire.WireError:
        return
    present = {key: value for key, value in taken.items() if value is not None}
    assert wire.decode_json(leaf, wire.encode_json(leaf, taken)) == present


def test_json_is_utf8_as_it_stands() -> None:
    payload = wire.encode_json(
        "birth",
        {"conn": 1, "state": "online", "epoch": "00" * 8, "boot": "11" * 8, "software": "1", "name": "车🚑"},
    )
    assert "车🚑".encode() in payload


def test_the_fullest_receipt_fits() -> None:
    runs = [[wire.MAX_SEQ - 32 + at, "0" * 16] for at in range(wire.MAX_RUNS)]
    lanes = {lane: {"mark": wire.MAX_SEQ, "runs": runs} for lane in wire.LANES}
    wire.encode_json("receipt", {"conn": wire.MAX_SEQ, "epoch": "0" * 16, "lanes": lanes})


def test_words_are_named() -> None:
    assert wire.word("fix", "fix_mode", 2) == "3d"
    assert wire.word("fix", "clock", 4) == "gnss"
    assert wire.word("fix", "quality", None) is None
