"""What lies on a node's flash image, row by row; runs on MicroPython while the node does not."""

from firmware import wire
from firmware.folder import Folder
from firmware.outbox import Outbox
from firmware.ports import host


def rows(image):
    """[how many are not receipted, [epoch, lane, seq, boot, kind, source, cells] of each row]."""
    host.mount(image)
    outbox = Outbox(Folder(host.MOUNT + "/rows"), "f" * 16, bytes)
    waiting = outbox.waiting
    outbox.notes.values = dict(outbox.notes.values)  # in memory alone
    outbox.notes.values["marks"] = {}
    out = []
    for lane in wire.LANES:
        after = 0
        batch = outbox.take(lane, after)
        while batch is not None:
            for group in batch.groups:
                out += rows_of(batch, group)
            after = batch.last_seq
            batch = outbox.take(lane, after)
    return [waiting, out]


def rows_of(batch, group):
    names = [field.name for field in wire.BASE[1:] + wire.KINDS[group.kind].fields]
    out = []
    for row, seq in enumerate(group.columns["seq"]):
        cells = [group.columns[name][row] for name in names]
        out.append([batch.epoch, batch.lane, seq, batch.boot, group.kind, group.source, cells])
    return out
