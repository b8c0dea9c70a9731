"""A library's files at the terminal, by the real command."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.__main__ import app
from ingest.ledger import catalogue, readers
from ingest.ledger.files import lock_store, open_reading
from tests.ingest.books.test_catalogue import CNMARC


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "card.key").write_bytes(bytes(range(32)))
    path = tmp_path / "ortoo.toml"
    path.write_text(
        f'[store]\npath = "{tmp_path}/store.sqlite3"\n[library]\ncard_key_file = "{tmp_path}/card.key"\n'
    )
    return path


def run(config: Path, name: str, data: bytes, *words: str) -> tuple[int, str]:
    path = config.with_name(name)
    path.write_bytes(data)
    done = CliRunner().invoke(app, ["books", "import", str(path), "--config", str(config), *words])
    return done.exit_code, done.output


def test_a_catalogue_and_its_readers(config: Path) -> None:
    code, output = run(config, "catalogue.mrc", CNMARC.as_marc() + b"rubbish\x1d", "--home", "van")
    assert code == 0
    assert "catalogue.mrc:1: isbn: '7-5343-0001-4' is no ISBN: left out" in output
    assert "catalogue.mrc:2: : not a MARC record" in output
    assert '{"file": "catalogue.mrc", "lines": 2, "problems": 2}' in output
    assert run(config, "readers.csv", b"card\n1001\n")[0] == 0
    with closing(open_reading(config.with_name("store.sqlite3"))) as ledger:
        assert [copy.copy for copy, _ in catalogue.shelf_list(ledger, "van")] == ["QL001", "QL002"]
        assert readers.has_readers(ledger)


def test_bad_lines_and_a_strange_name(config: Path) -> None:
    code, output = run(config, "readers.csv", b"card,why\n1,lost\n")
    assert code == 2
    assert "readers.csv:2: why: 'lost' is not one of blocked, expired" in output
    code, output = run(config, "people.csv", b"card\n1\n")
    assert code == 2
    assert "name the file by what it holds: books.csv" in output


def test_a_running_service_is_to_be_asked_instead(config: Path) -> None:
    with lock_store(config.with_name("store.sqlite3")):
        code, output = run(config, "books.csv", b"copy,name\nB1,x\n")
    assert code == 2
    assert "/api/v1/books/import?what=books" in output
