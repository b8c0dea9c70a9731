"""The carrier board: circuit.csv and symbols.toml -> a KiCad project, and a reader of its own that checks it."""
