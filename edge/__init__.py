"""The agent on a vehicle's Raspberry Pi: sources, outbox, uplink."""
