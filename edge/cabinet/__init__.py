"""The medicine cabinet on a unit: probes, a door, slots with scales, a scanner, and what they mean.

    source ──▶ Cabinet ──▶ intake         climate, door, count, move, excursion, fault
    node, w1      │
    scanner       ├─ probe.Gate       what is no temperature is a fault
                  ├─ Judge            a rule broken: with or without coverage, across restarts (firmware)
                  ├─ door.Door        brackets what changed
                  ├─ Steps, Tally     a step is an observation, never a booking (firmware)
                  ├─ scanner.Clerk    a scanned code is a move
                  └─ status           fine, look, act: and why

All of it is pure and runs in the agent's main thread; time is an argument. What must survive a power cut is
one text, committed with the records that it belongs to.
"""
