"""The agent on a vehicle's Raspberry Pi: sources, outbox, uplink."""

__version__ = "0.1.0"
