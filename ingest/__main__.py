"""`ortoo-ingest`: run the service, and look into its files from the terminal."""

from __future__ import annotations

import dataclasses
import getpass
import json
import logging
import os
import re
import secrets
import sqlite3
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ingest import config
from ingest.instants import iso
from ingest.ledger import backup, keys, quarantine, units
from ingest.ledger.files import open_access, open_reading
from ingest.time_source import TimeSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ingest.config import Settings
    from ingest.stock.sheet import Problem

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The service of Ortoo.")
key_app = typer.Typer(no_args_is_help=True, help="Keys of the API.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Payloads that could not be accepted.")
app.add_typer(key_app, name="key")
app.add_typer(quarantine_app, name="quarantine")
influx_app = typer.Typer(no_args_is_help=True, help="InfluxDB as the store of history.")
app.add_typer(influx_app, name="influx")
stock_app = typer.Typer(no_args_is_help=True, help="Sites, items, levels and lots.")
app.add_typer(stock_app, name="stock")
books_app = typer.Typer(no_args_is_help=True, help="The library's catalogue, readers, holds and rotas.")
app.add_typer(books_app, name="books")
notify_app = typer.Typer(no_args_is_help=True, help="Messages to people.")
app.add_typer(notify_app, name="notify")
release_app = typer.Typer(no_args_is_help=True, help="Releases of firmware.")
app.add_typer(release_app, name="release")

Roles = Annotated[list[str], typer.Option("--role", help="any of " + ", ".join(keys.ROLES))]
RefusedId = Annotated[int, typer.Argument(min=1, max=2**63 - 1)]
Config = Annotated[Path | None, typer.Option("--config", help="settings in TOML; see example.toml")]


def _fail(text: object) -> NoReturn:
    sys.stderr.write(f"ortoo-ingest: {text}\n")
    raise typer.Exit(2)


def _print(entry: dict[str, object]) -> None:
    typer.echo(json.dumps(entry, ensure_ascii=False))


def _settings(path: Path | None) -> Settings:
    if path is None:
        return config.Settings()
    try:
        return config.load(path)
    except config.ConfigError as error:
        _fail(error)


@contextmanager
def _reading(path: Path | None) -> Iterator[sqlite3.Connection]:
    store = Path(_settings(path).store.path)
    if not store.exists():
        _fail(f"there is no store at {store} yet: has the service run with these settings?")
    try:
        with closing(open_reading(store)) as ledger:
            yield ledger
    except sqlite3.Error as error:
        _fail(f"store {store}: {error}")


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@app.command()
def run(
    config_path: Config = None,
    time_rate: Annotated[float, typer.Option(help="a faster day, for demos", min=0.1, max=10000)] = 1.0,
    time_origin_ms: Annotated[int, typer.Option(help="when the faster day began", min=0)] = 0,
) -> None:
    """Take from the broker, store, show; ends by SIGTERM or Ctrl-C."""
    from ingest.premises import CannotStart  # noqa: PLC0415 - the other commands start at once
    from ingest.service import Service  # noqa: PLC0415

    settings = _settings(config_path)
    _log_to_stderr()
    try:
        code = Service(settings, TimeSource(time_rate, time_origin_ms)).run()
    except CannotStart as error:
        _fail(error)
    raise typer.Exit(code)


@app.command()
def tail(
    config_path: Config = None,
    unit: Annotated[str | None, typer.Option(help="only this unit")] = None,
) -> None:
    """Print what units send as JSON lines, one record a line, until Ctrl-C."""
    from ingest import tail as tail_  # noqa: PLC0415
    from ingest.intake import Intake  # noqa: PLC0415
    from ingest.subscriber import Subscriber  # noqa: PLC0415

    settings = _settings(config_path).broker
    settings = settings.model_copy(update={"client_id": f"{settings.client_id}-tail-{secrets.token_hex(4)}"})
    intake = Intake()
    try:
        password = config.secret_of(settings.password_file)
    except config.ConfigError as error:
        _fail(error)
    _log_to_stderr()
    subscriber = Subscriber(settings, password, intake, TimeSource().mono_s, session_s=0)
    subscriber.start()
    try:
        while subscriber.refusal is None:
            intake.wait(0.2)
            subscriber.tend()
            messages = intake.take(1000)
            subscriber.ack(messages)
            for message in (*messages, *intake.take_live()):
                if unit is None or f"/{unit}/" in message.topic:
                    for line in tail_.lines(message):
                        typer.echo(line)
        _fail(subscriber.refusal)
    except KeyboardInterrupt:
        pass
    finally:
        subscriber.stop()


@key_app.command("add")
def key_add(
    name: str,
    config_path: Config = None,
    role: Roles = [],  # noqa: B006 -- typer reads it
) -> None:
    """Make a key; it is shown once and cannot be shown again. Without a role it may look."""
    with closing(open_access(Path(_settings(config_path).store.path))) as access:
        try:
            secret = keys.add(access, name, TimeSource().utc_ms(), role or [keys.VIEWER])
        except (keys.KeyNameError, keys.RoleError) as error:
            _fail(error)
    typer.echo(secret)


@key_app.command("list")
def key_list(config_path: Config = None) -> None:
    """Print the names of all keys, and what they may do."""
    with closing(open_access(Path(_settings(config_path).store.path))) as access:
        for key in keys.all_keys(access):
            _print({"name": key.name, "made_at": iso(key.made_ms), "roles": sorted(key.roles)})


@key_app.command("role")
def key_role(name: str, role: Roles, config_path: Config = None) -> None:
    """Give a key these roles in place of those that it has, at once; its holder need not log in again."""
    with closing(open_access(Path(_settings(config_path).store.path))) as access:
        try:
            if not keys.give(access, name, role):
                _fail(f"there is no key {name!r}")
        except keys.RoleError as error:
            _fail(error)


@key_app.command("remove")
def key_remove(name: str, config_path: Config = None) -> None:
    """Forget a key, and end its sessions."""
    with closing(open_access(Path(_settings(config_path).store.path))) as access:
        if not keys.remove(access, name):
            _fail(f"there is no key {name!r}")


@app.command("units")
def list_units(config_path: Config = None) -> None:
    """Print every unit ever heard of."""
    with _reading(config_path) as ledger:
        for unit in units.all_units(ledger):
            entry = dataclasses.asdict(unit)
            _print(entry | {"first_seen_at": iso(entry.pop("first_seen_ms"))})


@app.command("backup")
def back_up(
    folder: Path,
    config_path: Config = None,
    keep: Annotated[int, typer.Option(min=1, help="older copies are removed")] = 7,
) -> None:
    """Copy the store and the keys into a folder, also while the service runs."""
    store = Path(_settings(config_path).store.path)
    stamp = re.sub(r"[-:]|\.\d+", "", iso(TimeSource().utc_ms()))
    try:
        copies = backup.back_up(store, folder, stamp)
    except backup.BackupError as error:
        _fail(error)
    for path in copies:
        typer.echo(f"copied {path}")
    for path in backup.remove_old(store, folder, keep):
        typer.echo(f"removed {path}")


@app.command("export")
def export(
    unit: Annotated[str, typer.Option(help="whose records")],
    kind: Annotated[str, typer.Option(help="fix, climate, health and so on")],
    config_path: Config = None,
    from_: Annotated[str, typer.Option("--from", help="ISO 8601; without it all there is")] = "",
    to: Annotated[str, typer.Option(help="before this; without it until now")] = "",
    format_: Annotated[str, typer.Option("--format", help="csv, jsonl or json")] = "csv",
) -> None:
    """Print a unit's records of a kind, also while the service runs; units stand in the names."""
    from ingest import commands  # noqa: PLC0415 - the other commands start at once
    from ingest.idle_store import CommandFailed  # noqa: PLC0415

    settings = _settings(config_path)
    try:
        for piece in commands.exported(settings, unit, kind, from_, to, format_, TimeSource().utc_ms()):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # as of `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CommandFailed as error:
        _fail(error)


@app.command("erase")
def erase(
    unit: str,
    config_path: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for the unit's name once more")] = False,
) -> None:
    """Erase a unit's records, summaries, last values and refused payloads for good, while no service runs.

    Its marks stay, else it would send everything again. The next service asks the unit to do the same.
    """
    from ingest import commands  # noqa: PLC0415
    from ingest.idle_store import CommandFailed  # noqa: PLC0415

    settings = _settings(config_path)
    if not yes and typer.prompt(f"There is no way back. Say {unit} once more to erase its history") != unit:
        _fail("nothing is erased")
    who = f"{getpass.getuser()} at the terminal"
    try:
        erasure = commands.erased(settings, unit, who, TimeSource().utc_ms())
    except CommandFailed as error:
        _fail(error)
    _print({"unit": unit, "who": who, "erased_at": iso(erasure.erased_ms), "command_id": erasure.command_id})


@quarantine_app.command("list")
def quarantine_list(
    config_path: Config = None, limit: Annotated[int, typer.Option(min=1, max=10**9)] = 50
) -> None:
    """Print what was set aside, newest first."""
    with _reading(config_path) as ledger:
        for refused in quarantine.newest(ledger, limit):
            _print(_shown(refused))


@quarantine_app.command("show")
def quarantine_show(refused_id: RefusedId, config_path: Config = None) -> None:
    """Print one of them with its bytes as hex digits."""
    with _reading(config_path) as ledger:
        refused = quarantine.find(ledger, refused_id)
        if refused is None:
            _fail(f"nothing is set aside under {refused_id}")
        _print(_shown(refused) | {"payload_hex": (quarantine.payload(ledger, refused_id) or b"").hex()})


@quarantine_app.command("export")
def quarantine_export(refused_id: RefusedId, path: Path, config_path: Config = None) -> None:
    """Write the bytes of one of them to a file, as they came."""
    with _reading(config_path) as ledger:
        payload = quarantine.payload(ledger, refused_id)
        if payload is None:
            _fail(f"nothing is set aside under {refused_id}")
    try:
        path.write_bytes(payload)
    except OSError as error:
        _fail(f"{path}: {error.strerror}")


@influx_app.command("init")
def influx_init(config_path: Config = None) -> None:
    """Make what InfluxDB lacks (database, policies, buckets, mappings); again changes only what differs."""
    from ingest.history import StoreBusy  # noqa: PLC0415
    from ingest.history.factory import influx_server  # noqa: PLC0415
    from ingest.history.influx_setup import set_up  # noqa: PLC0415

    settings = _settings(config_path)
    try:
        with closing(influx_server(settings.influx)) as server:
            for line in set_up(server, settings.history.keep_days()):
                typer.echo(line)
    except (config.ConfigError, StoreBusy) as error:
        _fail(error)
    if settings.history.store != "influx":
        typer.echo('not used yet: set [history] store = "influx"')


@books_app.command("import")
def books_import(
    path: Path,
    config_path: Config = None,
    home: Annotated[str | None, typer.Option(help="site of copies in MARC that name none")] = None,
) -> None:
    """Take a MARC file, or books.csv, readers.csv, holds.csv, rotas.csv or rounds.csv; name what is wrong."""
    from ingest import book_files  # noqa: PLC0415
    from ingest.idle_store import CommandFailed  # noqa: PLC0415
    from ingest.ledger.stock_import import SheetRefused  # noqa: PLC0415

    try:
        taken = book_files.imported(_settings(config_path), path, home, TimeSource().utc_ms())
    except SheetRefused as refused:
        _say_problems(path, refused.problems)
        _fail("nothing was taken")
    except CommandFailed as error:
        _fail(error)
    _say_problems(path, taken.problems)
    _print({"file": path.name, "lines": taken.lines, "problems": len(taken.problems)})


def _say_problems(path: Path, problems: Iterable[Problem]) -> None:
    for problem in problems:
        sys.stderr.write(f"{path.name}:{problem.line}: {problem.column}: {problem.detail}\n")


@stock_app.command("import")
def stock_import(path: Path, config_path: Config = None) -> None:
    """Take items.csv, sites.csv, levels.csv or lots.csv: all lines, or none and every bad one named."""
    from ingest import sheets  # noqa: PLC0415
    from ingest.idle_store import CommandFailed  # noqa: PLC0415
    from ingest.ledger.stock_import import SheetRefused  # noqa: PLC0415

    try:
        _print({"file": path.name, "lines": sheets.imported(_settings(config_path), path)})
    except SheetRefused as refused:
        _say_problems(path, refused.problems)
        _fail("nothing was taken")
    except CommandFailed as error:
        _fail(error)


@release_app.command("add")
def release_add(path: Path, config_path: Config = None) -> None:
    """Take a release file, signed by one of [releases] key_files; the service then offers it to units."""
    from ingest.idle_store import CommandFailed  # noqa: PLC0415
    from ingest.releases import adding  # noqa: PLC0415

    who = f"{getpass.getuser()} at the terminal"
    try:
        release = adding.added(_settings(config_path), path, who, TimeSource().utc_ms())
    except CommandFailed as error:
        _fail(error)
    _print({"number": release.number, "version": release.version, "digest": release.digest})


@notify_app.command("test")
def notify_test(contact: str, config_path: Config = None) -> None:
    """Send a test message to a contact of the settings, at once; beside a running service, too."""
    from ingest.notify import addressees, trial  # noqa: PLC0415
    from ingest.notify.post import AddressError, PostError  # noqa: PLC0415

    settings = _settings(config_path).notify
    found = {one.name: one for one in addressees.contacts(settings)}
    if contact not in found:
        _fail(f"no [[notify.contact]] is called {contact!r}; there are {', '.join(found) or 'none'}")
    try:
        addressees.post(settings).send(trial.letter(found[contact]))
    except (AddressError, PostError) as error:
        _fail(f"{contact}: {error}")
    typer.echo(f"{contact}: taken by the first address that answered")


def _shown(refused: quarantine.Refused) -> dict[str, object]:
    entry = dataclasses.asdict(refused)
    times = {name: iso(entry.pop(f"{name[:-3]}_ms")) for name in ("received_at", "latest_at")}
    return entry | times


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
