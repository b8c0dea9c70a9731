"""The case: case.toml and the carrier's outline -> solids, drawings and what does not fit."""
