"""Simulated units: pure vehicles, roads and receivers, and the processes that run the real agent on them."""
