"""What the wire makes of a vector; runs on CPython and on MicroPython, so in the subset of both."""

from firmware import wire


def judged(vector, decode=wire.decode_batch):
    """The decoded form and the bytes it encodes to, or the refusal."""
    payload = bytes.fromhex(vector["hex"])
    try:
        if "leaf" in vector:
            message = wire.decode_json(vector["leaf"], payload)
            return {
                "message": message,
                "again": wire.decode_json(vector["leaf"], wire.encode_json(vector["leaf"], message)),
            }
        batch = decode(payload)
        return {"batch": plain(batch), "hex": wire.encode_batch(batch).hex()}
    except wire.WireError as refused:
        return {"code": refused.code, "where": refused.where}


def encoded(batch):
    """The bytes of a batch given in plain form, as hex."""
    groups = [wire.Group(group["kind"], group["source"], group["columns"]) for group in batch["groups"]]
    names = ("epoch", "lane", "prev", "boot", "prev_boot")
    return wire.encode_batch(wire.Batch(*[batch[name] for name in names], groups)).hex()


def plain(batch):
    """A batch as JSON can hold it."""
    out = {name: getattr(batch, name) for name in ("epoch", "lane", "prev", "boot", "prev_boot")}
    out["groups"] = [
        {"kind": group.kind, "source": group.source, "columns": dict(group.columns.items())}
        for group in batch.groups
    ]
    return out
