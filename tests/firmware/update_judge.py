"""Updates on a real littlefs over a NOR flash that is cut off at each of its operations; see flash_judge.

After each cut the node starts: the folder that runs must be whole; then the update goes on to its end, the
node starts again, and what runs then must be whole and the new one. Signatures are taken as good here: they
have nothing to do with power. Runs on MicroPython alone, since littlefs does.
"""

import gc
import hashlib

import vfs
from flash_judge import MOUNT, Nor, erase, littlefs, program, tear

from firmware.store.folder import Folder
from firmware.store.notes import Notes
from firmware.update import keys, manifest, p256, slots, update
from firmware.update.tree import Tree

manifest.is_signed = lambda keys, data, signature: True
update.RESERVE_BYTES, manifest.BLOCK_BYTES = 0, 512  # a small flash
KEY = b"\x04" + b"".join([number.to_bytes(32, "big") for number in p256.G])
NEXT = b"\x04" + p256.G[0].to_bytes(32, "big") + (p256.P - p256.G[1]).to_bytes(32, "big")
KEYS = NEXT + KEY  # that release 12 names
SLOTS = MOUNT + "/slots.json"
SIZES = (1500, 700, 40, 2600, 1024, 3000)


def path_of(name):
    return MOUNT + "/" + name


def text(seed, size):
    """Bytes that differ by their seed."""
    return (b"%d." % seed * (size // 2 + 1))[:size]


def release(number):
    """(head, {path: bytes}) of one: its first file is in every release the same."""
    files = {f"m/{at}.mpy": text(at and 10 * number + at, size) for at, size in enumerate(SIZES)}
    entries = [f'["{name}",{len(data)},"{digest(data).hex()}"]' for name, data in sorted(files.items())]
    named = f'"keys":["{NEXT.hex()}","{KEY.hex()}"],' if number == 12 else ""
    said = '{"v":1,"name":"ortoo-node","version":"%d","number":%d,"mpy":6,"boards":["host"],%s"files":[%s]}\n'
    return (said % (number, number, named, ",".join(entries)) + "0" * 128 + "\n").encode(), files


def digest(data):
    return hashlib.sha256(data).digest()


def begin(blocks, block_bytes):
    """A flash with release 1 in /a, and what a third one left in /b."""
    nor = Nor(bytearray(b"\xff" * (blocks * block_bytes)), block_bytes)
    vfs.VfsLfs2.mkfs(nor, progsize=16, readsize=16, lookahead=16)
    vfs.mount(littlefs(nor), MOUNT)
    for slot, number in (("a", 1), ("b", 3)):
        head, files = release(number)
        tree = Tree(path_of(slot))
        tree.append("head", head)
        for name in files:
            tree.append(name, files[name])
    Tree(MOUNT).append("update.key", KEY)
    slots.save(slots.FIRST, SLOTS)
    head, _ = release(12)
    asked = {"id": "c1", "release": digest(head).hex(), "bytes": len(head)}
    Notes(Folder(path_of("rows"))).put({update.NOTE: asked})
    vfs.umount(MOUNT)
    return nor


def blobs(number):
    head, files = release(number)
    found = {digest(data): data for data in files.values()}
    found[digest(head)] = head
    return found


def updated(make=update.Update):
    """Take the update that the notes ask for to its end, if they do; its answer."""
    notes = Notes(Folder(path_of("rows")))
    if notes.get(update.NOTE) is None:
        return None
    under_way, parts = make(notes, path_of, "host", 6), blobs(12)
    while under_way.answer is None:
        if not under_way.work():
            wanted = under_way.wanted()
            under_way.take(wanted[0], wanted[1], parts[wanted[0]][wanted[1] : wanted[1] + 1024])
    notes.put({update.NOTE: None})
    return under_way.answer[0]


def started():
    """(the number that runs, or what is wrong with it) after a start."""
    slot, _ = slots.begin(SLOTS)
    tree = Tree(path_of(slot))
    try:
        number = manifest.parsed(tree.read("head", 0, 9999)).number
    except (OSError, ValueError):
        return f"no head of {slot}"
    _, files = release(number)
    for name in files:
        if tree.size(name) != len(files[name]) or tree.digest(name) != digest(files[name]):
            return f"{name} of {slot}"
    return number


def confirmed():
    """What runs reaches somebody; as a port does it."""
    trial = slots.load(SLOTS)["trial"]
    if trial:
        keys.follow(path_of, trial)
    slots.confirm(SLOTS)


def who_may_sign():
    with open(path_of(keys.KEY), "rb") as file:  # noqa: PTH123 - a board has no pathlib
        return {KEY: "before", KEYS: "after"}.get(file.read(), "nobody")


def cuts(argument):
    """[cuts, flaws, how often which release ran after a cut]; of `every` cuts the `first` one is tried."""
    blocks, block_bytes, first, every, kind = argument
    make = {"update": update.Update, "careless": Careless}[kind]
    nor = begin(blocks, block_bytes)
    image, log = bytearray(nor.image), []
    vfs.mount(littlefs(nor), MOUNT)
    nor.log = log
    updated(make)
    started()
    confirmed()
    vfs.umount(MOUNT)
    flaws, ran = [], {}
    for at in range(len(log)):
        block, offset, data = log[at]
        if at % every == first:
            torn = bytearray(image)
            tear(torn, block * block_bytes + offset, data, block_bytes)
            runs, last = looked_through(Nor(torn, block_bytes), make)
            ran[str(runs)] = ran.get(str(runs), 0) + 1
            if runs not in (1, 12) or last != [12, "after"]:
                flaws.append([at, runs, last])
            torn = None
            gc.collect()
        if data is None:
            erase(image, block * block_bytes, block_bytes)
        else:
            program(image, block * block_bytes + offset, data)
    return [len(log), flaws[:5], ran]


def looked_through(nor, make):
    """What runs after the cut, and what runs once the update has gone on and the node has started again."""
    try:
        vfs.mount(littlefs(nor), MOUNT)
    except OSError as error:
        return f"not mounted: {error}", None
    try:
        first = started()
        if first not in (1, 12) or who_may_sign() == "nobody":
            return first, None
        confirmed()
        if updated(make) == "refused":
            return first, "refused"
        last = started()
        confirmed()
        return first, [last, who_may_sign()]
    finally:
        vfs.umount(MOUNT)


class Careless(update.Update):
    """The control: stages what it has not laid yet."""

    def _clear(self):
        slots.stage(self._slot, SLOTS, self._number)
        self._next = super()._clear
        super()._clear()


def laid_out(count):
    """(paths of the blobs of a release of so many files on the machine, bytes of its head, digest)."""
    for name in ("all", "b", "rows"):
        Tree(name).remove_some(9999)  # of a call before
    entries, parts = [], {}
    for at in range(count):
        name, data = f"firmware/drivers/module_{at:02}.mpy", text(at, 1500)
        Tree("all").append(name, data)
        entries.append(f'["{name}",{len(data)},"{digest(data).hex()}"]')
        parts[digest(data)] = name
    said = '{"v":1,"name":"ortoo-node","version":"1","number":1,"mpy":6,"boards":["host"],"files":['
    head = (said + ",".join(entries) + "]}\n" + "0" * 128 + "\n").encode()
    Tree("all").append("head", head)
    parts[digest(head)] = "head"
    return parts, len(head), digest(head).hex()


def large(count):
    """An update of so many files: its answer, the bytes of its head, and how many it held at most."""
    parts, head_bytes, release_hex = laid_out(count)
    slots.save(slots.FIRST, "slots.json")
    if Tree(".").size("update.key") is None:
        Tree(".").append("update.key", KEY)
    notes = Notes(Folder("rows"))
    notes.put({update.NOTE: {"id": "c1", "release": release_hex, "bytes": head_bytes}})
    under_way = update.Update(notes, lambda name: "./" + name, "host", 6)
    gc.collect()
    before, most = gc.mem_alloc(), 0
    while under_way.answer is None:
        if not under_way.work():
            wanted = under_way.wanted()
            under_way.take(wanted[0], wanted[1], Tree("all").read(parts[wanted[0]], wanted[1], 1024))
        gc.collect()
        most = max(most, gc.mem_alloc() - before)
    return [under_way.answer, head_bytes, most]
