"""A medicine cabinet as its unit hears it: what its node measures, and lines of a barcode scanner. Pure.

    failure, visits ──▶ acts: open, take or put, scan, close ──▶ fridge, shelf ──▶ entries with ages, codes

    channel 0  probe in the fridge      3  door      4 ..  scales under the slots that have one

Between visits it measures every so often, while somebody is there every second, as a node does that is woken
by its door switch.
"""

import heapq
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from edge.simulate import fridge
from edge.simulate.dice import dice
from edge.simulate.shelf import GOODS, Good, Shelf, Visit, visits
from firmware.line import frame

PROBE, DOOR = 0, 3
NO_REPLY = frame.FAULTS.index("no_reply")
DS18B20_CC = 6.25  # its resolution
QUIET_MS = 15_000  # it goes on measuring every second behind a closed door
SCALE_NOISE_MG, ROAD_NOISE_MG = 200, 20_000
OLDEST_MS = 60_000  # that a report can tell of
RECEIVE = b"ORTOO:RECEIVE\r"


@dataclass(frozen=True, slots=True)
class Said:
    """What the node measured, and what came on the scanner's line."""

    entries: list[frame.Entry]
    codes: tuple[bytes, ...]


def settings_of(style: str, folder: str) -> dict[str, Any]:
    """What the unit's settings say of it; `folder` is where its lines are."""
    slots = [
        {
            "name": good.slot,
            "item": good.item,
            "input": "" if good.channel is None else f"node-{good.channel}",
            "gtin": good.gtin,
            "pack_g": good.pack_g,
            "pack_pieces": good.pack_pieces,
            "par_pieces": good.most_packs * good.pack_pieces,
            "noise_g": 2.0,
            "most_g": 2.0 * good.pack_g * good.most_packs,
        }
        for good in GOODS[style]
    ]
    probe = {"name": "fridge", "input": f"node-{PROBE}", "profile": "tight"}
    return {
        "folder": f"{folder}/cabinet",
        "climate_period_s": 30,
        "door_input": f"node-{DOOR}",
        "probe": [probe],
        "slot": slots,
    }


class Cabinet:
    """One cabinet from a moment on; `state` and `resume` carry it over a restart."""

    def __init__(self, seed: str, style: str, at_ms: int, idle_ms: int = 10_000) -> None:
        self.seed = seed
        self.goods = GOODS[style]
        self.at_ms = at_ms
        self._idle_ms = idle_ms
        self._air = fridge.Air()
        self.shelf = Shelf()
        self._acts: list[tuple[int, int, str, Visit]] = []
        self._order = count()
        self._inside = 0  # how many have the door open
        self._busy_ms = 0  # somebody was there
        self._dice = dice(seed, "cabinet", at_ms)

    def state(self) -> dict[str, Any]:
        """As JSON can hold it; somebody who is there just now is left out."""
        return {"at_ms": self.at_ms, "air": asdict(self._air), "lots": self.shelf.lots}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on from a state: what happened meanwhile did not."""
        self._air = fridge.Air(**state["air"])
        self.shelf = Shelf({slot: [(*lot,) for lot in lots] for slot, lots in state["lots"].items()})

    def plan(self, visit: Visit) -> None:
        """Somebody comes."""
        begin_ms = max(visit.at_ms, self.at_ms)
        for after_s, what in ((0, "open"), (10, "handle"), (26, "close")):
            heapq.heappush(self._acts, (begin_ms + 1000 * after_s, next(self._order), what, visit))

    def advance(self, until_ms: int, ambient_c: float, *, is_staffed: bool, is_moving: bool) -> Said:
        """Live until a moment; without staff nobody comes."""
        if is_staffed:
            for visit in visits(self.seed, self.goods, self.at_ms, until_ms):
                self.plan(visit)
        codes: list[bytes] = []
        entries: list[frame.Entry] = []
        while self.at_ms < until_ms:
            begin_ms, self.at_ms = self.at_ms, self._next_ms(until_ms)
            codes += self._act()
            how = fridge.failure(self.seed, self.at_ms)
            is_open = self._inside > 0
            self._air = fridge.after(
                self._air, (self.at_ms - begin_ms) / 1000, ambient_c, how, is_open=is_open
            )
            if until_ms - self.at_ms <= OLDEST_MS:
                entries += self._measured(until_ms - self.at_ms, how, is_moving=is_moving)
        return Said(entries, tuple(codes))

    def _next_ms(self, until_ms: int) -> int:
        is_quiet = not self._inside and self.at_ms - self._busy_ms > QUIET_MS
        next_ms = self.at_ms + (self._idle_ms if is_quiet else 1000)
        if self._acts:
            next_ms = min(next_ms, max(self._acts[0][0], self.at_ms + 1))
        return min(next_ms, until_ms)

    def _act(self) -> list[bytes]:
        """What people do at this moment; the codes that they scan."""
        codes = []
        while self._acts and self._acts[0][0] <= self.at_ms:
            _, _, what, visit = heapq.heappop(self._acts)
            self._busy_ms = self.at_ms
            if what == "handle":
                codes += self.scanned(visit)
            else:
                self._inside += 1 if what == "open" else -1
        return codes

    def scanned(self, visit: Visit) -> list[bytes]:
        """Do what a visit is for; the codes that are scanned with it, none where there was nothing to do."""
        if not visit.is_delivery:
            taken = self.shelf.take(visit.good.slot)
            return [] if taken is None else [_code(visit.good, *taken)]
        packs = self.shelf.put(visit)
        return [RECEIVE, _code(visit.good, visit.lot, visit.expires_on, packs)] if packs else []

    def _measured(self, age_ms: int, how: str, *, is_moving: bool) -> list[frame.Entry]:
        sensed_cc = round(round(100 * self._air.temperature_c / DS18B20_CC) * DS18B20_CC)
        told = (frame.PROBE_FAULT, NO_REPLY) if how == "probe" else (frame.TEMPERATURE_CC, sensed_cc)
        is_open = self._inside > 0 or how == "ajar"
        noise_mg = ROAD_NOISE_MG if is_moving else SCALE_NOISE_MG
        masses = [
            (good.channel, 1000 * good.pack_g * self.shelf.packs(good.slot))
            for good in self.goods
            if good.channel is not None
        ]
        return [
            frame.Entry(told[0], PROBE, age_ms, told[1]),
            frame.Entry(frame.DOOR, DOOR, age_ms, int(is_open)),
            *(
                frame.Entry(frame.MASS_MG, channel, age_ms, mass_mg + self._dice.randint(-noise_mg, noise_mg))
                for channel, mass_mg in masses
            ),
        ]


def _code(good: Good, lot: str, expires_on: str, packs: int = 1) -> bytes:
    """A GS1 DataMatrix as a scanner sends it; the lot ends with FNC1 where something follows."""
    many = f"\x1d30{packs}" if packs > 1 else ""
    return f"]d201{good.gtin}17{expires_on}10{lot}{many}\r".encode()
