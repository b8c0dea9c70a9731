"""Settings of the agent: frozen, typed, bounded, read once from a TOML file.

`example.toml` shows every option at its default. An unknown key stops the program and is named, with the
nearest known one: a typing mistake must not be silent. Parts get values, never the settings object.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from firmware import wire

if TYPE_CHECKING:
    from pathlib import Path


class ConfigError(ValueError):
    """A setting cannot be used; waiting will not help. The text names file, key, value and bound."""


def _number(default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def _word(default: str, *words: str) -> Any:
    return field(default=default, metadata={"words": words})


def _name(default: Any = MISSING, longest: int = 32) -> Any:
    metadata = {"is_name": True, "longest": longest}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSettings:
    id: str = _name()
    name: str = field(default="", metadata={"longest": 64})
    capabilities: tuple[str, ...] = field(
        default=(), metadata={"is_name": True, "most": wire.MAX_CAPABILITIES}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    host: str = "localhost"
    port: int = _number(1883, 1, 65535)
    username: str = ""
    password_file: str = ""
    is_tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    protocol: str = _word("auto", "auto", "5", "3.1.1")
    keepalive_s: int = _number(30, 5, 600)
    spread_s: float = _number(60.0, 0, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    path: str = "/var/lib/ortoo-edge/outbox.db"
    max_mib: int = _number(128, 1, 65536)
    black_box_days: float = _number(30.0, 0, 3650)
    raw_track_days: float = _number(7.0, 0, 3650)
    group_ms: int = _number(1000, 0, 10000)


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkSettings:
    batch_rows: int = _number(240, 1, wire.MAX_ROWS)
    batch_bytes: int = _number(2048, 1024, wire.MAX_BATCH_BYTES)
    window: int = _number(2, 1, 8)
    receipt_timeout_s: float = _number(30.0, 1, 600)
    is_deflated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    tolerance_m: float = _number(5.0, 0, 1000)
    window_s: float = _number(120.0, 1, 3600)
    anchor_radius_m: float = _number(15.0, 0, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    period_s: float = _number(1.0, 1, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SenseSettings:
    period_s: float = _number(60.0, 1, 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    floor: datetime.date = datetime.date(2026, 11, 1)
    hold_s: float = _number(60.0, 0, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    name: str = _name("gnss", 28)  # "-raw" is put behind it
    type: str = _word("gnss", "gnss", "gpsd", "node", "scanner", "w1", "sht4x", "reader", "tags")
    port: str = "/dev/serial0"
    baud: int = _number(0, 0, 4000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSettings:
    name: str = _name("fridge", 28)
    input: str = field(default="", metadata={"longest": 32})
    profile: str = _name("refrigerator")
    period_s: float = _number(60.0, 1, 600)
    silent_s: float = _number(300.0, 10, 86400)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSettings:
    name: str = _name("a1")
    item: str = _name("item")
    input: str = field(default="", metadata={"longest": 32})
    gtin: str = field(default="", metadata={"longest": 14})
    pack_g: float = _number(0.0, 0, 100000)
    pack_pieces: int = _number(1, 1, 100000)
    par_pieces: int = _number(0, 0, 1000000)
    noise_g: float = _number(2.0, 0.1, 1000)
    most_g: float = _number(5000.0, 1, 1000000)
    is_serialised: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    profile: str = _name("own")
    version: int = _number(1, 1, 1000000)
    comparator: str = _word("above", "below", "at_or_below", "above", "at_or_above")
    limit_c: float = _number(8.0, -200, 200)
    limit_min: float = _number(60.0, 0, 100000)
    judgement: str = _word("single", "single", "cumulative")


@dataclass(frozen=True, slots=True, kw_only=True)
class CabinetSettings:
    folder: str = "/run/ortoo-edge"
    climate_period_s: float = _number(60.0, 1, 3600)
    door_input: str = field(default="", metadata={"longest": 32})
    door_open_s: float = _number(120.0, 1, 86400)
    probe: tuple[ProbeSettings, ...] = ()
    slot: tuple[SlotSettings, ...] = field(default=(), metadata={"most": 256})
    limit: tuple[LimitSettings, ...] = field(default=(), metadata={"most": 64})

    @property
    def is_there(self) -> bool:
        """Whether anything of a cabinet is declared."""
        return bool(self.probe or self.slot or self.door_input)


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksSettings:
    folder: str = ""
    key_file: str = ""
    item_prefixes: tuple[str, ...] = field(default=(), metadata={"longest": 16})
    card_prefixes: tuple[str, ...] = field(default=(), metadata={"longest": 16})
    most_loans: int = _number(20, 1, 1000)
    lists_days: float = _number(3.0, 0, 365)
    utc_offset_min: int = _number(480, -720, 840)
    lists_url: str = ""
    lists_token_file: str = ""
    lists_period_s: float = _number(900.0, 10, 86400)
    page_host: str = "0.0.0.0"  # noqa: S104 - the crew's phones reach it over the vehicle's own network
    page_port: int = _number(8090, 1, 65535)
    page_code_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasesSettings:
    key_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; `source` is the list of the file's [[source]] tables."""

    unit: UnitSettings
    broker: BrokerSettings = BrokerSettings()
    outbox: OutboxSettings = OutboxSettings()
    uplink: UplinkSettings = UplinkSettings()
    track: TrackSettings = TrackSettings()
    live: LiveSettings = LiveSettings()
    sense: SenseSettings = SenseSettings()
    clock: ClockSettings = ClockSettings()
    source: tuple[SourceSettings, ...] = (SourceSettings(),)
    cabinet: CabinetSettings = CabinetSettings()
    books: BooksSettings = BooksSettings()
    releases: ReleasesSettings = ReleasesSettings()

    @property
    def floor_ms(self) -> int:
        """The date before which no clock is believed, in ms since 1970 UTC."""
        return (self.clock.floor - datetime.date(1970, 1, 1)).days * 86_400_000


def load_settings(path: Path) -> Settings:
    """The settings of a TOML file; raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return settings_of(table, str(path))


def settings_of(table: dict[str, Any], where: str) -> Settings:
    """The settings of a parsed TOML table; raises ConfigError, which names `where`."""
    settings: Settings = _section(Settings, table, where)
    names = [source.name for source in settings.source]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'{where}: [[source]] name = "{name}": is there twice')
    broker = settings.broker
    if bool(broker.certificate_file) != bool(broker.key_file):
        raise ConfigError(f"{where}: [broker] certificate_file and key_file: only one of the two is given")
    for source in settings.source:
        if source.type == "sht4x" and not re.fullmatch(r"\d{1,3}(:0x[0-9a-fA-F]{2})?", source.port):
            raise ConfigError(
                f'{where}: [[source]] port = "{source.port}": must be bus and address, as 1:0x44'
            )
    if settings.cabinet.is_there:
        _check_cabinet(settings.cabinet, where)
    return settings


def _check_cabinet(settings: CabinetSettings, where: str) -> None:
    # Late: a unit without a cabinet does not carry its code.
    from edge.cabinet.layout import LayoutError, layout_of  # noqa: PLC0415

    try:
        layout_of(settings)
    except LayoutError as error:
        raise ConfigError(f"{where}: [cabinet] {error}") from None


def _section(kind: type[Any], table: dict[str, Any], where: str) -> Any:
    known = {item.name: item for item in fields(kind)}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f'; did you mean "{near[0]}"?' if near else f"; known are {', '.join(known)}"
            raise ConfigError(f'{where}: unknown option "{key}"{hint}')
    hints = get_type_hints(kind)
    values = {key: _value(known[key], hints[key], value, where) for key, value in table.items()}
    for name, item in known.items():
        if name not in values and item.default is MISSING:
            raise ConfigError(f'{where}: "{name}" is missing')
    return kind(**values)


def _value(item: Field[Any], hint: Any, value: Any, where: str) -> Any:
    name = item.name
    if hint in SECTIONS:
        return _section(hint, _typed(value, dict, name, where, "a table"), f"{where}: [{name}]")
    if get_origin(hint) is tuple:
        return _values(item, get_args(hint)[0], value, where)
    if hint is float:
        number = float(_typed(value, (int, float), name, where, "a number"))
        return _bounded(item, number, value, where)
    if hint is int:
        return _bounded(item, _typed(value, int, name, where, "a whole number"), value, where)
    if hint is str:
        return _text(item, _typed(value, str, name, where, "a text"), where)
    wanted = {bool: "true or false", datetime.date: "a date as 2026-11-01"}
    return _typed(value, hint, name, where, wanted[hint])


def _values(item: Field[Any], hint: Any, value: Any, where: str) -> tuple[Any, ...]:
    entries = _typed(value, list, item.name, where, "a list")
    most = item.metadata.get("most", 16)
    if len(entries) > most:
        raise ConfigError(f"{where}: {item.name}: {len(entries)} entries, at most {most}")
    if hint in SECTIONS:
        tables = [_typed(entry, dict, item.name, where, "a table") for entry in entries]
        return tuple(_section(hint, entry, f"{where}: [[{item.name}]]") for entry in tables)
    return tuple(_text(item, _typed(entry, str, item.name, where, "a text"), where) for entry in entries)


def _typed(value: Any, kind: Any, name: str, where: str, wanted: str) -> Any:
    is_wrong_date = kind is datetime.date and isinstance(value, datetime.datetime)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or is_wrong_date:
        raise ConfigError(f"{where}: {name} = {value!r}: must be {wanted}")
    return value


def _bounded(item: Field[Any], number: Any, value: Any, where: str) -> Any:
    low, high = item.metadata["low"], item.metadata["high"]
    if not low <= number <= high:
        raise ConfigError(f"{where}: {item.name} = {value}: must be within {low} to {high}")
    return number


def _text(item: Field[Any], text: str, where: str) -> str:
    longest, words = item.metadata.get("longest", 1024), item.metadata.get("words")
    if words is not None and text not in words:
        raise ConfigError(f'{where}: {item.name} = "{text}": must be one of {", ".join(words)}')
    if len(text.encode()) > longest or "\0" in text:
        raise ConfigError(f"{where}: {item.name}: longer than {longest} bytes")
    if item.metadata.get("is_name") and not wire.is_unit(text):
        raise ConfigError(
            f'{where}: {item.name} = "{text}": must be lower-case letters, digits and "-", at most {longest}'
        )
    return text


SECTIONS = (
    UnitSettings,
    BrokerSettings,
    OutboxSettings,
    UplinkSettings,
    TrackSettings,
    LiveSettings,
    SenseSettings,
    ClockSettings,
    SourceSettings,
    CabinetSettings,
    ProbeSettings,
    SlotSettings,
    LimitSettings,
    BooksSettings,
    ReleasesSettings,
)
