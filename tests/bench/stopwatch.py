"""How long a piece of work takes, run by run."""

import time
from collections.abc import Callable

RUNS = 11


def taken_ms(work: Callable[[], object], runs: int = RUNS) -> list[float]:
    """Time on the processor, of server and client together: the machine may have more to do."""
    out = []
    for _ in range(runs):
        began_s = time.process_time()
        work()
        out.append(1000 * (time.process_time() - began_s))
    return out
