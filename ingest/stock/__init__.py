"""Stock: what lies where, whether it is still good, and what will run out before the next visit.

Rules here are pure and exact: whole numbers and fractions, never a float where something is rounded up, and
never a clock. Each answers with a `Figure`: the value, its formula and the numbers that went in, so that the
screen can show why. What is not known is None with a reason, never 0.

    record or form -> booking -> entries -> ledger/book (append-only)
                                               |  sums
    sites, items, levels, lots ---------------> board: on hand, usable, use, status, order
                                               |
    temperatures (history) -------------------> ways of a lot, exposure, quarantine: ingest/exposure

The rules follow domain.md of the project's references: OpenLMIS, mSupply and OpenBoxes where their vectors
exist, and their open complaints where they do not.
"""
