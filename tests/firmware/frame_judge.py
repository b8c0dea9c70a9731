"""What framing makes of bodies; runs on CPython and on MicroPython, so in the subset of both."""

from firmware.line import frame


def judged(bodies):
    """The bytes of each frame, what comes back of them in pieces of five, and of a damaged copy."""
    out = []
    for seq, body in enumerate(bodies):
        stream = frame.encode(frame.REPORT, 65535, 4294967290 + seq, bytes.fromhex(body))
        decoder = frame.Decoder()
        found = []
        for at in range(0, len(stream), 5):
            found += decoder.feed(stream[at : at + 5])
        decoder.feed(stream[:3] + b"\x55" + stream[4:])
        out.append([stream.hex(), [[f.kind, f.session, f.seq, f.body.hex()] for f in found], decoder.refused])
    entries = [frame.Entry(1, 0, 5, -2500), frame.Entry(4, 255, 70000, 2147483647)]
    body = frame.report(entries)
    out.append([body.hex(), [[e.what, e.channel, e.age_ms, e.value] for e in frame.entries_of(body)]])
    return out
