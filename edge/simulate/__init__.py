"""Simulated units: pure vehicles, households, cabinets, roads, and the processes that run the real agent.

A cabinet speaks as a node and a scanner on ptys (`cabinet`, `wiring`). At its first start a unit has a past
(`past`): weeks of stock and a day of temperatures, in the outbox as any backlog is.
"""
