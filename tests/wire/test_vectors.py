"""The golden vectors on all who speak the wire: CPython, the service's decoder, MicroPython."""

import json
from pathlib import Path
from typing import Any

import pytest

from firmware import wire
from ingest import decode
from tests.fixtures.programs import ROOT
from tests.micropython import MicroPython
from tests.wire import judge, vectors

VECTORS: list[dict[str, Any]] = json.loads(vectors.PATH.read_text(encoding="utf-8"))
BATCHES = [vector for vector in VECTORS if "leaf" not in vector]
CODES = {"not_protobuf", "not_json", "not_zlib", "topic", "version", "missing", "shape", "range", "too_large"}

of_all = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
of_batches = pytest.mark.parametrize("vector", BATCHES, ids=lambda vector: vector["name"])


@pytest.fixture(scope="module")
def board(micropython: Path, tmp_path_factory: pytest.TempPathFactory) -> MicroPython:
    found = MicroPython(micropython, tmp_path_factory.mktemp("micropython"))
    found.add_package(ROOT / "firmware")  # whatever the contract is made of
    found.add([ROOT / "tests" / "wire" / "judge.py"])
    return found


def expected(vector: dict[str, Any]) -> dict[str, Any]:
    """What `judge.judged` has to give."""
    if "code" in vector:
        return {"code": vector["code"], "where": vector["where"]}
    if "leaf" in vector:
        return {"message": vector["message"], "again": vector["message"]}
    return {
        "batch": vector["batch"],
        "hex": vector["hex"] if vector["is_canonical"] else judge.encoded(vector["batch"]),
    }


def test_the_file_is_what_the_script_writes() -> None:
    assert vectors.PATH.read_text(encoding="utf-8") == vectors.text(), "python -m tests.wire.vectors"


def test_every_refusal_is_among_the_vectors() -> None:
    assert {vector["code"] for vector in VECTORS if "code" in vector} == CODES - {"topic"}


@of_all
def test_cpython(vector: dict[str, Any]) -> None:
    assert judge.judged(vector) == expected(vector)


@of_batches
def test_the_service(vector: dict[str, Any]) -> None:
    assert judge.judged(vector, decode.decode) == expected(vector)


@of_all
def test_micropython(vector: dict[str, Any], board: MicroPython) -> None:
    found = board.call("judge.judged", vector, heap_kib=1024).result
    if found.get("code") == "not_zlib":  # the interpreters tell torn from damaged each in its own way
        found["where"] = vector["where"]
    assert found == expected(vector)


def test_micropython_encodes_the_same_bytes(board: MicroPython) -> None:
    for vector in BATCHES:
        if vector.get("is_canonical"):
            assert board.call("judge.encoded", vector["batch"]).result == vector["hex"], vector["name"]


def test_micropython_holds_a_minute_of_fixes_in_half_a_board(board: MicroPython) -> None:
    drive = next(vector for vector in BATCHES if vector["name"] == "a drive")
    outcome = board.call("judge.judged", drive, heap_kib=128)
    assert outcome.heap_bytes < 96 * 1024


def test_a_payload_beyond_what_a_broker_passes_is_refused() -> None:
    for decoder in (wire.decode_batch, decode.decode):
        with pytest.raises(wire.WireError) as refused:
            decoder(bytes(wire.MAX_BATCH_BYTES + 1))
        assert (refused.value.code, refused.value.where) == ("too_large", "payload")


def test_the_compiled_contract_stays_small(board: MicroPython) -> None:
    (compiled,) = board.add([ROOT / "firmware" / "wire.py"])
    assert compiled.stat().st_size < 19_000
