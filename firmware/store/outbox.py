"""The node's outbox: every record until its receipt, and as long after as there is room. As the Pi's.

A lane is a ring on flash; a row is its kind's number and the wire's group message of one record. Its seq is
its number in the ring less the lane's base, so that a new epoch counts from 1 again over the same rows.

Time. A row keeps the time that its boot knew. A boot that wins the clock later gives it to the rows that were
not yet offered; those that were stay as they were sent, and a `clock_set` corrects them. An earlier boot that
never knew the time is taken to have ended when the next one began, and its rows are marked `estimated`.

Room. Over `max_bytes` the oldest segments go: first what is receipted, then track, then sense, never an
event. What went unreceipted is counted in a `thinned` record.
"""

from firmware import receipt, wire
from firmware.store.notes import Notes
from firmware.store.ring import NotWritten, Ring
from firmware.store.row import at_ms, group_of, row_of, time_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.clock import Clock
    from firmware.store.ring import Files

    Reading = tuple[str, str, dict[str, Any], int]  # kind, source, values, ms since boot

LETTERS = {"event": "e", "sense": "s", "track": "t"}
_MAX_BATCH_ROWS = 20  # a board has memory for, decoded
MAX_BYTES = 768 * 1024


class OutboxFull(Exception):
    """The flash takes nothing more: `landed` of the readings are safe. Waiting for receipts helps."""

    def __init__(self, landed: int) -> None:
        super().__init__("flash full")
        self.landed = landed


class Progress:
    """What a receipt changed in a lane; `is_back`: what was sent behind the mark is to be sent again."""

    def __init__(self, lane: str, was: int, mark: int, is_back: bool, cause: str) -> None:
        self.lane = lane
        self.was = was
        self.mark = mark
        self.is_back = is_back
        self.cause = cause  # fork, ahead, lowered, or empty


class Outbox:
    """`random` gives so many random bytes. Whatever is accepted is on flash when the call returns."""

    def __init__(
        self,
        files: "Files",
        boot: str,
        random: "Callable[[int], bytes]",
        max_bytes: int = MAX_BYTES,
        segment_bytes: int = 4096,
    ) -> None:
        self.boot = boot
        self._random = random
        self._max_bytes = max_bytes
        self.notes = Notes(files)
        self._rings = {lane: Ring(files, LETTERS[lane], segment_bytes) for lane in wire.LANES}
        if "epochs" not in self.notes.values:
            epoch = random(wire.ID_BYTES).hex()
            self.notes.put({"epochs": {lane: [epoch, 0] for lane in wire.LANES}, "marks": {}, "offered": {}})
        boots = [known for known in self.notes.get("boots", []) if known in self._boots()]
        self.is_resumed = boot in boots  # woken from a sleep, no new boot
        if not self.is_resumed:
            self.notes.put({"boots": boots + [boot]})

    def epoch(self, lane: str = "event") -> str:
        """The identity under which a lane's rows are numbered."""
        return str(self.notes.values["epochs"][lane][0])

    def mark(self, lane: str) -> int:
        return int(self._marked(lane)[0])

    def last_seq(self, lane: str) -> int:
        return self._rings[lane].last - self._base(lane)

    @property
    def waiting(self) -> int:
        """Rows that are not receipted."""
        return sum([max(0, self.last_seq(lane) - self.mark(lane)) for lane in wire.LANES])

    def next_conn(self) -> int:
        """The number of a new connection: larger than every one before, also across restarts."""
        conn = int(self.notes.get("conn", 0)) + 1
        self.notes.put({"conn": conn})
        return conn

    # --- taking records in ------------------------------------------------------------------------------

    def append(self, readings: "list[Reading]", clock: "Clock") -> None:
        """Make the readings safe, in their order; WireError for one that could not be sent."""
        rows = [
            (wire.KINDS[kind].lane, row_of(kind, source, values, clock.time_of(at_ms)))
            for kind, source, values, at_ms in readings
        ]
        at = 0
        while at < len(rows):
            lane, end = rows[at][0], at
            while end < len(rows) and rows[end][0] == lane:
                end += 1
            self._put(lane, [row for _, row in rows[at:end]], at)
            at = end

    def _put(self, lane: str, rows: "list[bytes]", landed: int) -> None:
        after = self.mark(lane) + self._base(lane)
        self._make_room(sum([len(row) + 8 for row in rows]))
        while rows:
            try:
                self._rings[lane].append(rows, self.boot, after)
                return
            except NotWritten as error:
                rows, landed = rows[error.landed :], landed + error.landed
                if rows and not self._drop_one():
                    raise OutboxFull(landed)

    def _make_room(self, coming: int) -> None:
        used = sum([ring.bytes_used for ring in self._rings.values()])
        while used + coming > self._max_bytes:
            before = used
            if not self._drop_one():
                return
            used = sum([ring.bytes_used for ring in self._rings.values()])
            if used >= before:
                return

    def _drop_one(self) -> bool:
        for lane in ("track", "sense", "event"):
            if self._rings[lane].settled(self.mark(lane) + self._base(lane)) is not None:
                return self._rings[lane].drop_oldest() is not None
        for lane in ("track", "sense"):
            gone = self._rings[lane].drop_oldest()
            if gone is not None:
                self._answer_for(lane, gone.first, gone.last, "quota")
                return True
        return False

    def _answer_for(self, lane: str, first: int, last: int, reason: str) -> None:
        """A `thinned` record for rows that are gone before their receipt."""
        base, mark = self._base(lane), self.mark(lane)
        told = int(self.notes.get("gone", {}).get(lane, 0))  # up to there it is counted already
        first = max(first - base, mark + 1, told + 1 - base)
        count = last - base - first + 1
        if count <= 0:
            return
        gone = dict(self.notes.get("gone", {}))
        gone[lane] = last
        self.notes.put({"dropped": self.dropped + count, "gone": gone})
        words = wire.KINDS["thinned"].by_name["reason"].words
        values = {
            "lane": wire.LANES.index(lane),
            "first_seq": first,
            "last_seq": last - base,
            "count": count,
            "reason": words.index(reason),
        }
        row = row_of("thinned", "outbox", values, self._newest_time())
        try:
            self._rings["event"].append([row], self.boot, self.mark("event") + self._base("event"))
        except NotWritten:
            return  # the number stays in the notes

    @property
    def dropped(self) -> int:
        """Rows that went before their receipt, since the flash was made."""
        return int(self.notes.get("dropped", 0))

    def _newest_time(self) -> "tuple[int, int, str]":
        """(time_ms, boot_at_ms, clock) of now, as far as the newest row of this boot tells."""
        for lane in wire.LANES:
            for _, boot, data in self._rings[lane].rows(self._rings[lane].last - 1, 1):
                if boot == self.boot:
                    return time_of(data)
        return 0, 0, "none"

    # --- time -------------------------------------------------------------------------------------------

    def clock_won(self, clock: "Clock", now_ms: int, step_ms: int, was: str, is_told: bool = True) -> None:
        """The clock was won or stepped: date what was not offered; `is_told`: correct what was."""
        times = dict(self.notes.get("times", {}))
        if self.boot not in times:
            times[self.boot] = [clock.boot_at_ms, wire.CLOCKS.index(clock.word)]
            self._estimate(times, clock.boot_at_ms)
            held = self._boots()
            self.notes.put(
                {"times": {boot: times[boot] for boot in times if boot in held or boot == self.boot}}
            )
        if is_told and (was != "none" or self._was_offered_timeless()):
            values = {"step_ms": step_ms, "was": wire.CLOCKS.index(was)}
            self.append([("clock_set", "clock", values, now_ms)], clock)

    def _boots(self) -> "set[str]":
        return {segment.boot for ring in self._rings.values() for segment in ring.segments}

    def _was_offered_timeless(self) -> bool:
        return any([boot == self.boot for _, boot in self.notes.get("offered", {}).values()])

    def _estimate(self, times: "dict[str, list[int]]", latest_ms: int) -> None:
        """Boots before this one that never knew the time: each ended when the next one began."""
        for boot, ran_ms in self._earlier_boots():
            if boot in times:
                latest_ms = times[boot][0]
            else:
                latest_ms = max(0, latest_ms - ran_ms)
                times[boot] = [latest_ms, wire.CLOCKS.index("estimated")]

    def _earlier_boots(self) -> "list[tuple[str, int]]":
        """(boot, how long it ran as far as recorded), the latest first."""
        ran_ms: "dict[str, int]" = {}
        for ring in self._rings.values():
            for segment in ring.segments:
                for _, boot, data in ring.rows(segment.last - 1, 1):
                    ran_ms[boot] = max(at_ms(data), ran_ms.get(boot, 0))
        known = reversed(self.notes.values["boots"])
        return [(boot, ran_ms[boot]) for boot in known if boot in ran_ms and boot != self.boot]

    # --- giving them out --------------------------------------------------------------------------------

    def take(self, lane: str, after: "int | None" = None, most: int = _MAX_BATCH_ROWS) -> "wire.Batch | None":
        """The next rows of one boot behind the mark, or behind `after`; None when there are none."""
        base = self._base(lane)
        begin = (self.mark(lane) if after is None else after) + base
        rows = self._rings[lane].rows(begin, most)
        prev, prev_boot = self._previous(lane, rows[0][0]) if rows else (0, None)
        while rows:
            number, boot, _ = rows[0]
            if number > begin + 1 and number > prev + base + 1:
                self._answer_for(lane, max(begin, prev + base) + 1, number - 1, "damaged")
            groups, is_timeless = self._groups(rows, base, lane)
            if is_timeless:
                self._offer(lane, rows[-1][0], boot)
            if groups:
                prev_boot = prev_boot if prev_boot != boot else None
                return wire.Batch(self.epoch(lane), lane, prev, boot, prev_boot, groups)
            begin = rows[-1][0]  # nobody reads them; the next ones still follow what stands before these
            rows = self._rings[lane].rows(begin, most)
        return None

    def rows(self, lane: str, after: int, most: int) -> "list[tuple[int, int, str, bytes]]":
        """(seq, prev, boot, bytes) of the next rows, as a frame to the Pi carries them."""
        base, out = self._base(lane), []
        for number, boot, data in self._rings[lane].rows(max(after, self.mark(lane)) + base, most):
            out.append((number - base, self._previous(lane, number)[0], boot, data))
        return out

    def _previous(self, lane: str, number: int) -> "tuple[int, str | None]":
        """(seq, boot) of the last row before that still exists, or of the mark."""
        base = self._base(lane)
        mark, mark_boot = self._marked(lane)
        held = self._rings[lane].before(number)
        if number - base > mark and (held is None or held[0] - base <= mark):
            return mark, mark_boot if mark else None
        return (0, None) if held is None or held[0] <= base else (held[0] - base, held[1])

    def _groups(
        self, rows: "list[tuple[int, str, bytes]]", base: int, lane: str
    ) -> "tuple[list[wire.Group], bool]":
        found: "dict[tuple[str, str], wire.Group]" = {}
        is_timeless = False
        bad = [0, 0]  # a stretch that nobody reads: of a newer firmware, before an update was taken back
        for number, boot, data in rows:
            try:
                group = group_of(data, number - base)
            except wire.WireError:
                if number != bad[1] + 1:
                    self._answer_for(lane, bad[0], bad[1], "damaged")
                    bad[0] = number
                bad[1] = number
                continue
            if group.columns["clock"][0] == 0:
                is_timeless |= not self._is_dated(group, lane, number, boot)
            held = found.get((group.kind, group.source))
            if held is None:
                found[group.kind, group.source] = group
            else:
                for name in group.columns:
                    held.columns[name].extend(group.columns[name])
        self._answer_for(lane, bad[0], bad[1], "damaged")
        return list(found.values()), is_timeless

    def _is_dated(self, group: "wire.Group", lane: str, number: int, boot: str) -> bool:
        """Give a row without a time the one that its boot has won since, unless it was sent without."""
        time = self.notes.get("times", {}).get(boot)
        offered = self.notes.get("offered", {}).get(lane)
        if time is None or (offered is not None and number <= offered[0]):
            return False
        group.columns["boot_at_ms"][0], group.columns["clock"][0] = time
        group.columns["time_ms"][0] += time[0]
        return True

    def _offer(self, lane: str, number: int, boot: str) -> None:
        """Rows up to here leave without a time: they stay so, or a resend would differ."""
        offered = dict(self.notes.get("offered", {}))
        if number > offered.get(lane, [0])[0]:
            offered[lane] = [number, boot]
            self.notes.put({"offered": offered})

    # --- receipts ---------------------------------------------------------------------------------------

    def settle(self, told: "dict[str, Any]", is_current: bool) -> "list[Progress]":
        """Move the marks as a checked receipt says; it says nothing about lanes of other epochs."""
        marks, epochs = dict(self.notes.values["marks"]), dict(self.notes.values["epochs"])
        progress = []
        for lane in wire.LANES:
            entry = told["lanes"].get(lane)
            if entry is None or told["epoch"] != self.epoch(lane):
                continue
            found = self._judged(lane, entry, is_current)
            progress.append(found)
            base = self._base(lane)
            if found.cause in ("fork", "ahead"):
                epochs[lane] = [self._random(wire.ID_BYTES).hex(), found.mark + base]
                marks.pop(lane, None)
            elif found.mark != found.was:
                held = self._rings[lane].before(found.mark + base + 1)
                marks[lane] = [
                    found.mark,
                    held[1] if held and held[0] == found.mark + base else _told_boot(entry),
                ]
        if marks != self.notes.values["marks"] or epochs != self.notes.values["epochs"]:
            self.notes.put({"marks": marks, "epochs": epochs})
        return progress

    def _judged(self, lane: str, entry: "dict[str, Any]", is_current: bool) -> Progress:
        base, was = self._base(lane), self.mark(lane)
        own = [
            (max(segment.first - base, 1), segment.last - base, segment.boot)
            for segment in self._rings[lane].segments
            if segment.last > base
        ]
        verdict = receipt.judge(self.last_seq(lane), was, own, entry["mark"], entry["runs"], is_current)
        cause = "lowered" if verdict.mark < was else ""
        if verdict.fork_seq is not None:
            cause = "fork"
        elif verdict.is_ahead:
            cause = "ahead"
        return Progress(lane, was, verdict.mark, bool(cause), cause)

    def forget_settled(self) -> None:
        """Remove every segment whose rows are all receipted, but the newest of each lane."""
        for lane in wire.LANES:
            while self._rings[lane].settled(self.mark(lane) + self._base(lane)) is not None:
                self._rings[lane].drop_oldest()

    def held(self, lane: str, first_seq: int, last_seq: int) -> int:
        """How many rows of that stretch are still there."""
        base, count = self._base(lane), 0
        for segment in self._rings[lane].segments:
            count += max(0, min(segment.last - base, last_seq) - max(segment.first - base, first_seq) + 1)
        return count

    def _base(self, lane: str) -> int:
        return int(self.notes.values["epochs"][lane][1])

    def _marked(self, lane: str) -> "tuple[int, str | None]":
        found = self.notes.values["marks"].get(lane)
        return (0, None) if found is None else (found[0], found[1])


def _told_boot(entry: "dict[str, Any]") -> "str | None":
    return str(entry["runs"][-1][1]) if entry["runs"] else None
