"""Packs the page's libraries into the wheel: what assets.toml lists, at the place where npm puts it.

They are never committed, so a plain list of files in pyproject.toml would break every editable install made
before `npm ci`, and every wheel made from an sdist. Build with `--wheel`, after `npm ci` in ingest/web.
"""  # noqa: INP001 -- loaded by hatchling from its path, never imported

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("ingest", "web")


class PageLibraries(BuildHookInterface[Any]):
    """Adds the listed libraries; stops at the first that is missing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build of a wheel."""
        if version == "editable":
            return
        web = Path(self.root) / WEB
        listed = tomllib.loads((web / "assets.toml").read_text(encoding="utf-8"))["libraries"]
        for source in sorted(set(listed.values())):
            place = WEB / "node_modules" / source
            if not (Path(self.root) / place).is_file():
                raise FileNotFoundError(f"{place} is missing: run 'npm ci --ignore-scripts' in {WEB} first")
            build_data["force_include"][str(place)] = str(place)
