"""Reads the settings of the agent, once, from a TOML file; `settings` says what there is to set.

An unknown key stops the program and is named, with the nearest known one: a typing mistake must not be
silent. So is whatever is out of its bounds, and what contradicts something else.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from edge.settings import SECTIONS, Settings
from firmware import wire

if TYPE_CHECKING:
    from pathlib import Path

    from edge.settings import CabinetSettings


class ConfigError(ValueError):
    """A setting cannot be used; waiting will not help. The text names file, key, value and bound."""


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
