"""Settings of the service: typed, bounded, read once from a TOML file; an unknown key stops the program.

`example.toml` shows every option at its default. Parts get values, never the settings object.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
)

from ingest.alerts.rules import RULES, Numbers, OfSites, OwnNumbers, Rule, Rules, with_numbers
from ingest.alerts.watch import Supply
from ingest.history.classes import OF_ROWS
from ingest.silence import Limits

MOST_HOLD_S, MOST_ESCALATE_S = 7 * 86_400, 30 * 86_400
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


class ConfigError(ValueError):
    """A setting cannot be used; waiting will not help. The text names file, key, value and bound."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class BrokerSettings(_Section):
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: int = Field(default=1883, ge=1, le=65535)
    client_id: str = Field(default="ortoo-ingest-1", pattern=_NAME)
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    username: str = Field(default="", max_length=128)
    password_file: str = ""
    is_tls: bool = False
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    keepalive_s: int = Field(default=30, ge=5, le=600)
    receive_maximum: int = Field(default=2000, ge=10, le=10000)


class StoreSettings(_Section):
    path: str = Field(default="var/ortoo.sqlite3", min_length=1)
    group_messages: int = Field(default=1000, ge=1, le=10000)
    group_ms: int = Field(default=5, ge=0, le=500)
    quarantine_rows: int = Field(default=1000, ge=10, le=100000)
    quarantine_mib: int = Field(default=16, ge=1, le=4096)
    ahead_s: int = Field(default=300, ge=1, le=86400)


class HistorySettings(_Section):
    """The store; and days that rows stay by their event time, by class (history/classes.py), 0 for ever."""

    store: Literal["sqlite", "influx"] = "sqlite"
    track_days: int = Field(default=365, ge=0, le=36500)
    climate_days: int = Field(default=1095, ge=0, le=36500)
    health_days: int = Field(default=90, ge=0, le=36500)
    event_days: int = Field(default=0, ge=0, le=36500)

    def keep_days(self) -> dict[str, int]:
        """The days of each class of rows."""
        return {name: int(getattr(self, f"{name}_days")) for name in OF_ROWS}


class InfluxSettings(_Section):
    url: str = Field(
        default="http://127.0.0.1:8086", pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$", max_length=500
    )
    org: str = Field(default="", max_length=128)
    database: str = Field(default="ortoo", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    token_file: str = ""
    username: str = Field(default="", max_length=128)
    password_file: str = ""
    ca_file: str = ""
    timeout_s: int = Field(default=10, ge=1, le=300)
    backlog_days: int = Field(default=30, ge=1, le=3650)


class HttpSettings(_Section):
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: int = Field(default=8080, ge=0, le=65535)
    session_days: int = Field(default=30, ge=1, le=365)


class LiveSettings(_Section):
    stale_after_s: int = Field(default=90, ge=1, le=86400)
    gone_after_s: int = Field(default=604800, ge=60, le=31536000)
    tick_ms: int = Field(default=50, ge=10, le=5000)


class ContactSettings(_Section):
    """Somebody who is told of alerts; the addresses hold passwords, so they stand in a file of their own."""

    name: str = Field(pattern=_NAME)
    address_file: str = Field(min_length=1)
    site: str = Field(default="", max_length=64)
    language: Literal["zh", "en", "mn"] = "zh"
    severities: list[Literal["act", "look"]] = Field(default=["act", "look"], min_length=1)
    quiet: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")


class NotifySettings(_Section):
    settle_s: int = Field(default=60, ge=0, le=3600)
    group_s: int = Field(default=900, ge=0, le=86400)
    contact: list[ContactSettings] = Field(default=[], max_length=1000)

    @field_validator("contact")
    @classmethod
    def _has_own_names(cls, contacts: list[ContactSettings]) -> list[ContactSettings]:
        names = [contact.name for contact in contacts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two contacts are called {twice}: messages are counted by name")
        return contacts


def _rule_section(rule: Rule) -> type[_Section]:
    """The numbers of one rule; a call for help is never waited for."""
    own = Numbers.of(rule)
    waits: dict[str, Any] = {
        name: (int, Field(default=default_s, ge=0, le=MOST_HOLD_S))
        for name, default_s in (("for_s", own.for_s), ("keep_s", own.keep_s))
    }
    escalate: Any = (int, Field(default=own.escalate_s or 0, ge=0, le=MOST_ESCALATE_S))
    return create_model(
        "RuleSettings", __base__=_Section, **({} if rule.is_call else waits), escalate_s=escalate
    )


def _rules_section() -> type[_Section]:
    sections: dict[str, Any] = {}
    for name, rule in RULES.items():
        section = _rule_section(rule)
        sections[name] = (section, section())
    return create_model("RulesSettings", __base__=_Section, **sections)


RulesSettings = _rules_section()


class OwnNumbersSettings(_Section):
    """What a site sets of a rule; what it does not is as above it."""

    for_s: int | None = Field(default=None, ge=0, le=MOST_HOLD_S)
    keep_s: int | None = Field(default=None, ge=0, le=MOST_HOLD_S)
    escalate_s: int | None = Field(default=None, ge=0, le=MOST_ESCALATE_S)


class OwnCallSettings(_Section):
    """A call for help is never waited for."""

    escalate_s: int | None = Field(default=None, ge=0, le=MOST_ESCALATE_S)


def _own_rules_section() -> type[_Section]:
    sections: dict[str, Any] = {}
    for name, rule in RULES.items():
        section = OwnCallSettings if rule.is_call else OwnNumbersSettings
        sections[name] = (section, section())
    return create_model("OwnRulesSettings", __base__=_Section, **sections)


OwnRulesSettings = _own_rules_section()


class SiteAlertSettings(_Section):
    """Numbers of rules for a site and all below it."""

    site: str = Field(min_length=1, max_length=64)
    rules: OwnRulesSettings = OwnRulesSettings()  # type: ignore[valid-type]


class SupplySettings(_Section):
    """Below which voltages a unit's supply is low, and none; defaults are for lead batteries at rest."""

    lost_below_mv: int = Field(default=Supply().lost_below_mv, ge=0, le=100_000)
    low_12v_mv: int = Field(default=Supply().low_12v_mv, ge=0, le=100_000)
    low_24v_mv: int = Field(default=Supply().low_24v_mv, ge=0, le=100_000)

    def limits(self) -> Supply:
        """As the rules take them."""
        return Supply(**self.model_dump())


class SilenceSettings(_Section):
    """For how long units and cabinets may be silent."""

    least_s: int = Field(default=Limits().least_ms // 1000, ge=60, le=MOST_ESCALATE_S)
    most_s: int = Field(default=Limits().most_ms // 1000, ge=60, le=MOST_ESCALATE_S, validate_default=True)
    new_s: int = Field(default=Limits().new_ms // 1000, ge=60, le=MOST_ESCALATE_S)
    cabinet_s: int = Field(default=Limits().cabinet_ms // 1000, ge=60, le=MOST_ESCALATE_S)

    @field_validator("most_s")
    @classmethod
    def _is_no_less(cls, most_s: int, info: ValidationInfo) -> int:
        if most_s < info.data.get("least_s", 0):
            raise ValueError(f"less than least_s, which is {info.data['least_s']}")
        return most_s

    def limits(self) -> Limits:
        """As the watchman takes them."""
        return Limits(*(value_s * 1000 for value_s in self.model_dump().values()))


class AlertSettings(_Section):
    expiring_days: int = Field(default=30, ge=1, le=3650)
    rules: RulesSettings = RulesSettings()  # type: ignore[valid-type]
    site: list[SiteAlertSettings] = Field(default=[], max_length=10_000)
    supply: SupplySettings = SupplySettings()
    silence: SilenceSettings = SilenceSettings()

    @field_validator("site")
    @classmethod
    def _has_own_sites(cls, found: list[SiteAlertSettings]) -> list[SiteAlertSettings]:
        names = [one.site for one in found]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two are for site {twice}: write its numbers in one")
        return found

    def of_sites(self) -> OfSites:
        """What sites set otherwise."""
        said = ((one.site, one.model_dump(exclude_unset=True).get("rules", {})) for one in self.site)
        return {site: {name: OwnNumbers(**of) for name, of in rules.items()} for site, rules in said}

    def to_rules(self) -> Rules:
        """The rules with the numbers that are set."""
        said: dict[str, dict[str, int]] = self.model_dump()["rules"]
        return with_numbers(
            {
                name: Numbers(of.get("for_s", 0), of.get("keep_s", 0), of["escalate_s"] or None)
                for name, of in said.items()
            }
        )


class LibrarySettings(_Section):
    """The library's system, and the key of readers' cards."""

    kind: Literal["none", "sip2", "koc", "koha"] = "none"
    card_key_file: str = ""
    zone_min: int = Field(default=480, ge=-720, le=840)
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: int = Field(default=6001, ge=1, le=65535)
    encoding: Literal["utf-8", "gbk", "gb18030"] = "utf-8"
    institution: str = Field(default="", max_length=64)
    location: str = Field(default="", max_length=64)
    user: str = Field(default="", max_length=128)
    password_file: str = ""
    timeout_s: int = Field(default=10, ge=1, le=300)
    retries: int = Field(default=3, ge=0, le=10)
    url: str = Field(
        default="http://127.0.0.1:8081", pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$", max_length=500
    )
    folder: str = Field(default="var/koc", min_length=1)
    loan_days: int = Field(default=30, ge=1, le=3650)
    renewals: int = Field(default=2, ge=0, le=100)


class ReleasesSettings(_Section):
    """Whose firmware is taken: public keys of operators, of whom one must have signed a release."""

    key_files: list[str] = Field(default=[], max_length=8)


class Settings(_Section):
    broker: BrokerSettings = BrokerSettings()
    store: StoreSettings = StoreSettings()
    history: HistorySettings = HistorySettings()
    influx: InfluxSettings = InfluxSettings()
    http: HttpSettings = HttpSettings()
    live: LiveSettings = LiveSettings()
    alerts: AlertSettings = AlertSettings()
    notify: NotifySettings = NotifySettings()
    library: LibrarySettings = LibrarySettings()
    releases: ReleasesSettings = ReleasesSettings()


def load(path: Path) -> Settings:
    """The settings of a file; raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return Settings.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False)[0]
    place = [str(part) for part in found["loc"]]
    if found["type"] == "extra_forbidden":
        return f"unknown key {'.'.join(place)}{_nearest(place)}"
    return f"{'.'.join(place)} = {repr(found['input'])[:100]}: {found['msg']}"


def _nearest(place: list[str]) -> str:
    section: type[BaseModel] = Settings
    for name in place[:-1]:
        section = section if name.isdigit() else _section_of(section, name)
    near = difflib.get_close_matches(place[-1], section.model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(section.model_fields)}"


def _section_of(section: type[BaseModel], name: str) -> type[BaseModel]:
    """The section that a field holds, or a list of it."""
    held: Any = section.model_fields[name].annotation
    found: type[BaseModel] = next(iter(get_args(held)), held)
    return found


def secret_of(path: str, key: str = "broker.password_file") -> str | None:
    """The secret in a file's first line, None for no file; raises ConfigError that names the setting."""
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "not a text"
        raise ConfigError(f"{key} {path}: cannot be read: {detail}") from None
