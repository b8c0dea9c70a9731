"""What InfluxDB has to have before it takes points: a place per retention class, as its version has it.

    1.x     database "ortoo", a retention policy per class
    2.x     bucket "ortoo/<class>" per class, and a DBRP mapping each, by which InfluxQL finds it
    3 Core  database "ortoo/<class>" per class; its retention is fixed when it is made

Doing it again changes only what differs. Every step is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.history import StoreMisset
from ingest.history.classes import CLASSES, LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.history.influx_server import InfluxServer

DAY_S = 86_400
# Few points over a long time: shards of InfluxDB's own seven days would be many and nearly empty.
SHARD_DAYS = {LONG: 364}
_UNITS_S = {"w": 604_800, "d": DAY_S, "h": 3600, "m": 60, "s": 1}


def set_up(server: InfluxServer, days: Mapping[str, int]) -> Iterator[str]:
    """Make what is missing; what was done, line by line. Days of a class that is not named: for ever (0)."""
    version = server.version()
    yield f"InfluxDB {version} at {server.access.url}"
    major = version.split(".", 1)[0]
    if major == "1":
        yield from _policies(server, days)
    elif major == "2":
        yield from _buckets(server, days)
    elif major == "3":
        yield from _databases(server, days)
    else:
        raise StoreMisset(f"{server.access.url} does not say that it is an InfluxDB of version 1, 2 or 3")


def kept_days(server: InfluxServer) -> dict[str, float]:
    """For how many days the server keeps each class, 0: for ever; only what it says (version 3 does not)."""
    major = server.version().split(".", 1)[0]
    if major == "1":
        return {name: _seconds(text) / DAY_S for name, text in _found_policies(server).items()}
    if major == "2":
        found = {name: _found_bucket(server, _org_id(server), name) for name in CLASSES}
        return {name: _rule_s(bucket) / DAY_S for name, bucket in found.items() if bucket is not None}
    return {}


def _said(days: int) -> str:
    return f"{days} days" if days else "for ever"


# --- version 1


def _policies(server: InfluxServer, days: Mapping[str, int]) -> Iterator[str]:
    database = server.access.database
    server.ask(f'CREATE DATABASE "{database}"', {}, is_read=False)  # nothing when it is there
    yield f"database {database}: there"
    found = _found_policies(server)
    for name in CLASSES:
        wanted = days.get(name, 0)
        duration = f"{wanted}d" if wanted else "INF"
        shard = f" SHARD DURATION {SHARD_DAYS[name]}d" if name in SHARD_DAYS else ""
        if name not in found:
            verb, done = "CREATE", "made"
        elif _seconds(found[name]) != wanted * DAY_S:
            verb, done, shard = "ALTER", f"changed from {found[name]}", ""
        else:
            yield f"retention policy {name}: there, {_said(wanted)}"
            continue
        replication = " REPLICATION 1" if verb == "CREATE" else ""
        statement = (
            f'{verb} RETENTION POLICY "{name}" ON "{database}" DURATION {duration}{replication}{shard}'
        )
        server.ask(statement, {}, is_read=False)
        yield f"retention policy {name}: {done}, {_said(wanted)}"


def _found_policies(server: InfluxServer) -> dict[str, str]:
    """Durations by name, like "8760h0m0s"."""
    (tables,) = server.ask(f'SHOW RETENTION POLICIES ON "{server.access.database}"', {})
    return {str(row[0]): str(row[1]) for table in tables for row in table.rows if row[0] in CLASSES}


def _seconds(duration: str) -> int:
    total = number = 0
    for char in duration:
        if char.isdigit():
            number = 10 * number + int(char)
        else:
            total, number = total + number * _UNITS_S[char], 0
    return total


# --- version 2


def _buckets(server: InfluxServer, days: Mapping[str, int]) -> Iterator[str]:
    org_id = _org_id(server)
    for name in CLASSES:
        wanted = days.get(name, 0)
        bucket = _found_bucket(server, org_id, name)
        full_name = f"{server.access.database}/{name}"
        rules = [{"type": "expire", "everySeconds": wanted * DAY_S}]
        if name in SHARD_DAYS:
            rules[0]["shardGroupDurationSeconds"] = SHARD_DAYS[name] * DAY_S
        if bucket is None:
            body = {"orgID": org_id, "name": full_name, "retentionRules": rules}
            bucket = _called(server, "POST", "/api/v2/buckets", body)
            yield f"bucket {full_name}: made, {_said(wanted)}"
        elif _rule_s(bucket) != wanted * DAY_S:
            _called(server, "PATCH", f"/api/v2/buckets/{bucket['id']}", {"retentionRules": rules})
            yield f"bucket {full_name}: changed from {_rule_s(bucket) / DAY_S:g} days, {_said(wanted)}"
        else:
            yield f"bucket {full_name}: there, {_said(wanted)}"
        yield _mapped(server, org_id, bucket["id"], name)


def _mapped(server: InfluxServer, org_id: str, bucket_id: str, name: str) -> str:
    """Have InfluxQL find a bucket as a policy of the database."""
    database = server.access.database
    text = f"mapping of database {database}, policy {name}"
    found = _called(server, "GET", "/api/v2/dbrps", None, orgID=org_id, db=database, rp=name)
    mappings = [own for own in found.get("content", []) if not own.get("virtual")]
    if any(own["bucketID"] == bucket_id for own in mappings):
        return f"{text}: there"
    if mappings:
        raise StoreMisset(f"{text} leads to another bucket ({mappings[0]['bucketID']}): remove it first")
    body = {"orgID": org_id, "bucketID": bucket_id, "database": database, "retention_policy": name}
    _called(server, "POST", "/api/v2/dbrps", {**body, "default": False})
    return f"{text}: made"


def _org_id(server: InfluxServer) -> str:
    org = server.access.org
    found = _called(server, "GET", "/api/v2/orgs", None, org=org).get("orgs", [])
    if not found:
        raise StoreMisset(
            f"InfluxDB has no organization {org!r}, or the token may not see it: check influx.org"
        )
    return str(found[0]["id"])


def _found_bucket(server: InfluxServer, org_id: str, name: str) -> dict[str, Any] | None:
    full_name = f"{server.access.database}/{name}"
    status, answer = server.call("GET", "/api/v2/buckets", None, orgID=org_id, name=full_name)
    if status == 404:
        return None
    buckets = _checked(server, "GET", "/api/v2/buckets", status, answer).get("buckets", [])
    return next((bucket for bucket in buckets if bucket["name"] == full_name), None)


def _rule_s(bucket: Mapping[str, Any]) -> int:
    return int(next((rule["everySeconds"] for rule in bucket.get("retentionRules", [])), 0))


# --- version 3 Core


def _databases(server: InfluxServer, days: Mapping[str, int]) -> Iterator[str]:
    for name in CLASSES:
        wanted = days.get(name, 0)
        body: dict[str, object] = {"db": f"{server.access.database}/{name}"}
        if wanted:
            body["retention_period"] = f"{wanted}d"
        status, answer = server.call("POST", "/api/v3/configure/database", body)
        if status == 409:
            yield f"database {body['db']}: there; for how long it keeps rows was fixed when it was made"
            continue
        _checked(server, "POST", "/api/v3/configure/database", status, answer)
        yield f"database {body['db']}: made, {_said(wanted)}"


def _called(server: InfluxServer, method: str, path: str, body: object, **asked: str) -> dict[str, Any]:
    status, answer = server.call(method, path, body, **asked)
    return _checked(server, method, path, status, answer)


def _checked(server: InfluxServer, method: str, path: str, status: int, answer: Any) -> dict[str, Any]:
    if 200 <= status < 300:
        return answer if isinstance(answer, dict) else {}
    said = answer.get("message") or answer.get("error") if isinstance(answer, dict) else answer
    help_ = "; the token needs the right to make buckets" if status in {401, 403} else ""
    raise StoreMisset(f"InfluxDB at {server.access.url} answers {status} to {method} {path}: {said}{help_}")
