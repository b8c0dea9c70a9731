"""A field over time in buckets, from rows while they exist and from summaries of hours for what is older.

Buckets of whole hours are made of summaries wherever an hour is not marked as changed since, so that a year
costs a few thousand rows and not millions. Finer buckets come from rows; where those have gone, an hour
stands in the bucket in which it begins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from ingest.history.summary import HOUR_MS, NAMES, begin_of, stat_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.history import Buckets
    from ingest.history.summary import Summary
    from ingest.reader import Columns


class Source(Protocol):
    """What is read for a series; see `ingest.reader.Reader`."""

    def pages(
        self, unit: str, kind: str, source: str | None, from_ms: int, to_ms: int
    ) -> Iterator[Columns]: ...

    def buckets(
        self, unit: str, kind: str, source: str, name: str, from_ms: int, to_ms: int, bucket_ms: int
    ) -> Buckets: ...

    def summaries(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[Summary]: ...

    def dirty_hours(self, unit: str, kind: str, source: str, from_ms: int, to_ms: int) -> list[int]: ...

    def horizon_ms(self, kind: str) -> int: ...


class Question(NamedTuple):
    """Which field of which series, from one time to before another, in buckets of so long."""

    unit: str
    kind: str
    source: str
    name: str
    from_ms: int
    to_ms: int
    bucket_ms: int

    @property
    def is_of_hours(self) -> bool:
        return self.bucket_ms % HOUR_MS == 0 and self.name in NAMES[self.kind]


class Part(NamedTuple):
    """What a bucket is made of; of no value there is no mean."""

    begin_ms: int
    rows: int
    least: int | None
    most: int | None
    mean: float | None


def answered(question: Question, source: Source) -> list[Part]:
    """The buckets that have rows, in order; values on the wire's scale."""
    if question.to_ms <= question.from_ms:
        return []
    parts = _of_hours(question, source) if question.is_of_hours else _of_rows(question, source)
    return _joined(parts, question.bucket_ms)


def _of_hours(question: Question, source: Source) -> Iterator[Part]:
    """Whole hours from their summaries; hours that changed since, and torn ones at the ends, from rows."""
    unit, kind, own, name, from_ms, to_ms, _ = question
    horizon_ms = source.horizon_ms(kind)
    first_ms, end_ms = -(-from_ms // HOUR_MS) * HOUR_MS, begin_of(to_ms)
    # First those, so that an hour which is summarised in between is not missed.
    read = set(source.dirty_hours(unit, kind, own, begin_of(from_ms), to_ms - 1))
    read |= {begin_of(from_ms)} if from_ms < first_ms else set()
    read |= {end_ms} if end_ms < to_ms else set()
    read = {begin_ms for begin_ms in read if begin_ms >= horizon_ms}
    for summary in source.summaries(unit, kind, own, begin_of(from_ms), to_ms - 1):
        if summary.hour.begin_ms not in read:
            yield _of_summary(summary, name)
    for begin_ms in read:
        low_ms, high_ms = max(begin_ms, from_ms), min(begin_ms + HOUR_MS, to_ms)
        for page in source.pages(unit, kind, own, low_ms, high_ms):
            if page["seq"]:
                stat = stat_of(page[name])
                rows = len(page["seq"])
                yield (
                    Part(begin_ms, rows, None, None, None)
                    if stat is None
                    else Part(begin_ms, rows, stat.least, stat.most, stat.mean)
                )


def _of_rows(question: Question, source: Source) -> Iterator[Part]:
    unit, kind, own, name, from_ms, to_ms, bucket_ms = question
    begins_ms = max(from_ms, source.horizon_ms(kind))
    if name in NAMES[kind] and from_ms < begins_ms:
        for summary in source.summaries(unit, kind, own, begin_of(from_ms), min(begins_ms, to_ms) - 1):
            yield _of_summary(summary, name)
    if begins_ms < to_ms:
        buckets = source.buckets(unit, kind, own, name, begins_ms, to_ms - 1, bucket_ms)
        for begin_ms, rows, value in zip(buckets.begin_ms, buckets.rows, buckets.values[name], strict=True):
            yield Part(begin_ms, rows, *(value or (None, None, None)))


def _of_summary(summary: Summary, name: str) -> Part:
    stat = summary.stats.get(name)
    if stat is None:
        return Part(summary.hour.begin_ms, summary.rows, None, None, None)
    return Part(summary.hour.begin_ms, summary.rows, stat.least, stat.most, stat.mean)


def _joined(parts: Iterable[Part], bucket_ms: int) -> list[Part]:
    """One part for each bucket; means weigh as their rows."""
    by_bucket: dict[int, list[Part]] = {}
    for part in parts:
        by_bucket.setdefault(part.begin_ms - part.begin_ms % bucket_ms, []).append(part)
    return [_one(begin_ms, by_bucket[begin_ms]) for begin_ms in sorted(by_bucket)]


def _one(begin_ms: int, parts: list[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]._replace(begin_ms=begin_ms)
    rows = sum(part.rows for part in parts)
    known = [
        (part.rows, part.least, part.most, part.mean)
        for part in parts
        if part.least is not None and part.most is not None and part.mean is not None
    ]
    if not known:
        return Part(begin_ms, rows, None, None, None)
    weights, least, most, means = zip(*known, strict=True)
    mean = sum(weight * own for weight, own in zip(weights, means, strict=True)) / sum(weights)
    return Part(begin_ms, rows, min(least), max(most), mean)
