"""The committed OpenAPI document is the code's, and the code keeps what the document says.

After a change of the API: `python -m tests.ingest.api.test_openapi` writes the document anew.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingest.api import app as app_module
from ingest.api.errors import ErrorBody
from ingest.ledger import quarantine
from tests.ingest.api.parts import NOW_MS, Parts, served
from tests.ingest.api.test_track import drive

DOCUMENT = Path(app_module.__file__).parent / "openapi.json"
UNIT = "library-01"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def rendered(parts: Parts) -> str:
    return json.dumps(parts.app.openapi(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def test_the_committed_document_is_the_codes(parts: Parts) -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == rendered(parts), "python -m tests.ingest.api.test_openapi"


def test_every_refusal_has_the_one_shape(parts: Parts) -> None:
    for path, methods in parts.app.openapi()["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                if not status.startswith(("2", "3")) and path != "/readyz":
                    schema = answer["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (path, method, status)


@pytest.fixture
def url(parts: Parts) -> Iterator[str]:
    """An API that has something to show."""
    parts.write(UNIT, "fix", **drive(20))
    parts.write(UNIT, "door", [NOW_MS - 60_000], state=1)
    parts.hear_of(UNIT)
    quarantine.put(parts.writer, UNIT, "ortoo/v1/x/batch", "range", "fix", "far", b"\x00", NOW_MS)
    with served(parts.app) as (url, _):
        yield url


def operations() -> list[Any]:
    """Everything that may be asked; the stream has no end, see test_stream."""
    schema = schemathesis.openapi.from_path(DOCUMENT).exclude(path="/api/v1/stream")
    return [found.ok() for found in schema.get_all_operations()]


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.label)
def test_whatever_is_asked_is_answered_as_documented(operation: Any, url: str) -> None:
    strategies = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(max_examples=40, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(*strategies), is_known=st.booleans())
    def ask(case: schemathesis.Case, is_known: bool) -> None:
        if is_known and "unit" in case.path_parameters:
            case.path_parameters["unit"] = UNIT
        answer = case.call(base_url=url, timeout=60)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400:
            ErrorBody.model_validate_json(answer.content)

    ask()


def write_document() -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder) / "store.sqlite3")
        DOCUMENT.write_text(rendered(parts), encoding="utf-8")
        parts.close()


if __name__ == "__main__":
    write_document()
