"""Settings: the sample shows the defaults, and what is wrong is named."""

import datetime
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge import config, settings
from edge.config import ConfigError, load_settings, settings_of
from edge.settings import Settings, UnitSettings

EXAMPLE = Path(config.__file__).with_name("example.toml")
UNIT = {"id": "vehicle-01"}


def test_the_example_shows_every_option_at_its_default() -> None:
    assert load_settings(EXAMPLE) == Settings(unit=UnitSettings(id="vehicle-01"))
    text = EXAMPLE.read_text()
    for section in settings.SECTIONS:
        for name in section.__dataclass_fields__:
            is_table = name in ("probe", "slot", "limit")
            wanted = f"\n# [[cabinet.{name}]]" if is_table else f"{name} = "
            assert f"\n{wanted}" in text.replace("\n# ", "\n") or wanted in text, (
                f"{section.__name__}.{name} is not in the example"
            )


def test_what_the_example_shows_of_a_cabinet_is_its_default() -> None:
    text = EXAMPLE.read_text()
    shown = "\n".join(
        line.removeprefix("# ") for line in text.splitlines() if re.match(r"# (\[\[|[a-z_]+ = )", line)
    )
    cabinet = settings_of({**tomllib.loads(shown), "unit": UNIT}, "example").cabinet
    assert (cabinet.probe, cabinet.slot, cabinet.limit) == (
        (settings.ProbeSettings(),),
        (settings.SlotSettings(),),
        (settings.LimitSettings(),),
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, '"unit" is missing'),
        ({"unit": {}}, '[unit]: "id" is missing'),
        ({"unit": {"idd": "a"}}, '[unit]: unknown option "idd"; did you mean "id"?'),
        ({"unit": UNIT, "brokr": {}}, 'unknown option "brokr"; did you mean "broker"?'),
        ({"unit": UNIT, "broker": {"x": 1}}, '[broker]: unknown option "x"; known are host, port'),
        ({"unit": {"id": "Bus 1"}}, '[unit]: id = "Bus 1": must be lower-case letters, digits and "-"'),
        ({"unit": UNIT, "track": {"tolerance_m": -1}}, "[track]: tolerance_m = -1: must be within 0 to 1000"),
        (
            {"unit": UNIT, "track": {"tolerance_m": float("nan")}},
            "tolerance_m = nan: must be within 0 to 1000",
        ),
        ({"unit": UNIT, "broker": {"port": 1e3}}, "[broker]: port = 1000.0: must be a whole number"),
        ({"unit": UNIT, "broker": {"port": True}}, "port = True: must be a whole number"),
        ({"unit": UNIT, "broker": {"is_tls": 1}}, "is_tls = 1: must be true or false"),
        ({"unit": UNIT, "broker": {"protocol": "4"}}, 'protocol = "4": must be one of auto, 5, 3.1.1'),
        ({"unit": UNIT, "broker": {"key_file": "k"}}, "only one of the two is given"),
        ({"unit": UNIT, "broker": []}, "broker = []: must be a table"),
        ({"unit": UNIT, "broker": {"ca_file": "k"}}, "ca_file: is for TLS, and is_tls is false"),
        (
            {"unit": UNIT, "broker": {"certificate_file": "c", "key_file": "k"}},
            "certificate_file: is for TLS, and is_tls is false",
        ),
        ({"unit": UNIT, "broker": {"password_file": "p"}}, "password_file: is of no use without a username"),
        ({"unit": UNIT, "broker": {"host": "mqtt://b:1883"}}, 'host = "mqtt://b:1883": must be a name or an'),
        ({"unit": UNIT, "broker": {"host": ""}}, 'host = "": must be a name or an address alone'),
        ({"unit": UNIT, "live": {"period_s": 10**400}}, "must be within 1 to 3600"),
        (
            {"unit": UNIT, "source": [{"type": "gpsd", "port": "here:99999"}]},
            "must be an address, as 127.0.0.1",
        ),
        (
            {"unit": UNIT, "source": [{"type": "tags", "port": "/dev/x"}]},
            "must be an address, as 127.0.0.1:50",
        ),
        (
            {"unit": UNIT, "clock": {"floor": datetime.date(1, 1, 1)}},
            "must be within 1980-01-06 to 2099-12-31",
        ),
        ({"unit": UNIT, "books": {"folder": "/x" * 60}}, "folder: is too long for the name of a socket"),
        (
            {"unit": UNIT, "books": {"lists_url": "ftp://x"}},
            'lists_url = "ftp://x": must begin with https://',
        ),
        (
            {"unit": UNIT, "source": [{"type": "gps"}]},
            'type = "gps": must be one of gnss, gpsd, node, scanner, w1, sht4x',
        ),
        ({"unit": UNIT, "source": [{}, {}]}, 'name = "gnss": is there twice'),
        ({"unit": UNIT, "clock": {"floor": "2026"}}, "floor = '2026': must be a date"),
        ({"unit": {"id": "a", "capabilities": ["Fire"]}}, 'capabilities = "Fire": must be'),
        ({"unit": {"id": "a", "name": "x" * 65}}, "name: longer than 64 bytes"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings_of(table, "unit.toml")
    assert str(error.value).startswith("unit.toml: ")
    assert said in str(error.value)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "unit.toml"
    with pytest.raises(ConfigError, match=r"unit.toml: cannot be read: No such file"):
        load_settings(path)
    path.write_bytes(b"\xff[")
    with pytest.raises(ConfigError, match=r"unit.toml: is not TOML"):
        load_settings(path)


@pytest.mark.parametrize("host", ["10.0.0.1", "fe80::1%wlan0", "::1", "broker.example", "маш"])
def test_a_broker_is_a_name_or_an_address(host: str) -> None:
    assert settings_of({"unit": UNIT, "broker": {"host": host}}, "unit.toml").broker.host == host


@pytest.mark.parametrize("port", ["127.0.0.1:2947", "gpsd.local", "[::1]:2947", "[::1]", "127.0.0.1:65535"])
def test_a_gpsd_is_an_address(port: str) -> None:
    settings_of({"unit": UNIT, "source": [{"type": "gpsd", "port": port}]}, "unit.toml")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("[unit]\nid = 'a'".encode("utf-16"), "byte 0 is not UTF-8; save it in that encoding"),
        (b"x = " + b"[" * 3000, "is not TOML"),
        (b"x = " + b"9" * 5000, "is not TOML"),
        (b"#" * (1 << 21), "is longer than 1024 KiB: is it the right file?"),
        (b"[unit]\nid = " + b"7" * 4000, "777\N{HORIZONTAL ELLIPSIS}: must be a text"),
    ],
)
def test_a_file_that_nothing_can_be_made_of_is_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "unit.toml"
    path.write_bytes(data)
    with pytest.raises(ConfigError) as error:
        load_settings(path)
    assert str(error.value).startswith(f"{path}: ")
    assert said in str(error.value)
    assert len(str(error.value)) < 400


def test_a_file_of_another_system_is_read(tmp_path: Path) -> None:
    """Notepad puts a mark before it and ends its lines in its own way."""
    path = tmp_path / "unit.toml"
    path.write_bytes(b"\xef\xbb\xbf[unit]\r\nid = 'bus'\r\n")
    assert load_settings(path).unit.id == "bus"


def test_a_whole_number_does_for_a_fraction_and_the_floor_is_a_day() -> None:
    settings = settings_of({"unit": UNIT, "track": {"tolerance_m": 3}}, "unit.toml")
    assert settings.track.tolerance_m == 3.0
    assert settings.floor_ms == 1_793_491_200_000
