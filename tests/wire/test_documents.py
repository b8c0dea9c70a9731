"""What is rendered from the code is what is committed, and says what the code does."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from firmware import wire
from ingest import documents
from tests.fixtures.programs import ROOT
from tests.wire import vectors

ASYNCAPI = documents.ROOT / "ingest" / "api" / "asyncapi.json"
SPECIFICATION = ROOT / "ingest" / "web" / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.1.0.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ASYNCAPI.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("path", documents.DOCUMENTS, ids=lambda path: path.name)
def test_a_document_is_what_the_code_renders(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == documents.DOCUMENTS[path](), "python -m ingest.documents"


def test_numbers_and_names_in_the_table_are_used_once() -> None:
    assert len({kind.number for kind in wire.KINDS.values()}) == len(wire.KINDS)
    for kind in wire.KINDS.values():
        fields = wire.BASE + kind.fields
        numbers = [field.number for field in fields]
        assert numbers == sorted(set(numbers)), "fields stand in the order of their numbers"
        assert min(numbers) > wire.ABSENT
        assert len({field.name for field in fields}) == len(fields)
        assert {field.coding for field in kind.fields} <= {wire.SECOND, wire.DIFF, wire.RARE, wire.TEXT}


def test_live_names_mean_one_thing() -> None:
    names = [field.name for kind in wire.LIVE_KINDS for field in wire.KINDS[kind].fields]
    assert len(names) == len(set(names))


def test_asyncapi_fits_its_specification(document: dict[str, Any]) -> None:
    if not SPECIFICATION.exists():
        pytest.skip("@asyncapi/specs is not among the page's packages")
    jsonschema.Draft7Validator(json.loads(SPECIFICATION.read_text(encoding="utf-8"))).validate(document)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                found: Any = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            for value in node.values():
                walk(value)

    walk(document)


def test_every_topic_is_a_channel(document: dict[str, Any]) -> None:
    addresses = {channel["address"] for channel in document["channels"].values()}
    assert addresses == {wire.topic("{unit}", leaf) for leaf in wire.UP + wire.DOWN}
    actions = {leaf: operation["action"] for leaf, operation in document["operations"].items()}
    assert actions == {**dict.fromkeys(wire.UP, "receive"), **dict.fromkeys(wire.DOWN, "send")}


@pytest.mark.parametrize("leaf", wire.CHECKS)
def test_payload_schemas_accept_and_refuse_as_the_code_does(leaf: str, document: dict[str, Any]) -> None:
    schema = document["components"]["messages"][leaf]["payload"]
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    beyond = {"dates swapped", "runs that fall", "version 1.0", "conn 1.0"}  # a schema cannot tell these
    for name, text in vectors.GOOD_JSON.items():
        if vectors.LEAVES.get(name, name) == leaf:
            validator.validate(json.loads(text))
    for name, (of_leaf, payload, code, _) in vectors.BAD_JSON.items():
        if of_leaf == leaf and code not in ("not_json", "too_large") and name not in beyond:
            assert not validator.is_valid(json.loads(payload)), name
