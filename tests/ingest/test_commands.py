"""Taking history out at the terminal: exported as it is stored, erased only when it is meant."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware import wire
from ingest.__main__ import app
from ingest.ledger import erasures
from ingest.ledger.files import lock_store
from tests.ingest.made import UNIT, Desk, fixes


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    made.send(fixes(range(1, 61), altitude_msl_dm=10_505))
    (tmp_path / "ortoo.toml").write_text(f'[store]\npath = "{tmp_path}/store.sqlite3"\n')
    yield made
    made.connection.close()


def said(desk: Desk, *arguments: str, typed: str = "") -> tuple[int, str, str]:
    config = str(desk.folder / "ortoo.toml")
    done = CliRunner().invoke(app, [*arguments, "--config", config], input=typed)
    return done.exit_code, done.stdout, done.stderr


def test_records_are_exported_beside_the_service(desk: Desk) -> None:
    with lock_store(desk.folder / "store.sqlite3"):
        code, table, _ = said(desk, "export", "--unit", UNIT, "--kind", "fix")
        rows = list(csv.DictReader(table.splitlines()))
        assert (code, len(rows)) == (0, 60)
        assert rows[0]["altitude_msl_m"] == "1050.5"
        _, lines, _ = said(desk, "export", "--unit", UNIT, "--kind", "fix", "--format", "jsonl")
        assert [json.loads(line)["seq"] for line in lines.splitlines()] == list(range(1, 61))
        _, lines, _ = said(
            desk,
            "export",
            "--unit",
            UNIT,
            "--kind",
            "fix",
            "--format",
            "jsonl",
            "--to",
            "2026-11-21T08:00:11Z",
        )
        assert len(lines.splitlines()) == 10


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--unit", "boat", "--kind", "fix"), "no unit 'boat' has ever been heard of"),
        (("--unit", UNIT, "--kind", "dream"), "no kind 'dream'; there are fix, "),
        (("--unit", UNIT, "--kind", "fix", "--format", "xml"), "no format 'xml'"),
        (("--unit", UNIT, "--kind", "fix", "--from", "soon"), "'soon' is neither ISO 8601"),
    ],
)
def test_what_cannot_be_exported_says_why(desk: Desk, arguments: tuple[str, ...], reason: str) -> None:
    code, out, err = said(desk, "export", *arguments)
    assert (code, out) == (2, "")
    assert reason in err


def test_a_history_is_erased_when_its_name_is_said_once_more(desk: Desk) -> None:
    code, _, err = said(desk, "erase", UNIT, typed="no\n")
    assert (code, desk.seqs()) == (2, list(range(1, 61)))
    assert "nothing is erased" in err
    code, out, _ = said(desk, "erase", UNIT, typed=f"{UNIT}\n")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["unit"] == UNIT
    assert desk.seqs() == []
    (book,) = erasures.newest(desk.connection, 9)
    assert book.who.endswith(" at the terminal")
    desk.kill()
    desk.time.now_ms = book.erased_ms + 60_000
    desk.pipeline.step(desk.stop)
    assert desk.broker.commands == [
        (wire.topic(UNIT, "command"), {"v": 1, "id": book.command_id, "what": "erase"})
    ]


def test_a_running_service_is_to_be_asked(desk: Desk) -> None:
    with lock_store(desk.folder / "store.sqlite3"):
        code, _, err = said(desk, "erase", UNIT, "--yes")
    assert (code, desk.seqs()) == (2, list(range(1, 61)))
    assert "curl -X DELETE" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("quarantine", "list", "--limit", "9" * 20),
        ("quarantine", "show", "9" * 20),
        ("quarantine", "export", "9" * 20, "payload"),
    ],
)
def test_a_number_that_no_row_can_have_is_refused_in_words(desk: Desk, arguments: tuple[str, ...]) -> None:
    code, _, text = said(desk, *arguments)
    assert code == 2
    assert "Invalid value" in text


@pytest.mark.parametrize("arguments", [("units",), ("quarantine", "list"), ("quarantine", "show", "1")])
def test_a_store_that_is_none_is_named(desk: Desk, arguments: tuple[str, ...]) -> None:
    path = desk.folder / "other.sqlite3"
    path.write_text("these are no rows")
    (desk.folder / "ortoo.toml").write_text(f'[store]\npath = "{path}"\n')
    code, _, text = said(desk, *arguments)
    assert (code, text) == (2, f"ortoo-ingest: store {path}: file is not a database\n")
