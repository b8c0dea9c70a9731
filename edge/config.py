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

    from edge.settings import BooksSettings, BrokerSettings, CabinetSettings


HOST = r"[^\s/:]{1,253}|[0-9a-fA-F:.]{2,45}(%[^\s/]+)?"
_PORT = r"(6553[0-5]|655[0-2]\d|65[0-4]\d\d|6[0-4]\d{3}|[1-5]\d{4}|[1-9]\d{0,3})"
_ADDRESS = rf"([^\s/:]{{1,253}}|\[[0-9a-fA-F:.]+\])(:{_PORT})?"
# What a source's port has to look like, where that is not a device of any name.
PORTS = {
    "sht4x": (r"\d{1,3}(:0x[0-9a-fA-F]{2})?", "bus and address, as 1:0x44"),
    "gpsd": (_ADDRESS, "an address, as 127.0.0.1:2947"),
    "tags": (_ADDRESS, "an address, as 127.0.0.1:5084"),
}
MAX_FILE_BYTES = 1 << 20
MAX_SHOWN = 60  # characters of a value that is refused
MAX_SOCKET_BYTES = 107  # of a Unix socket's path


class ConfigError(ValueError):
    """A setting cannot be used; waiting will not help. The text names file, key, value and bound."""


def load_settings(path: Path) -> Settings:
    """The settings of a TOML file in UTF-8, with or without a byte order mark; raises ConfigError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return settings_of(_table(data, str(path)), str(path))


def _table(data: bytes, where: str) -> dict[str, Any]:
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{where}: is longer than {MAX_FILE_BYTES // 1024} KiB: is it the right file?")
    try:
        return tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        why = f"byte {error.start} is not UTF-8; save it in that encoding"
    except RecursionError:
        why = "too many brackets in one another"
    except ValueError as error:  # tomllib's own is one; a number of 5,000 digits is another
        why = str(error)
    raise ConfigError(f"{where}: is not TOML: {why}")


def settings_of(table: dict[str, Any], where: str) -> Settings:
    """The settings of a parsed TOML table; raises ConfigError, which names `where`."""
    settings: Settings = _section(Settings, table, where)
    names = [source.name for source in settings.source]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f'{where}: [[source]] name = "{name}": is there twice')
    _check_broker(settings.broker, f"{where}: [broker]")
    for source in settings.source:
        form, wanted = PORTS.get(source.type, ("", ""))
        if form and not re.fullmatch(form, source.port):
            raise ConfigError(f'{where}: [[source]] port = "{_cut(source.port)}": must be {wanted}')
    _check_books(settings.books, f"{where}: [books]")
    if settings.cabinet.is_there:
        _check_cabinet(settings.cabinet, where)
    return settings


def _check_broker(broker: BrokerSettings, where: str) -> None:
    if not re.fullmatch(HOST, broker.host):
        raise ConfigError(
            f'{where} host = "{_cut(broker.host)}": must be a name or an address alone, as broker.example'
        )
    if bool(broker.certificate_file) != bool(broker.key_file):
        raise ConfigError(f"{where} certificate_file and key_file: only one of the two is given")
    for name in ("ca_file", "certificate_file"):
        if getattr(broker, name) and not broker.is_tls:
            raise ConfigError(f"{where} {name}: is for TLS, and is_tls is false: nothing would be encrypted")
    if broker.password_file and not broker.username:
        raise ConfigError(f"{where} password_file: is of no use without a username")


def _check_books(books: BooksSettings, where: str) -> None:
    if len(books.folder.encode()) + len("/books.sock") > MAX_SOCKET_BYTES:
        raise ConfigError(f"{where} folder: is too long for the name of a socket in it")
    if books.lists_url and not books.lists_url.startswith(("https://", "http://")):
        raise ConfigError(f'{where} lists_url = "{_cut(books.lists_url)}": must begin with https://')


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
            raise ConfigError(f'{where}: unknown option "{_cut(key)}"{hint}')
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
        number = _typed(value, (int, float), name, where, "a number")
        return float(_bounded(item, number, value, where))
    if hint is int:
        return _bounded(item, _typed(value, int, name, where, "a whole number"), value, where)
    if hint is str:
        return _text(item, _typed(value, str, name, where, "a text"), where)
    wanted = {bool: "true or false", datetime.date: "a date as 2026-11-01"}
    value = _typed(value, hint, name, where, wanted[hint])
    return _bounded(item, value, value, where) if "low" in item.metadata else value


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
        raise ConfigError(f"{where}: {name} = {_cut(repr(value))}: must be {wanted}")
    return value


def _bounded(item: Field[Any], number: Any, value: Any, where: str) -> Any:
    low, high = item.metadata["low"], item.metadata["high"]
    if not low <= number <= high:
        raise ConfigError(f"{where}: {item.name} = {_cut(str(value))}: must be within {low} to {high}")
    return number


def _text(item: Field[Any], text: str, where: str) -> str:
    longest, words = item.metadata.get("longest", 1024), item.metadata.get("words")
    if words is not None and text not in words:
        raise ConfigError(f'{where}: {item.name} = "{_cut(text)}": must be one of {", ".join(words)}')
    if len(text.encode()) > longest or "\0" in text:
        raise ConfigError(f"{where}: {item.name}: longer than {longest} bytes")
    if item.metadata.get("is_name") and not wire.is_unit(text):
        wanted = f'lower-case letters, digits and "-", at most {longest}'
        raise ConfigError(f'{where}: {item.name} = "{_cut(text)}": must be {wanted}')
    return text


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
