"""What can be set of an agent: each option with its type, default and bounds, section by section.

`example.toml` shows every option at its default; `config` reads a file by these tables and refuses what is
not in them. The unit ends an option's name. Parts get values, never the settings object.
"""

from __future__ import annotations

import datetime
from dataclasses import MISSING, dataclass, field
from typing import Any

from firmware import wire


def _number(default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


FLOORS = {"low": datetime.date(1980, 1, 6), "high": datetime.date(2099, 12, 31)}  # from the first day of GPS


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
    floor: datetime.date = field(default=datetime.date(2026, 11, 1), metadata=FLOORS)
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
