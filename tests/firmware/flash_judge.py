"""Rings and notes on a real littlefs over a NOR flash that is cut off at each of its operations.

A NOR flash only clears bits; erasing sets a whole block to ones. One run of the workload writes down every
operation and what was acknowledged by then; then the flash is rebuilt up to each operation, the last one torn
in the middle, mounted anew and looked through. Runs on MicroPython alone, since littlefs does.
"""

import gc

import vfs

from firmware.store.folder import Folder
from firmware.store.notes import Notes
from firmware.store.ring import NotWritten, Ring

BOOTS = ("11" * 8, "22" * 8)
MOUNT = "/cut"


class Nor:
    """A flash in memory; `log` takes (block, offset, bytes or None for an erase)."""

    def __init__(self, image, block_bytes, log=None):
        self.image = image
        self.block_bytes = block_bytes
        self.log = log
        self.programmed = 0
        self.erased = 0

    def readblocks(self, block, into, offset=0):
        at = block * self.block_bytes + offset
        into[:] = memoryview(self.image)[at : at + len(into)]

    def writeblocks(self, block, data, offset=0):
        if self.log is not None:
            self.log.append((block, offset, bytes(data)))
        self.programmed += len(data)
        program(self.image, block * self.block_bytes + offset, data)

    def ioctl(self, what, block):
        if what == 4:
            return len(self.image) // self.block_bytes
        if what == 5:
            return self.block_bytes
        if what == 6:
            if self.log is not None:
                self.log.append((block, 0, None))
            self.erased += 1
            erase(self.image, block * self.block_bytes, self.block_bytes)
        return 0


def program(image, at, data):
    for byte in data:
        image[at] &= byte
        at += 1


def erase(image, at, size):
    image[at : at + size] = b"\xff" * size


def littlefs(nor):
    return vfs.VfsLfs2(nor, progsize=16, readsize=16, lookahead=16)


def mounted(nor, is_new=False):
    if is_new:
        vfs.VfsLfs2.mkfs(nor, progsize=16, readsize=16, lookahead=16)
    vfs.mount(littlefs(nor), MOUNT)
    return Folder(MOUNT + "/r")


def row(number):
    return b"%d" % number + b"." * (number % 23)


def work(folder, told, steps):
    """Rows, marks and removals of two boots; `told` hears what is acknowledged."""
    for boot in BOOTS:
        ring, notes = Ring(folder, "e", 512), Notes(folder, 256)
        for step in range(steps):
            last = ring.append([row(ring.last + 1 + i) for i in range(step % 3 + 1)], boot)
            told("row", last, boot)
            if step % 4 == 3:
                mark = max(0, last - 5)
                notes.put({"mark": mark, f"x{step % 5}": step})
                told("mark", mark, boot)
                if ring.settled(mark) is not None:
                    told("gone", ring.segments[0].last, boot)
                    ring.drop_oldest()


class Acked:
    """What was acknowledged, in order; each with the number of operations by then."""

    def __init__(self, log):
        self.log = log
        self.all = []

    def __call__(self, what, number, boot):
        self.all.append((len(self.log), what, number, boot))

    def at(self, operations):
        """(highest row, mark, highest row that may be gone) after so many whole operations."""
        found = {"row": 0, "mark": 0}
        gone = 0
        for count, what, number, _ in self.all:
            if what == "gone":
                # Told before it is done: from then on it may be gone.
                gone = number if count <= operations else gone
            elif count <= operations:
                found[what] = number
        return found["row"], found["mark"], gone


def cuts(argument):
    """[cuts, what was lost, rows that were there unacknowledged] of one sweep."""
    steps, block_bytes, blocks = argument
    log = []
    nor = Nor(bytearray(b"\xff" * (block_bytes * blocks)), block_bytes)
    folder = mounted(nor, True)
    vfs.umount(MOUNT)
    image = bytearray(nor.image)
    nor.log = log
    folder = mounted(nor)
    log.clear()
    acked = Acked(log)
    work(folder, acked, steps)
    vfs.umount(MOUNT)
    lost, extra = [], 0
    for at in range(len(log)):
        block, offset, data = log[at]
        torn = bytearray(image)
        tear(torn, block * block_bytes + offset, data, block_bytes)
        flaws, more = looked_through(Nor(torn, block_bytes), acked.at(at))
        lost += [[at, flaw] for flaw in flaws]
        extra += more
        if data is None:
            erase(image, block * block_bytes, block_bytes)
        else:
            program(image, block * block_bytes + offset, data)
        if at % 16 == 0:
            gc.collect()
    return [len(log), lost[:5], extra]


def tear(image, at, data, block_bytes):
    """Half of the last operation."""
    if data is None:
        erase(image, at, block_bytes // 2)
    else:
        program(image, at, data[: len(data) // 2])


def looked_through(nor, expected):
    """(flaws, rows beyond what was acknowledged) of a flash after a cut."""
    highest, mark, gone = expected
    try:
        folder = mounted(nor)
    except OSError as error:
        return [f"not mounted: {error}"], 0
    flaws = []
    try:
        ring, notes = Ring(folder, "e", 512), Notes(folder, 256)
        if notes.get("mark", 0) < mark:
            flaws.append(f"mark {notes.get('mark')}, not {mark}")
        flaws += missing(ring, gone, highest)
        before = ring.last
        try:
            ring.append([row(before + 1)], "33" * 8)
            notes.put({"after": 1})
        except (OSError, NotWritten) as error:
            flaws.append(f"of no more use: {error}")
        flaws += missing(Ring(folder, "e", 512), gone, before + 1)
        if Notes(folder, 256).get("after") != 1:
            flaws.append("a note is lost")
    finally:
        vfs.umount(MOUNT)
    return flaws, max(0, before - highest)


def missing(ring, gone, highest):
    flaws = []
    number = gone
    while number < highest:
        found = ring.rows(number, 50)
        if not found:
            return [f"row {number + 1} is lost"]
        for n, _, data in found:
            if n != number + 1 or data != row(n):
                return [f"row {n} for {number + 1}"]
            number = n
    return flaws


class LateFolder(Folder):
    """The control: what was appended last is not yet written when `append` returns."""

    def __init__(self, path):
        super().__init__(path)
        self._late = None

    def append(self, name, data):
        late, self._late = self._late, (name, data)
        if late is not None:
            super().append(late[0], late[1])


def careless_cuts(argument):
    """The same sweep over a folder that answers too early."""
    steps, block_bytes, blocks = argument
    log = []
    nor = Nor(bytearray(b"\xff" * (block_bytes * blocks)), block_bytes)
    mounted(nor, True)
    nor.log = log
    acked = Acked(log)
    ring = Ring(LateFolder(MOUNT + "/r"), "e", 512)
    for _ in range(steps):
        acked("row", ring.append([row(ring.last + 1)], BOOTS[0]), BOOTS[0])
    vfs.umount(MOUNT)
    flaws, _ = looked_through(Nor(nor.image, block_bytes), acked.at(len(log)))
    return flaws


def wear(argument):
    """[bytes programmed, blocks erased] for `records` rows of `size` bytes, so many a commit."""
    records, size, together, block_bytes, blocks = argument
    nor = Nor(bytearray(b"\xff" * (block_bytes * blocks)), block_bytes)
    mounted(nor, True)
    nor.programmed = nor.erased = 0
    ring, notes = Ring(Folder(MOUNT + "/r"), "s"), Notes(Folder(MOUNT + "/r"))
    for at in range(0, records, together):
        ring.append([b"x" * size] * together, BOOTS[0])
        if at % 60 == 0:
            notes.put({"mark": ring.last})
        while ring.bytes_used > 6 * 4096:
            ring.drop_oldest()
    vfs.umount(MOUNT)
    return [nor.programmed, nor.erased]
