"""A number that explains itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = int | float | Fraction | str | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its formula and inputs; `why` names the reason where the value is None."""

    value: Value
    formula: str
    inputs: Mapping[str, Value] = field(default_factory=dict)
    why: str | None = None

    @property
    def exact(self) -> Fraction | None:
        """The value to go on calculating with."""
        if self.value is None or isinstance(self.value, str):
            return None
        return self.value if isinstance(self.value, Fraction) else Fraction(self.value)


def unknown(why: str, formula: str, inputs: Mapping[str, Value]) -> Figure:
    """A figure that cannot be given, and why."""
    return Figure(None, formula, inputs, why)


def shown(value: Value) -> int | float | str | None:
    """The value for JSON: a fraction as a number of three decimals, the whole ones as whole numbers."""
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else round(float(value), 3)
    return round(value, 3) if isinstance(value, float) else value
