"""The outbox: every record on disk until the service says that it is stored, and for a while after.

A record gets (epoch, lane, seq) in the transaction that inserts it. `epoch` is a random id made with the
file; `seq` counts up per lane and is never used again. Take, send, then settle: a row is marked when the
*service's* receipt covers it, never on the broker's acknowledgement, and stays as a black box until age or
the cap wants its place.

`identity` says under which names records go, `lanes` numbers and freezes, `raw` holds the second-by-second
track and hands it on in windows, `batches` says what goes out next, `settling` does what a receipt says,
`commands` what the service asks, `quota` makes room. `boots` and `times` know when it was, `soundness` drops
what a card has spoilt, and `file` opens, verifies and, when a file is damaged, sets it aside.
"""

from edge.outbox.connection import OutboxBroken, OutboxDamaged, OutboxError, OutboxFull, connect
from edge.outbox.depth import Depth
from edge.outbox.file import Salvage, open_outbox
from edge.outbox.outbox import Heights, Limits, Outbox, new_id
from edge.outbox.settling import Settled

__all__ = [
    "Depth",
    "Heights",
    "Limits",
    "Outbox",
    "OutboxBroken",
    "OutboxDamaged",
    "OutboxError",
    "OutboxFull",
    "Salvage",
    "Settled",
    "connect",
    "new_id",
    "open_outbox",
]
