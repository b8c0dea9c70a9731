"""What a node on a battery does when: wake, measure, send now and then, sleep. Pure.

    | 1 s |          sample_s          | 1 s |   ...   | 1 s + up to 15 s |
     sample           deep sleep        sample           sample and send

A record of an event is sent at the next wake, the rest every `send_s`; an attempt that fails is not repeated
before `retry_s`, or a broker that is down would empty the battery. What each costs, and how many months that
is, stands in hardware/power.toml and is computed by hardware/power.py.
"""

LONGEST_SEND_MS = 15_000
RETRY_S = 3_600


def is_send_due(
    now_ms: int, sent_ms: "int | None", tried_ms: "int | None", send_s: int, has_event: bool
) -> bool:
    """Whether this wake is one to send in. `sent_ms` and `tried_ms` are of this boot, None for never."""
    if tried_ms is not None and now_ms - tried_ms < RETRY_S * 1000:
        return False
    return has_event or sent_ms is None or now_ms - sent_ms >= send_s * 1000


def sleep_ms(now_ms: int, woke_ms: int, sample_s: int) -> int:
    """How long to sleep until the next sample, at least a second."""
    return max(1000, woke_ms + sample_s * 1000 - now_ms)
