"""Sheets at the terminal, by the real command."""

from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.__main__ import app
from ingest.ledger import items
from ingest.ledger.files import lock_store, open_reading


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "ortoo.toml"
    path.write_text(f'[store]\npath = "{tmp_path}/store.sqlite3"\n')
    return path


def run(config: Path, name: str, text: str) -> tuple[int, str]:
    sheet = config.with_name(name)
    sheet.write_text(text)
    done = CliRunner().invoke(app, ["stock", "import", str(sheet), "--config", str(config)])
    return done.exit_code, done.output


def test_a_sheet_is_taken(config: Path) -> None:
    assert run(config, "items.csv", "item,name_zh\nors,口服补液盐\n") == (
        0,
        '{"file": "items.csv", "lines": 1}\n',
    )
    with closing(open_reading(config.with_name("store.sqlite3"))) as ledger:
        assert [item.names for item in items.all_items(ledger)] == [{"zh": "口服补液盐"}]


def test_every_bad_line_is_named_and_nothing_taken(config: Path) -> None:
    code, output = run(config, "levels.csv", "site,item,min\nvan,ors,1\nvan,ors,-2\nvan,opv,x\n")
    assert code == 2
    assert "levels.csv:3: min: -2 is negative" in output
    assert "levels.csv:4: min: 'x' is not a whole number" in output
    assert output.endswith("nothing was taken\n")


def test_a_file_of_another_name_is_asked_for_its_name(config: Path) -> None:
    code, output = run(config, "stock.csv", "item\nors\n")
    assert code == 2
    assert "name the file by what it holds: items.csv" in output


def test_a_running_service_is_to_be_asked_instead(config: Path) -> None:
    with lock_store(config.with_name("store.sqlite3")):
        code, output = run(config, "items.csv", "item\nors\n")
    assert code == 2
    assert "/api/v1/stock/import?what=items" in output
