"""Modules that a library imports and we never use: loaded at their first use, for memory's sake.

`importlib.util.LazyLoader` would load such a module at the next `import`, which looks at its `__spec__`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _Late(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, wanted: str) -> Any:
        sys.modules.pop(self.__name__, None)
        loaded = importlib.import_module(self.__name__)
        self.__dict__.update(vars(loaded))
        return getattr(loaded, wanted)


def postpone(package: str, name: str) -> None:
    """Have `package.name` in place for imports, and loaded when something of it is first asked for."""
    whole = f"{package}.{name}"
    spec = importlib.util.find_spec(whole)
    if spec is None:
        raise ModuleNotFoundError(whole)
    if whole not in sys.modules:
        sys.modules[whole] = late = _Late(whole)
        late.__spec__ = spec
        setattr(importlib.import_module(package), name, late)
