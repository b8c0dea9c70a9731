"""Records made for tests."""

from typing import Any

from edge.record import Record
from firmware import wire

BOOT_AT_MS = 1_790_000_000_000
BOOT = "b" * 16
OTHER_BOOT = "c" * 16


def record(
    kind: str, mono_ms: int, boot: str = BOOT, *, source: str = "", clock: str = "gnss", **values: Any
) -> Record:
    """A record at `mono_ms` of a boot that began at BOOT_AT_MS, or at an unknown time with clock "none"."""
    boot_at_ms = 0 if clock == "none" else BOOT_AT_MS
    names = [field.name for field in wire.KINDS[kind].fields]
    cells = {name: values.get(name) for name in names}
    wire.check_values(kind, cells)
    return Record(
        kind, source or wire.KINDS[kind].source, boot, mono_ms, boot_at_ms + mono_ms, boot_at_ms, clock, cells
    )


def fix(
    mono_ms: int, lat_e7: int = 411234567, lon_e7: int = 1070000000, boot: str = BOOT, **more: Any
) -> Record:
    return record("fix", mono_ms, boot, lat_e7=lat_e7, lon_e7=lon_e7, fix_mode=2, **more)


def health(mono_ms: int, number: int = 0, boot: str = BOOT, **more: Any) -> Record:
    return record("health", mono_ms, boot, uptime_s=number, **more)


def fault(mono_ms: int, code: str = "x", boot: str = BOOT, **more: Any) -> Record:
    return record("fault", mono_ms, boot, part="test", code=code, state=0, **more)


def receipt(epoch: str, conn: int = 0, **lanes: tuple[int, list[tuple[int, str]]]) -> dict[str, Any]:
    """A receipt as decoded: lane=(mark, runs)."""
    told = {lane: {"mark": mark, "runs": [list(run) for run in runs]} for lane, (mark, runs) in lanes.items()}
    return wire.decode_json(
        "receipt", wire.encode_json("receipt", {"conn": conn, "epoch": epoch, "lanes": told})
    )
