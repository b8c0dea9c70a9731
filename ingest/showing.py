"""Showing: what a committed group tells the live state, from which the browsers' streams are fed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from firmware import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.group import Group
    from ingest.live import Live


def show(live: Live, group: Group) -> None:
    """Show the births and the newest values of a group, and that its other units were heard."""
    for birth in group.births:
        live.apply_birth(birth.unit, birth.message, group.now_ms, birth.is_retained)
    quiet = {unit for unit, _ in group.answers}
    for (unit, kind, _), newest in group.newest.items():
        told = (newest.time_ms, newest.clock, newest.values, group.now_ms)
        if kind == "fix":
            _show_last_position(live, group, unit, newest.values)
            live.apply_fix(unit, *told)
        elif kind in wire.LIVE_KINDS:
            live.apply_vitals(unit, kind, *told)
        else:
            continue
        quiet.discard(unit)
    live.note_news(quiet, group.now_ms)


def _show_last_position(live: Live, group: Group, unit: str, values: Mapping[str, Any]) -> None:
    """A unit that lost its position within the group is to be seen where that was."""
    position = None if values["fix_mode"] else group.last_position(unit)
    if position is not None:
        live.apply_fix(unit, *position, group.now_ms)
