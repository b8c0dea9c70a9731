"""The parts of an agent, each made as the settings ask for it. Parts get values, never the settings.

What few units have is imported late: a unit without a cabinet, a book shelf or wired nodes does not carry
their code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import edge
from edge.clock import Clock
from edge.intake import Intake
from edge.mqtt import Mqtt
from edge.outbox import Limits
from edge.sources import SOURCES, Commander, Updatable
from edge.uplink import Uplink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge.books.door import Door
    from edge.books.librarian import Librarian
    from edge.cabinet.keeper import Keeper
    from edge.cabinet.status import Pattern
    from edge.helpline import Helpline
    from edge.releases.rollout import Rollout
    from edge.settings import Settings
    from edge.sources import Source
    from edge.time_source import TimeSource


def sources_of(settings: Settings, time: TimeSource) -> list[Source]:
    """Those of the settings, none of them started."""
    return [
        SOURCES[source.type](source.name, source.port, source.baud, time.mono_ms, time.pause)
        for source in settings.source
    ]


def intake_of(settings: Settings, time: TimeSource) -> Intake:
    """With the outbox that it will open."""
    limits = Limits(
        max_mib=settings.outbox.max_mib,
        black_box_days=settings.outbox.black_box_days,
        raw_track_days=settings.outbox.raw_track_days,
        tolerance_m=settings.track.tolerance_m,
        window_ms=int(settings.track.window_s * 1000),
        batch_rows=settings.uplink.batch_rows,
    )
    return Intake(
        Path(settings.outbox.path),
        limits,
        time,
        lambda last_good_ms: Clock(settings.floor_ms, last_good_ms),
        group_ms=settings.outbox.group_ms,
        anchor_radius_m=settings.track.anchor_radius_m,
    )


def helpline_of(sources: Sequence[Source]) -> Helpline | None:
    """None where no node can have a button."""
    nodes = {source.name: source for source in sources if isinstance(source, Commander)}
    if not nodes:
        return None
    from edge.helpline import Helpline  # noqa: PLC0415

    return Helpline(nodes)


def rollout_of(settings: Settings, sources: Sequence[Source]) -> Rollout:
    """For the nodes that take releases; raises ConfigError for a key that is none."""
    from edge.config import ConfigError  # noqa: PLC0415
    from edge.releases.rollout import Rollout  # noqa: PLC0415
    from edge.releases.shelf import Shelf  # noqa: PLC0415
    from firmware.update import manifest  # noqa: PLC0415

    path = settings.releases.key_file
    try:
        keys = Path(path).read_bytes()
        manifest.keys_of(keys)
    except OSError as error:
        raise ConfigError(f"[releases] key_file: {path}: cannot be read: {error.strerror}") from None
    except manifest.ManifestError:
        raise ConfigError(
            f"[releases] key_file: {path}: no public key; take the file that ends in .pub"
        ) from None
    nodes = {source.name: source for source in sources if isinstance(source, Updatable)}
    return Rollout(nodes, keys, Shelf(Path(settings.outbox.path).parent / "releases"))


def keeper_of(
    settings: Settings,
    time: TimeSource,
    intake: Intake,
    signal: Callable[[Pattern], None],
    helpline: Helpline | None,
) -> Keeper | None:
    """Of the cabinet; None where there is none."""
    cabinet = settings.cabinet
    if not cabinet.is_there:
        return None
    nodes = [source.name for source in settings.source if source.type == "node"]
    from edge.cabinet.cabinet import Cabinet  # noqa: PLC0415
    from edge.cabinet.keeper import Keeper  # noqa: PLC0415
    from edge.cabinet.layout import layout_of  # noqa: PLC0415

    made = Cabinet(layout_of(cabinet, nodes), time.mono_ms())
    keeper = Keeper(made, intake, Path(cabinet.folder), time.boot, signal)
    if helpline is not None:
        keeper.reasons = helpline.reasons
    return keeper


def librarian_of(
    settings: Settings, intake: Intake, door: Door, write: Callable[[str, str, int], None]
) -> Librarian:
    """The book shelf's, who hears at this door; raises ConfigError."""
    from edge.books.card import CardError, load_key  # noqa: PLC0415
    from edge.books.desk import Policy  # noqa: PLC0415
    from edge.books.librarian import Librarian  # noqa: PLC0415
    from edge.config import ConfigError  # noqa: PLC0415

    books = settings.books
    policy = Policy(
        most_loans=books.most_loans,
        lists_days=books.lists_days,
        utc_offset_min=books.utc_offset_min,
        item_prefixes=books.item_prefixes,
        card_prefixes=books.card_prefixes,
    )
    try:
        key = load_key(Path(books.key_file)) if books.key_file else None
    except CardError as error:
        raise ConfigError(f"[books] key_file: {error}") from None
    # With a cabinet a scanned code is a pack of medicine.
    is_for_books = not settings.cabinet.is_there
    has_scanner = is_for_books and any(one.type == "scanner" for one in settings.source)
    return Librarian(
        settings.unit.id,
        Path(books.folder),
        policy,
        key,
        intake,
        door,
        write,
        has_scanner=has_scanner,
    )


def door_of(settings: Settings, time: TimeSource) -> Door:
    """Where the crew asks: a source as any other."""
    from edge.books.door import SOCKET, Door  # noqa: PLC0415

    return Door(Path(settings.books.folder) / SOCKET, time.mono_ms)


def uplink_of(settings: Settings, random: Callable[[], float]) -> Uplink:
    """When to connect, what to send."""
    return Uplink(
        window=settings.uplink.window,
        receipt_timeout_ms=int(settings.uplink.receipt_timeout_s * 1000),
        live_period_ms=int(settings.live.period_s * 1000),
        random=random,
        spread_ms=int(settings.broker.spread_s * 1000),
    )


def line_of(settings: Settings, wake: Callable[[], None], known_protocol: str | None) -> Mqtt:
    """The way to the broker, not yet opened."""
    broker = settings.broker
    return Mqtt(
        settings.unit.id,
        broker.host,
        broker.port,
        wake=wake,
        username=broker.username,
        password_file=broker.password_file,
        is_tls=broker.is_tls,
        ca_file=broker.ca_file,
        certificate_file=broker.certificate_file,
        key_file=broker.key_file,
        protocol=broker.protocol,
        known_protocol=known_protocol,
        keepalive_s=broker.keepalive_s,
    )


def birth_of(settings: Settings) -> dict[str, Any]:
    """What the unit says of itself at each connection."""
    return {
        "software": f"ortoo-edge {edge.__version__}",
        "name": settings.unit.name or None,
        "capabilities": list(settings.unit.capabilities),
    }
