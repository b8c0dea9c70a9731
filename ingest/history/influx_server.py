"""The one file that speaks with InfluxDB: line protocol through influxdb-client, questions in InfluxQL.

Versions 1.8, 2 and 3 Core take `/api/v2/write` with a bucket "database/policy", and answer InfluxQL on
`/query`. Line protocol is packed at gzip's level 1: at the client's own level 9 packing costs more than all
else together.
"""

from __future__ import annotations

import base64
import json
import logging
import ssl
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from ingest.history import StoreBusy, StoreMisset, StoreRefused
from ingest.history.influx_answers import Answer, Meaning, judged

if TYPE_CHECKING:
    from collections.abc import Mapping

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells every address, and units are in them

POSTS = 3  # in flight at once: two with the server while one is packed
LEVEL = 1


class Access(NamedTuple):
    """Where InfluxDB is and how it is asked. `secret` is a token or, with a username, its password."""

    url: str
    org: str
    database: str
    secret: str
    username: str
    ca_file: str
    timeout_s: float


class Table(NamedTuple):
    """One series of an answer: the names of its columns and its rows."""

    name: str
    columns: list[str]
    rows: list[list[Any]]


class InfluxServer:
    """Connections to one server, for any thread."""

    def __init__(self, access: Access) -> None:
        """Connect to nothing yet; raises OSError for a ca_file that cannot be used."""
        self.access = access
        headers = {"Authorization": _authorization(access)} if access.secret else {}
        verify = ssl.create_default_context(cafile=access.ca_file) if access.ca_file else True
        self._client = InfluxDBClient(
            access.url,
            org=access.org,
            timeout=int(access.timeout_s * 1000),
            ssl_ca_cert=access.ca_file or None,
        )
        for name, value in headers.items():
            self._client.api_client.set_default_header(name, value)
        self._writing = WriteService(self._client.api_client)
        self._reading = httpx.Client(
            base_url=access.url, headers=headers, timeout=access.timeout_s, verify=verify, trust_env=False
        )
        self._version = ""
        self.posts = ThreadPoolExecutor(POSTS, thread_name_prefix="influx")

    def close(self) -> None:
        """Let the connections go; posts in flight are waited for."""
        self.posts.shutdown(cancel_futures=True)
        self._client.close()
        self._reading.close()

    def write(self, policy: str, lines: bytes) -> Answer:
        """Post lines to a retention policy of the database, and wait for the answer."""
        try:
            self._writing.post_write(
                org=self.access.org,
                bucket=f"{self.access.database}/{policy}",
                body=zlib.compress(lines, LEVEL, wbits=31),
                precision="ns",
                content_encoding="gzip",
                _return_http_data_only=False,
            )
        except ApiException as error:
            body = error.body or error.reason or ""
            text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
            return Answer(error.status or 0, text, _lower(error.headers or {}))
        except urllib3.exceptions.HTTPError as error:
            return Answer(0, self._no_answer(error))
        return Answer(204, "")

    def put(self, policy: str, lines: bytes) -> None:
        """Post lines of which none may be refused; raises StoreBusy or StoreRefused."""
        answer = self.write(policy, lines)
        verdict = judged(answer)
        if verdict.meaning in {Meaning.BAD, Meaning.TOO_MUCH}:
            raise StoreRefused(verdict.reason)
        if verdict.meaning is not Meaning.KEPT:
            raise refusal(answer)

    def ask(
        self, statement: str, values: Mapping[str, object], policy: str = "", *, is_read: bool = True
    ) -> list[list[Table]]:
        """Run InfluxQL with bound values; the tables of each statement. Raises StoreBusy.

        Times are in nanoseconds. A read is a GET, which needs no more than the right to read.
        """
        asked = {"q": statement, "db": self.access.database, "epoch": "ns", "params": json.dumps(values)}
        if policy:
            asked["rp"] = policy
        try:
            if is_read:
                answer = self._reading.get("/query", params=asked)
            else:
                answer = self._reading.post("/query", data=asked)
        except httpx.HTTPError as error:
            raise StoreBusy(self._no_answer(error)) from None
        if answer.status_code != 200:
            raise refusal(Answer(answer.status_code, answer.text, _lower(answer.headers)))
        return [self._tables(result) for result in answer.json().get("results", [])]

    def _tables(self, result: dict[str, Any]) -> list[Table]:
        if "error" in result:
            raise refusal(Answer(500, json.dumps({"error": result["error"]})))
        return [
            Table(series.get("name", ""), series["columns"], series.get("values", []))
            for series in result.get("series", [])
        ]

    def call(self, method: str, path: str, body: object = None, **asked: str) -> tuple[int, Any]:
        """Call another route of the API; its status and its JSON. Raises StoreBusy without an answer."""
        try:
            answer = self._reading.request(method, path, params=asked, json=body)
        except httpx.HTTPError as error:
            raise StoreBusy(self._no_answer(error)) from None
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, answer.text

    def version(self) -> str:
        """What the server says it is, like "1.6.7" or "v2.7.4"; raises StoreBusy without an answer."""
        if not self._version:
            try:
                headers = self._reading.get("/ping").headers
            except httpx.HTTPError as error:
                raise StoreBusy(self._no_answer(error)) from None
            self._version = headers.get("x-influxdb-version", "").removeprefix("v") or "unknown"
        return self._version

    def is_core(self) -> bool:
        """Whether it is version 3, whose queries may span few days; raises StoreBusy without an answer."""
        return self.version().startswith("3")

    def _no_answer(self, error: Exception) -> str:
        return f"no answer from InfluxDB at {self.access.url}: {str(error) or type(error).__name__}"


def refusal(answer: Answer) -> StoreBusy:
    """The error for an answer that is no success."""
    verdict = judged(answer)
    kind = StoreMisset if verdict.meaning is Meaning.MISSET else StoreBusy
    return kind(verdict.reason, verdict.wait_s)


def _authorization(access: Access) -> str:
    if not access.username:
        return f"Token {access.secret}"
    return "Basic " + base64.b64encode(f"{access.username}:{access.secret}".encode()).decode()


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
