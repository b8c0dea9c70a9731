"""Random batches for property tests: kinds, absences, gaps in seq, texts, bounds, calm and wild columns."""

from typing import Any

from hypothesis import strategies as st

from firmware import wire

IDS = st.binary(min_size=wire.ID_BYTES, max_size=wire.ID_BYTES).map(bytes.hex)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
TEXTS = st.text(max_size=wire.MAX_TEXT_BYTES).filter(lambda text: len(text.encode()) <= wire.MAX_TEXT_BYTES)


def as_plain(batch: wire.Batch) -> tuple[Any, ...]:
    """A batch as something that compares by value."""
    groups = [(group.kind, group.source, group.columns) for group in batch.groups]
    return (batch.epoch, batch.lane, batch.prev, batch.boot, batch.prev_boot, groups)


def _numbers(low: int, high: int) -> st.SearchStrategy[int]:
    edges = [edge for edge in (low, low + 1, high - 1, high, 0) if low <= edge <= high]
    return st.one_of(st.sampled_from(edges), st.integers(low, high))


@st.composite
def _number_columns(draw: st.DrawFn, field: wire.Field, rows: int) -> list[int]:
    """Constant, even, wandering or wild: the shapes that the codings and their shortcuts tell apart."""
    first = draw(_numbers(field.low, field.high))
    shape = draw(st.sampled_from(("constant", "even", "wandering", "wild")))
    if shape == "wild":
        return draw(st.lists(_numbers(field.low, field.high), min_size=rows, max_size=rows))
    if shape == "constant":
        return [first] * rows
    if shape == "even":
        steps = [draw(st.integers(-2000, 2000))] * rows
    else:
        steps = draw(st.lists(st.integers(-200, 200), min_size=rows, max_size=rows))
    column = [first]
    for step in steps[1:]:
        column.append(min(max(column[-1] + step, field.low), field.high))
    return column


@st.composite
def columns(draw: st.DrawFn, kind: str, seqs: list[int]) -> dict[str, list[Any]]:
    """All columns of records of a kind, with the given seqs."""
    rows = len(seqs)
    out: dict[str, list[Any]] = {"seq": seqs}
    for field in wire.BASE[1:] + wire.KINDS[kind].fields:
        if field.coding == wire.TEXT:
            out[field.name] = draw(st.lists(TEXTS, min_size=rows, max_size=rows))
        else:
            out[field.name] = draw(_number_columns(field, rows))
        if field not in wire.BASE and not field.is_needed and draw(st.booleans()):
            absent = draw(st.lists(st.booleans(), min_size=rows, max_size=rows))
            out[field.name] = [
                None if is_absent else value for is_absent, value in zip(absent, out[field.name], strict=True)
            ]
    return out


@st.composite
def batches(draw: st.DrawFn) -> wire.Batch:
    """A batch that can be accepted."""
    lane = draw(st.sampled_from(wire.LANES))
    kinds = [name for name in wire.KINDS_IN_ORDER if wire.KINDS[name].lane == lane]
    prev = draw(_numbers(0, wire.MAX_SEQ - 1000))
    steps = draw(st.lists(st.sampled_from((1, 1, 1, 2, 7)), min_size=1, max_size=24))
    seqs = [prev + sum(steps[: count + 1]) for count in range(len(steps))]
    shares = draw(st.lists(st.integers(0, 2), min_size=len(seqs), max_size=len(seqs)))
    groups = []
    for share in sorted(set(shares)):
        own = [seq for seq, taker in zip(seqs, shares, strict=True) if taker == share]
        kind = draw(st.sampled_from(kinds))
        source = draw(st.one_of(st.just(wire.KINDS[kind].source), NAMES))
        groups.append(wire.Group(kind, source, draw(columns(kind, own))))
    groups.sort(key=lambda group: wire.KINDS_IN_ORDER.index(group.kind))
    return wire.Batch(draw(IDS), lane, prev, draw(IDS), draw(st.none() | IDS), groups)
