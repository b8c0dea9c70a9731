"""Releases over the API: taken when signed, rolled out by admins, shown to everybody, withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from firmware import wire
from ingest.api.context import FirmwareTerms
from ingest.ledger import keys, releases, rollouts, units
from ingest.releases.file import MAX_BYTES
from tests.fixtures.operator import Operator
from tests.ingest.api.parts import NOW_MS, Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx

PATH = "/api/v1/releases"


@pytest.fixture(scope="module")
def operators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Operator]:
    return {name: Operator(tmp_path_factory.mktemp(name)) for name in ("operator", "stranger")}


@pytest.fixture
def release(tmp_path: Path, operators: dict[str, Operator]) -> Callable[..., bytes]:
    """release(number): the bytes of a small one."""
    folder = tmp_path / "a"
    (folder / "firmware").mkdir(parents=True)
    (folder / "firmware" / "app.mpy").write_bytes(b"M\x06" + bytes(3000))

    def make(number: int, version: str = "0.2.0", who: str = "operator") -> bytes:
        return operators[who].release(folder, number, version)

    return make


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def api(tmp_path: Path, operators: dict[str, Operator], told: list[str]) -> Iterator[Parts]:
    """The API that knows the operator's key, and a node and a Pi."""
    keys_ = (operators["operator"].public,)
    terms = FirmwareTerms(keys_, lambda: True, lambda: "full", lambda: told.append("news"))
    parts = Parts(tmp_path / "api.sqlite3", firmware=terms)
    for unit, software in (("household-01", "ortoo-node 0.1.0"), ("van", "ortoo-edge 0.1.0")):
        parts.hear_of(unit)
        birth = {"conn": 1, "epoch": "e" * 16, "boot": "b" * 16, "software": software}
        units.note_birth(parts.writer, unit, birth)
    yield parts
    parts.close()


async def add(client: httpx.AsyncClient, body: bytes) -> httpx.Response:
    return await client.post(PATH, content=body, headers={"Content-Type": "application/octet-stream"})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_release_is_added_rolled_out_and_shown(
    api: Parts, release: Callable[..., bytes], told: list[str]
) -> None:
    async with api.client() as client:
        answer = await add(client, release(3))
        assert answer.status_code == 201
        said = answer.json()
        assert (said["number"], said["version"], said["who"]) == (3, "0.2.0", "this machine")
        asked = await client.post(f"{PATH}/3/rollout", json={"units": ["household-01", "household-01"]})
        assert asked.status_code == 202
        node = await client.post(f"{PATH}/3/rollout", json={"units": ["van"], "node": "power"})
        assert node.status_code == 202
        shown = (await client.get(PATH)).json()
    assert told == ["news"] * 3
    assert (shown["is_published"], shown["has_key"], shown["may_change"]) == (True, True, True)
    assert shown["error"] == "full"
    (listed,) = shown["releases"]
    assert [(one["unit"], one["node"], one["state"]) for one in listed["rollouts"]] == [
        ("household-01", None, "asked"),
        ("van", "power", "asked"),
    ]
    assert [(unit["unit"], unit["is_node"]) for unit in shown["units"]] == [
        ("household-01", True),
        ("van", False),
    ]
    blob = releases.blob(api.writer, listed["digest"])
    assert blob is not None
    for one in rollouts.unsent(api.writer, 0, 10):
        command: dict[str, Any] = {"v": 1, "id": one.command_id, "what": "update"}
        wire.check_command({**command, "release": listed["digest"], "bytes": len(blob)})


async def test_the_same_release_twice_is_one(api: Parts, release: Callable[..., bytes]) -> None:
    whole = release(3)
    async with api.client() as client:
        assert (await add(client, whole)).json() == (await add(client, whole)).json()
        assert code_of(await add(client, release(3))) == (422, "too_old")
        assert code_of(await add(client, release(2))) == (422, "too_old")


async def test_what_cannot_be_a_release_is_refused_with_its_reason(
    api: Parts, release: Callable[..., bytes]
) -> None:
    whole = release(3)
    middle = len(whole) - 1500
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    other = whole.replace(b'"number":3', b'"number":4')
    async with api.client() as client:
        for body, code in (
            (b"", "invalid"),
            (b"\x7fELF", "shape"),
            (b"{}\n" + b"00" * 64 + b"\n", "signature"),
            (release(4, who="stranger"), "signature"),
            (other, "signature"),
            (flipped, "damaged"),
            (whole[:-1], "damaged"),
            (whole + b"x", "damaged"),
        ):
            assert code_of(await add(client, body)) == (422, code), body[:40]
        assert code_of(await add(client, bytes(MAX_BYTES + 1))) == (413, "too_large")
        assert (await client.get(PATH)).json()["releases"] == []


async def test_without_a_key_here_none_is_taken(parts: Parts, release: Callable[..., bytes]) -> None:
    async with parts.client() as client:
        assert code_of(await add(client, release(3))) == (422, "no_key")


async def test_others_may_look_and_admins_alone_may_change(api: Parts, release: Callable[..., bytes]) -> None:
    looker = keys.add(api.access, "this machine", NOW_MS)  # a name that gives no rights
    admin = keys.add(api.access, "county", NOW_MS, [keys.ADMIN])
    async with api.client(headers={"Authorization": f"Bearer {looker}"}) as client:
        assert code_of(await add(client, release(3))) == (403, "role_missing")
        rollout = await client.post(f"{PATH}/3/rollout", json={"units": ["household-01"]})
        assert code_of(rollout) == (403, "role_missing")
        assert code_of(await client.delete(f"{PATH}/3")) == (403, "role_missing")
        assert (await client.get(PATH)).json()["may_change"] is False
    async with api.client(headers={"Authorization": f"Bearer {admin}"}) as client:
        assert (await add(client, release(3))).json()["who"] == "county"
        assert (await client.get(PATH)).json()["may_change"] is True


async def test_a_rollout_to_nobody_or_of_nothing_is_refused(
    api: Parts, release: Callable[..., bytes]
) -> None:
    async with api.client() as client:
        await add(client, release(3))
        for number, body, expected in (
            (4, {"units": ["household-01"]}, (404, "unknown_release")),
            (3, {"units": ["nobody"]}, (404, "unknown_unit")),
            (3, {"units": ["household-01", "nobody"]}, (404, "unknown_unit")),
            (3, {"units": ["van"]}, (422, "not_a_node")),
            (3, {"units": []}, (422, "invalid")),
            (3, {"units": ["van"], "node": "Power!"}, (422, "invalid")),
        ):
            assert code_of(await client.post(f"{PATH}/{number}/rollout", json=body)) == expected
    assert rollouts.unsent(api.writer, 0, 10) == [], "all or none"


async def test_withdrawn_it_is_offered_to_nobody(api: Parts, release: Callable[..., bytes]) -> None:
    async with api.client() as client:
        await add(client, release(3))
        await client.post(f"{PATH}/3/rollout", json={"units": ["household-01"]})
        assert (await client.delete(f"{PATH}/3")).status_code == 204
        assert code_of(await client.delete(f"{PATH}/3")) == (404, "unknown_release")
        rollout = await client.post(f"{PATH}/3/rollout", json={"units": ["household-01"]})
        assert code_of(rollout) == (404, "unknown_release")
        (shown,) = (await client.get(PATH)).json()["releases"]
    assert shown["withdrawn_by"] == "this machine"
    (asked,) = shown["rollouts"]
    assert (asked["state"], asked["detail"]) == ("replaced", "the release was withdrawn")
    assert releases.offered_blobs(api.writer) == []
