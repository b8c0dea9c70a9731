"""Choices for the demo: refused with a message where wrong, and a faster day that never goes back."""

from pathlib import Path

import pytest

from ingest.demo.__main__ import options_of
from ingest.demo.options import Options, fleet_arguments, service_arguments, time_source


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--units", "0"], "no number from 1 to"),
        (["--units", "many"], "no number from 1 to"),
        (["--speed", "-1"], "no number from 0.1 to"),
        (["--broker", ":1883"], "no HOST or HOST:PORT"),
        (["--replay", "nowhere.log"], "there is no file"),
        (["--unitz", "3"], "unrecognized arguments"),
    ],
)
def test_a_wrong_choice_is_named(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        options_of(arguments)
    assert complaint in capsys.readouterr().err


def test_choices_arrive(tmp_path: Path) -> None:
    chosen = options_of(["--units", "3", "--broker", "10.0.0.1", "--port", "8080", "--folder", str(tmp_path)])
    assert chosen == Options(folder=tmp_path, units=3, broker=("10.0.0.1", 1883), page_port=8080)


def test_a_faster_day_keeps_its_origin_and_its_folder(tmp_path: Path) -> None:
    options = Options(folder=tmp_path, speed=60)
    options.kept_in.mkdir()
    first = time_source(options)
    assert first == time_source(options)
    assert options.kept_in == tmp_path / "speed-60"
    assert time_source(options).utc_ms() >= first.utc_ms()


def test_both_ends_get_the_same_clock(tmp_path: Path) -> None:
    options = Options(folder=tmp_path, speed=60)
    options.kept_in.mkdir()
    clock = time_source(options)
    origin = ["--time-origin-ms", str(clock.origin_ms)]
    assert [*origin] == service_arguments(tmp_path / "x.toml", clock)[-2:]
    assert [*origin] == fleet_arguments(options, ("127.0.0.1", 1883), clock)[-2:]
