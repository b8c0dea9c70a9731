"""Releases of firmware: added, rolled out to units, withdrawn. Whoever has a key may look."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body, Path, Request
from fastapi.responses import Response

from firmware.update import manifest
from firmware.update.version import NAME
from ingest.api.answers import as_json
from ingest.api.errors import ApiError, responses, unknown_unit
from ingest.api.given import Given  # noqa: TC001 -- FastAPI reads the annotation
from ingest.api.release_shapes import Releases, ReleaseShape, RolloutIn, Rollouts
from ingest.api.roles import holder_of, is_admin
from ingest.instants import iso
from ingest.ledger import releases, rollouts, units
from ingest.releases import adding, file
from ingest.releases.file import ReleaseRefused

if TYPE_CHECKING:
    import sqlite3

    from ingest.ledger.releases import Release
    from ingest.ledger.rollouts import Rollout
    from ingest.ledger.units import Unit

MOST_SHOWN = 100
WITHDRAWN = "the release was withdrawn"

NumberIn = Annotated[int, Path(ge=1, le=manifest.MAX_NUMBER)]

router = APIRouter(tags=["firmware"])


@router.get(
    "/api/v1/releases",
    operation_id="list_releases",
    response_class=Response,
    responses={200: {"model": Releases}, **responses(503)},
)
def list_releases(request: Request, given: Given) -> Response:
    """Every release with who was asked to take it and how that went, and what every unit runs."""

    def look(ledger: sqlite3.Connection) -> dict[str, Any]:
        return {
            "releases": [
                _release(one, rollouts.of_release(ledger, one.number))
                for one in releases.newest(ledger, MOST_SHOWN)
            ],
            "units": [_unit(unit) for unit in units.all_units(ledger)],
        }

    terms = {
        "is_published": given.firmware.is_published(),
        "error": given.firmware.error(),
        "has_key": bool(given.firmware.keys),
        "may_change": is_admin(request),
    }
    return as_json(terms | given.reader.look(look))


@router.post(
    "/api/v1/releases",
    operation_id="add_release",
    response_class=Response,
    status_code=201,
    responses={201: {"model": ReleaseShape}, **responses(403, 422, 503)},
)
def add_release(
    request: Request, given: Given, body: Annotated[bytes, Body(media_type="application/octet-stream")]
) -> Response:
    """Take a release file, as `./dev release` makes it; signed by a key that is configured here."""
    who = holder_of(request)
    try:
        read = file.read(body, given.firmware.keys)
        release = given.change(lambda ledger: adding.add(ledger, read, who, given.now_ms()))
    except ReleaseRefused as error:
        raise ApiError(422, error.code, "body", str(error)) from None
    given.firmware.look_again()
    return as_json(_release(release, []), 201)


@router.delete(
    "/api/v1/releases/{number}",
    operation_id="withdraw_release",
    response_class=Response,
    status_code=204,
    responses=responses(403, 404, 422, 503),
)
def withdraw_release(request: Request, given: Given, number: NumberIn) -> Response:
    """Offer a release no longer: who runs it goes on, who has not taken it will not."""
    who, now_ms = holder_of(request), given.now_ms()

    def work(ledger: sqlite3.Connection) -> bool:
        is_done = releases.withdraw(ledger, number, who, now_ms)
        rollouts.give_up(ledger, number, WITHDRAWN, now_ms)
        return is_done

    if not given.change(work):
        raise _unknown(number)
    given.firmware.look_again()
    return Response(status_code=204)


@router.post(
    "/api/v1/releases/{number}/rollout",
    operation_id="roll_out",
    response_class=Response,
    status_code=202,
    responses={202: {"model": Rollouts}, **responses(403, 404, 422, 503)},
)
def roll_out(request: Request, given: Given, number: NumberIn, asked: RolloutIn) -> Response:
    """Ask units, or a node of each of them, to take a release; the broker keeps it for who is away."""
    who, now_ms = holder_of(request), given.now_ms()

    def work(ledger: sqlite3.Connection) -> list[Rollout]:
        release = releases.find(ledger, number)
        if release is None or release.withdrawn_ms is not None:
            raise _unknown(number)
        for unit in dict.fromkeys(asked.units):
            _check(units.find(ledger, unit), unit, asked.node)
        return [
            rollouts.ask(ledger, number, unit, asked.node or "", secrets.token_hex(8), who, now_ms)
            for unit in dict.fromkeys(asked.units)
        ]

    made: list[Rollout] = given.change(work)
    given.firmware.look_again()
    return as_json({"rollouts": [_rollout(one) for one in made]}, 202)


def _check(unit: Unit | None, name: str, node: str | None) -> None:
    if unit is None:
        raise unknown_unit(name)
    if node is None and unit.software is not None and not _is_node(unit):
        detail = f"{name} runs {unit.software}: name the node that is wired to it"
        raise ApiError(422, "not_a_node", "body.node", detail)


def _is_node(unit: Unit) -> bool:
    return (unit.software or "").startswith(NAME + " ")


def _unknown(number: int) -> ApiError:
    return ApiError(404, "unknown_release", "path.number", f"no release of number {number} is offered")


@lru_cache(maxsize=2 * MOST_SHOWN)
def _contents(head: bytes) -> tuple[list[str], int, int]:
    """Boards, how many files, and the bytes of all of it; reading a head takes milliseconds."""
    found = manifest.parsed(head)
    sizes = [size for _, size, _ in found.files]
    return found.boards, len(sizes), len(head) + sum(sizes)


def _release(release: Release, asked: list[Rollout]) -> dict[str, Any]:
    boards, files, size_bytes = _contents(release.head)
    return {
        "number": release.number,
        "version": release.version,
        "digest": release.digest,
        "size_bytes": size_bytes,
        "boards": boards,
        "files": files,
        "who": release.who,
        "added_at": iso(release.added_ms),
        "withdrawn_by": release.withdrawn_by,
        "withdrawn_at": None if release.withdrawn_ms is None else iso(release.withdrawn_ms),
        "rollouts": [_rollout(one) for one in asked],
    }


def _rollout(rollout: Rollout) -> dict[str, Any]:
    return {
        "unit": rollout.unit,
        "node": rollout.node or None,
        "state": rollout.state,
        "detail": rollout.detail,
        "who": rollout.who,
        "asked_at": iso(rollout.asked_ms),
        "is_sent": rollout.sent_ms is not None,
        "changed_at": iso(rollout.changed_ms),
    }


def _unit(unit: Unit) -> dict[str, Any]:
    return {"unit": unit.unit, "name": unit.name, "software": unit.software, "is_node": _is_node(unit)}
