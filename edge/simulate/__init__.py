"""Simulated units: pure vehicles, households, cabinets, roads, and the processes that run the real agent.

A cabinet speaks as a node and a scanner on ptys (`cabinet`, `wiring`). A library vehicle has a crew
(`library`). At its first start a unit has a past (`bygone`), in the outbox as any backlog is: weeks of stock
and a day of temperatures (`past`), or days of lending (`lent`).
"""
