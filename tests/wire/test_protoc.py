"""Classes that protoc makes of wire.proto read our bytes, and a reader of twenty lines gets our numbers."""

import importlib.util
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given

from firmware import wire
from ingest import documents
from tests.wire.strategies import batches


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("protoc")
    source = documents.ROOT / "firmware" / "wire.proto"
    command = [
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{source.parent}",
        f"--python_out={folder}",
        source,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return _imported(folder / "wire_pb2.py")


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _values(entries: list[Any], coding: str, rows: int, prev: int) -> list[Any]:
    """A column as somebody else might read it who has only the words at the top of wire.py."""
    if coding == wire.TEXT:
        return entries + [""] * (rows - len(entries))
    if coding == wire.RARE:
        left, entries = iter(entries), []
        for entry in left:
            entries += [entry] if entry else [0] * (1 + next(left))
    entries = entries + [0] * (rows - len(entries))
    if coding == wire.STEP:
        return [prev + 1 + row + total for row, total in enumerate(accumulate(entries))]
    if coding == wire.SECOND:
        entries = entries[:1] + list(accumulate(entries[1:]))
    return list(accumulate(entries))


@given(batch=batches())
def test_protoc_classes_read_our_batches(made: ModuleType, batch: wire.Batch) -> None:
    message = made.Batch.FromString(wire.encode_batch(batch))
    assert (message.version, message.epoch.hex(), wire.LANES[message.lane]) == (1, batch.epoch, batch.lane)
    assert (message.prev, message.boot.hex(), message.prev_boot.hex()) == (
        batch.prev,
        batch.boot,
        batch.prev_boot or "",
    )
    found = [(name, group) for name in wire.KINDS_IN_ORDER for group in getattr(message, name)]
    assert len(found) == len(batch.groups)
    for (name, read), group in zip(found, batch.groups, strict=True):
        _compare(name, read, group, batch.prev)


def _compare(name: str, read: Any, group: wire.Group, prev: int) -> None:
    kind = wire.KINDS[name]
    assert (name, read.source or kind.source, read.row_count) == (group.kind, group.source, group.rows)
    columns = {}
    for field in wire.BASE + kind.fields:
        columns[field.name] = _values(list(getattr(read, field.name)), field.coding, read.row_count, prev)
    absent = list(read.absent)
    for number, first, count in zip(absent[::3], absent[1::3], absent[2::3], strict=True):
        columns[kind.by_number[number].name][first : first + count] = [None] * count
    assert columns == group.columns
