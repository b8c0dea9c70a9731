"""An update on flash: what is fetched and what is copied, what is refused, and what a cut or damage costs."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.store.folder import Folder
from firmware.store.notes import Notes
from firmware.update import keys, manifest, slots, update
from firmware.update.tree import Tree
from firmware.update.update import Update
from tests.firmware import signing
from tests.micropython import MicroPython

SAME = bytes(range(256)) * 9
OLD = {"firmware/app.mpy": b"old" * 900, "firmware/same.mpy": SAME}
NEW = {
    "firmware/app.mpy": b"new" * 900,
    "firmware/drivers/door.mpy": b"door",
    "firmware/exact.mpy": b"x" * 2048,
    "firmware/same.mpy": SAME,
}
SWEEP_KIB = 3072


class Node:
    """A flash on a desk with the old firmware in /a, asked to take the new one."""

    def __init__(self, folder: Path, files: dict[str, bytes] | None = None, **said: Any) -> None:
        self.folder = folder
        for name, data in OLD.items():
            Tree(self.path_of("a")).append(name, data)
        (folder / "update.key").write_bytes(signing.KEY)
        slots.save(dict(slots.FIRST), self.path_of("slots.json"))
        self.notes = Notes(Folder(self.path_of("rows")))
        self.offer(files or NEW, **said)

    def offer(self, files: dict[str, bytes], secret: int = signing.SECRET, **said: Any) -> None:
        """Ask for a release of these files."""
        self.head = signing.head(signing.manifest(files, **said), secret)
        self.blobs = {hashlib.sha256(data).digest(): data for data in [self.head, *files.values()]}
        self.asked: dict[str, Any] = {
            "id": "c1",
            "release": hashlib.sha256(self.head).hexdigest(),
            "bytes": len(self.head),
        }
        self.notes.put({update.NOTE: self.asked})

    def path_of(self, name: str) -> str:
        return str(self.folder / name)

    def begin(self) -> Update:
        return Update(self.notes, self.path_of, "host", 6)

    def part(self, digest: bytes, offset: int, size: int = manifest.PART_BYTES) -> bytes:
        return self.blobs[digest][offset : offset + size]

    def finish(self, under_way: Update, size: int = manifest.PART_BYTES) -> tuple[tuple[str, str], int]:
        """(answer, bytes that were asked for) of the rest."""
        fetched = 0
        for _ in range(10_000):
            if under_way.answer is not None:
                return under_way.answer, fetched
            if not under_way.work():
                wanted = under_way.wanted()
                assert wanted is not None
                data = self.part(*wanted, size)
                fetched += len(data)
                assert under_way.take(*wanted, data)
        raise AssertionError("it never ends")

    def state(self) -> dict[str, Any]:
        return slots.load(self.path_of("slots.json"))

    def laid(self) -> dict[str, bytes]:
        """What lies in the other folder."""
        root = self.folder / "b"
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.mpy")}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.mark.parametrize("size", [1024, 220, 1])
def test_what_the_running_folder_has_is_not_fetched(node: Node, size: int) -> None:
    answer, fetched = node.finish(node.begin(), size)
    assert answer == ("done", "0.2.0, number 12, at the next start")
    assert fetched == len(node.head) + sum(map(len, NEW.values())) - len(SAME)
    assert node.laid() == NEW
    state = node.state()
    assert (state["good"], state["trial"], state["number"]) == ("a", "b", 12)
    assert {name: (node.folder / "a" / name).read_bytes() for name in OLD} == OLD


def test_it_goes_on_wherever_it_was_cut_off(node: Node) -> None:
    """A new process after every single step, and nothing that is on flash is fetched twice."""
    fetched = 0
    for _ in range(1000):
        under_way = node.begin()
        for _ in range(40):  # to where it was, and one further
            if not under_way.work():
                break
        wanted = under_way.wanted()
        if wanted is None:
            break
        while wanted is not None and wanted[0] == hashlib.sha256(node.head).digest():
            under_way.take(*wanted, node.part(*wanted))
            under_way.work(), under_way.work(), under_way.work(), under_way.work(), under_way.work()
            wanted = under_way.wanted()
        if wanted is not None:
            fetched += len(node.part(*wanted))
            under_way.take(*wanted, node.part(*wanted))
            under_way.work()
    assert node.finish(node.begin())[0][0] == "done"
    assert fetched == sum(map(len, NEW.values())) - len(SAME)
    assert node.laid() == NEW


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"secret": signing.STRANGER}, "head: signature"),
        ({"number": 7}, "number 7, there was 7 already"),
        ({"boards": ["esp32-s3"]}, "for esp32-s3, this is host"),
        ({"mpy": 7}, "of bytecode 7, this board reads 6"),
        ({"name": "other"}, "manifest: shape"),
    ],
)
def test_what_is_not_for_this_node_leaves_the_flash_alone(
    node: Node, said: dict[str, Any], says: str
) -> None:
    (node.folder / "b").mkdir()
    (node.folder / "b" / "what.mpy").write_bytes(b"was there")
    slots.save({**slots.FIRST, "number": 7}, node.path_of("slots.json"))
    node.offer(NEW, **said)
    assert node.finish(node.begin())[0] == ("refused", says)
    assert node.laid() == {"what.mpy": b"was there"}
    assert node.state()["trial"] == ""


def test_without_a_key_nothing_is_taken(node: Node) -> None:
    (node.folder / "update.key").unlink()
    assert node.finish(node.begin())[0] == ("refused", "no update.key on this node")
    (node.folder / "update.key").write_bytes(signing.KEY[:-1])
    assert node.finish(node.begin())[0] == ("refused", "key: key")


def test_whoever_owns_one_of_the_keys_may_sign_and_a_release_may_change_them(node: Node) -> None:
    """From one key to the next without a visit; each counts once its release has proved itself."""
    file = node.folder / keys.KEY
    node.offer(NEW, keys=[signing.KEY, signing.OTHER_KEY])
    assert node.finish(node.begin())[0][0] == "done"
    assert file.read_bytes() == signing.KEY, "on trial it may yet be taken back"
    confirm(node)
    assert file.read_bytes() == signing.KEY + signing.OTHER_KEY
    node.offer({**NEW, "firmware/exact.mpy": b"y" * 9}, signing.STRANGER, number=13, keys=[signing.OTHER_KEY])
    assert node.finish(node.begin())[0][0] == "done"
    confirm(node)
    assert file.read_bytes() == signing.OTHER_KEY
    node.offer({**NEW, "firmware/exact.mpy": b"z" * 9}, number=14)
    assert node.finish(node.begin())[0] == ("refused", "head: signature"), "its key is retired"
    node.offer({**NEW, "firmware/exact.mpy": b"z" * 9}, signing.STRANGER, number=14)
    assert node.finish(node.begin())[0][0] == "done"
    confirm(node)
    assert file.read_bytes() == signing.OTHER_KEY, "one that names none changes none"


def confirm(node: Node) -> None:
    """Start what was staged, and have it reach somebody."""
    slot, _ = slots.begin(node.path_of("slots.json"))
    keys.follow(node.path_of, slot)
    slots.confirm(node.path_of("slots.json"))


def test_what_was_laid_by_cable_has_a_floor(node: Node) -> None:
    slots.rise(12, node.path_of("slots.json"))
    slots.rise(5, node.path_of("slots.json"))
    assert node.finish(node.begin())[0] == ("refused", "number 12, there was 12 already")
    keys.follow(node.path_of, "a")  # without a head there
    assert (node.folder / keys.KEY).read_bytes() == signing.KEY


def test_a_node_with_one_folder_or_on_trial_takes_none(node: Node) -> None:
    slots.save({**slots.FIRST, "good": "b", "trial": "a"}, node.path_of("slots.json"))
    assert node.finish(node.begin())[0] == ("refused", "another firmware is on trial")
    (node.folder / "slots.json").unlink()
    assert node.finish(node.begin())[0] == ("refused", "this node has one folder of firmware only")


def test_damage_on_the_way_is_fetched_again_and_lasting_damage_refused(node: Node) -> None:
    bad = hashlib.sha256(NEW["firmware/exact.mpy"]).digest()
    good = node.blobs[bad]
    node.blobs[bad] = b"y" * 2048
    under_way = node.begin()
    while under_way.wanted() != (bad, 0):
        if not under_way.work() and (wanted := under_way.wanted()) is not None:
            under_way.take(*wanted, node.part(*wanted))
    for offset in (0, 1024):
        under_way.take(bad, offset, node.part(bad, offset))
        while under_way.work():
            pass
    assert under_way.wanted() == (bad, 0), "what came was not what the manifest says"
    node.blobs[bad] = good
    assert node.finish(under_way)[0][0] == "done"

    node.offer({**NEW, "firmware/exact.mpy": b"z" * 2048}, number=13)
    slots.save({**slots.FIRST, "number": 12}, node.path_of("slots.json"))
    node.blobs[hashlib.sha256(b"z" * 2048).digest()] = b"y" * 2048
    answer, fetched = node.finish(node.begin())
    assert answer == ("refused", "firmware/exact.mpy is not what the manifest says")
    assert fetched < 20_000
    assert node.laid() == {}, "nothing of it stays"


def test_what_was_damaged_on_flash_is_found_at_the_end(node: Node) -> None:
    under_way = node.begin()
    while under_way._next != under_way._judge:
        if not under_way.work() and (wanted := under_way.wanted()) is not None:
            under_way.take(*wanted, node.part(*wanted))
    (node.folder / "b" / "firmware" / "same.mpy").write_bytes(SAME[:-1] + b"\x00")
    assert node.finish(under_way)[0][0] == "done"
    assert node.laid() == NEW


def test_only_what_is_wanted_is_taken(node: Node) -> None:
    under_way = node.begin()
    release = bytes.fromhex(node.asked["release"])
    assert not under_way.take(release, 0, b"x"), "before anything is wanted"
    while under_way.work():
        pass
    part = node.part(release, 0, 100)
    for digest, offset, data in (
        (b"\x00" * 32, 0, part),
        (release, 1, part),
        (release, 0, b""),
        (release, 0, b"x" * 1025),
    ):
        assert not under_way.take(digest, offset, data)
    assert under_way.wanted() == (release, 0)
    assert under_way.take(release, 0, part)
    assert not under_way.take(release, 0, part), "once"
    assert under_way.wanted() == (release, 100)
    assert not under_way.take(release, 100, bytes(len(node.head) - 99)), "more than its head has"


def test_a_head_that_is_another_is_not_even_judged(node: Node) -> None:
    node.blobs[bytes.fromhex(node.asked["release"])] = signing.head(signing.manifest(NEW, number=13))
    assert node.finish(node.begin())[0] == ("refused", "the head is not what was asked for")


def test_no_room_is_refused_with_numbers_and_leaves_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tree, "free_bytes", lambda _: 50 << 10)
    assert node.finish(node.begin())[0] == ("refused", "no room: 80 kB needed, 50 kB free")
    monkeypatch.setattr(Tree, "free_bytes", lambda _: 90 << 10)
    real = Tree.append

    def full(tree: Tree, path: str, data: bytes) -> None:
        if path.endswith("exact.mpy"):
            real(tree, path, data[:100])
            raise OSError(28, "ENOSPC")
        real(tree, path, data)

    monkeypatch.setattr(Tree, "append", full)
    assert node.finish(node.begin())[0] == ("refused", "no room: 80 kB needed, 90 kB free")
    assert not (node.folder / "b").exists()
    monkeypatch.setattr(Tree, "append", lambda *_: (_ for _ in ()).throw(OSError(5, "EIO")))
    assert node.finish(node.begin())[0] == ("refused", "flash: [Errno 5] EIO")


def test_the_same_again_runs_already(node: Node) -> None:
    node.finish(node.begin())
    assert slots.begin(node.path_of("slots.json")) == ("b", False)
    assert node.finish(node.begin())[0] == ("done", "0.2.0, number 12, on trial already")
    slots.confirm(node.path_of("slots.json"))
    assert node.finish(node.begin())[0] == ("done", "0.2.0, number 12, runs already")
    assert node.state()["good"] == "b"


def test_what_was_taken_back_is_not_tried_again(node: Node) -> None:
    path = node.path_of("slots.json")
    node.finish(node.begin())
    assert [slots.begin(path)[0] for _ in range(slots.TRIES + 1)] == ["b"] * slots.TRIES + ["a"]
    assert node.state()["undone"] == "number 12"
    assert node.finish(node.begin())[0] == ("refused", "number 12, there was 12 already")
    node.offer(NEW, number=13)
    assert node.finish(node.begin())[0][0] == "done"
    assert (node.state()["trial"], node.state()["undone"]) == ("b", "")


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.integers(-1, 3000), st.binary(max_size=1100)), max_size=30
    )
)
def test_whatever_comes_nothing_is_raised_and_little_is_held(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[bool, bool, int, bytes]]
) -> None:
    node = Node(tmp_path_factory.mktemp("fuzz"))
    under_way = node.begin()
    for is_right_blob, is_right_offset, offset, data in parts:
        under_way.work()
        wanted = under_way.wanted() or (b"\x00" * 32, 0)
        digest = wanted[0] if is_right_blob else hashlib.sha256(data).digest()
        under_way.take(digest, wanted[1] if is_right_offset else offset, data)
        assert len(under_way._held) < 2 * manifest.PART_BYTES
        assert len(under_way._head) <= manifest.MAX_HEAD_BYTES
    assert node.state()["trial"] == ""


@pytest.mark.parametrize("first", [0, 1, 2])
def test_power_cut_at_any_operation_leaves_a_whole_firmware_and_the_update_ends(
    board: MicroPython, first: int
) -> None:
    """At every program and erase of a littlefs, the last one torn; in three parts."""
    count, flaws, ran = board.call(
        "update_judge.cuts", [80, 512, first, 3, "update"], heap_kib=SWEEP_KIB
    ).result
    print(f"{count} cuts: then ran release {ran}")
    assert flaws == []
    assert count > 200
    assert set(ran) == {"1", "12"}


def test_control_one_who_stages_too_early_bricks(board: MicroPython) -> None:
    _, flaws, _ = board.call("update_judge.cuts", [96, 512, 0, 5, "careless"], heap_kib=SWEEP_KIB).result
    assert flaws


def test_what_it_holds_does_not_grow_with_the_release(board: MicroPython) -> None:
    """Its head once, and less than two parts, whatever is in the release."""
    for count in (10, 70):
        answer, head_bytes, most = board.call("update_judge.large", count, heap_kib=512).result
        print(f"{count} files, a head of {head_bytes} bytes: {most} bytes at most")
        assert answer[0] == "done"
        assert most < head_bytes + 6000
