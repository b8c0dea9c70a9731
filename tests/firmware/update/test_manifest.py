"""The head of a release: what is taken, what is refused and why, and that nothing else ever happens."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.update import keys, manifest
from firmware.update.manifest import ManifestError, parsed, verified
from tests.firmware import signing

FILES = {"firmware/app.mpy": b"M\x06\x00\x1f app", "firmware/drivers/door.mpy": b"M\x06 door"}
ENTRY = ["firmware/x.mpy", 1, "0" * 64]
PATHS = [
    ("../slots.mpy", "files[0]"),
    ("firmware/../../slots.mpy", "files[0]"),
    ("firmware/..mpy", "files[0]"),
    ("/main.mpy", "files[0]"),
    ("a//b.mpy", "files[0]"),
    ("firmware/.mpy", "files[0]"),
    (".mpy", "files[0]"),
    ("main.py", "files[0]"),
    ("head", "files[0]"),
    ("a\\b.mpy", "files[0]"),
    ("A.mpy", "files[0]"),
    ("a b.mpy", "files[0]"),
]


def test_what_was_signed_is_read() -> None:
    found = verified(signing.head(signing.manifest(FILES)), signing.KEY)
    assert (found.version, found.number, found.mpy) == ("0.2.0", 12, 6)
    assert found.boards == ["esp32-s3", "host"]
    assert found.files == [(path, len(d), hashlib.sha256(d).digest()) for path, d in FILES.items()]


@pytest.mark.parametrize(
    ("change", "what", "where"),
    [
        ({"v": 2}, "shape", "manifest"),
        ({"v": True}, "shape", "manifest"),
        ({"name": "other"}, "shape", "manifest"),
        ({"version": ""}, "shape", "version"),
        ({"version": "0.2\n"}, "range", "version"),
        ({"version": "1" * 33}, "too_large", "version"),
        ({"version": 2}, "shape", "manifest"),
        ({"number": 0}, "shape", "number"),
        ({"number": 2**31}, "range", "number"),
        ({"number": 10**10}, "shape", "number"),
        ({"number": 1.0}, "shape", "number"),
        ({"number": -1}, "shape", "number"),
        ({"mpy": "6"}, "shape", "mpy"),
        ({"mpy": 256}, "range", "mpy"),
        ({"boards": []}, "shape", "boards"),
        ({"boards": ["x"] * 17}, "too_large", "boards"),
        ({"boards": [3]}, "shape", "boards"),
        ({"more": 1}, "shape", "files"),
        ({"files": {}}, "shape", "boards"),
        ({"files": []}, "shape", "files[0]"),
        ({"files": [ENTRY[:2]]}, "shape", "files[0]"),
        ({"files": [[*ENTRY, 1]]}, "shape", "files[0]"),
        ({"files": [ENTRY, ENTRY]}, "order", "files[1]"),
        ({"files": [["b.mpy", 1, "0" * 64], ["a.mpy", 1, "0" * 64]]}, "order", "files[1]"),
        ({"files": [["firmware/x.mpy", 0, "0" * 64]]}, "shape", "files[0]"),
        ({"files": [["firmware/x.mpy", 65537, "0" * 64]]}, "range", "files[0]"),
        ({"files": [["firmware/x.mpy", 1, "0" * 63]]}, "shape", "files[0]"),
        ({"files": [["firmware/x.mpy", 1, "0" * 65]]}, "too_large", "files[0]"),
        ({"files": [["firmware/x.mpy", 1, "A" * 64]]}, "range", "files[0]"),
        ({"files": [[f"f{at}.mpy", 65536, "0" * 64] for at in range(9)]}, "too_large", "files"),
        ({"files": [[7, 1, "0" * 64]]}, "shape", "files[0]"),
        ({"files": [["x" * 61 + ".mpy", 1, "0" * 64]]}, "too_large", "files[0]"),
        *(({"files": [[path, 1, "0" * 64]]}, "range", where) for path, where in PATHS),
    ],
)
def test_a_manifest_that_cannot_be_says_what_and_where(change: dict[str, Any], what: str, where: str) -> None:
    head = signing.head(signing.manifest(FILES, **change))
    with pytest.raises(ManifestError) as refused:
        parsed(head)
    assert (refused.value.what, refused.value.where) == (what, where)
    with pytest.raises(ManifestError, match=what):
        verified(head, signing.KEY)


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"", "shape"),
        (b"\n\n", "shape"),
        (b"{}\n" + b"0" * 127 + b"\n", "shape"),
        (b"{}\n" + b"0" * 128, "shape"),
        (b"{}\n" + b"0" * 128 + b"\n\n", "shape"),
        (b"{\n}\n" + b"0" * 128 + b"\n", "shape"),
        (b"{}\n" + b"g" * 128 + b"\n", "shape"),
        (b"{}\n" + b"\xff" * 128 + b"\n", "shape"),
        (b"\xff\n" + b"0" * 128 + b"\n", "shape"),
        (b"[" * 4000 + b"\n" + b"0" * 128 + b"\n", "shape"),
        (b" " * 12288 + b"\n" + b"0" * 128 + b"\n", "too_large"),
    ],
)
def test_what_is_no_head_is_refused(head: bytes, what: str) -> None:
    with pytest.raises(ManifestError) as refused:
        parsed(head)
    assert refused.value.what == what


@pytest.mark.parametrize(
    ("was", "other"),
    [
        (b'"v":1,', b'"v":1, '),
        (b'"mpy":6', b'"mpy":06'),
        (b'"v":1,', b'"v":1,"v":1,'),
        (b'"host"]', b'"host",]'),
        (b'"0.2.0"', b'"0.2.\\u0030"'),
        (b"]]}", b"]]} "),
        (b'"name":"ortoo-node","version":"0.2.0"', b'"version":"0.2.0","name":"ortoo-node"'),
    ],
)
def test_a_manifest_has_one_form(was: bytes, other: bytes) -> None:
    """What one interpreter forgives and the other does not."""
    head = signing.head(signing.manifest(FILES))
    assert was in head
    with pytest.raises(ManifestError):
        parsed(head.replace(was, other))


def test_at_most_96_files_of_512_kib() -> None:
    for count, refused in ((96, None), (97, "files: too_large")):
        head = signing.head(signing.manifest({f"{at:02}.mpy": b"x" for at in range(count)}))
        assert len(head) <= manifest.MAX_HEAD_BYTES
        if refused is None:
            assert parsed(head).count == count
        else:
            with pytest.raises(ManifestError, match=refused):
                parsed(head)


def test_who_is_not_the_keys_owner_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_read", lambda head, _: pytest.fail(f"read {head}"))
    good = signing.head(signing.manifest(FILES))
    for head in (
        signing.head(signing.manifest(FILES), signing.STRANGER),
        good.replace(b"0.2.0", b"0.2.1"),
        good.replace(b'"number":12', b'"number":13'),
        good[:-129] + b"0" * 128 + b"\n",
    ):
        with pytest.raises(ManifestError, match="head: signature"):
            verified(head, signing.KEY)
    with pytest.raises(ManifestError, match="key: key"):
        verified(good, signing.KEY[:-1] + b"\x00")


def test_keys_are_one_to_four_and_each_is_one() -> None:
    two = [signing.KEY, signing.OTHER_KEY]
    head = signing.head(signing.manifest(FILES, keys=two), signing.STRANGER)
    assert verified(head, b"".join(two)).keys == two
    assert keys.named(head) == b"".join(two)
    assert parsed(signing.head(signing.manifest(FILES))).keys == []
    assert keys.named(signing.head(signing.manifest(FILES))) == b""
    bad = signing.KEY[:-1] + bytes((signing.KEY[-1] ^ 1,))
    for given_keys, says in [
        ([], "shape"),
        ([bad], "key: key"),
        ([signing.KEY] * 5, "key: key"),
        ([b"\x04"], "shape"),
    ]:
        with pytest.raises(ManifestError, match=says):
            parsed(signing.head(signing.manifest(FILES, keys=given_keys)))
    for data in (b"", signing.KEY * 5, signing.KEY + bad, signing.KEY + b"\n"):
        with pytest.raises(ManifestError, match="key: key"):
            manifest.keys_of(data)


@given(st.binary(max_size=400), st.binary(min_size=60, max_size=70))
def test_whatever_comes_only_manifest_errors(data: bytes, key: bytes) -> None:
    for head in (data, data + b"\n" + b"0" * 128 + b"\n", data[:200] + signing.head({})[-130:]):
        with pytest.raises(ManifestError):
            parsed(head)
        with pytest.raises(ManifestError):
            verified(head, key)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(sorted(signing.manifest(FILES))), ANYTHING)
def test_whatever_its_owner_signed_is_a_release_or_a_manifest_error(name: str, value: Any) -> None:
    text = json.dumps(signing.manifest(FILES, **{name: value})).encode()
    try:
        found = parsed(text + b"\n" + b"0" * 128 + b"\n")
    except ManifestError:
        return
    assert 1 <= found.number < 2**31
    assert sum(size for _, size, _ in found.files) <= manifest.MAX_BYTES
