"""Heap on MicroPython: what loading costs, and whether working leaves anything behind."""

import gc


def after(modules):
    """Bytes in use once these modules of the firmware are loaded."""
    for name in modules:
        __import__("firmware." + name)
    gc.collect()
    return gc.mem_alloc()


def leaked(rounds):
    """Bytes more in use after so many rounds of frames, rows and sentences than after the first."""
    import parity_judge

    parity_judge.judged(range(1, 20))
    gc.collect()
    before = gc.mem_alloc()
    for _ in range(rounds):
        parity_judge.judged(range(1, 20))
    gc.collect()
    return gc.mem_alloc() - before
