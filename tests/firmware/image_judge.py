"""What lies on a node's flash image, row by row; runs on MicroPython while the node does not."""

from firmware import wire
from firmware.ports import host
from firmware.store.folder import Folder
from firmware.store.outbox import Outbox
from firmware.update.tree import Tree


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


def lay(argument):
    """Put files of a folder of this machine into one of the flash, as mpremote does on a board."""
    image, source, target, names = argument
    host.mount(image)
    tree = Tree(host.MOUNT + target)
    for name in names:
        with open(source + "/" + name, "rb") as file:  # noqa: PTH123 - a board has no paths
            tree.append(name, file.read())


def read(argument):
    """The text of a file on [image, path], or None."""
    image, path = argument
    host.mount(image)
    size = Tree(host.MOUNT).size(path)
    return None if size is None else str(Tree(host.MOUNT).read(path, 0, size), "utf-8")
